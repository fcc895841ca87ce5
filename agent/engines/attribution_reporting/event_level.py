"""The event-level branch of a trigger (engine, section 3.2)."""

from __future__ import annotations

from dataclasses import dataclass

from agent.engines.attribution_reporting import trigger_limits
from agent.engines.attribution_reporting.durations import duration_text
from agent.engines.attribution_reporting.filters import first_matching, mismatch
from agent.engines.attribution_reporting.trigger_course import Refusal, TriggerCourse
from agent.model.attribution_reporting.facts import (
    AttributionLogic,
    EventLevelStored,
    PendingEventReport,
    StoredSource,
)
from agent.model.attribution_reporting.registrations import EventTriggerData, TriggerDataMatching
from agent.model.attribution_reporting.reports import EventLevelContent
from agent.model.attribution_reporting.verdicts import TriggerVerdict
from agent.model.clock import format_instant

_NO_NOISE = "show the ad again: each source draws anew; with attribution_reporting_limits.noise off, none does"
_TOLD = 5
"""Entries of ``event_trigger_data`` of which the trace tells why they do not match."""


@dataclass(frozen=True, slots=True)
class EventLevelDraft:
    """What the create steps made."""

    report: EventLevelContent
    deduplication_key: int | None


@dataclass(frozen=True, slots=True)
class EventLevelEnd:
    """How the store steps ended; a source that ``never`` reports both stores and refuses."""

    refusal: Refusal | None = None
    stored: EventLevelStored | None = None
    deactivate: bool = False
    """The source makes no event-level report any more."""


def create(course: TriggerCourse, source: StoredSource) -> EventLevelDraft | Refusal:
    """The steps that depend on what source and trigger say."""
    if source.attribution_logic is AttributionLogic.FALSELY:
        detail = f"the source made its reports up, by a chance of {source.randomized_trigger_rate:.7f}"
        return course.refuse(TriggerVerdict.EVENT_NOISE, "event-level noise", detail, _NO_NOISE)
    entries = course.registration.event_trigger_data
    position = first_matching(source, entries, course.now)
    if position is None:
        return course.refuse(
            TriggerVerdict.EVENT_NO_MATCHING_CONFIGURATIONS,
            "event-level filters",
            "; ".join(
                f"event_trigger_data[{number}]: {mismatch(source, entry.filters, course.now)}"
                for number, entry in enumerate(entries[:_TOLD])
            ),
            "change filters or not_filters of event_trigger_data, or filter_data of the source",
        )
    course.passed("event-level filters", f"entry {position} of event_trigger_data")
    entry = entries[position]
    if entry.deduplication_key is not None and entry.deduplication_key in course.facts.event_deduplication_keys:
        return course.refuse(
            TriggerVerdict.EVENT_DEDUPLICATED,
            "event-level deduplication",
            f"deduplication_key {entry.deduplication_key} has attributed to this source",
            "send another deduplication_key for what is another conversion",
        )
    trigger_data = _trigger_data(course, source, entry)
    return trigger_data if isinstance(trigger_data, Refusal) else _draft(course, source, entry, trigger_data)


def store(course: TriggerCourse, source: StoredSource, draft: EventLevelDraft) -> EventLevelEnd:
    """The steps that depend on what is stored."""
    limit = source.registration.max_event_level_reports
    if not source.event_level_active:
        made = f"{source.num_attributions} of {limit} made"
        return EventLevelEnd(_excessive(course, draft, f"{made}, and none was pending for an earlier trigger either"))
    replaced = None
    num_attributions = source.num_attributions
    if num_attributions < limit:
        refusal = _within_limits(course, source)
        if refusal is not None:
            return EventLevelEnd(refusal)
        num_attributions += 1
        course.passed("event-level reports of the source", f"number {num_attributions} of {limit}")
    else:
        lowest = _lowest(course, draft)
        if lowest is None:
            when = format_instant(draft.report.report_time)
            why = f"{num_attributions} of {limit} made, and none is pending for {when}"
            return EventLevelEnd(_excessive(course, draft, why), deactivate=True)
        if draft.report.priority <= lowest.priority:
            return EventLevelEnd(
                course.refuse(
                    TriggerVerdict.EVENT_LOW_PRIORITY,
                    "event-level priority",
                    f"{draft.report.priority} is not above {lowest.priority}, the lowest of the pending reports",
                    f"give the entry of event_trigger_data a priority above {lowest.priority}",
                    report=draft.report,
                )
            )
        course.passed("event-level priority", f"{draft.report.priority} replaces a report of {lowest.priority}")
        replaced = lowest.position
    if source.attribution_logic is AttributionLogic.NEVER:
        detail = f"the source never reports, by a chance of {source.randomized_trigger_rate:.7f}"
        refusal = course.refuse(TriggerVerdict.EVENT_NOISE, "event-level noise", detail, _NO_NOISE)
        return EventLevelEnd(refusal, EventLevelStored(num_attributions, draft.deduplication_key, None, replaced))
    return EventLevelEnd(stored=EventLevelStored(num_attributions, draft.deduplication_key, draft.report, replaced))


def _trigger_data(course: TriggerCourse, source: StoredSource, entry: EventTriggerData) -> int | Refusal:
    """The trigger data as the source knows them."""
    known, asked = source.registration.trigger_data, entry.trigger_data
    if known and source.registration.trigger_data_matching is TriggerDataMatching.MODULUS:
        found = known[asked % len(known)]
        course.passed("event-level trigger data", f"{asked} modulo {len(known)} is {found}")
        return found
    if asked in known:
        course.passed("event-level trigger data", f"{asked} is one of {len(known)}")
        return asked
    return course.refuse(
        TriggerVerdict.EVENT_NO_MATCHING_TRIGGER_DATA,
        "event-level trigger data",
        f"{asked} is not in {list(known)}",
        "register the source with this trigger_data, or match by modulus",
    )


def _draft(
    course: TriggerCourse, source: StoredSource, entry: EventTriggerData, trigger_data: int
) -> EventLevelDraft | Refusal:
    """The report for the window that holds the trigger."""
    windows = source.registration.event_report_windows
    elapsed = max(0, course.now - source.time)
    rule = "event-level report window"
    if elapsed < windows.start_time:
        detail = (
            f"{duration_text(elapsed)} after the source, the first window starts at {duration_text(windows.start_time)}"
        )
        fix = "trigger later, or register the source with an earlier start_time"
        return course.refuse(TriggerVerdict.EVENT_REPORT_WINDOW_NOT_STARTED, rule, detail, fix)
    end = next((end for end in windows.end_times if elapsed < end), None)
    if end is None:
        detail = (
            f"{duration_text(elapsed)} after the source, the last window ends at {duration_text(windows.end_times[-1])}"
        )
        fix = "trigger earlier, or register the source with a longer event_report_window"
        return course.refuse(TriggerVerdict.EVENT_REPORT_WINDOW_PASSED, rule, detail, fix)
    report_time = course.now if course.limits.debug_mode else source.time + end
    course.passed(rule, f"{duration_text(elapsed)} after the source, reported at {format_instant(report_time)}")
    source_debug_key, trigger_debug_key = course.debug_keys(source)
    report = EventLevelContent(
        reporting_origin=course.registrant.reporting_origin,
        report_id=course.chance.report_id(),
        destinations=source.registration.destinations,
        randomized_trigger_rate=source.randomized_trigger_rate,
        source_event_id=source.registration.source_event_id,
        source_type=source.source_type,
        trigger_data=trigger_data,
        trigger_time=course.now,
        report_time=report_time,
        priority=entry.priority,
        source_debug_key=source_debug_key,
        trigger_debug_key=trigger_debug_key,
    )
    return EventLevelDraft(report, entry.deduplication_key)


def _within_limits(course: TriggerCourse, source: StoredSource) -> Refusal | None:
    """The limits that a new report, though not a replacing one, must keep."""
    limit, facts = course.limits.max_event_level_reports_per_destination, course.facts
    pending, attributed = facts.pending_event_reports_of_destination, facts.event_attributions
    too_many = TriggerVerdict.EVENT_ATTRIBUTIONS_PER_SOURCE_DESTINATION_LIMIT
    return trigger_limits.attributions(
        course, source, "event-level", attributed, too_many
    ) or trigger_limits.pending_reports(course, "event-level", pending, limit, TriggerVerdict.EVENT_STORAGE_LIMIT)


def _lowest(course: TriggerCourse, draft: EventLevelDraft) -> PendingEventReport | None:
    """Of the pending reports for the same time the one that would give way: of lowest priority, then stored last."""
    rivals = [one for one in course.facts.pending_event_reports if one.report_time == draft.report.report_time]
    return min(rivals, key=lambda one: (one.priority, -one.position), default=None)


def _excessive(course: TriggerCourse, draft: EventLevelDraft, detail: str) -> Refusal:
    return course.refuse(
        TriggerVerdict.EVENT_EXCESSIVE_REPORTS,
        "event-level reports of the source",
        detail,
        "register the source with more max_event_level_reports, or send fewer triggers for it",
        report=draft.report,
    )

"""The aggregatable branch of a trigger (engine, section 3.3)."""

from __future__ import annotations

from dataclasses import dataclass
from functools import reduce
from operator import or_

from agent.engines.attribution_reporting import trigger_limits
from agent.engines.attribution_reporting.durations import duration_text
from agent.engines.attribution_reporting.filters import first_matching, listed, matches
from agent.engines.attribution_reporting.trigger_course import Refusal, TriggerCourse
from agent.model.attribution_reporting.facts import AggregatableStored, StoredSource
from agent.model.attribution_reporting.registrations import SourceRegistrationTime, TriggerRegistration
from agent.model.attribution_reporting.reports import AggregatableContent, Contribution
from agent.model.attribution_reporting.verdicts import TriggerVerdict
from agent.model.clock import DAY, format_instant


@dataclass(frozen=True, slots=True)
class AggregatableDraft:
    """What the create steps made."""

    report: AggregatableContent
    deduplication_key: int | None


def create(course: TriggerCourse, source: StoredSource) -> AggregatableDraft | Refusal:
    """Everything but what the source itself has left."""
    window = source.time + source.registration.aggregatable_report_window
    rule, detail = "aggregatable report window", f"until {format_instant(window)}"
    if course.now >= window:
        detail += f", which is {duration_text(course.now - window)} ago"
        fix = "trigger earlier, or register the source with a longer aggregatable_report_window"
        return course.refuse(TriggerVerdict.AGGREGATE_REPORT_WINDOW_PASSED, rule, detail, fix)
    course.passed(rule, detail)
    entries = course.registration.aggregatable_deduplication_keys
    position = first_matching(source, entries, course.now)
    key = None if position is None else entries[position].deduplication_key
    if key is not None and key in course.facts.aggregatable_deduplication_keys:
        return course.refuse(
            TriggerVerdict.AGGREGATE_DEDUPLICATED,
            "aggregatable deduplication",
            f"deduplication_key {key} has attributed to this source",
            "send another deduplication_key for what is another conversion",
        )
    contributions = contributions_of(course.registration, source, course.now)
    if not contributions:
        return course.refuse(
            TriggerVerdict.AGGREGATE_NO_CONTRIBUTIONS,
            "aggregatable contributions",
            _no_values(course, source),
            "name keys of the source in aggregatable_values, with filters that match it",
        )
    course.passed("aggregatable contributions", ", ".join(f"{one.value} to {one.bucket:#x}" for one in contributions))
    return _within_limits(course, source) or AggregatableDraft(_report(course, source, contributions), key)


def store(course: TriggerCourse, source: StoredSource, draft: AggregatableDraft) -> AggregatableStored | Refusal:
    """What the source has left: reports, budget and named budget."""
    counts = course.registration.trigger_context_id is None
    limit, made = course.limits.max_aggregatable_reports_per_source, source.num_aggregatable_reports
    rule, detail = "aggregatable reports of the source", f"{made} made, at most {limit}"
    if counts and made >= limit:
        fix = "show the ad again: a new source has reports of its own"
        return course.refuse(TriggerVerdict.AGGREGATE_EXCESSIVE_REPORTS, rule, detail, fix, limit=limit)
    course.passed(rule, detail if counts else "not counted: the trigger has a trigger_context_id")
    need, left = sum(one.value for one in draft.report.contributions), source.remaining_aggregatable_budget
    whole = course.limits.aggregatable_budget_per_source
    rule, detail = "aggregatable budget", _balance(whole, left, need)
    if need > left:
        less = f"contribute at most {left:,} in all, or " if left else ""
        fix = f"{less}show the ad again: a new source has a budget of its own"
        return course.refuse(TriggerVerdict.AGGREGATE_INSUFFICIENT_BUDGET, rule, detail, fix, limit=whole)
    course.passed(rule, detail)
    name = _named_budget(course, source)
    if name is not None:
        left, whole = source.remaining_named_budgets[name], source.registration.named_budgets[name]
        rule, detail = f"named budget {name}", _balance(whole, left, need)
        if need > left:
            less = f"contribute at most {left:,}, or " if left else ""
            fix = f"{less}give {name} a greater share in the source's named_budgets"
            verdict = TriggerVerdict.AGGREGATE_INSUFFICIENT_NAMED_BUDGET
            return course.refuse(verdict, rule, detail, fix, limit=whole, name=name)
        course.passed(rule, detail)
    return AggregatableStored(draft.report, draft.deduplication_key, need, name, counts)


def _balance(whole: int, left: int, need: int) -> str:
    """What is left of a budget, what is wanted of it, and by how much that is too much."""
    balance = f"{whole:,} - {whole - left:,} = {left:,} left, {need:,} wanted"
    return balance if need <= left else f"{balance}: {need - left:,} too many"


def _no_values(course: TriggerCourse, source: StoredSource) -> str:
    """Which keys the trigger's values name, beside those that the source has."""
    values, own = course.registration.aggregatable_values, source.registration.aggregation_keys
    position = first_matching(source, values, course.now)
    if position is None:
        which = "aggregatable_values has no entry" + (" whose filters match the source" if values else "")
    else:
        which = f"entry {position} of aggregatable_values is for {listed(values[position].values)}"
    return f"{which}; the source has the keys {listed(own)}"


def leaves_at_once(registration: TriggerRegistration) -> bool:
    """Whether its reports are unconditional: one for each trigger, attributed or not, and so without delay."""
    return registration.trigger_context_id is not None or registration.aggregatable_filtering_id_max_bytes != 1


def report_time(course: TriggerCourse) -> int:
    """When an aggregatable report of this trigger is due, null or not."""
    limits = course.limits
    if limits.debug_mode or leaves_at_once(course.registration):
        return course.now
    return course.now + course.chance.aggregatable_delay(
        limits.aggregatable_report_min_delay, limits.aggregatable_report_delay_span
    )


def day_of(instant: int) -> int:
    """Midnight of the UTC day that holds ``instant``."""
    return instant - instant % DAY


def coordinator(course: TriggerCourse) -> str:
    """The aggregation coordinator that the trigger names, or the default."""
    return course.registration.aggregation_coordinator_origin or course.limits.aggregation_coordinator_origins[0]


def contributions_of(registration: TriggerRegistration, source: StoredSource, now: int) -> tuple[Contribution, ...]:
    """In the order of the source's key ids: its key pieces or'ed with the trigger's, with the trigger's values."""
    position = first_matching(source, registration.aggregatable_values, now)
    if position is None:
        return ()
    values = registration.aggregatable_values[position].values
    data = [one for one in registration.aggregatable_trigger_data if matches(source, one.filters, now)]
    found = []
    for key_id, piece in source.registration.aggregation_keys.items():
        value = values.get(key_id)
        if value is None:
            continue
        bucket = reduce(or_, (one.key_piece for one in data if key_id in one.source_keys), piece)
        found.append(Contribution(bucket, value.value, value.filtering_id))
    return tuple(found)


def _within_limits(course: TriggerCourse, source: StoredSource) -> Refusal | None:
    limit, facts = course.limits.max_aggregatable_reports_per_destination, course.facts
    pending, attributed = facts.pending_aggregatable_reports_of_destination, facts.aggregatable_attributions
    too_many = TriggerVerdict.AGGREGATE_ATTRIBUTIONS_PER_SOURCE_DESTINATION_LIMIT
    return trigger_limits.pending_reports(
        course, "aggregatable", pending, limit, TriggerVerdict.AGGREGATE_STORAGE_LIMIT
    ) or trigger_limits.attributions(course, source, "aggregatable", attributed, too_many)


def _report(
    course: TriggerCourse, source: StoredSource, contributions: tuple[Contribution, ...]
) -> AggregatableContent:
    registration = course.registration
    include = registration.aggregatable_source_registration_time is SourceRegistrationTime.INCLUDE
    source_debug_key, trigger_debug_key = course.debug_keys(source)
    return AggregatableContent(
        reporting_origin=course.registrant.reporting_origin,
        report_id=course.chance.report_id(),
        attribution_destination=course.registrant.context_site,
        report_time=report_time(course),
        coordinator=coordinator(course),
        contributions=contributions,
        filtering_id_max_bytes=registration.aggregatable_filtering_id_max_bytes,
        source_registration_time=day_of(source.time) if include else None,
        trigger_context_id=registration.trigger_context_id,
        source_debug_key=source_debug_key,
        trigger_debug_key=trigger_debug_key,
    )


def _named_budget(course: TriggerCourse, source: StoredSource) -> str | None:
    """The source's budget that the trigger's first matching entry names, if any."""
    entries = course.registration.named_budgets
    position = first_matching(source, entries, course.now)
    name = None if position is None else entries[position].name
    return name if name in source.remaining_named_budgets else None

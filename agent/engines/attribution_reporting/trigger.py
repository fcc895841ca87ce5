"""Attributing a trigger: the checks in Chromium's order, and what comes of them (engine, section 3.1)."""

from __future__ import annotations

from dataclasses import dataclass, replace

from agent.engines.attribution_reporting import aggregatable, aggregatable_debug_reports, debug_reports, event_level
from agent.engines.attribution_reporting.aggregatable import AggregatableDraft
from agent.engines.attribution_reporting.aggregatable_debug_reports import Payer
from agent.engines.attribution_reporting.durations import duration_text
from agent.engines.attribution_reporting.event_level import EventLevelDraft, EventLevelEnd
from agent.engines.attribution_reporting.filters import matches, mismatch
from agent.engines.attribution_reporting.null_reports import null_reports
from agent.engines.attribution_reporting.trigger_course import Refusal, TriggerCourse
from agent.model.attribution_reporting.facts import (
    AggregatableStored,
    Chance,
    DebugCharge,
    Registrant,
    StoredSource,
    TriggerFacts,
    TriggerOutcome,
)
from agent.model.attribution_reporting.limits import AttributionReportingLimits
from agent.model.attribution_reporting.registrations import TriggerRegistration
from agent.model.attribution_reporting.reports import DebugContent, EventLevelContent
from agent.model.attribution_reporting.verdicts import TriggerVerdict
from agent.model.events import Check, Trace


@dataclass(frozen=True, slots=True)
class _Ending:
    """How the two branches ended; nothing at all for one that the trigger did not register for."""

    event_level: EventLevelEnd
    aggregatable: AggregatableStored | Refusal | None
    matched: bool
    """Whether the picked source's filter data matched."""


def register_trigger(
    registrant: Registrant,
    registration: TriggerRegistration,
    facts: TriggerFacts,
    *,
    limits: AttributionReportingLimits,
    chance: Chance,
) -> TriggerOutcome:
    """Decide about a trigger; without debug permission it loses its debug key."""
    if not (registration.event_trigger_data or registration.registers_aggregatable):
        check = Check("registers anything", False, "no data", "send event_trigger_data or aggregatable_trigger_data")
        return TriggerOutcome(Trace((check,)))
    asks = registration.debug_key is not None or registration.debug_reporting
    debug = debug_reports.permission(registrant, asked=asks)
    if registration.debug_key is not None and not registrant.debug_permission:
        registration = replace(registration, debug_key=None)
    course = TriggerCourse(registrant, registration, facts, limits, chance)
    ending = _decide(course)
    stored = ending.aggregatable if isinstance(ending.aggregatable, AggregatableStored) else None
    source = facts.source
    nulls = null_reports(course, source.time if source is not None and stored is not None else None)
    reports, charge = _debug_reports(course, ending)
    return TriggerOutcome(
        trace=Trace((*course.checks, *debug)),
        event_level=ending.event_level.refusal.verdict if ending.event_level.refusal else None,
        event_level_stored=ending.event_level.stored,
        deactivate_event_level=ending.event_level.deactivate,
        aggregatable=ending.aggregatable.verdict if isinstance(ending.aggregatable, Refusal) else None,
        aggregatable_stored=stored,
        deactivate_others=ending.matched,
        null_reports=nulls,
        debug_reports=reports,
        debug_charge=charge,
    )


def _decide(course: TriggerCourse) -> _Ending:
    source = course.facts.source
    own = course.registrant
    if source is None:
        detail = f"no active source of {own.reporting_origin} for {own.context_site}" + _with_scopes(course)
        fix = "register a source with this destination from the same reporting origin first"
        return _both(course, course.refuse(TriggerVerdict.NO_MATCHING_SOURCE, "matching source", detail, fix))
    course.passed("matching source", f"source {source.id}, priority {source.registration.priority}")
    if not matches(source, course.registration.filters, course.now):
        detail = mismatch(source, course.registration.filters, course.now)
        fix = "compare filters and not_filters of the trigger with filter_data of the source"
        return _both(course, course.refuse(TriggerVerdict.NO_MATCHING_FILTER_DATA, "filters", detail, fix))
    course.passed("filters", "the source's filter_data match")
    event = event_level.create(course, source) if course.registration.event_trigger_data else None
    summed = aggregatable.create(course, source) if course.registration.registers_aggregatable else None
    if isinstance(event, EventLevelDraft) or isinstance(summed, AggregatableDraft):
        refusal = _reporting_origins(course, source)
        if refusal is not None:
            event = refusal if isinstance(event, EventLevelDraft) else event
            summed = refusal if isinstance(summed, AggregatableDraft) else summed
    return _Ending(
        event_level.store(course, source, event) if isinstance(event, EventLevelDraft) else EventLevelEnd(event),
        aggregatable.store(course, source, summed) if isinstance(summed, AggregatableDraft) else summed,
        matched=True,
    )


def _both(course: TriggerCourse, refusal: Refusal) -> _Ending:
    """The end of every branch that the trigger registers for."""
    return _Ending(
        EventLevelEnd(refusal if course.registration.event_trigger_data else None),
        refusal if course.registration.registers_aggregatable else None,
        matched=False,
    )


def _with_scopes(course: TriggerCourse) -> str:
    scopes = course.registration.attribution_scopes
    return f" with one of the scopes {', '.join(scopes[:3])}" if scopes else ""


def _reporting_origins(course: TriggerCourse, source: StoredSource) -> Refusal | None:
    """Step 8."""
    limit = course.limits.rate_limit_max_attribution_reporting_origins
    own, known = course.registrant.reporting_origin, course.facts.attribution_reporting_origins
    rule = "reporting origins of source site and destination"
    detail = (
        f"{own} is {'one of' if own in known else 'new beside'} {len(known)} that attributed between "
        f"{source.registrant.context_site} and {course.registrant.context_site} within "
        f"{duration_text(course.limits.rate_limit_time_window)}, at most {limit}"
    )
    if own not in known and len(known) >= limit:
        fix = "attribute from fewer reporting origins"
        return course.refuse(TriggerVerdict.REPORTING_ORIGIN_LIMIT, rule, detail, fix, limit=limit)
    course.passed(rule, detail)
    return None


def _debug_reports(
    course: TriggerCourse, ending: _Ending
) -> tuple[tuple[EventLevelContent | DebugContent, ...], DebugCharge | None]:
    """Copies of what was stored, then what is told about what was not."""
    reports: list[EventLevelContent | DebugContent] = []
    event = ending.event_level.stored.report if ending.event_level.stored else None
    if event is not None and event.source_debug_key is not None:
        reports.append(replace(event, debug_copy=True))
    summed = ending.aggregatable
    if isinstance(summed, AggregatableStored) and summed.report.source_debug_key is not None:
        reports.append(replace(summed.report, debug_copy=True))
    refusals = [one for one in (ending.event_level.refusal, summed) if isinstance(one, Refusal)]
    source = course.facts.source
    verbose = debug_reports.of_trigger(course.registrant, course.registration, source, refusals)
    if verbose is not None:
        reports.append(verbose)
    histogram = aggregatable_debug_reports.report(
        course.registrant,
        course.registration.aggregatable_debug_reporting,
        list(dict.fromkeys(refusal.verdict for refusal in refusals)),
        course.registrant.context_site,
        _payer(source, course.limits),
        course.facts.debug_budget_use,
        limits=course.limits,
        chance=course.chance,
    )
    if histogram is None:
        return tuple(reports), None
    course.checks.append(histogram.check)
    return (*reports, histogram.content), histogram.charge


def _payer(source: StoredSource | None, limits: AttributionReportingLimits) -> Payer:
    if source is None:
        return Payer(limits.aggregatable_budget_per_source)
    config = source.registration.aggregatable_debug_reporting
    return Payer(
        source.remaining_aggregatable_debug_budget,
        source.id,
        source.num_aggregatable_debug_reports,
        config.key_piece if config else 0,
    )

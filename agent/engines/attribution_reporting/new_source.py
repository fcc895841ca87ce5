"""A source as it is stored, with what its randomised response made up (engine, sections 2 and 2.3)."""

from __future__ import annotations

from agent.engines.attribution_reporting.randomized_response import RATE_DIGITS
from agent.engines.attribution_reporting.source_limits import Applicant
from agent.model.attribution_reporting.facts import AttributionLogic, Chance, FakeReport, NewSource, StoredSource
from agent.model.attribution_reporting.reports import EventLevelContent


def make_source(one: Applicant, rate: float, response: tuple[FakeReport, ...] | None, chance: Chance) -> NewSource:
    """The new source and its made-up reports, which are due at the end of their windows."""
    registration = one.registration
    shown_rate = round(rate, RATE_DIGITS)
    debug_reporting = registration.aggregatable_debug_reporting
    debug_budget = debug_reporting.budget if debug_reporting else 0
    source = StoredSource(
        id=0,
        registrant=one.registrant,
        source_type=one.source_type,
        registration=registration,
        randomized_trigger_rate=shown_rate,
        attribution_logic=_logic(response),
        num_attributions=len(response or ()),
        remaining_aggregatable_budget=one.limits.aggregatable_budget_per_source - debug_budget,
        remaining_aggregatable_debug_budget=debug_budget,
        remaining_named_budgets=registration.named_budgets,
    )
    return NewSource(source, tuple(_fake(one, shown_rate, fake, chance) for fake in response or ()))


def _logic(response: tuple[FakeReport, ...] | None) -> AttributionLogic:
    if response is None:
        return AttributionLogic.TRUTHFULLY
    return AttributionLogic.FALSELY if response else AttributionLogic.NEVER


def _fake(one: Applicant, rate: float, fake: FakeReport, chance: Chance) -> EventLevelContent:
    windows = one.registration.event_report_windows
    start = windows.end_times[fake.window - 1] if fake.window else windows.start_time
    return EventLevelContent(
        reporting_origin=one.registrant.reporting_origin,
        report_id=chance.report_id(),
        destinations=one.registration.destinations,
        randomized_trigger_rate=rate,
        source_event_id=one.registration.source_event_id,
        source_type=one.source_type,
        trigger_data=fake.trigger_data,
        trigger_time=one.registrant.now + start,
        report_time=one.registrant.now + windows.end_times[fake.window],
    )

"""Registrations, facts and chance for the tests of the engine: common ones, to be changed by keyword."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Any

from agent.engines.attribution_reporting.source import register_source
from agent.engines.attribution_reporting.trigger import register_trigger
from agent.model.attribution_reporting.facts import (
    FakeReport,
    Registrant,
    SourceFacts,
    SourceOutcome,
    StoredSource,
    TriggerFacts,
    TriggerOutcome,
)
from agent.model.attribution_reporting.limits import AttributionReportingLimits
from agent.model.attribution_reporting.registrations import (
    AggregatableTriggerData,
    AggregatableValue,
    AggregatableValues,
    EventReportWindows,
    EventTriggerData,
    SourceRegistration,
    SourceType,
    TriggerRegistration,
)
from agent.model.clock import DAY, HOUR

NOON = 1_767_614_400_000
"""2026-01-05T12:00:00Z."""
NEWS, SHOP, ADTECH = "https://news.test", "https://shop.test", "https://adtech.test"
LIMITS = AttributionReportingLimits()


@dataclass
class FedChance:
    """Chance that is fed in: the truth, no null reports, delays at their middle, counted ids unless told otherwise."""

    response: tuple[FakeReport, ...] | None = None
    null_days: frozenset[int] = frozenset()
    rates: list[float] = field(default_factory=list)
    """Those that were asked for, in order."""
    ids: int = 0

    def randomized_response(self, registration: SourceRegistration, rate: float) -> tuple[FakeReport, ...] | None:
        del registration
        self.rates.append(rate)
        return self.response

    def null_report(self, rate: float, day: int) -> bool:
        self.rates.append(rate)
        return day in self.null_days

    def aggregatable_delay(self, minimum: int, span: int) -> int:
        return minimum + span // 2

    def report_id(self) -> str:
        self.ids += 1
        return f"report-{self.ids}"


def on_news(**changes: Any) -> Registrant:
    """The ad tech on the publisher's page, with debug permission."""
    own = Registrant(NEWS, ADTECH, NOON, debug_permission=True, context_site=NEWS, reporting_site=ADTECH)
    return replace(own, **changes)


def on_shop(**changes: Any) -> Registrant:
    """The ad tech on the advertiser's page an hour later, with debug permission."""
    own = Registrant(SHOP, ADTECH, NOON + HOUR, debug_permission=True, context_site=SHOP, reporting_site=ADTECH)
    return replace(own, **changes)


def a_source(**changes: Any) -> SourceRegistration:
    """What a navigation source is by default."""
    own = SourceRegistration(
        destinations=(SHOP,),
        expiry=30 * DAY,
        aggregatable_report_window=30 * DAY,
        event_report_windows=EventReportWindows(0, (2 * DAY, 7 * DAY, 30 * DAY)),
        trigger_data=tuple(range(8)),
        max_event_level_reports=3,
        source_event_id=7,
        filter_data={"source_type": frozenset({"navigation"})},
    )
    return replace(own, **changes)


def an_event_source(**changes: Any) -> SourceRegistration:
    """What an event source is by default."""
    changes = {
        "event_report_windows": EventReportWindows(0, (30 * DAY,)),
        "trigger_data": (0, 1),
        "max_event_level_reports": 1,
        "filter_data": {"source_type": frozenset({"event"})},
    } | changes
    return a_source(**changes)


def stored(registration: SourceRegistration | None = None, **changes: Any) -> StoredSource:
    """A source in the store, as one that was just registered."""
    registration = registration or a_source()
    own = StoredSource(
        id=1,
        registrant=on_news(),
        source_type=SourceType.NAVIGATION,
        registration=registration,
        randomized_trigger_rate=0.0024263,
        remaining_aggregatable_budget=65_536,
        remaining_named_budgets=registration.named_budgets,
    )
    return replace(own, **changes)


def an_event_trigger(**entry: Any) -> TriggerRegistration:
    """A trigger with one entry of event_trigger_data."""
    return TriggerRegistration(event_trigger_data=(EventTriggerData(**entry),))


def a_histogram_trigger(**changes: Any) -> TriggerRegistration:
    """A trigger that contributes 100 to the key ``a``."""
    own = TriggerRegistration(
        aggregatable_trigger_data=(AggregatableTriggerData(0x400, frozenset({"a"})),),
        aggregatable_values=(AggregatableValues({"a": AggregatableValue(100)}),),
    )
    return replace(own, **changes)


def source_outcome(
    registration: SourceRegistration | None = None,
    facts: SourceFacts | None = None,
    *,
    who: Registrant | None = None,
    source_type: SourceType = SourceType.NAVIGATION,
    limits: AttributionReportingLimits = LIMITS,
    chance: FedChance | None = None,
) -> SourceOutcome:
    """Register a source; where nothing is said, the common one in an empty store."""
    return register_source(
        who or on_news(),
        source_type,
        registration or a_source(),
        facts or SourceFacts(),
        limits=limits,
        chance=chance or FedChance(),
    )


def trigger_outcome(
    registration: TriggerRegistration,
    source: StoredSource | None = None,
    *,
    who: Registrant | None = None,
    limits: AttributionReportingLimits = LIMITS,
    chance: FedChance | None = None,
    **facts: Any,
) -> TriggerOutcome:
    """Register a trigger for the picked ``source``, None for no match; ``facts`` are further TriggerFacts."""
    return register_trigger(
        who or on_shop(),
        registration,
        TriggerFacts(source, **facts),
        limits=limits,
        chance=chance or FedChance(),
    )

"""What the engine knows when it decides about a source or a trigger, and what it decides.

The store gathers facts, bounded however much is stored; the engine (pure) gives an outcome; the store applies it.
Sections are those of the engine's description in Chromium's order of checks.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import NamedTuple, Protocol

from agent.model.attribution_reporting.registrations import AttributionScopes, SourceRegistration, SourceType
from agent.model.attribution_reporting.reports import AggregatableContent, DebugContent, EventLevelContent
from agent.model.attribution_reporting.verdicts import SourceVerdict, TriggerVerdict
from agent.model.events import Trace


class AttributionLogic(StrEnum):
    """What the randomised response made of a source."""

    TRUTHFULLY = "truthfully"
    NEVER = "never"
    """Attributes as if it were true, and no event-level report is stored."""
    FALSELY = "falsely"
    """Its event-level reports were made up when it was stored."""


@dataclass(frozen=True, slots=True)
class Registrant:
    """Who registers, where and when."""

    context_origin: str
    reporting_origin: str
    now: int
    debug_permission: bool = False
    fenced: bool = False

    context_site: str = ""
    """Schemeful site of ``context_origin``: a source's source site, a trigger's destination."""
    reporting_site: str = ""


@dataclass(frozen=True, slots=True)
class StoredSource:
    """A source in the store."""

    id: int
    """Ascends in the order stored."""
    registrant: Registrant
    source_type: SourceType
    registration: SourceRegistration
    """As registered, but for ``attribution_scopes``, which a later source may have cleared."""
    randomized_trigger_rate: float
    """Rounded to seven decimals."""
    attribution_logic: AttributionLogic = AttributionLogic.TRUTHFULLY
    event_level_active: bool = True
    num_attributions: int = 0
    num_aggregatable_reports: int = 0
    num_aggregatable_debug_reports: int = 0
    remaining_aggregatable_budget: int = 0
    remaining_aggregatable_debug_budget: int = 0
    remaining_named_budgets: Mapping[str, int] = field(default_factory=dict)

    @property
    def time(self) -> int:
        """When it was registered."""
        return self.registrant.now

    @property
    def expiry_time(self) -> int:
        """From this instant on it is expired."""
        return self.registrant.now + self.registration.expiry


# Chance.


@dataclass(frozen=True, slots=True)
class FakeReport:
    """One report of a randomised response."""

    trigger_data: int
    window: int
    """Position of the event report window, from 0."""


class Chance(Protocol):
    """The random choices of the engine; a story feeds them in."""

    def randomized_response(self, registration: SourceRegistration, rate: float) -> tuple[FakeReport, ...] | None:
        """None for the truth, with probability 1 - ``rate``; else a state drawn uniformly, perhaps without reports."""
        ...

    def null_report(self, rate: float, day: int) -> bool:
        """Whether a null report is made for the source time ``day`` days before the trigger."""
        ...

    def aggregatable_delay(self, minimum: int, span: int) -> int:
        """Milliseconds, uniform in [minimum, minimum + span)."""
        ...

    def report_id(self) -> str:
        """A lower-case UUID of version 4."""
        ...


# A source.


class DestinationGroup(NamedTuple):
    """One destination of the unexpired, not deactivated sources of a (source site, reporting site)."""

    destination: str
    priority: int
    """The greatest ``destination_limit_priority``, and of those sources the latest time."""
    time: int


@dataclass(frozen=True, slots=True)
class DebugBudgetUse:
    """What aggregatable debug reports spent within a day."""

    of_context_site: int = 0
    of_context_and_reporting_site: int = 0


@dataclass(frozen=True, slots=True)
class SourceFacts:
    """What the store knows when a source is registered; sets leave out nothing that a limit could count."""

    active_sources_of_origin: int = 0
    """Unexpired ones of the context origin; counted up to the limit."""
    reporting_origins_of_sites: frozenset[str] = frozenset()
    """Step 6: of sources of (source site, reporting site) within ``rate_limit_origins_per_site_window``."""
    destinations_in_window_of_reporting_site: frozenset[str] = frozenset()
    """Step 7: of (source site, reporting site) within ``destination_rate_limit_window``."""
    destinations_in_window: frozenset[str] = frozenset()
    """Step 7: of the source site and any reporting site."""
    destinations_of_day: frozenset[str] = frozenset()
    """Step 8: of (source site, reporting site) within a day."""
    destination_groups: tuple[DestinationGroup, ...] = ()
    """Step 9."""
    reporting_origins_of_destinations: Mapping[str, frozenset[str]] = field(default_factory=dict)
    """Step 13: by destination of the new source, of sources of (source site, destination)."""
    scopes: Mapping[str, tuple[tuple[str, int], ...]] = field(default_factory=dict)
    """Step 11: by destination of the new source, the distinct scopes of active sources of the reporting origin with the
    newest source time of each. Sources that the destination limit evicts (step 10), or that the new one removes as
    unlike it, are left out; empty where the new one has no scopes."""
    debug_budget_use: DebugBudgetUse = DebugBudgetUse()


@dataclass(frozen=True, slots=True)
class NewSource:
    """A source to store, with what its randomised response made up."""

    source: StoredSource
    """Its id is 0."""
    fake_reports: tuple[EventLevelContent, ...] = ()


@dataclass(frozen=True, slots=True)
class ScopesChange:
    """Step 11, for the active, unexpired sources of the reporting origin that share a destination with the new one."""

    clear: bool = False
    """The new source has no scopes: those sources lose theirs."""
    remove_unlike: AttributionScopes | None = None
    """Sources without scopes, or with another ``max_event_states``, or a smaller limit, are removed."""
    remove_scopes: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    """By destination: sources that carry one of these scopes there are removed."""


@dataclass(frozen=True, slots=True)
class DebugCharge:
    """What an aggregatable debug report spends."""

    need: int
    source_id: int | None
    """The stored source whose debug budget pays too; None for none, 0 for the source that is being stored."""


@dataclass(frozen=True, slots=True)
class SourceOutcome:
    """What is decided about a source; everything in it happens in one transaction."""

    verdict: SourceVerdict
    """The true reason."""
    trace: Trace
    evict_destinations: tuple[str, ...] = ()
    """Step 10: every source of (source site, reporting site) with one of these destinations is evicted."""
    scopes_change: ScopesChange | None = None
    new_source: NewSource | None = None
    debug_reports: tuple[DebugContent, ...] = ()
    """Verbose and aggregatable debug reports, to be sent at once."""
    debug_charge: DebugCharge | None = None


# A trigger.


@dataclass(frozen=True, slots=True)
class PendingEventReport:
    """A pending event-level report of the picked source."""

    position: int
    """In the store of reports."""
    report_time: int
    priority: int


@dataclass(frozen=True, slots=True)
class TriggerFacts:
    """What the store knows when a trigger is registered.

    All but ``debug_budget_use`` is about the picked source: among those that match (3.1 step 1) the one of highest
    priority, of several the one stored last.
    """

    source: StoredSource | None = None
    event_deduplication_keys: frozenset[int] = frozenset()
    """Those of the trigger's that the source has stored."""
    aggregatable_deduplication_keys: frozenset[int] = frozenset()
    attribution_reporting_origins: frozenset[str] = frozenset()
    """Of attributions of either kind of (source site, destination)."""
    event_attributions: int = 0
    """Of (source site, destination, reporting site); counted up to the limit."""
    aggregatable_attributions: int = 0
    pending_event_reports_of_destination: int = 0
    """Counted up to the limit."""
    pending_aggregatable_reports_of_destination: int = 0
    pending_event_reports: tuple[PendingEventReport, ...] = ()
    """Of the source, in the order stored."""
    debug_budget_use: DebugBudgetUse = DebugBudgetUse()


@dataclass(frozen=True, slots=True)
class EventLevelStored:
    """The event branch went through to its store step."""

    num_attributions: int
    """The source's, from now on."""
    deduplication_key: int | None
    report: EventLevelContent | None
    """None where the source's logic is ``never``."""
    replaced: int | None = None
    """Position of the pending report that gives way, with its rate-limit row."""


@dataclass(frozen=True, slots=True)
class AggregatableStored:
    """The aggregatable branch stored a report."""

    report: AggregatableContent
    deduplication_key: int | None
    spent: int
    named_budget: str | None
    """The budget that is charged beside the source's."""
    counts: bool
    """Whether it counts among the source's aggregatable reports (not with a trigger context id)."""


@dataclass(frozen=True, slots=True)
class TriggerOutcome:
    """What is decided about a trigger; everything in it happens in one transaction.

    A branch that the trigger did not register for has neither a verdict nor something stored.
    """

    trace: Trace
    event_level: TriggerVerdict | None = None
    """Why there is no event-level report."""
    event_level_stored: EventLevelStored | None = None
    """Beside EVENT_NOISE for a source that ``never`` reports: its counters and keys move all the same."""
    deactivate_event_level: bool = False
    aggregatable: TriggerVerdict | None = None
    """Why there is no aggregatable report."""
    aggregatable_stored: AggregatableStored | None = None
    deactivate_others: bool = False
    """Every other source that matches step 1 without the condition on scopes attributes no more."""
    null_reports: tuple[AggregatableContent, ...] = ()
    debug_reports: tuple[EventLevelContent | DebugContent, ...] = ()
    """Copies of successful reports, verbose and aggregatable debug reports, to be sent at once."""
    debug_charge: DebugCharge | None = None

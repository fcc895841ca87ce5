"""Parsed registration headers: what a source and a trigger say, in normal form.

Durations and instants are milliseconds, key pieces and 64-bit ids are ints, sites are serialised schemeful sites such
as ``https://shop.test``.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Generic, TypeVar

T = TypeVar("T")


class SourceType(StrEnum):
    """How a source came about."""

    NAVIGATION = "navigation"
    EVENT = "event"


class TriggerDataMatching(StrEnum):
    """How a trigger's data finds its place in a source's."""

    MODULUS = "modulus"
    EXACT = "exact"


class SourceRegistrationTime(StrEnum):
    """``aggregatable_source_registration_time``."""

    EXCLUDE = "exclude"
    INCLUDE = "include"


@dataclass(frozen=True, slots=True)
class EventReportWindows:
    """Half-open windows, as offsets from the source's time: [start, ends[0]), [ends[0], ends[1]) ..."""

    start_time: int
    end_times: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class AttributionScopes:
    """``attribution_scopes`` of a source; ``values`` sorted."""

    limit: int
    values: tuple[str, ...]
    max_event_states: int = 3


@dataclass(frozen=True, slots=True)
class FilterConfig:
    """One alternative of ``filters``: its keys must all match."""

    values: Mapping[str, frozenset[str]] = field(default_factory=dict)
    lookback_window: int | None = None
    """Milliseconds."""


@dataclass(frozen=True, slots=True)
class Filters:
    """``filters`` and ``not_filters`` of one place; each a list of alternatives, empty for no condition."""

    filters: tuple[FilterConfig, ...] = ()
    not_filters: tuple[FilterConfig, ...] = ()


@dataclass(frozen=True, slots=True)
class DebugContribution:
    """What one debug type contributes to the aggregatable debug report."""

    key_piece: int
    value: int


@dataclass(frozen=True, slots=True)
class AggregatableDebugReporting:
    """``aggregatable_debug_reporting``."""

    key_piece: int
    debug_data: Mapping[str, DebugContribution] = field(default_factory=dict)
    """By debug type; ``unspecified`` has been spread over every type that is not named."""
    budget: int = 0
    """Sources alone: what is reserved of the source's budget."""
    aggregation_coordinator_origin: str | None = None


@dataclass(frozen=True, slots=True)
class SourceRegistration:
    """``Attribution-Reporting-Register-Source``."""

    destinations: tuple[str, ...]
    """One to three sites, sorted."""
    expiry: int
    aggregatable_report_window: int
    event_report_windows: EventReportWindows
    trigger_data: tuple[int, ...]
    """Sorted."""
    max_event_level_reports: int
    source_event_id: int = 0
    priority: int = 0
    trigger_data_matching: TriggerDataMatching = TriggerDataMatching.MODULUS
    event_level_epsilon: float = 14
    filter_data: Mapping[str, frozenset[str]] = field(default_factory=dict)
    """With the implicit entry ``source_type``."""
    aggregation_keys: Mapping[str, int] = field(default_factory=dict)
    """Sorted by key id."""
    attribution_scopes: AttributionScopes | None = None
    debug_key: int | None = None
    debug_reporting: bool = False
    aggregatable_debug_reporting: AggregatableDebugReporting | None = None
    destination_limit_priority: int = 0
    named_budgets: Mapping[str, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class EventTriggerData:
    """One entry of ``event_trigger_data``."""

    trigger_data: int = 0
    priority: int = 0
    deduplication_key: int | None = None
    filters: Filters = Filters()


@dataclass(frozen=True, slots=True)
class AggregatableTriggerData:
    """One entry of ``aggregatable_trigger_data``."""

    key_piece: int
    source_keys: frozenset[str] = frozenset()
    filters: Filters = Filters()


@dataclass(frozen=True, slots=True)
class AggregatableValue:
    """What one key contributes."""

    value: int
    filtering_id: int = 0


@dataclass(frozen=True, slots=True)
class AggregatableValues:
    """One entry of ``aggregatable_values``."""

    values: Mapping[str, AggregatableValue] = field(default_factory=dict)
    filters: Filters = Filters()


@dataclass(frozen=True, slots=True)
class AggregatableDeduplicationKey:
    """One entry of ``aggregatable_deduplication_keys``."""

    deduplication_key: int | None = None
    filters: Filters = Filters()


@dataclass(frozen=True, slots=True)
class NamedBudget:
    """One entry of a trigger's ``named_budgets``."""

    name: str | None = None
    filters: Filters = Filters()


@dataclass(frozen=True, slots=True)
class TriggerRegistration:
    """``Attribution-Reporting-Register-Trigger``."""

    event_trigger_data: tuple[EventTriggerData, ...] = ()
    aggregatable_trigger_data: tuple[AggregatableTriggerData, ...] = ()
    aggregatable_values: tuple[AggregatableValues, ...] = ()
    aggregatable_filtering_id_max_bytes: int = 1
    aggregatable_deduplication_keys: tuple[AggregatableDeduplicationKey, ...] = ()
    aggregatable_source_registration_time: SourceRegistrationTime = SourceRegistrationTime.EXCLUDE
    trigger_context_id: str | None = None
    aggregation_coordinator_origin: str | None = None
    """None for the default coordinator."""
    filters: Filters = Filters()
    attribution_scopes: tuple[str, ...] = ()
    """Sorted."""
    named_budgets: tuple[NamedBudget, ...] = ()
    debug_key: int | None = None
    debug_reporting: bool = False
    aggregatable_debug_reporting: AggregatableDebugReporting | None = None

    @property
    def registers_aggregatable(self) -> bool:
        """Whether it asks for aggregatable attribution at all."""
        return bool(self.aggregatable_trigger_data) or any(entry.values for entry in self.aggregatable_values)


class Severity(StrEnum):
    """What a problem of a header costs."""

    ERROR = "error"
    """The whole header is refused."""
    WARNING = "warning"
    """The field is ignored or changed."""


@dataclass(frozen=True, slots=True)
class Issue:
    """One problem of a header."""

    path: tuple[str | int, ...] | None
    """Keys and list positions from the root; () for the root, None where the text as a whole cannot be read."""
    message: str
    """What is there."""
    rule: str = ""
    """The rule it breaks, in words."""
    fix: str = ""
    """What to write instead, where that is plain."""
    severity: Severity = Severity.ERROR


@dataclass(frozen=True, slots=True)
class Parsed(Generic[T]):
    """A header after parsing: its value, or None with at least one error."""

    value: T | None
    errors: tuple[Issue, ...] = ()
    """In Chromium's field order: the first is the one that Chromium would report."""
    warnings: tuple[Issue, ...] = ()

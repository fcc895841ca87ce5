"""What the reports of Attribution Reporting say, before they are assembled (engine section 6, payload sections 1 to 6).

A report is assembled just before it is sent. Instants are milliseconds; sites and origins are serialised.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from agent.model.attribution_reporting.registrations import SourceType


@dataclass(frozen=True, slots=True)
class EventLevelContent:
    """An event-level report."""

    reporting_origin: str
    report_id: str
    destinations: tuple[str, ...]
    randomized_trigger_rate: float
    source_event_id: int
    source_type: SourceType
    trigger_data: int
    trigger_time: int
    report_time: int
    """When it was scheduled for, however late it is sent."""
    priority: int = 0
    source_debug_key: int | None = None
    trigger_debug_key: int | None = None
    """Debug keys are both there or both absent."""
    debug_copy: bool = False
    """The copy that goes to the debug endpoint at once."""


@dataclass(frozen=True, slots=True)
class Contribution:
    """One entry of a histogram."""

    bucket: int
    value: int
    filtering_id: int = 0


@dataclass(frozen=True, slots=True)
class AggregatableContent:
    """An aggregatable report; without contributions it is a null report."""

    reporting_origin: str
    report_id: str
    attribution_destination: str
    report_time: int
    coordinator: str
    contributions: tuple[Contribution, ...] = ()
    """In the order of the source's key ids; padding is added when it is assembled."""
    filtering_id_max_bytes: int = 1
    source_registration_time: int | None = None
    """Floored to the UTC day; None for ``exclude``."""
    trigger_context_id: str | None = None
    source_debug_key: int | None = None
    trigger_debug_key: int | None = None
    debug_copy: bool = False
    aggregatable_debug: bool = False
    """An aggregatable debug report: api ``attribution-reporting-debug``, padded to two contributions."""


@dataclass(frozen=True, slots=True)
class DebugItem:
    """One entry of a verbose debug report."""

    type: str
    body: dict[str, Any]
    """Plain JSON values, keys in alphabetical order."""


@dataclass(frozen=True, slots=True)
class VerboseContent:
    """A verbose debug report: a list of items."""

    reporting_origin: str
    items: tuple[DebugItem, ...]


DebugContent = VerboseContent | AggregatableContent
"""What is sent at once about a registration."""

AttributionReportContent = EventLevelContent | AggregatableContent | VerboseContent

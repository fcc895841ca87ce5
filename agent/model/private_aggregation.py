"""The words of Private Aggregation: what operations contribute, what becomes of it, and its numbers."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from agent.model.attribution_reporting.reports import Contribution


class PrivateAggregationApi(StrEnum):
    """Which API's scripts contributed: the ``api`` field of shared_info, and the end of the endpoint's path."""

    SHARED_STORAGE = "shared-storage"
    PROTECTED_AUDIENCE = "protected-audience"


PRIVATE_AGGREGATION = "private-aggregation"
"""The kind of the event of a batch; its verdict is a :class:`BatchVerdict`."""


class BatchVerdict(StrEnum):
    """What became of a batch."""

    REPORT_SCHEDULED = "report-scheduled"
    """A report with the contributions will be sent."""
    NULL_REPORT = "null-report"
    """There was nothing to say, or the budget refused; a report leaves all the same."""
    EMPTY = "empty"
    """Nothing was contributed; nothing leaves, and so it is with all that follow."""
    INSUFFICIENT_BUDGET = "insufficient-budget"
    """The site has spent what it may in ten minutes, or in a day; nothing leaves."""
    PENDING_REPORT_LIMIT_REACHED = "pending-report-limit-reached"
    """The origin has as many reports waiting as it may."""
    NOT_TRUSTWORTHY = "not-trustworthy"
    """The reporting origin is not potentially trustworthy."""
    DISABLED = "disabled"
    """Private Aggregation is off: by a setting, or because the user opted out."""
    NOT_ENROLLED = "not-enrolled"
    """The site is not among ``enrolled_sites``."""


class ErrorEvent(StrEnum):
    """What can trigger a conditional contribution, in the order in which such contributions stand in a payload."""

    REPORT_SUCCESS = "reserved.report-success"
    TOO_MANY_CONTRIBUTIONS = "reserved.too-many-contributions"
    EMPTY_REPORT_DROPPED = "reserved.empty-report-dropped"
    PENDING_REPORT_LIMIT_REACHED = "reserved.pending-report-limit-reached"
    INSUFFICIENT_BUDGET = "reserved.insufficient-budget"
    CONTRIBUTION_TIMEOUT_REACHED = "reserved.contribution-timeout-reached"
    UNCAUGHT_ERROR = "reserved.uncaught-error"


@dataclass(frozen=True, slots=True)
class ConditionalContribution:
    """A contribution of ``contributeToHistogramOnEvent``."""

    event: ErrorEvent
    contribution: Contribution


@dataclass(frozen=True, slots=True)
class DebugDetails:
    """What ``enableDebugMode`` asked for."""

    enabled: bool = False
    key: int | None = None


@dataclass(frozen=True, slots=True)
class PrivateAggregationConfig:
    """``privateAggregationConfig`` of one operation, checked (private-aggregation section 2)."""

    context_id: str | None = None
    filtering_id_max_bytes: int = 1
    coordinator: str | None = None
    """Origin; None for the default one."""
    max_contributions: int | None = None
    """None for the API's own number."""


@dataclass(frozen=True, slots=True)
class Batch:
    """One report's worth of contributions, complete: of an operation of a worklet, or of an auction."""

    api: PrivateAggregationApi
    reporting_origin: str
    top_level_origin: str
    started: int
    """Milliseconds since 1970 when the operation began."""
    contributions: tuple[Contribution, ...] = ()
    """In call order, as contributed; zeros, repetitions and too many of them included."""
    conditional: tuple[ConditionalContribution, ...] = ()
    debug: DebugDetails = DebugDetails()
    config: PrivateAggregationConfig = PrivateAggregationConfig()
    timed_out: bool = False
    """Whether the deterministic time limit ended it, not the operation."""
    uncaught_error: bool = False


@dataclass(frozen=True, slots=True)
class PrivateAggregationContent:
    """What a report of Private Aggregation says, before it is assembled (private-aggregation section 5)."""

    api: PrivateAggregationApi
    reporting_origin: str
    report_id: str
    scheduled_report_time: int
    """Milliseconds since 1970."""
    coordinator: str
    max_contributions: int
    """To which the payload is padded."""
    contributions: tuple[Contribution, ...] = ()
    """In the payload's order; padding is added when it is assembled."""
    filtering_id_max_bytes: int = 1
    context_id: str | None = None
    debug: DebugDetails = DebugDetails()
    debug_copy: bool = False
    """The duplicate that goes to the debug endpoint at once."""

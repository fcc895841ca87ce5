"""The words of Private Aggregation: what operations contribute, what becomes of it, and its numbers."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from agent.model.attribution_reporting.limits import COORDINATORS
from agent.model.attribution_reporting.reports import Contribution
from agent.model.clock import DAY, MINUTE


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


@dataclass(frozen=True, slots=True)
class PrivateAggregationLimits:
    """The numbers and switches of Private Aggregation, each settable; defaults are Chromium 143's.

    Durations are milliseconds.
    """

    small_budget: int = 65_536
    """Sum of values for a site and API in :attr:`small_budget_window`, counted in whole minutes."""
    small_budget_window: int = 10 * MINUTE
    """The time of the smaller budget."""
    large_budget: int = 1_048_576
    """The same in :attr:`large_budget_window`."""
    large_budget_window: int = DAY
    """The time of the larger budget."""
    max_contributions_shared_storage: int = 20
    """Contributions of a report from Shared Storage, where ``maxContributions`` says nothing."""
    max_contributions_protected_audience: int = 100
    """Contributions of a report from Protected Audience."""
    max_settable_contributions: int = 1000
    """What ``maxContributions`` is cut to."""
    max_reports_per_origin: int = 1000
    """Stored and not sent yet."""
    deterministic_timeout: int = 5000
    """From an operation's start to its report, where a report is sent in any case."""
    processing_delay: int = 100
    """What every report waits before its delay begins."""
    report_min_delay: int = 10 * MINUTE
    """The least that a report waits, unless its time is deterministic."""
    report_delay_span: int = 50 * MINUTE
    """How much longer than ``report_min_delay`` it waits at most, drawn evenly."""
    aggregation_coordinator_origins: tuple[str, ...] = COORDINATORS
    """The allowlist; the first is the default."""
    error_reporting: bool = False
    """Whether ``contributeToHistogramOnEvent`` is there in shared storage worklets."""
    developer_mode: bool = False
    """Chromium's switch for local testing: reports are sent at once."""
    late_contribution_crashes: bool = False
    """Whether a contribution after its operation's end crashes the page, as it does in Chromium, or is ignored."""

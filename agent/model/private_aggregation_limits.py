"""The numbers and switches of Private Aggregation."""

from __future__ import annotations

from dataclasses import dataclass

from agent.model.attribution_reporting.limits import COORDINATORS
from agent.model.clock import DAY, MINUTE


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

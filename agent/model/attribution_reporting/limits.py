"""The numbers of Attribution Reporting, each settable; defaults are Chromium 143's."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from agent.model.clock import DAY, HOUR, MINUTE

COORDINATORS = (
    "https://publickeyservice.msmt.aws.privacysandboxservices.com",
    "https://publickeyservice.msmt.gcp.privacysandboxservices.com",
)
"""The two aggregation coordinators that Chromium allows; the first is the default."""


@dataclass(frozen=True, slots=True)
class AttributionReportingLimits:
    """Vendor-specific parameters of Attribution Reporting; durations are milliseconds."""

    max_sources_per_origin: int = 4096
    max_trigger_state_cardinality: int = 2**32 - 1
    max_settable_event_level_epsilon: float = 14
    max_event_level_channel_capacity_navigation: float = 11.5
    max_event_level_channel_capacity_event: float = 6.5
    max_event_level_channel_capacity_scopes_navigation: float = 11.55
    max_event_level_channel_capacity_scopes_event: float = 6.5
    max_event_level_reports_per_destination: int = 1024
    """Pending ones."""
    max_aggregatable_reports_per_destination: int = 1024
    """Pending ones."""
    max_aggregatable_reports_per_source: int = 20
    max_aggregatable_debug_reports_per_source: int = 5
    max_destinations_per_source_site_reporting_site: int = 100
    """Over unexpired sources."""
    destination_rate_limit_window: int = MINUTE
    max_destinations_per_rate_limit_window_reporting_site: int = 50
    max_destinations_per_rate_limit_window: int = 200
    max_destinations_per_reporting_site_per_day: int = 100
    rate_limit_time_window: int = 30 * DAY
    rate_limit_max_source_registration_reporting_origins: int = 100
    rate_limit_max_attribution_reporting_origins: int = 10
    rate_limit_max_attributions: int = 100
    rate_limit_max_reporting_origins_per_source_reporting_site: int = 1
    rate_limit_origins_per_site_window: int = DAY
    aggregatable_report_min_delay: int = 0
    aggregatable_report_delay_span: int = 10 * MINUTE
    null_report_rate_exclude: float = 0.05
    null_report_rate_include: float = 0.008
    """For each of the 31 days."""
    aggregatable_budget_per_source: int = 65_536
    max_contributions_per_report: int = 20
    max_contributions_per_debug_report: int = 2
    max_aggregatable_debug_budget_per_context_site: int = 2**20
    """For each day."""
    max_aggregatable_debug_budget_per_context_reporting_site: int = 65_536
    """For each day."""
    min_source_expiry: int = DAY
    max_source_expiry: int = 30 * DAY
    min_report_window: int = HOUR
    start_up_delay: int = MINUTE
    """Reports that are overdue when the agent starts, or comes back online, leave within this time."""
    aggregation_coordinator_origins: tuple[str, ...] = COORDINATORS
    """The allowlist; the first is the default."""
    retry_after_new_navigation: Literal["", "first_retry", "second_retry", "third_retry"] = ""
    """Which retry waits for a navigation; none in Chromium 143."""
    noise: bool = True
    """Whether sources get a randomised response; off, each attributes truthfully, and says the same rate."""
    debug_mode: bool = False
    """Chromium's switch for local testing: no noise, no null reports, and every report is sent at once."""
    debug_cookie_required: bool = False
    """Whether debug permission also asks for the ``ar_debug`` cookie, as Chromium did before 2025."""

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
    """Sources of one source origin that are active and have not expired."""
    max_trigger_state_cardinality: int = 2**32 - 1
    """Output states that a source's windows and trigger data may have."""
    max_settable_event_level_epsilon: float = 14
    """Largest ``event_level_epsilon``, and what a source has that names none."""
    max_event_level_channel_capacity_navigation: float = 11.5
    """Bits that the event-level reports of a navigation source may tell."""
    max_event_level_channel_capacity_event: float = 6.5
    """Bits that the event-level reports of an event source may tell."""
    max_event_level_channel_capacity_scopes_navigation: float = 11.55
    """The same of a navigation source with attribution scopes."""
    max_event_level_channel_capacity_scopes_event: float = 6.5
    """The same of an event source with attribution scopes."""
    max_event_level_reports_per_destination: int = 1024
    """Event-level reports for one destination that wait to be sent."""
    max_aggregatable_reports_per_destination: int = 1024
    """Aggregatable reports for one destination that wait to be sent."""
    max_aggregatable_reports_per_source: int = 20
    """Aggregatable reports that one source may be attributed."""
    max_aggregatable_debug_reports_per_source: int = 5
    """Aggregatable debug reports of one source."""
    max_destinations_per_source_site_reporting_site: int = 100
    """Destinations of one source site and reporting site over unexpired sources; the lowest and oldest give way."""
    destination_rate_limit_window: int = MINUTE
    """The time in which both ``max_destinations_per_rate_limit_window`` count."""
    max_destinations_per_rate_limit_window_reporting_site: int = 50
    """Destinations of one source site and reporting site within ``destination_rate_limit_window``."""
    max_destinations_per_rate_limit_window: int = 200
    """Destinations of one source site, of all reporting sites, within ``destination_rate_limit_window``."""
    max_destinations_per_reporting_site_per_day: int = 100
    """Destinations of one source site and reporting site in a day."""
    rate_limit_time_window: int = 30 * DAY
    """The time in which the other limits of reporting origins, and that of attributions, count."""
    rate_limit_max_source_registration_reporting_origins: int = 100
    """Reporting origins that register sources on one source site for one destination."""
    rate_limit_max_attribution_reporting_origins: int = 10
    """Reporting origins that are attributed on one source site and destination."""
    rate_limit_max_attributions: int = 100
    """Attributions of one source site, destination and reporting site; event-level and aggregatable apart."""
    rate_limit_max_reporting_origins_per_source_reporting_site: int = 1
    """Reporting origins of one reporting site that register sources on one source site within
    ``rate_limit_origins_per_site_window``."""
    rate_limit_origins_per_site_window: int = DAY
    """The time in which ``rate_limit_max_reporting_origins_per_source_reporting_site`` counts."""
    aggregatable_report_min_delay: int = 0
    """The least that an aggregatable report waits."""
    aggregatable_report_delay_span: int = 10 * MINUTE
    """How much longer than ``aggregatable_report_min_delay`` it waits at most, drawn evenly."""
    null_report_rate_exclude: float = 0.05
    """Chance of a null report where the registration time is left out."""
    null_report_rate_include: float = 0.008
    """Chance of a null report for each of the 31 days where the registration time is told."""
    aggregatable_budget_per_source: int = 65_536
    """Sum of the values that one source may contribute (its L1 budget)."""
    max_contributions_per_report: int = 20
    """Contributions of an aggregatable report, and to how many it is padded."""
    max_contributions_per_debug_report: int = 2
    """Contributions of an aggregatable debug report, and to how many it is padded."""
    max_aggregatable_debug_budget_per_context_site: int = 2**20
    """Sum of the values of aggregatable debug reports of one top-level site in a day."""
    max_aggregatable_debug_budget_per_context_reporting_site: int = 65_536
    """Sum of the values of aggregatable debug reports of one top-level site and reporting site in a day."""
    min_source_expiry: int = DAY
    """What a shorter ``expiry`` is raised to."""
    max_source_expiry: int = 30 * DAY
    """What a longer ``expiry`` is cut to, and the default."""
    min_report_window: int = HOUR
    """What a shorter report window is raised to."""
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

"""How registrations end, in the words of the verbose debug reports (engine sections 2, 3 and 9)."""

from __future__ import annotations

from enum import StrEnum

SOURCE_REGISTRATION = "source-registration"
TRIGGER_REGISTRATION = "trigger-registration"
"""The kinds of events that tell how registrations ended."""


class SourceVerdict(StrEnum):
    """How a source registration ended; the value is its debug report type."""

    SUCCESS = "source-success"
    NOISED = "source-noised"
    TRIGGER_STATE_CARDINALITY_LIMIT = "source-trigger-state-cardinality-limit"
    CHANNEL_CAPACITY_LIMIT = "source-channel-capacity-limit"
    MAX_EVENT_STATES_LIMIT = "source-max-event-states-limit"
    SCOPES_CHANNEL_CAPACITY_LIMIT = "source-scopes-channel-capacity-limit"
    STORAGE_LIMIT = "source-storage-limit"
    REPORTING_ORIGIN_PER_SITE_LIMIT = "source-reporting-origin-per-site-limit"
    DESTINATION_RATE_LIMIT = "source-destination-rate-limit"
    DESTINATION_PER_DAY_RATE_LIMIT = "source-destination-per-day-rate-limit"
    DESTINATION_LIMIT = "source-destination-limit"
    DESTINATION_LIMIT_REPLACED = "source-destination-limit-replaced"
    """Beside another verdict: sources of other destinations were evicted."""
    DESTINATION_GLOBAL_RATE_LIMIT = "source-destination-global-rate-limit"
    REPORTING_ORIGIN_LIMIT = "source-reporting-origin-limit"
    UNKNOWN_ERROR = "source-unknown-error"


class TriggerVerdict(StrEnum):
    """How a branch of a trigger registration ended where no report was stored; the value is its debug report type."""

    NO_MATCHING_SOURCE = "trigger-no-matching-source"
    NO_MATCHING_FILTER_DATA = "trigger-no-matching-filter-data"
    REPORTING_ORIGIN_LIMIT = "trigger-reporting-origin-limit"
    UNKNOWN_ERROR = "trigger-unknown-error"
    EVENT_NOISE = "trigger-event-noise"
    EVENT_NO_MATCHING_CONFIGURATIONS = "trigger-event-no-matching-configurations"
    EVENT_DEDUPLICATED = "trigger-event-deduplicated"
    EVENT_NO_MATCHING_TRIGGER_DATA = "trigger-event-no-matching-trigger-data"
    EVENT_REPORT_WINDOW_NOT_STARTED = "trigger-event-report-window-not-started"
    EVENT_REPORT_WINDOW_PASSED = "trigger-event-report-window-passed"
    EVENT_ATTRIBUTIONS_PER_SOURCE_DESTINATION_LIMIT = "trigger-event-attributions-per-source-destination-limit"
    EVENT_STORAGE_LIMIT = "trigger-event-storage-limit"
    EVENT_LOW_PRIORITY = "trigger-event-low-priority"
    EVENT_EXCESSIVE_REPORTS = "trigger-event-excessive-reports"
    AGGREGATE_REPORT_WINDOW_PASSED = "trigger-aggregate-report-window-passed"
    AGGREGATE_DEDUPLICATED = "trigger-aggregate-deduplicated"
    AGGREGATE_NO_CONTRIBUTIONS = "trigger-aggregate-no-contributions"
    AGGREGATE_STORAGE_LIMIT = "trigger-aggregate-storage-limit"
    AGGREGATE_ATTRIBUTIONS_PER_SOURCE_DESTINATION_LIMIT = "trigger-aggregate-attributions-per-source-destination-limit"
    AGGREGATE_EXCESSIVE_REPORTS = "trigger-aggregate-excessive-reports"
    AGGREGATE_INSUFFICIENT_BUDGET = "trigger-aggregate-insufficient-budget"
    AGGREGATE_INSUFFICIENT_NAMED_BUDGET = "trigger-aggregate-insufficient-named-budget"

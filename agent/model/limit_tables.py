"""The tables of numbers that configurations and journeys may set: their names, and what each number may be."""

from __future__ import annotations

from collections.abc import Mapping

from agent.model.attribution_reporting.limits import AttributionReportingLimits
from agent.model.limits import AttributionLimits
from agent.model.private_aggregation_limits import PrivateAggregationLimits
from agent.model.protected_audience_limits import ProtectedAudienceLimits
from agent.model.shared_storage_limits import SharedStorageLimits
from agent.model.site import is_suitable_origin

Limits = (
    AttributionLimits
    | AttributionReportingLimits
    | SharedStorageLimits
    | PrivateAggregationLimits
    | ProtectedAudienceLimits
)
TABLES: Mapping[str, type[Limits]] = {
    "limits": AttributionLimits,
    "attribution_reporting_limits": AttributionReportingLimits,
    "shared_storage_limits": SharedStorageLimits,
    "private_aggregation_limits": PrivateAggregationLimits,
    "protected_audience_limits": ProtectedAudienceLimits,
}
"""Each by the name that it has in a file, which is that of :class:`agent.model.settings.Settings`."""
_AT_LEAST_ONE = {
    "privacy_budget_epoch_days",
    "max_lookback_days",
    "max_histogram_size",
    "purge_interval",
    "max_urls",
    "max_contributions_shared_storage",
    "max_contributions_protected_audience",
    "max_settable_contributions",
}
_COORDINATORS = "aggregation_coordinator_origins"


def broken_rule(name: str, value: object) -> str:
    """The rule that ``value``, which has the right type, breaks for the limit ``name``; empty where it breaks none."""
    if name == _COORDINATORS and isinstance(value, list | tuple):
        right = bool(value) and all(map(is_suitable_origin, value))
        return "" if right else "expected origins such as https://coordinator.test, at least one"
    least = 1 if name in _AT_LEAST_ONE else 0
    too_small = isinstance(value, int | float) and value < least
    return f"input should be greater than or equal to {least}" if too_small else ""

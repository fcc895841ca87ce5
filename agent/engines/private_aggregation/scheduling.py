"""How long a report is, whether it leaves in any case, and when (sections 2, 3 and 4)."""

from __future__ import annotations

from agent.model.private_aggregation import Batch, PrivateAggregationApi, PrivateAggregationConfig
from agent.model.private_aggregation_limits import PrivateAggregationLimits
from agent.model.rng import Draw, Rng

_DEFAULT_ID_BYTES = 1


def contribution_limit(
    api: PrivateAggregationApi, config: PrivateAggregationConfig, limits: PrivateAggregationLimits
) -> int:
    """How many contributions a report has, and is padded to."""
    if config.max_contributions is not None:
        return min(config.max_contributions, limits.max_settable_contributions)
    return _default_limit(api, limits)


def is_deterministic(
    api: PrivateAggregationApi, config: PrivateAggregationConfig, limits: PrivateAggregationLimits
) -> bool:
    """Whether an operation makes exactly one report, :attr:`deterministic_timeout` after its start."""
    return bool(reasons_for_a_report(api, config, limits))


def reasons_for_a_report(
    api: PrivateAggregationApi, config: PrivateAggregationConfig, limits: PrivateAggregationLimits
) -> tuple[str, ...]:
    """The members of ``config`` for which a report leaves in any case; none with Protected Audience."""
    if api is not PrivateAggregationApi.SHARED_STORAGE:
        return ()
    applies = {
        "contextId": config.context_id is not None,
        "filteringIdMaxBytes": config.filtering_id_max_bytes != _DEFAULT_ID_BYTES,
        "maxContributions": contribution_limit(api, config, limits) != _default_limit(api, limits),
    }
    return tuple(name for name, is_reason in applies.items() if is_reason)


def scheduled_report_time(batch: Batch, limits: PrivateAggregationLimits, *, now: int, rng: Rng) -> int:
    """When the report of ``batch``, complete at ``now``, is to be sent; both in milliseconds.

    Draws ``Draw.PRIVATE_AGGREGATION_DELAY`` where the delay is random.
    """
    if limits.developer_mode:
        return now
    if is_deterministic(batch.api, batch.config, limits):
        # However early or late the operation ended: its time is to tell nothing.
        return batch.started + limits.deterministic_timeout + limits.processing_delay
    span = limits.report_delay_span
    drawn = rng.below(Draw.PRIVATE_AGGREGATION_DELAY, span) if span else 0
    return now + limits.processing_delay + limits.report_min_delay + drawn


def _default_limit(api: PrivateAggregationApi, limits: PrivateAggregationLimits) -> int:
    if api is PrivateAggregationApi.SHARED_STORAGE:
        return limits.max_contributions_shared_storage
    return limits.max_contributions_protected_audience

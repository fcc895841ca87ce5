"""Which events conditional contributions wait for have happened to a batch (section 3, error reporting)."""

from __future__ import annotations

from agent.engines.private_aggregation.budget import afforded
from agent.engines.private_aggregation.contributions import Merged
from agent.model.private_aggregation import Batch, ErrorEvent
from agent.model.private_aggregation_limits import PrivateAggregationLimits

_FAILURES = {
    ErrorEvent.TOO_MANY_CONTRIBUTIONS,
    ErrorEvent.EMPTY_REPORT_DROPPED,
    ErrorEvent.PENDING_REPORT_LIMIT_REACHED,
    ErrorEvent.INSUFFICIENT_BUDGET,
}


def error_events(
    batch: Batch,
    merged: Merged,
    limits: PrivateAggregationLimits,
    *,
    room: int,
    pending_reports: int,
    deterministic: bool,
) -> frozenset[ErrorEvent]:
    """The events of ``batch``, whose unconditional contributions are ``merged``.

    ``room`` is what its budgets still have: a dry run over the unconditional contributions tells whether it is enough.
    """
    kept = afforded(merged.contributions, room)
    happened = {
        ErrorEvent.TOO_MANY_CONTRIBUTIONS: bool(merged.dropped),
        ErrorEvent.EMPTY_REPORT_DROPPED: not kept and not deterministic,
        # With this report the limit is reached: one more would be dropped.
        ErrorEvent.PENDING_REPORT_LIMIT_REACHED: pending_reports + 1 >= limits.max_reports_per_origin,
        ErrorEvent.INSUFFICIENT_BUDGET: len(kept) < len(merged.contributions),
        ErrorEvent.CONTRIBUTION_TIMEOUT_REACHED: batch.timed_out,
        ErrorEvent.UNCAUGHT_ERROR: batch.uncaught_error,
    }
    events = frozenset(event for event, is_true in happened.items() if is_true)
    return events if events & _FAILURES else events | {ErrorEvent.REPORT_SUCCESS}

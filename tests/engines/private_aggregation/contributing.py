"""Batches and limits, as tests of Private Aggregation need them."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from typing import Any

from agent.model.attribution_reporting.reports import Contribution
from agent.model.clock import MINUTE
from agent.model.private_aggregation import (
    Batch,
    ConditionalContribution,
    DebugDetails,
    ErrorEvent,
    PrivateAggregationApi,
    PrivateAggregationConfig,
)
from agent.model.private_aggregation_limits import PrivateAggregationLimits

NOON = 1_767_614_400_000
"""2026-01-05T12:00:00Z, the start of a minute."""
ORIGIN = "https://adtech.test"
PUBLISHER = "https://news.test"
COORDINATOR = "https://coordinator.test"
SHARED_STORAGE, PROTECTED_AUDIENCE = PrivateAggregationApi
LIMITS = PrivateAggregationLimits(aggregation_coordinator_origins=(COORDINATOR, "https://second.test"))
WITH_EVENTS = replace(LIMITS, error_reporting=True)
CONTEXT = PrivateAggregationConfig(context_id="c")
DEBUG = DebugDetails(enabled=True, key=1234)
MAX_BUCKET = 2**128 - 1

assert NOON % MINUTE == 0


def calls(*entries: tuple[int, int] | tuple[int, int, int]) -> tuple[Contribution, ...]:
    """Contributions of (bucket, value) or (bucket, value, filtering id)."""
    return tuple(Contribution(*entry) for entry in entries)


def batch(*entries: tuple[int, int] | tuple[int, int, int], **changes: Any) -> Batch:
    """A batch of shared storage that began at noon."""
    plain = Batch(SHARED_STORAGE, ORIGIN, PUBLISHER, NOON, calls(*entries))
    return replace(plain, **changes)


def on_events(events: Iterable[ErrorEvent] = ErrorEvent) -> tuple[ConditionalContribution, ...]:
    """One contribution for each of ``events``, bucket 1001 and value 1 for the first of all events, and so on."""
    numbers = {event: number for number, event in enumerate(ErrorEvent, start=1)}
    return tuple(ConditionalContribution(one, Contribution(1000 + numbers[one], numbers[one])) for one in events)

"""What an auction's scripts contribute, once it is known who won (private-aggregation, "in Protected Audience")."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field, replace
from typing import Final

from agent.engines.protected_audience.auction import AuctionResult, RejectReason
from agent.model.attribution_reporting.reports import Contribution
from agent.model.private_aggregation import Batch, DebugDetails, PrivateAggregationApi, PrivateAggregationConfig
from agent.model.protected_audience import EventContribution, Signal

_MAX_BUCKET: Final = 2**128 - 1
_MAX_VALUE: Final = 2**31 - 1
_RESERVED: Final = "reserved."
_ALWAYS, _WIN, _LOSS, _ONCE = (f"{_RESERVED}{name}" for name in ("always", "win", "loss", "once"))


@dataclass(frozen=True, slots=True)
class Contributed:
    """What one call of a function contributed."""

    reporting_origin: str
    coordinator: str | None
    contributions: tuple[Contribution, ...] = ()
    on_event: tuple[EventContribution, ...] = ()
    debug: DebugDetails = field(default_factory=DebugDetails)
    won: bool = False
    """Whether it was for the winning bid; reporting functions are."""
    reason: RejectReason | None = None
    """Why its bid was rejected; None in reporting functions, where there is no such thing."""
    once: bool = False
    """Whether it was chosen for ``reserved.once``."""
    run_time: int = 0
    """Milliseconds, as that which follows."""
    fetch_time: int = 0


@dataclass(frozen=True, slots=True)
class Setting:
    """Where an auction took place."""

    top_level_origin: str
    started: int
    """Milliseconds since 1970."""
    debug_mode_allowed: Callable[[str, str], bool]
    """For a top-level and a reporting origin."""


def auction_batches(calls: Iterable[Contributed], result: AuctionResult, setting: Setting) -> list[Batch]:
    """The batches that an auction reports by itself: one for each reporting origin, coordinator and debug details."""
    return _batches([(call, _of_auction(call, result)) for call in calls], setting)


def custom_event_batches(
    calls: Iterable[Contributed], event: str, result: AuctionResult, setting: Setting
) -> list[Batch]:
    """The batches of ``window.fence.reportEvent(event)`` in the winning ad."""
    return _batches([(call, _resolved(call, _of_event(call, event), result)) for call in calls if call.won], setting)


def bucket_of(signal: Signal, base: float) -> int | None:
    """A bucket calculated from its base value; None where it is no number."""
    scaled = base * signal.scale
    if math.isnan(scaled):
        return None
    if abs(scaled) > _MAX_BUCKET:  # a double, so this is 2^128 or more
        return _MAX_BUCKET if scaled > 0 else 0
    return min(max(math.trunc(scaled) + signal.offset, 0), _MAX_BUCKET)


def value_of(signal: Signal, base: float) -> int | None:
    """A value calculated from its base value; None where it is no number."""
    shifted = base * signal.scale + signal.offset
    if math.isnan(shifted):
        return None
    return math.trunc(min(max(shifted, 0.0), float(_MAX_VALUE)))


def _of_auction(call: Contributed, result: AuctionResult) -> tuple[Contribution, ...]:
    events = {_ALWAYS, _WIN if call.won else _LOSS}
    if call.once:
        events.add(_ONCE)
    waiting = [one for one in call.on_event if one.event in events]
    return (*call.contributions, *_resolved(call, waiting, result))


def _of_event(call: Contributed, event: str) -> list[EventContribution]:
    return [one for one in call.on_event if one.event == event and not event.startswith(_RESERVED)]


def _resolved(
    call: Contributed, waiting: Iterable[EventContribution], result: AuctionResult
) -> tuple[Contribution, ...]:
    base_values = _base_values(call, result)
    resolved = []
    for one in waiting:
        bucket = _known(one.bucket, base_values, bucket_of)
        value = _known(one.value, base_values, value_of)
        if bucket is not None and value is not None:
            resolved.append(Contribution(bucket, value, one.filtering_id))
    return tuple(resolved)


def _known(
    of: int | Signal, base_values: dict[str, float], calculate: Callable[[Signal, float], int | None]
) -> int | None:
    if isinstance(of, int):
        return of
    base = base_values.get(of.base_value)
    return None if base is None else calculate(of, base)


def _base_values(call: Contributed, result: AuctionResult) -> dict[str, float]:
    values = {
        "winning-bid": result.winning_bid,
        "highest-scoring-other-bid": result.highest_scoring_other_bid,
        "script-run-time": float(call.run_time),
        "signals-fetch-time": float(call.fetch_time),
    }
    if call.reason is not None:
        values["bid-reject-reason"] = float(call.reason)
    return values


def _batches(contributed: Sequence[tuple[Contributed, tuple[Contribution, ...]]], setting: Setting) -> list[Batch]:
    batches: dict[tuple[str, str | None, DebugDetails], Batch] = {}
    for call, contributions in contributed:
        if not contributions:
            continue
        origin, debug = call.reporting_origin, call.debug
        # Where debug mode is not allowed it makes no difference, so that it separates nothing either.
        if debug.enabled and not setting.debug_mode_allowed(setting.top_level_origin, origin):
            debug = DebugDetails()
        key = origin, call.coordinator, debug
        batch = batches.get(key) or Batch(
            PrivateAggregationApi.PROTECTED_AUDIENCE,
            origin,
            setting.top_level_origin,
            setting.started,
            debug=debug,
            config=PrivateAggregationConfig(coordinator=call.coordinator),
        )
        batches[key] = replace(batch, contributions=(*batch.contributions, *contributions))
    return list(batches.values())

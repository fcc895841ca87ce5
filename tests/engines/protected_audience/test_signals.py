"""Who gets which event's contributions, and what signals come to (private-aggregation, "in Protected Audience")."""

from __future__ import annotations

import math
from typing import Any

import pytest

from agent.engines.protected_audience.auction import AuctionResult, Bid, RejectReason, Score, ScoredBid
from agent.engines.protected_audience.signals import (
    Contributed,
    Setting,
    auction_batches,
    bucket_of,
    custom_event_batches,
    value_of,
)
from agent.model.attribution_reporting.reports import Contribution
from agent.model.private_aggregation import Batch, DebugDetails
from agent.model.protected_audience import EventContribution, Signal
from tests.engines.protected_audience.groups import AD, BUYER, COORDINATOR, NOON, PUBLISHER, SELLER, group

RESULT = AuctionResult(
    ScoredBid(Bid(group("a"), 5.25, AD), Score(5.25)), ScoredBid(Bid(group("b"), 3.5, AD), Score(3.5))
)
SETTING = Setting(PUBLISHER, NOON, lambda _top, _origin: True)
MAX_BUCKET = 2**128 - 1
MAX_VALUE = 2**31 - 1


def on(event: str, bucket: int | Signal = 1, value: int | Signal = 1) -> EventContribution:
    return EventContribution(f"reserved.{event}", bucket, value)


def reported(*calls: Contributed, result: AuctionResult = RESULT) -> list[tuple[int, int]]:
    batches = auction_batches(calls, result, SETTING)
    return [(one.bucket, one.value) for batch in batches for one in batch.contributions]


def buyer(*events: EventContribution, **changes: Any) -> Contributed:
    return Contributed(BUYER, None, on_event=events, **changes)


@pytest.mark.parametrize(
    ("signal", "base", "bucket"),
    [
        (Signal("", 2.0, 1100), 5.25, 1110),
        (Signal("", -1.0, 10), 3.9, 7),
        (Signal("", -1.0), 3.0, 0),
        (Signal("", 1e39), 5.0, MAX_BUCKET),
        (Signal("", -1e39, 5), 5.0, 0),
        (Signal("", 1.0, MAX_BUCKET), 5.0, MAX_BUCKET),
        (Signal("", 1.0, -5), 3.0, 0),
        (Signal(""), math.nan, None),
    ],
)
def test_a_bucket_is_scaled_truncated_and_saturated(signal: Signal, base: float, bucket: int | None) -> None:
    assert bucket_of(signal, base) == bucket


@pytest.mark.parametrize(
    ("signal", "base", "value"),
    [
        (Signal("", 10.0, -1), 3.5, 34),
        (Signal("", 1.0, 0), 5.9, 5),
        (Signal("", -2.0, 1), 5.0, 0),
        (Signal("", 1e300), 5.0, MAX_VALUE),
        (Signal("", 1.0, MAX_VALUE), 1.0, MAX_VALUE),
        (Signal(""), math.nan, None),
    ],
)
def test_a_value_is_scaled_truncated_and_saturated(signal: Signal, base: float, value: int | None) -> None:
    assert value_of(signal, base) == value


def test_winners_get_win_losers_loss_and_both_always() -> None:
    events = (on("win", 1), on("loss", 2), on("always", 3), on("nope", 4))
    assert reported(buyer(*events, won=True)) == [(1, 1), (3, 1)]
    assert reported(buyer(*events)) == [(2, 1), (3, 1)]


def test_what_was_contributed_plainly_is_reported_whoever_wins() -> None:
    assert reported(Contributed(BUYER, None, (Contribution(7, 8),))) == [(7, 8)]


def test_once_is_for_the_one_that_was_chosen() -> None:
    assert reported(buyer(on("once")), buyer(on("once", 2), once=True)) == [(2, 1)]


def test_base_values_of_an_auction() -> None:
    events = (
        on("always", Signal("winning-bid", 2.0, 1100)),
        on("always", 1, Signal("highest-scoring-other-bid", 10.0, -1)),
        on("always", 2, Signal("script-run-time")),
        on("always", 3, Signal("signals-fetch-time")),
    )
    assert reported(buyer(*events, run_time=4, fetch_time=9)) == [(1110, 1), (1, 34), (2, 4), (3, 9)]


def test_without_winner_the_bids_are_zero() -> None:
    events = (on("always", Signal("winning-bid", offset=70)), on("always", Signal("highest-scoring-other-bid")))
    assert reported(buyer(*events), result=AuctionResult()) == [(70, 1), (0, 1)]


def test_reject_reasons_are_known_where_there_was_a_bid_to_reject() -> None:
    event = on("always", Signal("bid-reject-reason", offset=60))
    assert reported(buyer(event, reason=RejectReason.BLOCKED_BY_PUBLISHER)) == [(65, 1)]
    assert reported(buyer(event, reason=RejectReason.NOT_AVAILABLE)) == [(60, 1)]
    assert reported(buyer(event, won=True)) == []


def test_a_batch_for_each_origin_coordinator_and_debug_key() -> None:
    one = (Contribution(1, 1),)
    first, second = (DebugDetails(enabled=True, key=key) for key in (11, 22))
    calls = [
        Contributed(BUYER, None, one, debug=first),
        Contributed(BUYER, None, one, debug=second),
        Contributed(BUYER, COORDINATOR, one, debug=first),
        Contributed(SELLER, None, one),
        Contributed(BUYER, None, one, debug=first),
    ]
    batches = auction_batches(calls, RESULT, SETTING)

    def key(batch: Batch) -> tuple[str, str | None, int | None, int]:
        return batch.reporting_origin, batch.config.coordinator, batch.debug.key, len(batch.contributions)

    assert [key(batch) for batch in batches] == [
        (BUYER, None, 11, 2),
        (BUYER, None, 22, 1),
        (BUYER, COORDINATOR, 11, 1),
        (SELLER, None, None, 1),
    ]


def test_custom_events_are_the_winners() -> None:
    click = EventContribution("click", 13, Signal("winning-bid"))
    calls = [buyer(click, on("win"), won=True), buyer(click), Contributed(SELLER, None, on_event=(click,), won=True)]
    assert reported(*calls) == [(1, 1)]
    batches = custom_event_batches(calls, "click", RESULT, SETTING)
    assert [(batch.reporting_origin, batch.contributions) for batch in batches] == [
        (BUYER, (Contribution(13, 5),)),
        (SELLER, (Contribution(13, 5),)),
    ]


def test_reserved_events_cannot_be_reported_from_the_ad() -> None:
    assert custom_event_batches([buyer(on("win"), won=True)], "reserved.win", RESULT, SETTING) == []

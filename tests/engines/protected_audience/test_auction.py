"""Who bids, which bids stand, and who wins (protected-audience section 2)."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from agent.engines.protected_audience.auction import (
    AuctionResult,
    Bid,
    RejectReason,
    Score,
    ScoredBid,
    bid_of,
    bidders,
    bidding_timeout,
    result_of,
    score_of,
)
from agent.model.rng import SeededRng
from tests.engines.protected_audience.groups import AD, BUYER, CONFIG, group

RIVAL = "https://rival.test"


def names(*groups: Any, **changes: Any) -> list[str]:
    chosen = bidders(groups, replace(CONFIG, **changes), SeededRng(1))
    return [one.group.name for one in chosen]


def scored(amount: float, desirability: float, **changes: Any) -> ScoredBid:
    return ScoredBid(Bid(group(**changes), amount, AD), Score(desirability))


def test_groups_of_buyers_bid_that_have_a_script_and_an_ad() -> None:
    assert names(group("a"), group("b", bidding_logic_url=None), group("c", ads=()), group("d", owner=RIVAL)) == ["a"]


def test_a_limit_keeps_the_groups_of_highest_priority() -> None:
    groups = [group("low", priority=-1.0), group("high", priority=5.0), group("middle", priority=1.0)]
    assert names(*groups, per_buyer_group_limits={"*": 2}) == ["high", "middle"]
    assert names(*groups, per_buyer_group_limits={"*": 2, BUYER: 1}) == ["high"]


def test_among_equal_priorities_the_limit_chooses_by_chance() -> None:
    groups = [group(name) for name in "abcd"]
    limited = replace(CONFIG, per_buyer_group_limits={"*": 1})
    chosen = {bidders(groups, limited, SeededRng(seed))[0].group.name for seed in range(40)}
    assert chosen == set("abcd")


@pytest.mark.parametrize(
    ("value", "reason"),
    [
        (None, RejectReason.NOT_AVAILABLE),
        ([], RejectReason.NOT_AVAILABLE),
        ({"bid": 0, "render": AD}, RejectReason.NOT_AVAILABLE),
        ({"bid": -1, "render": AD}, RejectReason.NOT_AVAILABLE),
        (5, RejectReason.INVALID_BID),
        ({"bid": 1}, RejectReason.INVALID_BID),
        ({"bid": 1, "render": f"{BUYER}/other"}, RejectReason.INVALID_BID),
        ({"bid": None, "render": AD}, RejectReason.INVALID_BID),
        ([{"bid": 1, "render": AD}, {"bid": 2, "render": AD}], RejectReason.INVALID_BID),
    ],
)
def test_what_is_no_bid(value: Any, reason: RejectReason) -> None:
    assert bid_of(group(), value) is reason


def test_a_bid_names_an_ad_of_its_group() -> None:
    for render in (AD, {"url": AD}):
        assert bid_of(group(), {"bid": 2.5, "render": render, "ad": {"x": 1}}) == Bid(group(), 2.5, AD, {"x": 1})
    assert bid_of(group(), [{"bid": 2, "render": AD}]) == Bid(group(), 2.0, AD)


@pytest.mark.parametrize(
    ("value", "score"),
    [
        (3, Score(3)),
        (-5, Score(-5)),
        ("x", Score()),
        (None, Score()),
        ({"desirability": 2, "ad": 1}, Score(2)),
        ({"desirability": 0, "rejectReason": "blocked-by-publisher"}, Score(0, RejectReason.BLOCKED_BY_PUBLISHER)),
        ({"desirability": 0, "rejectReason": "nonsense"}, Score()),
        ({"desirability": 1, "rejectReason": "invalid-bid"}, Score(1)),
    ],
)
def test_scores(value: Any, score: Score) -> None:
    assert score_of(value) == score


def test_the_most_desirable_wins_and_the_second_is_the_highest_scoring_other() -> None:
    bids = [scored(1, 1, name="a"), scored(9, 2, name="b"), scored(5, 3, name="c"), scored(7, 0, name="d")]
    result = result_of(bids, SeededRng(1))
    assert (result.winner, result.other) == (bids[2], bids[1])
    assert (result.winning_bid, result.highest_scoring_other_bid) == (5, 9)


def test_rejected_bids_leave_no_winner_and_no_other() -> None:
    assert result_of([scored(1, 0), scored(2, -1)], SeededRng(1)) == AuctionResult()
    assert AuctionResult().winning_bid == 0
    assert result_of([scored(1, 0), scored(2, 1)], SeededRng(1)).highest_scoring_other_bid == 0


def test_equal_scores_are_decided_by_chance() -> None:
    bids = [scored(1, 1, name="a"), scored(2, 1, name="b")]
    assert {result_of(bids, SeededRng(seed)).winning_bid for seed in range(40)} == {1, 2}


def test_the_winner_made_the_other_bid_where_both_are_of_one_owner() -> None:
    assert result_of([scored(1, 1), scored(2, 2)], SeededRng(1)).winner_made_other_bid
    assert not result_of([scored(1, 1, owner=RIVAL), scored(2, 2)], SeededRng(1)).winner_made_other_bid
    assert not result_of([scored(2, 2)], SeededRng(1)).winner_made_other_bid


def test_a_bidder_has_fifty_milliseconds_unless_the_seller_gives_more() -> None:
    def timeout(**timeouts: int) -> int:
        named = {{"everyone": "*", "buyer": BUYER}[who]: value for who, value in timeouts.items()}
        return bidding_timeout(replace(CONFIG, per_buyer_timeouts=named), BUYER, 50, 500)

    assert (timeout(), timeout(everyone=70), timeout(everyone=70, buyer=90), timeout(buyer=900)) == (50, 70, 90, 500)

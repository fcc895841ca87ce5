"""What functions are called with (protected-audience section 2)."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

from agent.engines.protected_audience import arguments
from agent.engines.protected_audience.arguments import Scene, Signals
from agent.engines.protected_audience.auction import AuctionResult, Bid, Score, ScoredBid
from agent.model.clock import HOUR, MINUTE
from agent.model.protected_audience import Ad
from agent.model.protected_audience_limits import ProtectedAudienceLimits
from tests.engines.protected_audience.groups import AD, BUYER, CONFIG, NOON, SELLER, group

LIMITS = ProtectedAudienceLimits()
SCENE = Scene(CONFIG, "publisher.test", LIMITS)


def bidding(scene: Scene = SCENE, signals: Signals | None = None, later: int = 0, **changes: Any) -> list[Any]:
    joined = group(user_bidding_signals='{"bid":3}', ads=(Ad(AD, '{"m":"a"}', "id"),))
    joined = replace(joined, **changes)
    return list(json.loads(arguments.generate_bid(scene, joined, signals or Signals(), now=NOON + later)))


def test_a_bidder_sees_its_group_and_nothing_that_is_not_set() -> None:
    given = bidding()
    assert given == [
        {
            "owner": BUYER,
            "name": "a",
            "enableBiddingSignalsPrioritization": False,
            "executionMode": "compatibility",
            "trustedBiddingSignalsSlotSizeMode": "none",
            "userBiddingSignals": {"bid": 3},
            "biddingLogicURL": f"{BUYER}/bid.js",
            "biddingLogicUrl": f"{BUYER}/bid.js",
            "ads": [{"renderURL": AD, "renderUrl": AD, "metadata": {"m": "a"}}],
        },
        None,
        None,
        None,
        {
            "topWindowHostname": "publisher.test",
            "seller": SELLER,
            "joinCount": 1,
            "bidCount": 0,
            "forDebuggingOnlyInCooldownOrLockout": False,
            "adComponentsLimit": 40,
            "multiBidLimit": 1,
            "recency": 0,
            "prevWins": [],
            "prevWinsMs": [],
        },
        {"perBuyerSignals": None, "auctionSignals": None},
        None,
    ]


def test_a_bidder_is_told_how_long_ago_it_was_joined_and_won() -> None:
    given = bidding(later=MINUTE + 1234, join_count=2, bid_count=3, wins=((NOON + MINUTE, '{"renderURL":"x"}'),))[4]
    assert (given["joinCount"], given["bidCount"], given["recency"]) == (2, 3, MINUTE + 1200)
    assert (given["prevWins"], given["prevWinsMs"]) == ([[1, {"renderURL": "x"}]], [[1000, {"renderURL": "x"}]])


def test_signals_reach_those_that_they_are_for() -> None:
    config = replace(CONFIG, auction_signals="1", per_buyer_signals={BUYER: '{"x":2}', SELLER: "3"})
    given = bidding(replace(SCENE, config=config), Signals({"k": 4}, 5))
    assert given[1:4] == [1, {"x": 2}, {"k": 4}]
    assert given[4]["dataVersion"] == 5


def test_a_seller_sees_the_bid_and_its_configuration() -> None:
    bid = Bid(group(), 2.5, AD, {"any": "thing"})
    given = json.loads(arguments.score_ad(SCENE, bid, Signals(), duration=7))
    assert given[:2] == [{"any": "thing"}, 2.5]
    assert given[2]["decisionLogicURL"] == given[2]["decisionLogicUrl"] == f"{SELLER}/dec.js"
    assert given[2]["reportingTimeout"] == 50
    assert given[3:] == [
        None,
        {
            "topWindowHostname": "publisher.test",
            "interestGroupOwner": BUYER,
            "renderURL": AD,
            "renderUrl": AD,
            "biddingDurationMsec": 7,
            "bidCurrency": "???",
            "forDebuggingOnlyInCooldownOrLockout": False,
        },
        {"sellerSignals": None, "auctionSignals": None},
        None,
    ]


def test_a_winner_is_told_what_its_group_may_know() -> None:
    winner = ScoredBid(Bid(group(), 5.25, AD), Score(9))
    result = AuctionResult(winner, ScoredBid(Bid(group("b"), 3.5, AD), Score(8)))
    scene = replace(SCENE, limits=replace(LIMITS, k_anon_status="passedNotEnforced"))
    given = json.loads(arguments.report_win(scene, result, Signals(), {"s": 1}, now=NOON + HOUR // 2))
    assert given[:3] == [None, None, {"s": 1}]
    told = given[3]
    assert (told["bid"], told["highestScoringOtherBid"], told["madeHighestScoringOtherBid"]) == (5.25, 3.5, True)
    assert (told["interestGroupName"], told["seller"], told["recency"]) == ("a", SELLER, 30)
    assert told["kAnonStatus"] == "passedNotEnforced"


def test_the_seller_of_a_winner_is_told_its_score_but_not_its_group() -> None:
    result = AuctionResult(ScoredBid(Bid(group(), 5.25, AD), Score(9)))
    given = json.loads(arguments.report_result(SCENE, result, Signals(None, 4)))
    assert (given[1]["desirability"], given[1]["highestScoringOtherBid"], given[1]["dataVersion"]) == (9, 0, 4)
    assert "interestGroupName" not in given[1]


def test_a_reporting_function_has_five_seconds_at_most() -> None:
    assert replace(SCENE, config=replace(CONFIG, reporting_timeout=9000)).reporting_timeout == 5000


def test_a_win_is_remembered_by_its_ad() -> None:
    assert json.loads(arguments.win_of(Bid(group(ads=(Ad(AD, '{"m":1}'),)), 1, AD))) == {
        "renderURL": AD,
        "metadata": {"m": 1},
    }

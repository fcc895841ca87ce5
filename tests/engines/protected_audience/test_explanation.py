"""The event of an auction tells who bid, what became of it, and why."""

from __future__ import annotations

from agent.engines.protected_audience.auction import AuctionResult, Bid, RejectReason, Score, ScoredBid
from agent.engines.protected_audience.explanation import NO_BIDDERS, NO_WINNER, WON, Bidding, auction_event
from tests.engines.protected_audience.groups import AD, CONFIG, NOON, group


def failed(*biddings: Bidding, result: AuctionResult) -> dict[str, str]:
    """The checks that failed, and why."""
    event = auction_event(CONFIG, biddings, result, "publisher.test", now=NOON)
    return {check.rule: check.detail for check in event.trace.checks if not check.passed}


def test_a_winner_is_named_with_its_bid() -> None:
    bid = Bid(group(), 2.5, AD)
    result = AuctionResult(ScoredBid(bid, Score(3)))
    event = auction_event(CONFIG, [Bidding(group(), bid, Score(3))], result, "publisher.test", now=NOON)
    assert (event.verdict, event.site, event.trace.stopped_at) == (WON, "publisher.test", None)
    assert event.data["winner"]["bid"] == 2.5


def test_without_bidders_the_trace_says_what_to_do() -> None:
    event = auction_event(CONFIG, [], AuctionResult(), "publisher.test", now=NOON)
    stopped = event.trace.stopped_at
    assert event.verdict == NO_BIDDERS
    assert stopped is not None
    assert "join groups" in stopped.fix


def test_every_loser_is_told_with_its_reason() -> None:
    reasons = failed(
        Bidding(group("silent")),
        Bidding(group("wrong"), RejectReason.INVALID_BID),
        Bidding(group("thrown"), RejectReason.NOT_AVAILABLE, problem="bid.js:3 Uncaught Error: no."),
        Bidding(group("blocked"), Bid(group("blocked"), 1, AD), Score(0, RejectReason.BLOCKED_BY_PUBLISHER)),
        result=AuctionResult(),
    )
    assert reasons == {
        "bid of 'silent' of https://buyer.test": "no bid",
        "bid of 'wrong' of https://buyer.test": "invalid-bid",
        "bid of 'thrown' of https://buyer.test": "bid.js:3 Uncaught Error: no.",
        "score of 'blocked' of https://buyer.test": "desirability 0, blocked-by-publisher",
        "winner": "every bid was rejected, or none was made",
    }


def test_an_auction_of_thousands_tells_of_twenty() -> None:
    biddings = [Bidding(group(str(number))) for number in range(2000)]
    event = auction_event(CONFIG, biddings, AuctionResult(), "publisher.test", now=NOON)
    assert (event.verdict, event.data["groups"], len(event.trace.checks)) == (NO_WINNER, 2000, 22)

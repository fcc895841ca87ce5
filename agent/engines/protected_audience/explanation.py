"""The event of an auction: who bid, what the seller thought of it, and who won."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

from agent.engines.protected_audience.auction import AuctionResult, Bid, RejectReason, Score
from agent.model.events import Check, Event, Trace
from agent.model.protected_audience import AuctionConfig, AudienceEvent, JoinedGroup

WON: Final = "won"
NO_WINNER: Final = "no-winner"
NO_BIDDERS: Final = "no-bidders"
_TOLD: Final = 20
"""How many groups an event tells of; the rest is counted."""
_SHOWN: Final = 200


@dataclass(frozen=True, slots=True)
class Bidding:
    """What became of one group in an auction."""

    group: JoinedGroup
    bid: Bid | RejectReason | None = None
    """None where its function was not called."""
    score: Score | None = None
    """None where there was none."""
    problem: str = ""
    """What went wrong in its functions, or before them."""


def auction_event(
    config: AuctionConfig, biddings: Sequence[Bidding], result: AuctionResult, site: str, *, now: int
) -> Event:
    """The event of an auction that ended at ``now`` on a page of the top-level ``site``."""
    verdict = WON if result.winner is not None else NO_WINNER if biddings else NO_BIDDERS
    buyers = ", ".join(config.buyers) or "no buyers"
    detail = f"{len(biddings)} of {buyers}"
    fix = "join groups with biddingLogicURL and ads, of an owner among interestGroupBuyers"
    checks = [Check("interest groups", bool(biddings), detail, "" if biddings else fix)]
    for one in biddings[:_TOLD]:
        checks += _checks(one)
    data: dict[str, Any] = {"seller": config.seller, "buyers": list(config.buyers), "groups": len(biddings)}
    summary = f"auction of {config.seller}: {verdict}"
    if biddings:
        detail = "every bid was rejected, or none was made"
        if result.winner is not None:
            bid = result.winner.bid
            data["winner"] = {
                "owner": bid.group.group.owner,
                "name": bid.group.group.name,
                "bid": bid.amount,
                "renderURL": bid.render_url,
                "desirability": result.winner.score.desirability,
            }
            data["highestScoringOtherBid"] = result.highest_scoring_other_bid
            detail = f"{_named(bid.group)} with {bid.amount:g}"
            summary = f"auction of {config.seller}: {detail}"
        fix = "" if result.winner is not None else "see what became of each bid: one must stand, and score above 0"
        checks.append(Check("winner", result.winner is not None, detail, fix))
    return Event(AudienceEvent.AUCTION, now, verdict, summary, site, data, Trace(tuple(checks)))


def _checks(one: Bidding) -> list[Check]:
    who = _named(one.group)
    if not isinstance(one.bid, Bid):
        reason = "no bid" if not one.bid else one.bid.name.lower().replace("_", "-")
        fix = "have generateBid return a bid above 0, and as render one of the group's ads"
        return [Check(f"bid of {who}", False, one.problem[:_SHOWN] or reason, fix)]
    told = f"{one.bid.amount:g} for {one.bid.render_url}"[:_SHOWN]
    checks = [Check(f"bid of {who}", True, told)]
    score = one.score or Score()
    passed = score.desirability > 0
    detail = f"desirability {score.desirability:g}"
    if not passed:
        detail = one.problem[:_SHOWN] or f"{detail}, {score.reason.name.lower().replace('_', '-')}"
    fix = "" if passed else "have scoreAd return a desirability above 0 for it"
    checks.append(Check(f"score of {who}", passed, detail, fix))
    return checks


def _named(joined: JoinedGroup) -> str:
    return f"{joined.group.name[:_SHOWN]!r} of {joined.group.owner}"

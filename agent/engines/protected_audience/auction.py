"""An auction's decisions: who bids, which bids stand, and who wins (section 2)."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import IntEnum
from typing import Any, Final, TypeVar

from agent.engines.protected_audience.checks import resolved
from agent.model.protected_audience import AuctionConfig, JoinedGroup
from agent.model.rng import Draw, Rng

T = TypeVar("T")
_EVERY_BUYER: Final = "*"


class RejectReason(IntEnum):
    """Why a bid was rejected: the base value ``bid-reject-reason``."""

    NOT_AVAILABLE = 0
    INVALID_BID = 1
    BID_BELOW_AUCTION_FLOOR = 2
    PENDING_APPROVAL_BY_EXCHANGE = 3
    DISAPPROVED_BY_EXCHANGE = 4
    BLOCKED_BY_PUBLISHER = 5
    LANGUAGE_EXCLUSIONS = 6
    CATEGORY_EXCLUSIONS = 7


_REASONS: Final = {reason.name.lower().replace("_", "-"): reason for reason in RejectReason}


@dataclass(frozen=True, slots=True)
class Bid:
    """A bid that stands."""

    group: JoinedGroup
    amount: float
    render_url: str
    ad: Any = None
    """JSON of the bidder's choice, for ``scoreAd``."""


@dataclass(frozen=True, slots=True)
class Score:
    """What ``scoreAd`` thinks of a bid."""

    desirability: float = 0.0
    """At most 0 where it rejects the bid."""
    reason: RejectReason = RejectReason.NOT_AVAILABLE


@dataclass(frozen=True, slots=True)
class ScoredBid:
    """A bid and its score."""

    bid: Bid
    score: Score


@dataclass(frozen=True, slots=True)
class AuctionResult:
    """How an auction ended."""

    winner: ScoredBid | None = None
    other: ScoredBid | None = None
    """The second best of those not rejected."""

    @property
    def winning_bid(self) -> float:
        """The base value ``winning-bid``."""
        return 0.0 if self.winner is None else self.winner.bid.amount

    @property
    def highest_scoring_other_bid(self) -> float:
        """The base value of that name."""
        return 0.0 if self.other is None else self.other.bid.amount

    @property
    def winner_made_other_bid(self) -> bool:
        """Whether the second best is of the winner's owner."""
        both = (self.winner, self.other)
        return None not in both and len({one.bid.group.group.owner for one in both if one is not None}) == 1


def bidders(groups: Iterable[JoinedGroup], config: AuctionConfig, rng: Rng) -> list[JoinedGroup]:
    """Those of ``groups``, unexpired, that bid: in the order of their buyers, by priority, as many as the limits let.

    Draws ``Draw.AUCTION_ORDER`` among groups of one priority where a limit leaves some out.
    """
    able = [one for one in groups if one.group.bidding_logic_url is not None and one.group.ads]
    chosen: list[JoinedGroup] = []
    for buyer in dict.fromkeys(config.buyers):
        own = [one for one in able if one.group.owner == buyer]
        limits = config.per_buyer_group_limits
        limit = limits.get(buyer, limits.get(_EVERY_BUYER, len(own)))
        if limit < len(own):
            own = _shuffled(own, rng)
        chosen += sorted(own, key=lambda one: -one.group.priority)[:limit]
    return chosen


def bid_of(group: JoinedGroup, value: Any) -> Bid | RejectReason:
    """The bid that ``generateBid`` returned, or why it is none."""
    if isinstance(value, list):
        if len(value) != 1:
            return RejectReason.INVALID_BID if value else RejectReason.NOT_AVAILABLE
        (value,) = value
    if value is None:
        return RejectReason.NOT_AVAILABLE
    amount = _number(value.get("bid")) if isinstance(value, dict) else None
    if amount is None:
        return RejectReason.INVALID_BID
    if amount <= 0:
        return RejectReason.NOT_AVAILABLE
    render = value.get("render")
    text = render.get("url") if isinstance(render, dict) else render
    url = resolved(text) if isinstance(text, str) else None
    if url is None or url.href not in {ad.render_url for ad in group.group.ads}:
        return RejectReason.INVALID_BID
    return Bid(group, amount, str(url.href), value.get("ad"))


def score_of(value: Any) -> Score:
    """The score that ``scoreAd`` returned; 0 for what is none."""
    if not isinstance(value, dict):
        return Score(_number(value) or 0.0) if not isinstance(value, str) else Score()
    desirability = _number(value.get("desirability")) or 0.0
    reason = RejectReason.NOT_AVAILABLE
    if desirability <= 0:
        reason = _REASONS.get(str(value.get("rejectReason")), reason)
    return Score(desirability, reason)


def result_of(scored: Sequence[ScoredBid], rng: Rng) -> AuctionResult:
    """Who wins. Draws ``Draw.AUCTION_ORDER`` among equal scores."""
    standing = [one for one in scored if one.score.desirability > 0]
    if len({one.score.desirability for one in standing}) < len(standing):
        standing = _shuffled(standing, rng)
    ranked = sorted(standing, key=lambda one: -one.score.desirability)
    return AuctionResult(*ranked[:2])


def timeout_of(asked: int | None, default: int, most: int) -> int:
    """Milliseconds that a function may run, where the auction's configuration asks for ``asked``."""
    return default if asked is None else min(asked, most)


def bidding_timeout(config: AuctionConfig, buyer: str, default: int, most: int) -> int:
    """Milliseconds that ``generateBid`` may run for ``buyer``."""
    timeouts = config.per_buyer_timeouts
    return timeout_of(timeouts.get(buyer, timeouts.get(_EVERY_BUYER)), default, most)


def _number(value: Any) -> float | None:
    """WebIDL's ``double`` of a JSON value; None where the conversion throws."""
    if not isinstance(value, str | int | float):
        return None
    try:
        number = float(value)
    except (ValueError, OverflowError):
        return None
    return number if math.isfinite(number) else None


def _shuffled(items: Sequence[T], rng: Rng) -> list[T]:
    left = list(items)
    return [left.pop(rng.below(Draw.AUCTION_ORDER, len(left))) for _ in items]

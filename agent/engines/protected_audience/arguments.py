"""What an auction's functions are called with: JSON arrays of their arguments, as Chromium 143 gives them (section 2).

Members that have two spellings carry both, as there.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from agent.engines.protected_audience.auction import AuctionResult, Bid
from agent.model.clock import MINUTE, SECOND
from agent.model.protected_audience import Ad, AuctionConfig, InterestGroup, JoinedGroup
from agent.model.protected_audience_limits import ProtectedAudienceLimits

_NO_CURRENCY: Final = "???"
_COMPONENTS_LIMIT: Final = 40
_BIDS_LIMIT: Final = 1
_RECENCY_STEP: Final = 100
"""Milliseconds to which ``generateBid`` is told how long ago a group was joined."""
_NO_BUYER_SIGNALS: Final = {"perBuyerSignals": None, "auctionSignals": None}
"""``directFromSellerSignals`` without any, as that which follows."""
_NO_SELLER_SIGNALS: Final = {"sellerSignals": None, "auctionSignals": None}


@dataclass(frozen=True, slots=True)
class Signals:
    """What a trusted server said to one function."""

    value: Any = None
    """JSON."""
    data_version: int | None = None
    fetch_time: int = 0
    """Milliseconds that its answer took."""


@dataclass(frozen=True, slots=True)
class Scene:
    """What all functions of one auction are told of."""

    config: AuctionConfig
    hostname: str
    """Of the top-level document."""
    limits: ProtectedAudienceLimits

    @property
    def reporting_timeout(self) -> int:
        """Milliseconds that reporting functions are told they have."""
        asked = self.config.reporting_timeout
        return self.limits.reporting_timeout if asked is None else min(asked, self.limits.max_reporting_timeout)


def generate_bid(scene: Scene, joined: JoinedGroup, signals: Signals, *, now: int) -> str:
    """Arguments of ``generateBid`` at ``now``."""
    config = scene.config
    ago = max(0, now - joined.joined)
    wins = [(max(0, now - time), json.loads(ad)) for time, ad in joined.wins]
    browser_signals = {
        "topWindowHostname": scene.hostname,
        "seller": config.seller,
        "joinCount": joined.join_count,
        "bidCount": joined.bid_count,
        "forDebuggingOnlyInCooldownOrLockout": False,
        "adComponentsLimit": _COMPONENTS_LIMIT,
        "multiBidLimit": _BIDS_LIMIT,
        "recency": ago // _RECENCY_STEP * _RECENCY_STEP,
        "prevWins": [[time // SECOND, ad] for time, ad in wins],
        "prevWinsMs": [[time // SECOND * SECOND, ad] for time, ad in wins],
        **_version(signals),
    }
    return _array(
        _group(joined.group),
        _parsed(config.auction_signals),
        _parsed(config.per_buyer_signals.get(joined.group.owner)),
        signals.value,
        browser_signals,
        _NO_BUYER_SIGNALS,
        None,
    )


def score_ad(scene: Scene, bid: Bid, signals: Signals, *, duration: int) -> str:
    """Arguments of ``scoreAd``; ``duration``: milliseconds that ``generateBid`` took."""
    browser_signals = {
        "topWindowHostname": scene.hostname,
        "interestGroupOwner": bid.group.group.owner,
        **_both("renderURL", bid.render_url),
        "biddingDurationMsec": duration,
        "bidCurrency": _NO_CURRENCY,
        "forDebuggingOnlyInCooldownOrLockout": False,
        **_version(signals),
    }
    config = _auction_config(scene)
    return _array(bid.ad, bid.amount, config, signals.value, browser_signals, _NO_SELLER_SIGNALS, None)


def report_result(scene: Scene, result: AuctionResult, signals: Signals) -> str:
    """Arguments of ``reportResult`` for a winner; ``signals``: those of its ``scoreAd``."""
    assert result.winner is not None
    bid = result.winner.bid
    browser_signals = {
        "renderUrl": bid.render_url,
        "topWindowHostname": scene.hostname,
        "interestGroupOwner": bid.group.group.owner,
        "renderURL": bid.render_url,
        "bid": bid.amount,
        "bidCurrency": _NO_CURRENCY,
        "desirability": result.winner.score.desirability,
        "highestScoringOtherBid": result.highest_scoring_other_bid,
        "highestScoringOtherBidCurrency": _NO_CURRENCY,
        **_version(signals),
    }
    return _array(_auction_config(scene), browser_signals, _NO_SELLER_SIGNALS)


def report_win(scene: Scene, result: AuctionResult, signals: Signals, seller_signals: Any, *, now: int) -> str:
    """Arguments of ``reportWin`` at ``now``.

    ``signals``: those of the winner's ``generateBid``; ``seller_signals``: what ``reportResult`` returned, JSON.
    """
    assert result.winner is not None
    bid, config = result.winner.bid, scene.config
    joined = bid.group
    browser_signals = {
        "topWindowHostname": scene.hostname,
        "interestGroupOwner": joined.group.owner,
        "interestGroupName": joined.group.name,
        **_both("renderURL", bid.render_url),
        "bid": bid.amount,
        "bidCurrency": _NO_CURRENCY,
        "highestScoringOtherBid": result.highest_scoring_other_bid,
        "highestScoringOtherBidCurrency": _NO_CURRENCY,
        "madeHighestScoringOtherBid": result.winner_made_other_bid,
        "seller": config.seller,
        **_version(signals),
        "kAnonStatus": scene.limits.k_anon_status,
        "reportingTimeout": scene.reporting_timeout,
        "recency": max(0, now - joined.joined) // MINUTE,
        "joinCount": joined.join_count,
    }
    buyer_signals = _parsed(config.per_buyer_signals.get(joined.group.owner))
    return _array(_parsed(config.auction_signals), buyer_signals, seller_signals, browser_signals, _NO_BUYER_SIGNALS)


def win_of(bid: Bid) -> str:
    """What a group remembers of a win: JSON of the ad."""
    ad = next(ad for ad in bid.group.group.ads if ad.render_url == bid.render_url)
    return _json({"renderURL": ad.render_url, **_present({"metadata": ad.metadata})})


def _group(group: InterestGroup) -> dict[str, Any]:
    keys = group.trusted_bidding_signals_keys
    return {
        "owner": group.owner,
        "name": group.name,
        "enableBiddingSignalsPrioritization": group.enable_bidding_signals_prioritization,
        "executionMode": group.execution_mode,
        "trustedBiddingSignalsSlotSizeMode": group.trusted_bidding_signals_slot_size_mode,
        **_present({"userBiddingSignals": group.user_bidding_signals}),
        **_both("biddingLogicURL", group.bidding_logic_url),
        **_both("trustedBiddingSignalsURL", group.trusted_bidding_signals_url),
        **({"trustedBiddingSignalsKeys": keys} if keys else {}),
        "ads": _ads(group.ads),
        **({"adComponents": _ads(group.ad_components)} if group.ad_components else {}),
    }


def _ads(ads: Iterable[Ad]) -> list[dict[str, Any]]:
    return [{**_both("renderURL", ad.render_url), **_present({"metadata": ad.metadata})} for ad in ads]


def _auction_config(scene: Scene) -> dict[str, Any]:
    config = scene.config
    signals = {one: _parsed(text) for one, text in config.per_buyer_signals.items()}
    urls = {"decisionLogicURL": config.decision_logic_url}
    if config.trusted_scoring_signals_url is not None:
        urls["trustedScoringSignalsURL"] = config.trusted_scoring_signals_url
    return {
        "seller": config.seller,
        **({"interestGroupBuyers": config.buyers} if config.buyers else {}),
        **({"perBuyerSignals": signals} if signals else {}),
        **({"perBuyerTimeouts": dict(config.per_buyer_timeouts)} if config.per_buyer_timeouts else {}),
        **{_before(name): url for name, url in urls.items()},
        **urls,
        **_present({"auctionSignals": config.auction_signals, "sellerSignals": config.seller_signals}),
        **({} if config.seller_timeout is None else {"sellerTimeout": config.seller_timeout}),
        "reportingTimeout": scene.reporting_timeout,
    }


def _both(name: str, value: str | None) -> dict[str, str]:
    """A URL under its name and under the one that it had before."""
    return {} if value is None else {name: value, _before(name): value}


def _before(name: str) -> str:
    """What a URL's member was called before."""
    return name.removesuffix("URL") + "Url"


def _version(signals: Signals) -> dict[str, int]:
    return {} if signals.data_version is None else {"dataVersion": signals.data_version}


def _present(members: Mapping[str, str | None]) -> dict[str, Any]:
    """The values of those JSON texts that there are."""
    return {name: json.loads(text) for name, text in members.items() if text is not None}


def _parsed(text: str | None) -> Any:
    return None if text is None else json.loads(text)


def _array(*arguments: Any) -> str:
    return _json(arguments)


def _json(value: Any) -> str:
    return json.dumps(value, separators=(",", ":"), allow_nan=False)

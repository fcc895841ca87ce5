"""Groups, calls of ``navigator`` and auctions, as tests of Protected Audience need them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from agent.model.clock import HOUR
from agent.model.protected_audience import Ad, AuctionConfig, InterestGroup, JoinedGroup

NOON = 1_767_614_400_000
"""2026-01-05T12:00:00Z."""
BUYER, SELLER, PUBLISHER = "https://buyer.test", "https://seller.test", "https://publisher.test"
COORDINATOR = "https://coordinator.test"
AD = f"{BUYER}/ad"
CONFIG = AuctionConfig(SELLER, f"{SELLER}/dec.js", buyers=(BUYER,))
_ABSENT = dict.fromkeys(
    (
        *("lifetimeMs", "priority", "executionMode", "biddingLogicURL", "biddingWasmHelperURL", "updateURL"),
        *("trustedBiddingSignalsURL", "trustedBiddingSignalsKeys", "trustedBiddingSignalsSlotSizeMode"),
        *("userBiddingSignals", "ads", "adComponents", "privateAggregationConfig"),
    )
)


def group(name: str = "a", **changes: Any) -> JoinedGroup:
    """A group that can bid, joined at noon."""
    own = InterestGroup(BUYER, name, HOUR, bidding_logic_url=f"{BUYER}/bid.js", ads=(Ad(AD),))
    return JoinedGroup(replace(own, **changes), BUYER, NOON)


def join_call(*, duration: float | None = None, **members: Any) -> Mapping[str, Any]:
    """The options of ``joinAdInterestGroup`` on a page of the buyer; members that are not named are absent."""
    named = {"owner": BUYER, "name": "a", "lifetimeMs": 1000, "enableBiddingSignalsPrioritization": False}
    return {"baseURL": f"{BUYER}/", "durationSeconds": duration, "group": {**_ABSENT, **named, **members}}

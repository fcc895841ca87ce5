"""Which auctions may be run (protected-audience section 1)."""

from __future__ import annotations

from typing import Any

from agent.engines.protected_audience.auction_configs import checked_auction
from agent.model.errors import PageException
from agent.model.protected_audience import AuctionConfig
from tests.engines.protected_audience.groups import BUYER, COORDINATOR, PUBLISHER, SELLER

_PREFIX = "Failed to execute 'runAdAuction' on 'Navigator': "
_ABSENT = dict.fromkeys(
    (
        *("trustedScoringSignalsURL", "interestGroupBuyers", "auctionSignals", "sellerSignals", "perBuyerSignals"),
        *("sellerTimeout", "reportingTimeout", "perBuyerTimeouts", "perBuyerGroupLimits", "privateAggregationConfig"),
    )
)


def auction(**members: Any) -> AuctionConfig | PageException:
    plain = {**_ABSENT, "seller": SELLER, "decisionLogicURL": f"{SELLER}/dec.js"}
    return checked_auction({"baseURL": f"{PUBLISHER}/", "config": {**plain, **members}}, [COORDINATOR])


def message(**members: Any) -> str:
    refused = auction(**members)
    assert isinstance(refused, PageException)
    return f"{refused.name}: {refused.message.removeprefix(_PREFIX)}"


def test_the_seller_is_an_https_origin() -> None:
    assert message(seller="http://seller.test") == (
        "TypeError: seller 'http://seller.test' for AuctionAdConfig must be a valid https origin."
    )


def test_the_decision_script_is_the_sellers_own() -> None:
    assert message(decisionLogicURL="https://other.test/d.js") == (
        f"TypeError: decisionLogicURL 'https://other.test/d.js' for AuctionAdConfig with seller '{SELLER}'"
        " must match seller origin."
    )


def test_buyers_are_https_origins() -> None:
    assert message(interestGroupBuyers=["http://x"]) == (
        f"TypeError: interestGroupBuyers buyer 'http://x' for AuctionAdConfig with seller '{SELLER}'"
        " must be a valid https origin."
    )


def test_the_coordinator_is_on_the_allowlist() -> None:
    config = {"aggregationCoordinatorOrigin": "https://nope.test"}
    assert message(privateAggregationConfig=config) == (
        "DataError: aggregationCoordinatorOrigin 'https://nope.test' is not a recognized coordinator origin."
    )


def test_buyers_of_what_may_be_promised_fail_as_a_promise_does() -> None:
    refused = auction(perBuyerSignals={"x": "1"})
    assert refused == PageException("TypeError", "Promise argument rejected or resolved to invalid value.")
    assert message(perBuyerGroupLimits={"x": 1}).startswith("TypeError: perBuyerGroupLimits buyer 'x' ")


def test_members_by_buyer_know_everyone_else() -> None:
    checked = auction(
        interestGroupBuyers=[BUYER], perBuyerTimeouts={"*": 100, BUYER: 200}, perBuyerSignals={BUYER: "1"}
    )
    assert isinstance(checked, AuctionConfig)
    assert checked.buyers == (BUYER,)
    assert checked.per_buyer_timeouts == {"*": 100, BUYER: 200}
    assert checked.per_buyer_signals == {BUYER: "1"}

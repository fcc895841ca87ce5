"""Which groups may be joined, and how they are kept (protected-audience section 1)."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from agent.engines.protected_audience.interest_groups import checked_group, joined, size_of
from agent.model.clock import DAY, HOUR
from agent.model.errors import PageException
from agent.model.protected_audience import Ad, InterestGroup
from agent.model.protected_audience_limits import ProtectedAudienceLimits
from tests.engines.protected_audience.groups import BUYER, COORDINATOR, NOON, group, join_call

LIMITS = ProtectedAudienceLimits()
_PREFIX = "Failed to execute 'joinAdInterestGroup' on 'Navigator': "
_WHOSE = f"for AuctionAdInterestGroup with owner '{BUYER}' and name 'a'"
_OWN = "must have the same origin as the InterestGroup owner and have no fragment identifier or embedded credentials."


def joins(**members: Any) -> InterestGroup | PageException:
    return checked_group(join_call(**members), LIMITS, [COORDINATOR])


def message(**members: Any) -> str:
    refused = joins(**members)
    assert isinstance(refused, PageException)
    assert refused.message.startswith(_PREFIX)
    return f"{refused.name}: {refused.message.removeprefix(_PREFIX)}"


def accepted(**members: Any) -> InterestGroup:
    checked = joins(**members)
    assert isinstance(checked, InterestGroup)
    return checked


def test_the_owner_is_an_https_origin() -> None:
    assert message(owner="http://x.test", name="x") == (
        "TypeError: owner 'http://x.test' for AuctionAdInterestGroup with name 'x' must be a valid https origin."
    )
    assert accepted(owner=f"{BUYER}/path").owner == BUYER


@pytest.mark.parametrize(
    "url", ["https://other.test/b.js", f"{BUYER}/b.js#x", "https://user@buyer.test/b.js", "http://buyer.test/b.js"]
)
def test_the_bidding_script_is_the_owners_own(url: str) -> None:
    assert message(biddingLogicURL=url) == f"TypeError: biddingLogicURL '{url}' {_WHOSE} biddingLogicURL {_OWN}"


def test_urls_are_relative_to_the_page() -> None:
    checked = accepted(biddingLogicURL="/b.js", ads=[{"renderURL": "ad", "metadata": '{"m":1}', "adRenderId": None}])
    assert checked.bidding_logic_url == f"{BUYER}/b.js"
    assert checked.ads == (Ad(f"{BUYER}/ad", '{"m":1}'),)


def test_ads_are_https_of_any_origin() -> None:
    def ads(url: str) -> list[dict[str, Any]]:
        return [{"renderURL": url, "metadata": None, "adRenderId": None}]

    assert message(ads=ads("http://x/")) == (
        f"TypeError: ads[0].renderURL 'http://x/' {_WHOSE} renderURLs must be HTTPS and have no embedded credentials."
    )
    assert message(ads=[{**ads("")[0], "renderURL": None}]) == "TypeError: Missing required field ads[0].renderURL"
    assert accepted(ads=ads("https://x.test/")).ads == (Ad("https://x.test/"),)


def test_the_coordinator_is_on_the_allowlist() -> None:
    def config(origin: str) -> dict[str, str]:
        return {"aggregationCoordinatorOrigin": origin}

    assert message(privateAggregationConfig=config("zz")) == (
        "SyntaxError: aggregationCoordinatorOrigin 'zz' must be a valid https origin."
    )
    assert message(privateAggregationConfig=config("https://nope.test")) == (
        "DataError: aggregationCoordinatorOrigin 'https://nope.test' is not a recognized coordinator origin."
    )
    assert accepted(privateAggregationConfig=config(COORDINATOR)).coordinator == COORDINATOR


def test_exceptions_of_values_are_type_errors_and_those_of_coordinators_dom_exceptions() -> None:
    plain = joins(owner="x")
    named = joins(privateAggregationConfig={"aggregationCoordinatorOrigin": "zz"})
    assert isinstance(plain, PageException)
    assert isinstance(named, PageException)
    assert (plain.is_dom_exception, named.is_dom_exception) == (False, True)


def test_the_lifetime_of_the_group_wins_and_is_capped() -> None:
    assert accepted(lifetimeMs=5000, duration=1).lifetime == 5000
    assert accepted(lifetimeMs=None, duration=3600).lifetime == HOUR
    assert accepted(lifetimeMs=31 * DAY).lifetime == 30 * DAY


def test_a_group_is_less_than_a_megabyte() -> None:
    refused = joins(userBiddingSignals='"' + "x" * 1_100_000 + '"')
    assert isinstance(refused, PageException)
    assert refused.message.endswith("interest groups must be less than 1048576 bytes")
    assert size_of(accepted(userBiddingSignals='"' + "x" * 1_000_000 + '"')) < LIMITS.max_group_bytes


def test_joining_again_overwrites_and_counts() -> None:
    first = replace(group(), bid_count=2, wins=((NOON, "{}"),))
    again = joined(group(priority=7.0).group, first, "https://other.test", now=NOON + HOUR)
    assert (again.join_count, again.bid_count, again.wins) == (2, 2, ((NOON, "{}"),))
    assert (again.group.priority, again.joining_origin, again.joined) == (7.0, "https://other.test", NOON + HOUR)
    assert again.expires == NOON + 2 * HOUR

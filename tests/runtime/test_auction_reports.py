"""What auctions report, and when."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import pytest

from agent.model.attribution_reporting.reports import Contribution
from agent.model.clock import HOUR
from agent.model.private_aggregation import DebugDetails, PrivateAggregationApi
from agent.model.protected_audience import (
    AuctionFunction,
    AudienceEvent,
    EventContribution,
    FunctionResult,
)
from agent.model.settings import Settings
from agent.model.shared_storage_limits import SharedStorageLimits
from storage import events
from tests.runtime.auction_world import BUYER, GROUP, PUBLISHER, SELLER, AuctionWorld, auction_world

ONE = Contribution(1, 2)


@pytest.fixture
async def world() -> AsyncIterator[AuctionWorld]:
    async with auction_world() as made:
        yield made


async def test_reports_wait_until_the_ad_is_shown_and_are_made_once(world: AuctionWorld) -> None:
    await world.join("a", 3)
    world.scripts.functions[AuctionFunction.REPORT_WIN] = lambda _: FunctionResult(contributions=(ONE,))
    urn = (await world.run())["urn"]
    await world.rest()
    assert world.batches == []
    await world.show(urn)
    await world.show(urn, "second")
    assert world.buckets() == {BUYER: [(1, 2)]}
    (batch,) = world.batches
    assert (batch.api, batch.top_level_origin) == (PrivateAggregationApi.PROTECTED_AUDIENCE, PUBLISHER)


async def test_what_is_reported_names_the_event_of_its_auction(world: AuctionWorld) -> None:
    world.scripts.functions[AuctionFunction.REPORT_WIN] = lambda _: FunctionResult(contributions=(ONE,))
    await world.join("a", 3)
    shown_last, shown_first = [(await world.run())["urn"] for _ in range(2)]
    await world.show(shown_first)
    await world.show(shown_last, "second")
    await world.rest()
    stored = await world.world.database.transact("read", lambda c: events.read(c, kind=AudienceEvent.AUCTION))
    assert world.world.auctions == [stored[1].id, stored[0].id]


async def test_contributions_make_one_batch_for_each_owner_and_debug_key(world: AuctionWorld) -> None:
    keys = {"a": 11, "b": 11, "c": 22}

    def generate_bid(arguments: list[Any]) -> FunctionResult:
        group = arguments[0]
        value = {"bid": 1, "render": group["ads"][0]["renderURL"]}
        debug = DebugDetails(enabled=True, key=keys[group["name"]])
        return FunctionResult(value, contributions=(ONE,), debug=debug)

    world.scripts.functions[AuctionFunction.GENERATE_BID] = generate_bid
    for name in keys:
        await world.join(name)
    await world.show((await world.run())["urn"])
    assert [(batch.debug.key, len(batch.contributions)) for batch in world.batches] == [(11, 2), (22, 1)]


async def test_debug_modes_that_are_not_allowed_separate_nothing() -> None:
    async with auction_world(Settings(debug_mode_allowed=lambda _top, _origin: False)) as world:
        keys = iter((1, 2))

        def generate_bid(arguments: list[Any]) -> FunctionResult:
            debug = DebugDetails(enabled=True, key=next(keys))
            value = {"bid": 1, "render": arguments[0]["ads"][0]["renderURL"]}
            return FunctionResult(value, contributions=(ONE,), debug=debug)

        world.scripts.functions[AuctionFunction.GENERATE_BID] = generate_bid
        await world.join("a")
        await world.join("b")
        await world.show((await world.run())["urn"])
        assert [(batch.debug, len(batch.contributions)) for batch in world.batches] == [(DebugDetails(), 2)]


async def test_a_custom_event_reports_the_winners_contributions_once(world: AuctionWorld) -> None:
    click = EventContribution("click", 13, 7)

    def generate_bid(arguments: list[Any]) -> FunctionResult:
        group = arguments[0]
        value = {"bid": group["userBiddingSignals"], "render": group["ads"][0]["renderURL"]}
        return FunctionResult(value, on_event=(click,))

    world.scripts.functions[AuctionFunction.GENERATE_BID] = generate_bid
    await world.join("a", 3)
    await world.join("b", 1)
    ad = await world.show((await world.run())["urn"])
    assert world.batches == []
    for event in ("click", "click", "other", "reserved.win"):
        world.tell("reportEvent", {"event": event}, ad)
        await world.rest()
    assert world.buckets() == {BUYER: [(13, 7)]}
    verdicts = await world.told(AudienceEvent.CUSTOM_EVENT)
    assert verdicts == ["reported", "already-reported", "empty", "empty"]
    world.tell("reportEvent", {"event": "click"}, world.publisher)
    await world.rest()
    assert len(world.batches) == 1


async def test_event_level_reports_are_not_sent_and_the_console_says_so(world: AuctionWorld) -> None:
    url = f"{SELLER}/result"
    world.scripts.functions[AuctionFunction.REPORT_RESULT] = lambda _: FunctionResult(report_url=url)
    await world.join()
    await world.show((await world.run())["urn"])
    text = f"Worklet error: The reporting destination {url} is not attested for Protected Audience."
    assert world.world.browser.console == [("error", text)]
    assert await world.told(AudienceEvent.REPORT) == ["not-attested"]


async def test_a_shown_win_is_remembered_by_its_group(world: AuctionWorld) -> None:
    await world.join("a", 3)
    await world.join("b", 1)
    await world.show((await world.run())["urn"])
    groups = {one.group.name: (one.bid_count, len(one.wins)) for one in await world.groups.read()}
    assert groups == {"a": (1, 1), "b": (1, 0)}
    await world.run()
    bidding = world.scripts.arguments(AuctionFunction.GENERATE_BID)[4]
    assert (bidding["bidCount"], bidding["joinCount"]) == (1, 1)


async def test_what_began_before_the_clock_is_moved_comes_before(world: AuctionWorld) -> None:
    clock = world.world.clock
    world.scripts.functions[AuctionFunction.REPORT_WIN] = lambda _: FunctionResult(
        contributions=(ONE,), on_event=(EventContribution("click", 3, 4),)
    )
    began = clock.now()
    options = {"baseURL": f"{BUYER}/", "durationSeconds": None, "group": {**GROUP, "userBiddingSignals": "1"}}
    world.tell("joinAdInterestGroup", options, world.buyer)
    clock.advance(HOUR // 2)
    await world.auctions.settled()
    assert [one.joined for one in await world.groups.read()] == [began]

    urn = (await world.run())["urn"]
    ad = await world.show(urn)
    shown = clock.now()
    world.tell("reportEvent", {"event": "click"}, ad)
    clock.advance(HOUR)
    await world.auctions.settled()
    assert [now for _, now in world.world.batches] == [shown, shown]


async def test_a_loop_of_contributions_is_kept_merged(world: AuctionWorld) -> None:
    many = tuple(Contribution(number % 3, 1) for number in range(5000))
    world.scripts.functions[AuctionFunction.GENERATE_BID] = lambda _: FunctionResult(contributions=many)
    await world.join()
    await world.run()
    await world.rest()
    assert world.buckets() == {BUYER: [(0, 1667), (1, 1667), (2, 1666)]}


async def test_what_select_url_chose_is_not_told_as_an_auctions_ad(world: AuctionWorld) -> None:
    selected = world.world.shared_storage.selected_urls.open(world.publisher, "urn:uuid:1", BUYER, (f"{BUYER}/secret",))
    assert selected is not None
    selected.chosen.set_result(f"{BUYER}/secret")
    for urn in ("urn:uuid:1", "urn:uuid:2"):
        assert await world.ask("deprecatedURNToURL", {"urn": urn}, world.publisher) == {"url": None}


async def test_a_page_with_too_many_urns_gets_no_more() -> None:
    async with auction_world(Settings(shared_storage_limits=SharedStorageLimits(max_urns=1))) as world:
        await world.join()
        assert (await world.run())["urn"] is not None
        assert await world.run() == {"urn": None}
        assert await world.told(AudienceEvent.AUCTION) == ["won", "won", "too-many-urns"]

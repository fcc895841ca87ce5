"""Auctions from a page's call to their reports."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import pytest

from agent.browser.auction_fetches import TrustedSignals
from agent.model.attribution_reporting.reports import Contribution
from agent.model.errors import HostEnvironmentError
from agent.model.protected_audience import (
    AuctionFunction,
    AudienceEvent,
    EventContribution,
    FunctionResult,
    Signal,
    StorageWrite,
)
from agent.model.settings import Settings
from agent.model.shared_storage import SetMethod, StorageEvent
from tests.runtime.auction_world import BID, BUYER, DECISION, SELLER, AuctionWorld, auction_world

ONE = Contribution(1, 2)


@pytest.fixture
async def world() -> AsyncIterator[AuctionWorld]:
    async with auction_world() as made:
        yield made


async def test_the_highest_score_wins_and_the_page_gets_a_urn(world: AuctionWorld) -> None:
    await world.join("a", 3)
    await world.join("b", 1)
    reply = await world.run()
    assert reply["urn"].startswith("urn:uuid:")
    shown = await world.show(reply["urn"])
    assert shown.origin == BUYER
    assert await world.ask("deprecatedURNToURL", {"urn": reply["urn"]}, world.publisher) == {"url": f"{BUYER}/ad-a"}
    assert await world.told(AudienceEvent.AUCTION) == ["won"]


async def test_scripts_are_fetched_once_and_the_bidders_again_for_its_report(world: AuctionWorld) -> None:
    await world.join("a", 3)
    await world.join("b", 1)
    await world.run()
    await world.rest()
    assert sorted(world.scripts.fetched) == [BID, BID, DECISION]


async def test_without_groups_nothing_is_fetched_and_nobody_wins(world: AuctionWorld) -> None:
    assert await world.run() == {"urn": None}
    assert world.scripts.fetched == []
    assert await world.told(AudienceEvent.AUCTION) == ["no-bidders"]


async def test_functions_get_what_chromium_gives_them(world: AuctionWorld) -> None:
    await world.join("a", 3)
    await world.join("b", 1)
    signals = {"auctionSignals": '{"as":1}', "perBuyerSignals": {BUYER: '{"pbs":2}'}, "sellerSignals": '{"ss":3}'}
    world.scripts.functions[AuctionFunction.REPORT_RESULT] = lambda _: FunctionResult({"fromSeller": 1})
    await world.run(**signals)
    await world.rest()
    config = {
        "seller": SELLER,
        "interestGroupBuyers": [BUYER],
        "perBuyerSignals": {BUYER: {"pbs": 2}},
        "decisionLogicUrl": DECISION,
        "decisionLogicURL": DECISION,
        "auctionSignals": {"as": 1},
        "sellerSignals": {"ss": 3},
        "reportingTimeout": 50,
    }
    both = {
        "topWindowHostname": "publisher.test",
        "interestGroupOwner": BUYER,
        "renderUrl": f"{BUYER}/ad-a",
        "renderURL": f"{BUYER}/ad-a",
        "bid": 3,
        "bidCurrency": "???",
        "highestScoringOtherBid": 1,
        "highestScoringOtherBidCurrency": "???",
    }
    assert world.scripts.arguments(AuctionFunction.REPORT_RESULT)[:2] == [config, {**both, "desirability": 3}]
    assert world.scripts.arguments(AuctionFunction.REPORT_WIN)[:4] == [
        {"as": 1},
        {"pbs": 2},
        {"fromSeller": 1},
        {
            **both,
            "interestGroupName": "a",
            "madeHighestScoringOtherBid": True,
            "seller": SELLER,
            "kAnonStatus": "belowThreshold",
            "reportingTimeout": 50,
            "recency": 0,
            "joinCount": 1,
        },
    ]


async def test_an_auction_without_winner_reports_at_once(world: AuctionWorld) -> None:
    reason = EventContribution("reserved.loss", Signal("bid-reject-reason", offset=60), 1)
    winning = EventContribution("reserved.always", Signal("winning-bid", offset=70), 1)

    def generate_bid(arguments: list[Any]) -> FunctionResult:
        value = {"bid": 1, "render": arguments[0]["ads"][0]["renderURL"]}
        return FunctionResult(value, contributions=(ONE,), on_event=(reason, winning))

    world.scripts.functions |= {
        AuctionFunction.GENERATE_BID: generate_bid,
        AuctionFunction.SCORE_AD: lambda _: FunctionResult(
            {"desirability": 0, "rejectReason": "blocked-by-publisher"}, contributions=(ONE,)
        ),
    }
    await world.join()
    assert await world.run() == {"urn": None}
    await world.rest()
    assert world.buckets() == {BUYER: [(1, 2), (65, 1), (70, 1)], SELLER: [(1, 2)]}
    assert await world.told(AudienceEvent.AUCTION) == ["no-winner"]


async def test_what_failed_scripts_contributed_is_kept(world: AuctionWorld) -> None:
    world.scripts.functions[AuctionFunction.GENERATE_BID] = lambda _: FunctionResult(
        failure=f"{BID}:3 Uncaught Error: no.", contributions=(ONE,)
    )
    await world.join()
    assert await world.run() == {"urn": None}
    await world.rest()
    assert world.buckets() == {BUYER: [(1, 2)]}
    assert world.world.browser.console == [("error", f"Worklet error: {BID}:3 Uncaught Error: no.")]


async def test_a_script_that_cannot_be_used_contributes_nothing(world: AuctionWorld) -> None:
    world.scripts.unusable[BID] = "Rejecting load."
    await world.join()
    assert await world.run() == {"urn": None}
    await world.rest()
    assert (world.scripts.calls, world.batches) == ([], [])
    assert world.world.browser.console == [("error", "Worklet error: Rejecting load.")]
    assert sorted(world.scripts.fetched) == [BID, DECISION]


async def test_an_aborted_auction_gives_nothing(world: AuctionWorld) -> None:
    await world.join()
    options = world.auction()
    world.scripts.open.clear()
    world.tell("runAdAuction", options, world.publisher)
    number = world.calls
    await world.scripts.called.wait()
    world.tell("abortAuction", {"auction": 1}, world.publisher)
    await world.rest()
    assert world.world.browser.answers[number] == {"urn": None}
    assert await world.told(AudienceEvent.AUCTION) == ["aborted"]
    assert world.batches == []


async def test_an_auction_ends_with_its_document(world: AuctionWorld) -> None:
    await world.join()
    world.scripts.open.clear()
    world.tell("runAdAuction", world.auction(), world.publisher)
    await world.scripts.called.wait()
    world.auctions.document_ended(world.publisher)
    world.scripts.open.set()
    await world.rest()
    assert world.calls not in world.world.browser.answers
    assert (await world.told(AudienceEvent.AUCTION), world.batches) == ([], [])


async def test_component_auctions_are_not_run_and_an_event_says_so(world: AuctionWorld) -> None:
    await world.join()
    assert await world.run(componentAuctions=1) == {"urn": None}
    assert await world.told(AudienceEvent.AUCTION) == ["not-supported"]


async def test_trusted_signals_are_asked_for_and_given(world: AuctionWorld) -> None:
    world.scripts.answers = {
        f"{BUYER}/tbs": TrustedSignals({"k1": 1, "keys": {}}, 5, 1),
        f"{SELLER}/tss": TrustedSignals({"renderURLs": {f"{BUYER}/ad-a": 7}}, None, 1),
    }
    await world.join("a", 3, trustedBiddingSignalsURL=f"{BUYER}/tbs", trustedBiddingSignalsKeys=["k2", "k1"])
    await world.run(trustedScoringSignalsURL=f"{SELLER}/tss")
    await world.rest()
    assert {url for url in world.scripts.fetched if "?" in url} == {
        f"{BUYER}/tbs?hostname=publisher.test&keys=k1,k2&interestGroupNames=a",
        f"{SELLER}/tss?hostname=publisher.test&renderUrls=https%3A%2F%2Fbuyer.test%2Fad-a",
    }
    bidding = world.scripts.arguments(AuctionFunction.GENERATE_BID)
    assert (bidding[3], bidding[4]["dataVersion"]) == ({"k1": 1, "k2": None}, 5)
    scoring = world.scripts.arguments(AuctionFunction.SCORE_AD)
    assert scoring[3]["renderURL"] == {f"{BUYER}/ad-a": 7}
    assert world.scripts.arguments(AuctionFunction.REPORT_WIN)[3]["dataVersion"] == 5
    outdated = f"Worklet error: Bidding signals URL {BUYER}/tbs is using outdated bidding signals format."
    assert [text.partition(" Consumers")[0] for _, text in world.world.browser.console] == [outdated]


async def test_timeouts_are_the_configurations_within_chromiums_bounds(world: AuctionWorld) -> None:
    await world.join()
    await world.run(perBuyerTimeouts={"*": 70}, sellerTimeout=9000, reportingTimeout=60)
    await world.rest()
    assert {call.function.value: call.timeout for call in world.scripts.calls} == {
        "generateBid": 70,
        "scoreAd": 500,
        "reportResult": 60,
        "reportWin": 60,
    }


async def test_what_scripts_write_is_their_origins(world: AuctionWorld) -> None:
    write = StorageWrite((SetMethod("seen", "1"),), None, batch=False)
    world.scripts.functions[AuctionFunction.SCORE_AD] = lambda _: FunctionResult(1, writes=(write,))
    await world.join()
    await world.run()
    await world.rest()
    assert await world.world.entries(SELLER) == {"seen": "1"}


async def test_who_is_not_enrolled_neither_buys_nor_sells() -> None:
    for enrolled in ({"https://buyer.test"}, {"https://seller.test"}):
        async with auction_world(Settings(enrolled_sites=frozenset(enrolled))) as world:
            assert await world.join() == {}
            assert await world.run() == {"urn": None}
            assert world.scripts.calls == []


async def test_switched_off_pages_cannot_tell() -> None:
    async with auction_world(Settings(protected_audience=False)) as world:
        assert await world.join() == {}
        assert await world.run() == {"urn": None}
        assert await world.told(AudienceEvent.JOIN) == ["disabled"]


async def test_a_page_is_told_what_is_wrong_with_its_call(world: AuctionWorld) -> None:
    joining = await world.join(owner="http://x.test")
    running = await world.run(seller="http://x.test")
    assert [reply["error"]["name"] for reply in (joining, running)] == ["TypeError", "TypeError"]
    assert await world.told(AudienceEvent.JOIN) == ["TypeError"]
    assert await world.told(AudienceEvent.AUCTION) == ["TypeError"]


async def test_where_the_browser_makes_no_realm_nobody_wins(world: AuctionWorld) -> None:
    def no_room(_: list[Any]) -> FunctionResult:
        raise HostEnvironmentError("a worklet did not start")

    world.scripts.functions[AuctionFunction.GENERATE_BID] = no_room
    await world.join()
    assert await world.run() == {"urn": None}
    assert await world.told(AudienceEvent.AUCTION) == ["no-winner"]


async def test_a_write_that_may_not_be_leaves_its_event() -> None:
    async with auction_world(Settings(shared_storage=False)) as world:
        write = StorageWrite((SetMethod("seen", "1"),), None, batch=False)
        world.scripts.functions[AuctionFunction.SCORE_AD] = lambda _: FunctionResult(1, writes=(write,))
        await world.join()
        await world.run()
        assert await world.told(StorageEvent.BATCH_UPDATE) == ["disabled"]

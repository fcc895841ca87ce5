"""Interest groups as pages join and leave them."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from agent.browser.host_channel import Refusal
from agent.model.protected_audience import AudienceEvent
from tests.runtime.auction_world import BUYER, GROUP, PUBLISHER, AuctionWorld, auction_world


@pytest.fixture
async def world() -> AsyncIterator[AuctionWorld]:
    async with auction_world() as made:
        yield made


async def test_another_origin_joins_groups_where_their_owner_lets_it(world: AuctionWorld) -> None:
    refused = await world.join(document=world.publisher)
    assert refused["error"] == {
        "name": "NotAllowedError",
        "message": "Permission to join interest group denied.",
        "dom": True,
    }
    world.scripts.permitted = {"joinAdInterestGroup": True}
    assert await world.join(document=world.publisher) == {}
    assert [one.joining_origin for one in await world.groups.read()] == [PUBLISHER]
    assert await world.told(AudienceEvent.JOIN) == ["not-permitted", "joined"]


async def test_groups_are_left_and_cleared(world: AuctionWorld) -> None:
    for name in "abcd":
        await world.join(name)
    leave = {"owner": BUYER, "name": "a"}
    assert await world.ask("leaveAdInterestGroup", leave, world.buyer) == {}
    assert await world.ask("leaveAdInterestGroup", leave, world.buyer) == {}
    assert await world.ask("leaveAdInterestGroup", {"owner": None, "name": None}, world.buyer) == {}
    clear = {"owner": BUYER, "keep": ["b"]}
    assert await world.ask("clearOriginJoinedAdInterestGroups", clear, world.buyer) == {}
    assert [one.group.name for one in await world.groups.read()] == ["b"]
    assert await world.told(AudienceEvent.LEAVE) == ["left", "absent"]


async def test_what_the_page_itself_refused_leaves_an_event(world: AuctionWorld) -> None:
    world.tell("joinAdInterestGroup", {}, world.buyer, Refusal("TypeError", "1 argument required"))
    assert await world.told(AudienceEvent.JOIN) == ["TypeError"]


async def test_calls_about_one_owner_take_effect_in_their_order_and_hold_up_no_auction(world: AuctionWorld) -> None:
    world.scripts.permitted = {"joinAdInterestGroup": True, "leaveAdInterestGroup": True}
    world.scripts.answering.clear()
    joining = {"baseURL": f"{BUYER}/", "durationSeconds": None, "group": GROUP}
    world.tell("joinAdInterestGroup", joining, world.publisher)
    world.tell("leaveAdInterestGroup", {"owner": BUYER, "name": "a"}, world.publisher)
    assert await world.run() == {"urn": None}
    world.scripts.answering.set()
    assert await world.told(AudienceEvent.LEAVE) == ["left"]
    assert await world.groups.read() == []

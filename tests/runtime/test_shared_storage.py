"""Shared Storage behind pages: order, locks, who may write, and what responses write (section 2)."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest

from agent.browser.documents import OPAQUE
from agent.browser.host_channel import Refusal
from agent.browser.permissions import Allowlist
from agent.engines.shared_storage.write_header import parse_write_header
from agent.model.events import Event
from agent.model.settings import Settings
from agent.model.shared_storage import AppendMethod, SetMethod
from agent.model.shared_storage_limits import SharedStorageLimits
from storage import events as event_store
from tests.runtime import worklet_world
from tests.runtime.worklet_world import ADTECH, NEWS, SCRIPT, World

DISABLED = {"name": "OperationError", "message": "sharedStorage is disabled", "dom": True}


@pytest.fixture
async def world() -> AsyncIterator[World]:
    """A world with a page."""
    async with worklet_world.world() as made:
        yield made


async def _events(world: World) -> list[Event]:
    return await world.database.transact("read", lambda c: event_store.read(c, after=0, limit=100))


def _update(*methods: dict[str, Any], lock: str | None = None, batch: bool = False) -> dict[str, Any]:
    return {"methods": list(methods), "lock": lock, "batch": batch}


# Writes of pages.


async def test_writes_take_effect_in_the_order_of_the_calls(world: World) -> None:
    world.set("a", "1")
    world.tell("update", _update({"op": "append", "key": "a", "value": "2"}))
    world.tell("update", _update({"op": "append", "key": "b", "value": "3"}))
    world.tell("update", _update({"op": "delete", "key": "missing"}))
    world.tell("update", _update({"op": "append", "key": "a", "value": "4"}))
    await world.settle()
    assert await world.entries() == {"a": "124", "b": "3"}
    world.tell("update", _update({"op": "clear"}))
    await world.settle()
    assert await world.entries() == {}


async def test_a_worklets_reads_see_the_writes_of_its_page_before_them(world: World) -> None:
    await world.create_worklet()
    services = world.worklet.services
    for number in range(50):
        world.set("k", str(number))
    world.tell("run", world.operation("op"))
    while "op" not in world.worklet.calls:
        await asyncio.sleep(0)
    assert await services.get(1, "k") == "49"
    assert await services.length(1) == 1
    assert await services.entries(1) == (("k", "49"),)


async def test_a_batch_that_does_not_fit_is_not_applied_and_the_page_is_not_told(world: World) -> None:
    big = "x" * 2_621_440
    methods = [{"op": "set", "key": "a", "value": "1"}, {"op": "set", "key": "b", "value": big}]
    assert await world.call("update", _update(*methods, batch=True)) == {}
    await world.settle()
    assert await world.entries() == {}


async def test_a_worklets_write_that_does_not_fit_fails(world: World) -> None:
    await world.create_worklet()
    services = world.worklet.services
    failure = await services.update(1, (SetMethod("k", "x" * 2_621_440),), None, batch=False)
    assert failure is not None
    assert (failure.name, failure.message) == ("OperationError", "sharedStorage.set() failed")
    assert await services.update(1, (SetMethod("k", "v"), AppendMethod("k", "w")), None, batch=True) is None
    assert await world.entries() == {"k": "vw"}


async def test_lone_surrogates_become_replacement_characters(world: World) -> None:
    world.set("\ud800", "a\udc00\U0001f600")
    await world.settle()
    assert await world.entries() == {"\ufffd": "a\ufffd\U0001f600"}


async def test_what_a_page_refused_itself_leaves_its_event(world: World) -> None:
    world.tell("set", {}, refused=Refusal("DataError", 'Length of the "key" parameter is not valid'))
    await world.settle()
    [event] = await _events(world)
    assert (event.kind, event.verdict, event.site) == ("shared-storage", "DataError", "news.test")


# Locks.


async def test_a_write_that_names_a_lock_waits_for_it_while_later_writes_overtake_it(world: World) -> None:
    lock = await world.locks.acquire(NEWS, "l")
    world.set("locked", "1", lock="l")
    world.set("unlocked", "1")
    await world.settle()
    assert await world.entries() == {"unlocked": "1"}
    assert lock is not None
    world.locks.release(lock)
    await world.settle()
    assert await world.entries() == {"locked": "1", "unlocked": "1"}


async def test_locks_are_partitioned_by_origin(world: World) -> None:
    await world.locks.acquire(ADTECH, "l")
    world.set("k", "1", lock="l")
    await world.settle()
    assert await world.entries() == {"k": "1"}


async def test_writes_that_name_one_lock_come_one_after_another(world: World) -> None:
    for number in range(10):
        methods = _update({"op": "append", "key": "k", "value": str(number)}, lock="l")
        world.tell("update", methods)
    await world.settle()
    async with asyncio.timeout(5):
        while await world.entries() != {"k": "0123456789"}:
            await world.settle()


async def test_a_write_of_a_worklet_waits_for_the_lock_that_its_page_holds(world: World) -> None:
    await world.create_worklet()
    lock = await world.locks.acquire(NEWS, "l")
    write = world.worklet.services.update(1, (SetMethod("k", "v"),), "l", batch=False)
    writing = asyncio.ensure_future(write)  # noqa: TID251 - awaited below
    await world.settle()
    assert await world.entries() == {}
    assert lock is not None
    world.locks.release(lock)
    assert await writing is None
    assert await world.entries() == {"k": "v"}


# Who may.


@pytest.mark.parametrize(
    ("settings", "verdict"),
    [
        (Settings(shared_storage=False), "disabled"),
        (Settings(enrolled_sites=frozenset({ADTECH})), "not-enrolled"),
    ],
)
async def test_calls_are_refused_where_a_user_or_the_lack_of_enrolment_turned_it_off(
    settings: Settings, verdict: str
) -> None:
    async with worklet_world.world(settings) as world:
        assert (await world.call("update", _update({"op": "clear"})))["error"] == DISABLED
        answer = await world.create_worklet()
        assert answer["error"]["message"] == (
            "sharedStorage.worklet.addModule is disabled because either sharedStorage is disabled or both"
            " sharedStorage.selectURL and privateAggregation are disabled"
        )
        assert world.browser.answers[await world.run()]["error"] == DISABLED
        selection = world.browser.answers[await world.select_url("op", "urn:uuid:1")]
        assert selection["error"]["message"] == "sharedStorage.selectURL is disabled"
        await world.settle()
        assert {event.verdict for event in await _events(world)} == {verdict}
        assert world.browser.worklets == []


async def test_that_another_site_is_not_enrolled_is_masked_as_success() -> None:
    async with worklet_world.world(Settings(enrolled_sites=frozenset({NEWS}))) as world:
        answer = await world.create_worklet(url=f"{ADTECH}/w.js", dataOrigin="script-origin")
        assert answer == {"selectURLAllowed": True, "privateAggregationAllowed": True}
        assert world.browser.answers[await world.run()] == {}
        assert world.browser.answers[await world.select_url("op", "urn:uuid:1")] == {}
        assert await world.call("resolveUrn", {"urn": "urn:uuid:1"}) == {"url": f"{NEWS}/0"}
        assert world.browser.worklets == []
        assert {event.verdict for event in await _events(world)} == {"not-enrolled"}


async def test_an_enrolled_site_may() -> None:
    async with worklet_world.world(Settings(enrolled_sites=frozenset({NEWS}))) as world:
        assert await world.call("update", _update({"op": "set", "key": "k", "value": "v"})) == {}
        await world.settle()
        assert await world.entries() == {"k": "v"}


async def test_the_permissions_policy_is_asked_for_a_worklets_data_origin(world: World) -> None:
    child = world.open(ADTECH, "C", "T")
    child.container = {"shared-storage": Allowlist(origins=frozenset({ADTECH}))}
    creation = {"worklet": 1, "url": SCRIPT, "credentials": "same-origin", "dataOrigin": "script-origin"}
    world.page.policy_header = ["shared-storage=(self)"]
    answer = await world.call("createWorklet", creation, world.page)
    assert "error" not in answer
    answer = await world.call("createWorklet", creation | {"url": f"{ADTECH}/w.js"}, world.page)
    assert answer["error"] == {
        "name": "InvalidAccessError",
        "message": 'The "shared-storage" Permissions Policy denied the method for the worklet origin.',
        "dom": True,
    }
    assert (await world.call("update", _update({"op": "clear"}), child))["error"] == DISABLED


async def test_calls_of_an_iframe_wait_until_it_is_known_what_it_may(world: World) -> None:
    child = world.open(ADTECH, "C", "T")
    child.container_known.clear()
    world.set("k", "v", document=child)
    await world.settle()
    assert await world.entries(ADTECH) == {}
    child.container_known.set()
    await world.settle()
    assert await world.entries(ADTECH) == {"k": "v"}


async def test_opaque_origins_share_no_storage(world: World) -> None:
    sandboxed = world.open(OPAQUE, "C", "T")
    world.set("k", "v", document=sandboxed)
    await world.settle()
    assert await world.entries(OPAQUE) == {}


# Responses.


async def test_a_response_has_written_when_it_goes_on(world: World) -> None:
    header = parse_write_header(b'set;key=a;value="1", append;key=a;value="2"', SharedStorageLimits())
    await world.shared_storage.header_written(world.page, ADTECH, header)
    assert await world.entries(ADTECH) == {"a": "12"}


async def test_a_response_that_names_a_lock_goes_on_before_it_has_written(world: World) -> None:
    lock = await world.locks.acquire(ADTECH, "l")
    header = parse_write_header(b'options;with_lock="l", set;key=a;value="1"', SharedStorageLimits())
    await world.shared_storage.header_written(world.page, ADTECH, header)
    assert await world.entries(ADTECH) == {}
    assert lock is not None
    world.locks.release(lock)
    await world.settle()
    assert await world.entries(ADTECH) == {"a": "1"}


async def test_a_response_of_a_site_that_is_not_enrolled_writes_nothing_silently() -> None:
    async with worklet_world.world(Settings(enrolled_sites=frozenset({NEWS}))) as world:
        header = parse_write_header(b"set;key=a;value=b", SharedStorageLimits())
        await world.shared_storage.header_written(world.page, ADTECH, header)
        assert await world.entries(ADTECH) == {}
        [event] = await _events(world)
        assert (event.kind, event.verdict) == ("shared-storage.batch-update", "not-enrolled")


# Time.


async def test_expired_entries_are_removed_two_minutes_after_the_start_and_each_two_hours(world: World) -> None:
    world.set("k", "v")
    await world.settle()
    world.clock.advance("29d 23h 59m")
    await world.shared_storage.clock_moved()
    assert await world.entries() == {"k": "v"}
    world.clock.advance("2m")
    await world.shared_storage.clock_moved()
    assert await world.entries() == {}, "reads do not see what has expired"
    kinds = [event.kind for event in await _events(world)]
    assert kinds == ["shared-storage.set"], "but it is there still"
    world.clock.advance("2h")
    await world.shared_storage.clock_moved()
    assert [event.kind for event in await _events(world)][1:] == ["expiry"]

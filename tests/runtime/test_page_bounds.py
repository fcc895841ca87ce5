"""What one page may pile up here, and what is told of the rest."""

from __future__ import annotations

from typing import Any

import pytest

from agent.browser.host_channel import Refusal
from agent.engines.shared_storage.write_header import WriteHeader
from agent.model.events import Event
from agent.model.settings import Settings
from agent.model.shared_storage import SetMethod, SharedStorageLimits, StorageEvent
from storage import events as event_store
from tests.runtime import worklet_world
from tests.runtime.worklet_world import ADTECH, NEWS, World

TOO_MUCH = "too-much-under-way"


def _settings(**limits: Any) -> Settings:
    return Settings(shared_storage_limits=SharedStorageLimits(**limits))


async def _events(world: World, verdict: str = TOO_MUCH) -> list[Event]:
    events = await world.database.transact("read", lambda c: event_store.read(c, after=0, limit=1000))
    return [event for event in events if event.verdict == verdict]


async def _told(world: World) -> list[str]:
    await world.settle()
    return [event.kind for event in await _events(world)]


# Calls.


async def test_calls_beyond_those_that_may_be_under_way_are_dropped_and_told() -> None:
    async with worklet_world.world(_settings(max_calls_per_page=2)) as world:
        await world.create_worklet()
        await world.run("one")
        await world.run("two")
        number = await world.run("three")
        assert set(world.worklet.calls) == {"one", "two"}
        assert world.browser.answers[number] == {}, "the page learns nothing of it"
        [event] = await _events(world)
        assert event.kind == StorageEvent.RUN
        assert event.trace.stopped_at is not None
        assert event.trace.stopped_at.rule == "calls under way"
        assert "2 calls under way, and 1 more exceed 2" in event.trace.stopped_at.detail
        assert "shared_storage_limits.max_calls_per_page" in event.trace.stopped_at.fix


async def test_an_operation_that_has_ended_makes_room() -> None:
    async with worklet_world.world(_settings(max_calls_per_page=1)) as world:
        await world.create_worklet()
        for name in ("one", "two", "three"):
            await world.run(name)
            world.worklet.end(name)
            await world.settle()
        assert set(world.worklet.calls) == {"one", "two", "three"}
        assert await _told(world) == []


async def test_a_worklet_whose_last_call_was_dropped_goes_all_the_same() -> None:
    async with worklet_world.world(_settings(max_calls_per_page=1)) as world:
        await world.create_worklet()
        await world.run("one")
        await world.run("last", keep_alive=False)
        assert not world.worklet.closed, "an operation is under way in it"
        world.worklet.end("one")
        await world.settle()
        assert world.worklet.closed


async def test_the_first_dropped_call_is_told_and_the_others_are_counted_until_there_is_room() -> None:
    async with worklet_world.world(_settings(max_calls_per_page=1)) as world:
        await world.create_worklet()
        await world.run("one")
        for _ in range(5):
            await world.run("dropped")
        assert await _told(world) == [StorageEvent.RUN]
        world.worklet.end("one")
        await world.settle()
        await world.run("two")
        told = await _events(world)
        assert [event.data.get("count") for event in told] == [None, 4]
        assert "4 more calls came before there was room" in told[1].summary


async def test_what_was_dropped_is_told_at_the_latest_when_the_document_ends() -> None:
    async with worklet_world.world(_settings(max_calls_per_page=1)) as world:
        await world.create_worklet()
        await world.run("one")
        await world.run("dropped")
        await world.run("dropped")
        world.open()
        await world.settle()
        assert [event.data.get("count") for event in await _events(world)] == [None, 1]


async def test_urns_and_worklets_that_wait_count_too() -> None:
    async with worklet_world.world(_settings(max_calls_per_page=2)) as world:
        await world.create_worklet()
        await world.select_url("op", "urn:uuid:1")
        world.tell("resolveUrn", {"urn": "urn:uuid:1"})
        await world.settle()
        assert await world.call("resolveUrn", {"urn": "urn:uuid:1"}) == {}
        answer = await world.create_worklet(2)
        assert answer["error"] == {
            "name": "OperationError",
            "message": "The page has too many shared storage calls under way.",
            "dom": True,
        }
        assert len(world.browser.worklets) == 1
        assert await _told(world) == [StorageEvent.SELECT_URL]


async def test_other_pages_have_room_of_their_own_and_the_frames_of_a_page_share_it() -> None:
    async with worklet_world.world(_settings(max_calls_per_page=1)) as world:
        await world.create_worklet()
        await world.run("one")
        frame, other = world.open(ADTECH, "C", "T"), world.open(ADTECH, "T2")
        creation = {"worklet": 1, "url": f"{ADTECH}/w.js", "credentials": "omit", "dataOrigin": "context-origin"}
        assert "error" in await world.call("createWorklet", creation, frame)
        assert "error" not in await world.call("createWorklet", creation, other)


async def test_what_a_page_refused_itself_is_counted_while_its_event_is_on_its_way() -> None:
    async with worklet_world.world(_settings(max_calls_per_page=2)) as world:
        for _ in range(5):
            world.tell("set", {}, refused=Refusal("DataError", "no"))
        await world.settle()
        assert len(await _events(world, "DataError")) == 3, "the first that has no room is told as well"
        world.tell("run", world.operation("op"))
        await world.settle()
        assert [event.data.get("count") for event in await _events(world)] == [2]


# Bytes.


async def test_the_data_of_operations_under_way_is_bounded() -> None:
    async with worklet_world.world(_settings(max_bytes_per_page=100_000)) as world:
        await world.create_worklet()
        await world.run("one", data="x" * 40_000)
        await world.run("two", data="x" * 40_000)
        assert set(world.worklet.calls) == {"one"}
        world.worklet.end("one")
        await world.settle()
        await world.run("three", data="x" * 40_000)
        assert set(world.worklet.calls) == {"one", "three"}
        [event] = await _events(world)
        assert event.trace.stopped_at is not None
        assert event.trace.stopped_at.rule == "bytes under way"


async def test_the_urls_that_were_selected_are_kept_and_count_while_the_page_lives() -> None:
    async with worklet_world.world(_settings(max_bytes_per_page=100_000)) as world:
        await world.create_worklet()
        entry = {"url": f"{NEWS}/{'x' * 30_000}", "reportingMetadata": {}}
        options = {"urls": [entry], "savedQuery": "", "resolveToConfig": False}
        await world.call("selectURL", {**world.operation("op0"), **options, "urn": "urn:uuid:0"})
        await world.settle()
        world.worklet.end("op0")
        await world.settle()
        await world.call("selectURL", {**world.operation("op1"), **options, "urn": "urn:uuid:1"})
        await world.settle()
        assert set(world.worklet.calls) == {"op0"}
        assert await _told(world) == [StorageEvent.SELECT_URL]


async def test_the_names_of_saved_queries_are_kept_and_count_too() -> None:
    async with worklet_world.world(_settings(max_bytes_per_page=100_000)) as world:
        await world.create_worklet()
        await world.select_url("one", "urn:uuid:1", savedQuery="x" * 40_000)
        world.worklet.end("one")
        await world.settle()
        await world.select_url("two", "urn:uuid:2", savedQuery="y" * 40_000)
        assert set(world.worklet.calls) == {"one"}
        assert await _told(world) == [StorageEvent.SELECT_URL]


# Writes.


async def test_writes_that_wait_for_a_lock_are_bounded_in_number() -> None:
    async with worklet_world.world(_settings(max_writes_per_page=3)) as world:
        lock = await world.locks.acquire(NEWS, "l")
        for number in range(5):
            world.set(str(number), "v", lock="l")
        assert await _told(world) == [StorageEvent.SET]
        assert lock is not None
        world.locks.release(lock)
        await world.settle()
        await world.settle()
        assert await world.entries() == {"0": "v", "1": "v", "2": "v"}
        world.set("again", "v", lock="l")
        await world.settle()
        assert "again" in await world.entries()
        assert [event.data.get("count") for event in await _events(world)] == [None, 1]


async def test_writes_that_wait_for_a_lock_are_bounded_in_bytes() -> None:
    async with worklet_world.world(_settings(max_bytes_per_page=100_000)) as world:
        await world.locks.acquire(NEWS, "l")
        methods = [{"op": "append", "key": "k", "value": "x" * 40_000}]
        for _ in range(2):
            await world.call("update", {"methods": methods, "lock": "l", "batch": True})
        assert await _told(world) == [StorageEvent.BATCH_UPDATE]
        world.set("small", "v")
        await world.settle()
        assert await world.entries() == {"small": "v"}, "what is small has room"


async def test_writes_of_responses_that_wait_for_a_lock_are_bounded_with_those_of_their_page() -> None:
    async with worklet_world.world(_settings(max_writes_per_page=1)) as world:
        await world.locks.acquire(ADTECH, "l")
        header = WriteHeader((SetMethod("k", "v"),), "l")
        await world.shared_storage.header_written(world.page, ADTECH, header)
        assert await _told(world) == []
        await world.shared_storage.header_written(world.page, ADTECH, header)
        assert await _told(world) == [StorageEvent.BATCH_UPDATE]


@pytest.mark.parametrize("lock", [None, "l"])
async def test_many_writes_that_nothing_holds_up_all_take_effect(lock: str | None) -> None:
    async with worklet_world.world() as world:
        for number in range(2000):
            world.set(str(number), "v", lock=lock)
        while len(await world.entries()) < 2000:
            await world.settle()
        assert await _told(world) == []

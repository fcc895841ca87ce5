"""What one page may pile up here, and what is told of the rest."""

from __future__ import annotations

from typing import Any

import pytest

from agent.browser.host_channel import Refusal
from agent.engines.shared_storage.write_header import WriteHeader
from agent.model.events import Event
from agent.model.settings import Settings
from agent.model.shared_storage import SetMethod, StorageEvent
from agent.model.shared_storage_limits import SharedStorageLimits
from storage import events as event_store
from tests.runtime import worklet_world
from tests.runtime.worklet_world import ADTECH, DETERMINISTIC, NEWS, World

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


async def test_operations_beyond_those_that_may_be_under_way_are_not_called_and_told() -> None:
    async with worklet_world.world(_settings(max_calls_per_page=2)) as world:
        await world.create_worklet()
        await world.run("one")
        await world.run("two")
        number = await world.run("three", config=DETERMINISTIC)
        assert set(world.worklet.calls) == {"one", "two"}
        assert world.browser.answers[number] == {}, "the page learns nothing of it"
        [event] = await _events(world, "failed")
        assert (event.kind, event.data["name"]) == (StorageEvent.RUN, "three")
        assert event.trace.stopped_at is not None
        assert "2 calls under way, and 1 more exceed 2" in event.trace.stopped_at.detail
        assert "shared_storage_limits.max_calls_per_page" in event.trace.stopped_at.detail
        assert [level for level, _ in world.browser.console] == ["error"]
        assert [batch.config.context_id for batch, _ in world.batches] == ["one"], "a report that is due comes"


async def test_a_page_full_of_operations_sees_what_an_empty_one_sees() -> None:
    async with worklet_world.world(_settings(max_calls_per_page=1)) as world:
        await world.create_worklet()
        await world.run("for ever")
        number = await world.select_url("op", "urn:uuid:1", savedQuery="q")
        assert world.browser.answers[number] == {}
        assert await world.call("resolveUrn", {"urn": "urn:uuid:1"}) == {"url": f"{NEWS}/0"}
        event = await world.database.transact("read", lambda c: event_store.last(c, StorageEvent.SELECT_URL))
        assert event is not None
        assert "1 calls under way" in event.trace.checks[0].detail
        assert "error" not in await world.create_worklet(2)
        world.browser.worklets[0].end("for ever")
        await world.settle()
        await world.run("again")
        assert "again" in world.browser.worklets[0].calls


async def test_an_operation_that_has_ended_makes_room() -> None:
    async with worklet_world.world(_settings(max_calls_per_page=1)) as world:
        await world.create_worklet()
        for name in ("one", "two", "three"):
            await world.run(name)
            world.worklet.end(name)
            await world.settle()
        assert set(world.worklet.calls) == {"one", "two", "three"}
        assert await _told(world) == []


async def test_a_worklet_whose_last_call_found_no_room_goes_all_the_same() -> None:
    async with worklet_world.world(_settings(max_calls_per_page=1)) as world:
        await world.create_worklet()
        await world.run("one")
        await world.run("last", keep_alive=False)
        assert not world.worklet.closed, "an operation is under way in it"
        world.worklet.end("one")
        await world.settle()
        assert world.worklet.closed


async def test_a_burst_of_calls_is_dropped_beyond_its_bound_the_first_told_and_the_others_counted() -> None:
    async with worklet_world.world(_settings(max_calls_per_page=3)) as world:
        await world.create_worklet()
        for number in range(7):
            world.tell("run", world.operation(f"op{number}"))
        assert await _told(world) == [StorageEvent.RUN]
        assert set(world.worklet.calls) == {"op0", "op1", "op2"}
        for number in range(3):
            world.worklet.end(f"op{number}")
        await world.settle()
        await world.run("again")
        told = await _events(world)
        assert [event.data.get("count") for event in told] == [None, 3]
        assert "3 more calls came before there was room" in told[1].summary


async def test_a_worklet_whose_last_call_was_dropped_in_a_burst_goes_all_the_same() -> None:
    async with worklet_world.world(_settings(max_calls_per_page=1)) as world:
        await world.create_worklet()
        world.tell("run", world.operation("one"))
        world.tell("run", world.operation("last", keep_alive=False))
        await world.settle()
        world.worklet.end("one")
        await world.settle()
        assert world.worklet.closed


async def test_what_was_dropped_is_told_at_the_latest_when_the_document_ends() -> None:
    async with worklet_world.world(_settings(max_calls_per_page=1)) as world:
        await world.create_worklet()
        for name in ("one", "dropped", "dropped"):
            world.tell("run", world.operation(name))
        world.open()
        await world.settle()
        assert [event.data.get("count") for event in await _events(world)] == [None, 1]


async def test_calls_that_wait_for_their_answer_are_bounded() -> None:
    async with worklet_world.world(_settings(max_calls_per_page=2)) as world:
        await world.create_worklet()
        await world.select_url("op", "urn:uuid:1")
        for _ in range(2):
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
        world.browser.loading.clear()
        frame, other = world.open(ADTECH, "C", "T"), world.open(ADTECH, "T2")
        creation = {"worklet": 1, "url": f"{ADTECH}/w.js", "credentials": "omit", "dataOrigin": "context-origin"}
        world.tell("createWorklet", creation)
        assert "error" in await world.call("createWorklet", creation, frame)
        world.browser.loading.set()
        assert "error" not in await world.call("createWorklet", creation, other)


async def test_what_a_page_refused_itself_is_counted_while_its_event_is_on_its_way() -> None:
    async with worklet_world.world(_settings(max_calls_per_page=2)) as world:
        for _ in range(5):
            world.tell("set", {}, refused=Refusal("DataError", "no"))
        await world.settle()
        assert len(await _events(world, "DataError")) == 3, "the first that has no room is told as well"
        world.tell("run", world.operation("op"))
        await world.settle()
        assert [event.data.get("count") for event in await _events(world)] == [2], "when there is room, they are told"


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
        [event] = await _events(world, "failed")
        assert event.trace.stopped_at is not None
        assert "bytes under way" in event.trace.stopped_at.detail


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
        [event] = await _events(world, "too-many-urns")
        assert event.kind == StorageEvent.SELECT_URL


async def test_the_names_of_saved_queries_are_kept_and_count_too() -> None:
    async with worklet_world.world(_settings(max_bytes_per_page=100_000)) as world:
        await world.create_worklet()
        await world.select_url("one", "urn:uuid:1", savedQuery="x" * 40_000)
        world.worklet.end("one")
        await world.settle()
        await world.select_url("two", "urn:uuid:2", savedQuery="y" * 40_000)
        assert set(world.worklet.calls) == {"one"}
        [event] = await _events(world, "too-many-urns")
        assert event.kind == StorageEvent.SELECT_URL


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

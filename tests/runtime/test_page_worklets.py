"""The worklets of a page: how many, how long they are kept, and calls at the end of a document (section 7)."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import pytest

from agent.model.private_aggregation import Batch
from agent.model.settings import Settings
from agent.model.shared_storage import StorageEvent
from agent.model.shared_storage_limits import SharedStorageLimits
from agent.model.worklets import OperationResult, ScriptFailure
from agent.runtime import selected_urls
from storage import events as event_store
from tests.runtime import worklet_world
from tests.runtime.worklet_world import ADTECH, NEWS, SCRIPT, World

TWO = Settings(shared_storage_limits=SharedStorageLimits(max_worklets_per_page=2))
TOO_MANY = {"name": "OperationError", "message": "The page has too many shared storage worklets.", "dom": True}


@pytest.fixture
async def world() -> AsyncIterator[World]:
    """A world whose page may have two worklets."""
    async with worklet_world.world(TWO) as made:
        yield made


async def _verdicts(world: World, kind: str) -> list[str]:
    events = await world.database.transact("read", lambda c: event_store.read(c, after=0, limit=100, kind=kind))
    return [event.verdict for event in events]


# Calls at the end of a document.


async def test_an_operation_called_in_the_last_moment_of_its_document_has_its_two_seconds(world: World) -> None:
    await world.create_worklet()
    world.tell("run", world.operation("op"))
    world.open()
    await world.settle()
    assert "op" in world.worklet.calls
    assert not world.worklet.closed
    world.worklet.end("op")
    await world.settle()
    assert await _verdicts(world, StorageEvent.RUN) == ["finished"]
    assert world.worklet.closed


async def test_a_url_selected_in_the_last_moment_of_a_frame_is_shown_in_another(world: World) -> None:
    child = world.open(NEWS, "C", "T")
    creation = {"worklet": 1, "url": SCRIPT, "credentials": "same-origin", "dataOrigin": "context-origin"}
    await world.call("createWorklet", creation, child)
    urls = [{"url": f"{NEWS}/{index}", "reportingMetadata": {}} for index in range(2)]
    selection = {"urls": urls, "urn": "urn:uuid:1", "savedQuery": "", "resolveToConfig": False}
    world.tell("selectURL", {**world.operation("op"), **selection}, child)
    world.browser.frames.remove("C")
    await world.settle()
    world.worklet.end("op", OperationResult(index=1))
    assert await world.call("resolveUrn", {"urn": "urn:uuid:1"}) == {"url": f"{NEWS}/1"}


@pytest.mark.parametrize(("method", "kind"), [("run", StorageEvent.RUN), ("selectURL", StorageEvent.SELECT_URL)])
async def test_a_call_after_the_end_of_its_document_comes_to_nothing_and_is_told(
    world: World, method: str, kind: StorageEvent
) -> None:
    await world.create_worklet()
    gone = world.page
    world.open()
    urls = [{"url": f"{NEWS}/", "reportingMetadata": {}}]
    assert await world.call(method, {**world.operation("op"), "urls": urls, "urn": "urn:uuid:1"}, gone) == {}
    assert await world.call("createWorklet", {"worklet": 2, "url": SCRIPT, "dataOrigin": "context-origin"}, gone) == {}
    await world.settle()
    assert await _verdicts(world, kind) == ["document-ended"]
    assert await _verdicts(world, StorageEvent.ADD_MODULE) == ["loaded", "document-ended"]
    assert len(world.browser.worklets) == 1


# Where what follows an operation fails.


async def test_a_selected_url_is_shown_though_the_report_could_not_be_stored(monkeypatch: pytest.MonkeyPatch) -> None:
    async def full(_self: World, _batch: Batch, *, now: int) -> None:
        raise OSError(f"disk full at {now}")

    monkeypatch.setattr(World, "_complete", full)
    async with worklet_world.world() as world:
        await world.create_worklet()
        await world.select_url("op", "urn:uuid:1", savedQuery="q")
        world.worklet.end("op", OperationResult(index=5))
        assert await world.call("resolveUrn", {"urn": "urn:uuid:1"}) == {"url": f"{NEWS}/5"}
        await world.select_url("op", "urn:uuid:2", savedQuery="q")
        assert await world.call("resolveUrn", {"urn": "urn:uuid:2"}) == {"url": f"{NEWS}/5"}


async def test_url_0_is_shown_where_the_choice_cannot_be_paid_for(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def full(*_: object, **__: object) -> None:
        raise OSError("disk full")

    await world.create_worklet()
    monkeypatch.setattr(world.storage, "select_url", full)
    await world.select_url("op", "urn:uuid:1")
    world.worklet.end("op", OperationResult(index=5))
    assert await world.call("resolveUrn", {"urn": "urn:uuid:1"}) == {"url": f"{NEWS}/0"}


# How many.


async def test_a_page_has_so_many_worklets_and_one_more_is_refused_and_told(world: World) -> None:
    frame = world.open(ADTECH, "C", "T")
    creation = {"worklet": 1, "url": f"{ADTECH}/w.js", "credentials": "omit", "dataOrigin": "context-origin"}
    assert "error" not in await world.call("createWorklet", creation, frame)
    assert "error" not in await world.create_worklet(1)
    assert (await world.create_worklet(2))["error"] == TOO_MANY
    assert len(world.browser.worklets) == 2
    await world.settle()
    assert await _verdicts(world, StorageEvent.ADD_MODULE) == ["loaded", "loaded", "too-many-worklets"]
    other = world.open(ADTECH, "T2")
    assert "error" not in await world.call("createWorklet", creation, other), "another page has its own"


async def test_a_frame_that_is_gone_leaves_room_for_others(world: World) -> None:
    frame = world.open(ADTECH, "C", "T")
    creation = {"url": f"{ADTECH}/w.js", "credentials": "omit", "dataOrigin": "context-origin"}
    for number in (1, 2):
        await world.call("createWorklet", {**creation, "worklet": number}, frame)
    assert (await world.create_worklet())["error"] == TOO_MANY
    world.browser.frames.remove("C")
    assert "error" not in await world.create_worklet()


async def test_how_long_operations_take_decides_nothing_that_a_page_can_see(world: World) -> None:
    for number in (1, 2):
        await world.create_worklet(number)
    await world.run("last", worklet=1, keep_alive=False)
    assert "error" not in await world.create_worklet(3), "the page cannot call worklet 1 any more; it runs still"
    assert (await world.create_worklet(4))["error"] == TOO_MANY
    world.browser.worklets[1].services.ended("it held too much memory")
    assert (await world.create_worklet(4))["error"] == TOO_MANY, "that one was ended is not for the page to learn"


async def test_of_worklets_at_their_last_operations_the_oldest_are_ended_where_there_are_too_many(
    world: World,
) -> None:
    for number in range(1, 6):
        assert "error" not in await world.create_worklet(number)
        await world.run(f"op{number}", worklet=number, keep_alive=False)
    await world.settle()
    assert [one.closed for one in world.browser.worklets] == [True, True, False, False, False]
    assert len(world.batches) == 2, "what they had contributed is reported"
    assert (await _verdicts(world, StorageEvent.ADD_MODULE)).count("ended") == 2
    assert await _verdicts(world, StorageEvent.RUN) == ["died", "died"]


async def test_worklets_that_could_not_be_made_take_no_room(world: World) -> None:
    world.browser.module = ScriptFailure("Error: boom")
    for number in range(1, 6):
        assert (await world.create_worklet(number, own=False))["error"]["message"] == "Error: boom"
    world.browser.module = None
    assert "error" not in await world.create_worklet(6, own=False)


async def test_what_is_over_is_forgotten_while_the_document_lives(world: World) -> None:
    for number in range(1, 51):
        await world.create_worklet(number)
        await world.run(f"op{number}", worklet=number, keep_alive=False)
        world.worklet.end(f"op{number}")
        await world.settle()
    lives = world.shared_storage._worklets.lives()
    assert len(lives) <= 2
    assert all(one.closed for one in world.browser.worklets)


async def test_worklets_that_load_for_ever_are_counted(world: World) -> None:
    world.browser.loading.clear()
    options = {"url": SCRIPT, "credentials": "omit", "dataOrigin": "context-origin"}
    for number in (1, 2):
        world.tell("createWorklet", {**options, "worklet": number})
    assert (await world.create_worklet(3))["error"] == TOO_MANY
    await asyncio.sleep(0)
    assert len(world.browser.worklets) == 2


async def test_a_urn_is_given_to_so_many_frames_that_do_not_navigate_and_no_more(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(selected_urls, "_MOST_TO_COME", 2)
    await world.create_worklet()
    await world.select_url("op", "urn:uuid:1")
    world.worklet.end("op", OperationResult(index=1))
    for _ in range(2):
        assert await world.call("resolveUrn", {"urn": "urn:uuid:1"}) == {"url": f"{NEWS}/1"}
    assert await world.call("resolveUrn", {"urn": "urn:uuid:1"}) == {}
    await world.settle()
    assert await _verdicts(world, StorageEvent.NAVIGATION) == ["too-many-frames"]
    frames = world.browser.frames
    selected = world.shared_storage.selected_urls
    selected.navigation_asked(frames.add("ad", "context", "session", "T"), f"{NEWS}/1")
    assert await world.call("resolveUrn", {"urn": "urn:uuid:1"}) == {"url": f"{NEWS}/1"}

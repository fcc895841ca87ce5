"""The life of a worklet: its module, its operations, what they contribute, and when it goes (section 7)."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import pytest

from agent.model.attribution_reporting.reports import Contribution
from agent.model.clock import Clock
from agent.model.private_aggregation import ConditionalContribution, DebugDetails, ErrorEvent
from agent.model.private_aggregation_limits import PrivateAggregationLimits
from agent.model.settings import Settings
from agent.model.shared_storage import StorageEvent
from agent.model.worklets import OperationResult, ScriptFailure, StorageFailure
from agent.runtime import shared_storage
from storage import events as event_store
from tests.runtime import worklet_world
from tests.runtime.worklet_world import ADTECH, CONFIG, DETERMINISTIC, NEWS, SCRIPT, World

ONE, TWO = Contribution(1, 10), Contribution(2, 20)


@pytest.fixture(autouse=True)
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Operations that never end are not waited for long."""
    monkeypatch.setattr(shared_storage, "_PATIENCE", 0.2)


@pytest.fixture
async def world() -> AsyncIterator[World]:
    """A world whose page has made worklet 1."""
    async with worklet_world.world() as made:
        assert await made.create_worklet() == {"selectURLAllowed": True, "privateAggregationAllowed": True}
        yield made


async def _verdicts(world: World, kind: str) -> list[str]:
    events = await world.database.transact("read", lambda c: event_store.read(c, after=0, limit=100, kind=kind))
    return [event.verdict for event in events]


# Creation.


async def test_a_module_script_that_throws_fails_the_call_with_its_stack() -> None:
    async with worklet_world.world() as world:
        world.browser.module = ScriptFailure("Error: boom\n    at x.js:1:7")
        answer = await world.create_worklet()
        assert answer["error"] == {"name": "OperationError", "message": "Error: boom\n    at x.js:1:7", "dom": True}
        assert world.worklet.closed
        assert await _verdicts(world, StorageEvent.ADD_MODULE) == ["failed"]


async def test_a_script_that_cannot_be_loaded_fails_the_call() -> None:
    async with worklet_world.world() as world:
        message = f"Failed to load {SCRIPT} HTTP status = 404 Not Found."
        world.browser.script = StorageFailure("OperationError", message)
        assert (await world.create_worklet())["error"]["message"] == message
        await world.settle()
        assert world.worklet.closed


async def test_where_the_browser_has_no_room_for_a_worklet_the_call_fails() -> None:
    async with worklet_world.world() as world:
        world.browser.room = False
        assert (await world.create_worklet())["error"]["message"] == "no room"
        assert await _verdicts(world, StorageEvent.ADD_MODULE) == ["failed"]


async def test_run_after_a_failed_module_resolves_and_runs_nothing() -> None:
    async with worklet_world.world() as world:
        world.browser.module = ScriptFailure("Error: boom")
        await world.create_worklet()
        number = await world.run()
        assert world.browser.answers[number] == {}
        assert world.browser.console == [("error", "The module script hasn't been loaded.")]
        assert world.worklet.calls == {}
        assert await _verdicts(world, StorageEvent.RUN) == ["failed"]


async def test_run_while_the_module_is_loading_resolves_and_runs_nothing() -> None:
    async with worklet_world.world() as world:
        world.browser.loading.clear()
        creating = asyncio.ensure_future(world.create_worklet())  # noqa: TID251 - awaited below
        await world.settle()
        number = await world.run(keep_alive=True)
        assert world.browser.answers[number] == {}
        world.browser.loading.set()
        assert "error" not in await creating, "that does not fail the module"
        assert world.worklet.calls == {}
        await world.run("later")
        assert "later" in world.worklet.calls


async def test_a_document_that_ends_while_its_module_is_loading_leaves_no_worklet() -> None:
    async with worklet_world.world() as world:
        world.browser.loading.clear()
        creating = asyncio.ensure_future(world.create_worklet())  # noqa: TID251 - awaited below
        await world.settle()
        world.open()
        assert await creating == {}
        world.browser.loading.set()
        await world.settle()
        assert world.worklet.closed


# Operations.


async def test_what_an_operation_contributes_is_one_batch_at_its_end(world: World) -> None:
    await world.run()
    services, operation = world.worklet.services, world.worklet.calls["op"]
    services.contributed(operation.id, ONE)
    services.contributed(operation.id, TWO)
    services.debug_mode_enabled(operation.id, 7)
    assert world.batches == []
    world.clock.advance(100)
    world.worklet.end("op", OperationResult(failure=ScriptFailure("Error: x"), uncaught_error=True))
    await world.settle()
    [(batch, _)] = world.batches
    assert (batch.reporting_origin, batch.top_level_origin) == (NEWS, NEWS)
    assert batch.contributions == (ONE, TWO), "contributions before a throw are kept"
    assert batch.debug == DebugDetails(enabled=True, key=7)
    assert (batch.uncaught_error, batch.timed_out) == (True, False)
    assert world.browser.console == [("error", "Error: x")]


async def test_operations_that_interleave_keep_their_contributions_apart(world: World) -> None:
    await world.run("one")
    await world.run("two")
    worklet, conditional = world.worklet, ConditionalContribution(ErrorEvent.UNCAUGHT_ERROR, ONE)
    worklet.services.contributed(worklet.calls["two"].id, TWO)
    worklet.services.contributed(worklet.calls["one"].id, ONE)
    worklet.services.contributed_on_event(worklet.calls["two"].id, conditional)
    worklet.end("two")
    worklet.end("one")
    await world.settle()
    assert [batch.contributions for batch, _ in world.batches] == [(TWO,), (ONE,)]
    assert [batch.conditional for batch, _ in world.batches] == [(conditional,), ()]


async def test_a_contributing_loop_is_bounded_in_memory_and_keeps_its_sum(world: World) -> None:
    await world.run()
    operation = world.worklet.calls["op"]
    for bucket in range(30_000):
        world.worklet.services.contributed(operation.id, Contribution(bucket % 1500, 1))
    world.worklet.end("op")
    await world.settle()
    [(batch, _)] = world.batches
    assert len(batch.contributions) <= 10_001
    first = sum(one.value for one in batch.contributions if one.bucket == 0)
    assert first == 20, "the bucket was contributed to twenty times"
    assert len({one.bucket for one in batch.contributions}) > 1000, "there were more than a report can have"


async def test_contributions_under_the_number_of_an_operation_that_has_ended_come_to_nothing(world: World) -> None:
    await world.run()
    operation = world.worklet.calls["op"]
    world.worklet.end("op")
    await world.settle()
    world.worklet.services.contributed(operation.id, ONE)
    world.worklet.services.debug_mode_enabled(operation.id, None)
    world.worklet.services.contributed_on_event(operation.id, ConditionalContribution(ErrorEvent.REPORT_SUCCESS, ONE))
    assert [batch.contributions for batch, _ in world.batches] == [()]


@pytest.mark.parametrize("crashes", [False, True])
async def test_a_late_contribution_is_ignored_or_crashes_its_page_as_the_settings_say(crashes: bool) -> None:
    limits = PrivateAggregationLimits(late_contribution_crashes=crashes)
    async with worklet_world.world(Settings(private_aggregation_limits=limits)) as world:
        await world.create_worklet()
        world.worklet.services.late_contribution()
        world.worklet.services.late_contribution()
        await world.settle()
        assert world.browser.crashed == ([world.page] if crashes else [])
        assert await _verdicts(world, StorageEvent.RUN) == ["crashed" if crashes else "late-contribution"]


# Five seconds, where a report is sent in any case (private-aggregation section 3).


async def test_a_deterministic_operation_that_never_ends_reports_after_five_seconds(world: World) -> None:
    began = world.clock.now()
    await world.run(config=DETERMINISTIC)
    operation = world.worklet.calls["op"]
    world.worklet.services.contributed(operation.id, ONE)
    world.clock.advance(4999)
    await world.shared_storage.clock_moved()
    assert world.batches == []
    world.clock.advance(1)
    await world.shared_storage.clock_moved()
    [(batch, now)] = world.batches
    assert (batch.started, now, batch.timed_out) == (began, began + 5000, True)
    world.worklet.services.contributed(operation.id, TWO)
    world.worklet.end("op")
    await world.settle()
    assert len(world.batches) == 1, "what comes after the time limit is ignored"
    assert batch.contributions == (ONE,)
    event = await world.database.transact("read", lambda c: event_store.last(c, StorageEvent.RUN))
    assert event is not None
    assert event.trace.stopped_at is not None
    assert event.trace.stopped_at.detail.startswith("1 contribution came after"), "and that is told"


async def test_the_end_of_an_operation_names_the_event_of_what_it_contributed(world: World) -> None:
    for config in (CONFIG, DETERMINISTIC):
        await world.run(config=config)
        world.worklet.services.contributed(world.worklet.calls["op"].id, ONE)
        world.clock.advance(5000)
        await world.shared_storage.clock_moved()
        world.worklet.end("op")
        await world.settle()
    ends = await world.database.transact("read", lambda c: event_store.read(c, kind=StorageEvent.RUN))
    assert [event.data["batch"] for event in ends] == [1, 2], "whether it was complete then, or at its time limit"


async def test_a_time_limit_that_the_clock_was_moved_past_counts_at_its_own_instant(world: World) -> None:
    began = world.clock.now()
    await world.run(config=DETERMINISTIC)
    world.worklet.services.contributed(world.worklet.calls["op"].id, ONE)
    world.clock.advance("1h")
    await world.shared_storage.clock_moved()
    assert [(batch.timed_out, now) for batch, now in world.batches] == [(True, began + 5000)]


async def test_an_operation_without_reason_for_a_report_has_no_time_limit(world: World) -> None:
    await world.run()
    world.clock.advance("1h")
    await world.shared_storage.clock_moved()
    assert world.batches == []


async def test_an_operation_that_ends_in_time_is_complete_then(world: World) -> None:
    began = world.clock.now()
    await world.run(config=DETERMINISTIC)
    world.worklet.end("op")
    await world.settle()
    world.clock.advance(5000)
    await world.shared_storage.clock_moved()
    assert [(batch.timed_out, now) for batch, now in world.batches] == [(False, began)]


async def test_what_was_begun_before_the_clock_is_moved_ends_before(world: World) -> None:
    began = world.clock.now()
    await world.run(config=DETERMINISTIC)
    world.clock.advance("10m")
    moved = asyncio.ensure_future(world.shared_storage.clock_moved())  # noqa: TID251 - awaited below
    await world.settle()
    world.worklet.end("op")
    await moved
    assert [(batch.timed_out, now) for batch, now in world.batches] == [(False, began)]


async def test_on_a_clock_that_runs_the_time_limit_comes_by_itself() -> None:
    limits = PrivateAggregationLimits(deterministic_timeout=50)
    async with worklet_world.world(Settings(private_aggregation_limits=limits), Clock()) as world:
        await world.create_worklet()
        await world.run(config=DETERMINISTIC)
        await asyncio.sleep(0.1)
        await world.settle()
        assert [batch.timed_out for batch, _ in world.batches] == [True]


# The end of a worklet.


async def test_a_worklet_goes_when_its_operations_ended_after_a_call_without_keep_alive(world: World) -> None:
    await world.run("kept")
    await world.run("last", keep_alive=False)
    world.worklet.end("last")
    await world.settle()
    assert not world.worklet.closed, "one is under way still"
    world.worklet.end("kept")
    await world.settle()
    assert world.worklet.closed


async def test_a_worklet_stays_while_calls_have_keep_alive(world: World) -> None:
    await world.run()
    world.worklet.end("op")
    await world.settle()
    assert not world.worklet.closed


async def test_a_worklet_with_nothing_under_way_goes_with_its_document(world: World) -> None:
    world.open()
    await world.settle()
    assert world.worklet.closed


async def test_an_operation_outlives_its_document_by_two_seconds_and_what_it_contributed_is_sent(world: World) -> None:
    await world.run()
    world.worklet.services.contributed(world.worklet.calls["op"].id, ONE)
    world.open()
    await world.settle()
    assert not world.worklet.closed
    world.clock.advance(2000)
    await world.shared_storage.clock_moved()
    await world.settle()
    assert world.worklet.closed
    assert [batch.contributions for batch, _ in world.batches] == [(ONE,)]
    assert await _verdicts(world, StorageEvent.RUN) == ["died"]


async def test_an_operation_that_ends_within_two_seconds_of_its_document_takes_its_worklet_along(world: World) -> None:
    await world.run()
    world.open()
    world.worklet.end("op")
    await world.settle()
    assert world.worklet.closed
    assert await _verdicts(world, StorageEvent.RUN) == ["finished"]


async def test_a_worklet_that_is_ended_from_outside_is_told_and_runs_nothing_more(world: World) -> None:
    await world.run()
    world.worklet.services.ended("it held too much memory")
    await world.settle()
    assert world.browser.console == [("error", "The shared storage worklet was ended. it held too much memory")]
    assert await _verdicts(world, StorageEvent.ADD_MODULE) == ["loaded", "ended"]
    await world.run("again")
    assert "again" not in world.worklet.calls


async def test_a_worklet_of_one_frame_does_not_go_with_another(world: World) -> None:
    child = world.open(ADTECH, "C", "T")
    await world.call("createWorklet", {**_creation(), "worklet": 1}, child)
    of_child = world.worklet
    world.open(ADTECH, "C", "T")
    await world.settle()
    assert of_child.closed
    assert not world.browser.worklets[0].closed


async def test_a_closing_agent_reports_what_was_contributed_so_far(world: World) -> None:
    await world.run()
    world.worklet.services.contributed(world.worklet.calls["op"].id, ONE)
    await world.shared_storage.close()
    assert [batch.contributions for batch, _ in world.batches] == [(ONE,)]


# Locks of its code.


async def test_a_worklet_that_is_gone_holds_no_lock(world: World) -> None:
    assert await world.worklet.services.request_lock("l", mode="exclusive", if_available=False, steal=False) == 1
    assert await world.locks.acquire(NEWS, "l", if_available=True) is None
    world.open()
    assert await world.locks.acquire(NEWS, "l", if_available=True) is not None


async def test_a_worklet_that_goes_while_it_waits_for_a_lock_does_not_keep_it(world: World) -> None:
    lock = await world.locks.acquire(NEWS, "l")
    request = world.worklet.services.request_lock("l", mode="exclusive", if_available=False, steal=False)
    waiting = asyncio.ensure_future(request)  # noqa: TID251 - awaited below
    await world.settle()
    world.open()
    assert lock is not None
    world.locks.release(lock)
    await waiting
    assert await world.locks.acquire(NEWS, "l", if_available=True) is not None


async def test_a_lock_of_a_worklet_that_is_stolen_is_told_to_it(world: World) -> None:
    services = world.worklet.services
    first = await services.request_lock("l", mode="exclusive", if_available=False, steal=False)
    second = await services.request_lock("l", mode="exclusive", if_available=False, steal=True)
    assert world.worklet.broken_locks == [first]
    assert second is not None
    services.release_lock(second)
    assert await services.request_lock("l", mode="shared", if_available=True, steal=False) is not None


def _creation() -> dict[str, object]:
    return {"url": SCRIPT, "credentials": "same-origin", "dataOrigin": "context-origin"}

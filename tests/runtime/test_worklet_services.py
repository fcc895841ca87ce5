"""What the code of a worklet asks for: locks (Web Locks section 4), and contributions, which are bounded."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import pytest

from agent.model.attribution_reporting.reports import Contribution
from agent.model.private_aggregation import ConditionalContribution, ErrorEvent
from agent.model.shared_storage import StorageEvent
from agent.model.worklets import OperationResult, WorkletServices
from agent.runtime import worklet_services
from storage import events as event_store
from tests.runtime import worklet_world
from tests.runtime.worklet_world import DETERMINISTIC, NEWS, World


@pytest.fixture
async def world() -> AsyncIterator[World]:
    """A world whose page has made worklet 1."""
    async with worklet_world.world() as made:
        await made.create_worklet()
        yield made


async def _request(services: WorkletServices, *, if_available: bool = False, steal: bool = False) -> int | None:
    return await services.request_lock("l", mode="exclusive", if_available=if_available, steal=steal)


async def test_a_lock_that_is_stolen_in_the_moment_of_its_grant_is_told_after_the_grant(world: World) -> None:
    services, told = world.worklet.services, list[list[int]]()
    first = await _request(services)
    assert first is not None

    async def wait() -> int | None:
        number = await _request(services)
        told.append(list(world.worklet.broken_locks))
        return number

    waiting = asyncio.ensure_future(wait())  # noqa: TID251 - awaited below
    await asyncio.sleep(0)
    services.release_lock(first)
    thief = await _request(services, steal=True)
    number = await waiting
    await asyncio.sleep(0)
    assert thief is not None
    assert number is not None
    assert told == [[]], "the code knows of its lock before it hears that it is broken"
    assert world.worklet.broken_locks == [number]
    services.release_lock(number)
    assert await _request(services, if_available=True) is None, "the thief holds it"
    services.release_lock(thief)
    assert await _request(services, if_available=True) is not None


async def test_a_worklet_that_holds_too_many_locks_is_ended(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(worklet_services, "_MOST_LOCKS", 2)
    services = world.worklet.services
    for name in ("a", "b", "c"):
        await services.request_lock(name, mode="exclusive", if_available=False, steal=False)
    await world.settle()
    assert world.worklet.closed
    assert world.browser.console == [("error", "The shared storage worklet was ended. it held more than 2 locks")]
    assert await world.locks.acquire(NEWS, "a", if_available=True) is not None


async def test_a_worklet_whose_operations_hold_too_many_contributions_is_ended(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(worklet_services, "_MOST_CONTRIBUTIONS", 2500)
    for name in ("one", "two"):
        await world.run(name)
    worklet = world.worklet
    for number in range(3000):
        worklet.services.contributed(worklet.calls["one"].id, Contribution(number, 1))
    await world.settle()
    assert worklet.closed
    assert len(world.batches) == 2, "both end, and what they contributed is judged"


async def test_so_many_contributions_wait_for_one_event_and_those_beyond_are_told(world: World) -> None:
    await world.run()
    services, operation = world.worklet.services, world.worklet.calls["op"]
    for awaited, count in ((ErrorEvent.REPORT_SUCCESS, 10_003), (ErrorEvent.UNCAUGHT_ERROR, 2)):
        for _ in range(count):
            services.contributed_on_event(operation.id, ConditionalContribution(awaited, Contribution(1, 1)))
    world.worklet.end("op")
    await world.settle()
    [(batch, _)] = world.batches
    events = [one.event for one in batch.conditional]
    assert events.count(ErrorEvent.REPORT_SUCCESS) == 10_000
    assert events.count(ErrorEvent.UNCAUGHT_ERROR) == 2, "each event has room of its own"
    event = await world.database.transact("read", lambda c: event_store.last(c, StorageEvent.RUN))
    assert event is not None
    assert event.trace.stopped_at is not None
    assert event.trace.stopped_at.detail.startswith("3 contributions came where as many waited")


async def test_what_comes_after_the_time_limit_of_a_select_url_is_told(world: World) -> None:
    await world.select_url("op", "urn:uuid:1", config=DETERMINISTIC)
    world.clock.advance(5000)
    await world.shared_storage.clock_moved()
    world.worklet.services.contributed(world.worklet.calls["op"].id, Contribution(1, 1))
    world.worklet.services.debug_mode_enabled(world.worklet.calls["op"].id, None)
    world.worklet.end("op", OperationResult(index=1))
    await world.settle()
    event = await world.database.transact("read", lambda c: event_store.last(c, StorageEvent.SELECT_URL))
    assert event is not None
    assert (event.verdict, event.data["batch"]) == ("selected", 1)
    assert "1 contribution came after its time limit" in event.trace.checks[0].detail
    assert "debug mode was enabled after its time limit" in event.trace.checks[1].detail

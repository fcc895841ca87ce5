"""Whom the watch ends, with worklets and a process that only claim what they hold."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Coroutine
from typing import Any

import pytest
import pytest_asyncio

from agent.browser import worklet_watch
from agent.browser.worklet_watch import WorkletWatch
from agent.model.shared_storage_limits import SharedStorageLimits
from agent.model.tasks import Tasks

MB = 1024 * 1024
LIMITS = SharedStorageLimits(worklet_memory=100 * MB, worklet_unresponsive=100)


class Process:
    """Tells how much it has grown."""

    def __init__(self) -> None:
        self.size, self.own_growth, self.settled = 0, 0, 0.0

    def grown(self) -> int:
        return self.size


class Pipe:
    """Brings answers, unless something else is on its way."""

    def __init__(self) -> None:
        self.is_clear = asyncio.Event()
        self.is_clear.set()

    async def caught_up(self) -> None:
        await self.is_clear.wait()


class Page:
    """Counts crashes."""

    def __init__(self) -> None:
        self.process, self.pipe, self.ending, self.crashes = Process(), Pipe(), set[str](), 0

    def crash(self) -> None:
        self.crashes += 1


class Worklet:
    """Answers, or is busy; is its own worker."""

    def __init__(self, watch: WorkletWatch, page: Page) -> None:
        self.watch, self.page, self.worker = watch, page, self
        self.is_called, self.busy, self.held, self.events_received = False, False, 0, 0
        self.ends: list[str] = []

    async def call(self, method: str, _params: dict[str, Any]) -> dict[str, int]:
        """The browser measures it also while it is busy."""
        while method == "Runtime.evaluate" and self.busy:
            await asyncio.sleep(0.001)
        return {"usedSize": self.held}

    async def while_alive(self, work: Coroutine[Any, Any, Any]) -> Any:
        return await work

    def end(self, reason: str) -> None:
        self.ends.append(reason)
        self.watch.remove(self)  # type: ignore[arg-type]


class World:
    """A watch whose seconds are milliseconds."""

    def __init__(self) -> None:
        self.tasks, self.page = Tasks(), Page()
        self.watch = WorkletWatch(self.tasks)

    def worklet(self, limits: SharedStorageLimits = LIMITS) -> Worklet:
        """One more, watched."""
        made = Worklet(self.watch, self.page)
        self.watch.add(made, limits)  # type: ignore[arg-type]
        return made


@pytest_asyncio.fixture
async def world(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[World]:
    """Everything happens within a few looks."""
    monkeypatch.setattr(worklet_watch, "_TICK", 0.005)
    monkeypatch.setattr(worklet_watch, "_PULSE", 0.01)
    monkeypatch.setattr(worklet_watch, "_BUSY", 0.01)
    monkeypatch.setattr(worklet_watch, "_SETTLING", 0.05)
    world = World()
    yield world
    await world.tasks.close()


async def _soon(condition: Any) -> bool:
    for _ in range(200):
        if condition():
            return True
        await asyncio.sleep(0.005)
    return False


def _looks(count: int = 10) -> Awaitable[None]:
    return asyncio.sleep(0.005 * count)


async def test_one_that_does_not_answer_in_time_is_ended_alone(world: World) -> None:
    silent, other = world.worklet(), world.worklet()
    silent.busy = silent.is_called = other.is_called = True
    assert await _soon(lambda: silent.ends)
    assert silent.ends == ["it did not respond"]
    assert other.ends == []


async def test_one_whose_answer_is_held_up_by_what_others_say_is_not_ended(world: World) -> None:
    patient = world.worklet()
    patient.busy = True
    await _looks()
    world.page.pipe.is_clear.clear()
    await asyncio.sleep(3 * LIMITS.worklet_unresponsive / 1000)
    patient.busy = False
    world.page.pipe.is_clear.set()
    await _looks(40)
    assert patient.ends == []


async def test_one_that_holds_too_much_is_ended_alone_though_it_is_busy(world: World) -> None:
    patient = SharedStorageLimits(worklet_memory=100 * MB)
    big, other = world.worklet(patient), world.worklet(patient)
    big.is_called = big.busy = other.is_called = True
    big.held, other.held = 101 * MB, 99 * MB
    assert await _soon(lambda: big.ends)
    assert big.ends == ["it held too much memory"]
    assert other.ends == []


async def test_memory_that_nobody_owns_up_to_is_laid_to_the_busy_one(world: World) -> None:
    patient = SharedStorageLimits(worklet_memory=100 * MB)
    busy, waiting = world.worklet(patient), world.worklet(patient)
    await _looks()
    busy.is_called = busy.busy = waiting.is_called = True
    world.page.process.size = 150 * MB
    assert await _soon(lambda: busy.ends)
    assert busy.ends == ["it held too much memory"]
    assert waiting.ends == []
    assert world.page.crashes == 0


async def test_memory_that_nobody_owns_up_to_is_not_laid_to_one_that_has_just_begun(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(worklet_watch, "_PULSE", 0.2)
    patient = SharedStorageLimits(worklet_memory=100 * MB)
    filling, brief = world.worklet(patient), world.worklet(patient)
    filling.is_called = True
    await asyncio.sleep(0.15)
    brief.is_called = True
    world.page.process.size = 150 * MB
    assert await _soon(lambda: filling.ends)
    assert brief.ends == []


async def test_what_the_process_keeps_while_nothing_runs_is_its_own(world: World) -> None:
    worklet = world.worklet()
    world.page.process.size = 150 * MB
    await _looks()
    worklet.is_called = True
    await _looks()
    assert worklet.ends == []


async def test_what_one_that_ended_leaves_is_laid_to_nobody(world: World) -> None:
    worklet = world.worklet()
    worklet.is_called = True
    world.page.ending.add("its session")
    world.page.process.size = 150 * MB
    await _looks()
    world.page.ending.clear()
    await _looks(30)
    assert worklet.ends == []


async def test_far_too_much_memory_ends_the_process(world: World) -> None:
    world.worklet()
    world.page.process.size = 401 * MB
    assert await _soon(lambda: world.page.crashes)


async def test_where_all_hold_too_much_together_the_largest_is_ended(world: World) -> None:
    worklets = [world.worklet() for _ in range(6)]
    for number, worklet in enumerate(worklets):
        worklet.is_called, worklet.held = True, (70 + number) * MB
    assert await _soon(lambda: worklets[-1].ends)
    await _looks()
    assert [worklet.ends for worklet in worklets] == [[]] * 5 + [["it held too much memory"]]
    assert world.page.crashes == 0


async def test_one_that_says_too_much_from_one_answer_to_the_next_is_ended(world: World) -> None:
    worklet = world.worklet(SharedStorageLimits())
    worklet.busy = True
    await _looks()
    worklet.events_received = 20_001
    assert await _soon(lambda: worklet.ends)
    assert worklet.ends == ["it sent too much without a pause"]


async def test_time_in_which_the_agent_itself_did_not_listen_is_not_held_against_a_worklet(world: World) -> None:
    worklet = world.worklet(SharedStorageLimits(worklet_unresponsive=1000))
    await _looks()
    worklet.busy = True
    loop = asyncio.get_running_loop()
    now = loop.time
    leap = 0.0
    try:
        loop.time = lambda: now() + leap  # type: ignore[method-assign]
        await _looks()
        leap = 3600
        await _looks()
    finally:
        loop.time = now  # type: ignore[method-assign]
    assert worklet.ends == []

"""Reports leave at their time on the agent's clock, each attempt once."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Sequence
from typing import ClassVar

import pytest

from agent.delivery.lanes import CONCURRENT_ATTEMPTS
from agent.model.clock import MINUTE, Clock
from agent.model.errors import HostEnvironmentError
from agent.model.events import Event
from agent.model.interfaces import Answer, DeliveryResult
from agent.model.reports import ReportState
from storage import events
from storage.database import AsyncDatabase
from storage.report_queue import StoredReportQueue
from tests.delivery.world import START, World


@pytest.fixture
async def world() -> AsyncIterator[World]:
    async with await AsyncDatabase.open(":memory:", now=START) as database:
        world = World(database)
        yield world
        await world.scheduler.close()


async def test_a_due_report_is_sent_and_its_event_is_stored_and_published(world: World) -> None:
    await world.insert(1)
    await world.scheduler.start()
    await world.scheduler.settle()
    assert world.server.arrived == [b"1"]
    assert await world.states() == [("sent", 1)]
    assert [event.kind for event in world.published] == ["report.sent"]
    assert await world.database.transact("read", events.read) == world.published


async def test_settle_waits_for_a_report_that_was_added_just_before(world: World) -> None:
    await world.scheduler.start()
    await world.scheduler.settle()
    for number in range(1, 6):
        await world.insert(number)
        await world.scheduler.settle()
        assert len(world.server.arrived) == number


async def test_a_new_report_goes_out_at_wake_and_a_waiting_one_when_the_clock_is_advanced(world: World) -> None:
    arrived = asyncio.Event()

    async def tell() -> Answer:
        arrived.set()
        return Answer(200)

    world.server.behave = tell
    await world.scheduler.start()
    await world.scheduler.settle()
    await world.insert(1)
    await world.insert(2, due=START + 1_000)
    world.scheduler.wake()
    await asyncio.wait_for(arrived.wait(), 5)
    assert world.server.arrived == [b"1"]
    arrived.clear()
    world.clock.advance("1s")
    await asyncio.wait_for(arrived.wait(), 5)
    assert world.server.arrived == [b"1", b"2"]


async def test_a_report_is_not_sent_before_its_time_on_the_agents_clock(world: World) -> None:
    await world.insert(1, due=START + 1_000)
    await world.scheduler.start()
    world.clock.advance(999)
    await world.scheduler.settle()
    assert world.server.arrived == []
    world.clock.advance(1)
    await world.scheduler.settle()
    assert world.server.arrived == [b"1"]


async def test_retries_come_after_5_and_15_minutes_and_then_the_report_has_failed(world: World) -> None:
    world.server.behave = world.server.reject
    await world.insert(1)
    await world.scheduler.start()
    counts = []
    for step in (0, 5 * MINUTE - 1, 1, 15 * MINUTE - 1, 1, 10_000 * MINUTE):
        world.clock.advance(step)
        await world.scheduler.settle()
        counts.append(len(world.server.arrived))
    assert counts == [1, 1, 2, 2, 3, 3]
    assert await world.states() == [("failed", 3)]
    assert [event.verdict for event in world.published] == ["retry", "retry", "failed"]


async def test_a_delivered_report_is_never_sent_again(world: World) -> None:
    await world.insert(1)
    await world.scheduler.start()
    for _ in range(5):
        world.clock.advance("1d")
        await world.scheduler.settle()
    assert world.server.arrived == [b"1"]


async def test_the_attempt_is_recorded_before_the_first_byte_leaves(world: World) -> None:
    seen: list[tuple[str, int]] = []

    async def look() -> Answer:
        seen.extend(await world.states())
        return Answer(200)

    world.server.behave = look
    await world.insert(1)
    await world.scheduler.start()
    await world.scheduler.settle()
    assert seen == [("sending", 1)]


async def test_an_attempt_cut_off_by_the_end_of_the_agent_counts_as_failed_and_is_retried(world: World) -> None:
    begun = asyncio.Event()

    async def hang() -> Answer:
        begun.set()
        await asyncio.Event().wait()
        raise AssertionError

    world.server.behave = hang
    await world.insert(1)
    await world.scheduler.start()
    await asyncio.wait_for(begun.wait(), 5)
    await world.scheduler.close()
    assert await world.states() == [("sending", 1)]

    world.server.behave = world.server.accept
    world.scheduler = world.new_scheduler()
    await world.scheduler.start()
    await world.scheduler.settle()
    (report,) = await world.stored()
    assert (report.state, report.attempts, report.next_attempt) == (ReportState.PENDING, 1, START + 5 * MINUTE)
    assert "interrupted" in report.last_result
    assert world.server.arrived == [b"1"]
    world.clock.advance("5m")
    await world.scheduler.settle()
    assert world.server.arrived == [b"1", b"1"]
    assert await world.states() == [("sent", 2)]


async def test_the_last_attempt_cut_off_leaves_the_report_failed(world: World) -> None:
    await world.insert(1, state=ReportState.SENDING, attempts=3, next_attempt=None)
    await world.scheduler.start()
    await world.scheduler.settle()
    assert world.server.arrived == []
    assert await world.states() == [("failed", 3)]


async def test_a_report_to_an_unmapped_host_is_kept_until_the_host_is_mapped(world: World) -> None:
    world.server.behave = world.server.absent
    await world.insert(1)
    await world.scheduler.start()
    await world.scheduler.settle()
    world.clock.advance("30d")
    await world.scheduler.settle()
    (report,) = await world.stored()
    assert (report.state, report.attempts, report.last_result) == (
        ReportState.NOT_SENT,
        0,
        "not sent: host not mapped",
    )
    world.server.arrived.clear()
    world.server.behave = world.server.accept
    await world.scheduler.release("other.test")
    await world.scheduler.settle()
    assert world.server.arrived == []
    await world.scheduler.release("collector.test")
    await world.scheduler.settle()
    assert world.server.arrived == [b"1"]
    assert await world.states() == [("sent", 1)]


async def test_many_reports_are_sent_once_each_and_only_a_few_at_one_time(world: World) -> None:
    running, most = 0, 0

    async def slow() -> Answer:
        nonlocal running, most
        running += 1
        most = max(most, running)
        await asyncio.sleep(0.002)
        running -= 1
        return Answer(200)

    world.server.behave = slow
    await world.insert(*range(100))
    await world.scheduler.start()
    await world.scheduler.settle()
    assert sorted(world.server.arrived, key=int) == [b"%d" % n for n in range(100)]
    assert most == CONCURRENT_ATTEMPTS
    assert await world.states() == [("sent", 1)] * 100


async def test_on_the_wall_clock_a_report_goes_out_by_itself_when_it_is_due(world: World) -> None:
    world.clock = Clock()
    world.scheduler = world.new_scheduler()
    times: list[int] = []

    async def tell() -> Answer:
        times.append(world.clock.now())
        return Answer(200)

    world.server.behave = tell
    due = world.clock.now() + 200
    await world.insert(1, due=due)
    await world.scheduler.start()
    async with asyncio.timeout(10):
        while not times:
            await asyncio.sleep(0.01)
    assert times[0] >= due


async def test_a_mistake_of_ours_on_the_way_is_a_failed_attempt_and_is_logged(
    world: World, caplog: pytest.LogCaptureFixture
) -> None:
    async def mistake() -> Answer:
        raise KeyError("own mistake")

    world.server.behave = mistake
    await world.insert(1)
    await world.scheduler.start()
    with caplog.at_level(logging.ERROR, "tallyhost"):
        await world.scheduler.settle()
    (report,) = await world.stored()
    assert (report.state, report.attempts) == (ReportState.PENDING, 1)
    assert "own mistake" in report.last_result
    assert "own mistake" in caplog.text


class FullQueue(StoredReportQueue):
    """A store whose disk is full while ``full`` says so."""

    full = True

    async def record(self, results: Sequence[DeliveryResult]) -> Sequence[Event]:
        if FullQueue.full:
            raise HostEnvironmentError("no space left")
        return await super().record(results)


async def test_a_result_that_a_full_disk_refuses_is_recorded_later_and_nothing_is_sent_twice(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    world.queue = FullQueue(world.database)
    world.scheduler = world.new_scheduler()
    await world.insert(1)
    await world.scheduler.start()
    with pytest.raises(HostEnvironmentError, match="no space left"):
        await world.scheduler.settle()
    assert await world.states() == [("sending", 1)]
    monkeypatch.setattr(FullQueue, "full", False)
    await world.scheduler.settle()
    assert await world.states() == [("sent", 1)]
    assert world.server.arrived == [b"1"]


class SlowQueue(StoredReportQueue):
    """A store that records nothing until it is cancelled, once."""

    waited: ClassVar[list[int]] = []

    async def record(self, results: Sequence[DeliveryResult]) -> Sequence[Event]:
        if not SlowQueue.waited:
            SlowQueue.waited.append(len(results))
            await asyncio.Event().wait()
        return await super().record(results)


async def test_results_that_wait_for_the_store_when_the_agent_ends_are_recorded(world: World) -> None:
    world.queue = SlowQueue(world.database)
    world.scheduler = world.new_scheduler()
    await world.insert(1, 2, 3)
    await world.scheduler.start()
    async with asyncio.timeout(5):
        while len(world.server.arrived) < 3:
            await asyncio.sleep(0.001)
    await world.scheduler.close()
    assert SlowQueue.waited == [1]
    assert sorted(await world.states()) == [("sending", 1), ("sent", 1), ("sent", 1)]


async def test_settle_raises_what_ended_the_scheduler_instead_of_waiting_for_ever(world: World) -> None:
    class Refusing(list[Event]):
        def append(self, event: Event) -> None:
            raise LookupError(event.kind)

    world.published = Refusing()
    world.scheduler = world.new_scheduler()
    await world.insert(1)
    await world.scheduler.start()
    with pytest.raises(LookupError, match=r"report\.sent"):
        await world.scheduler.settle()
    with pytest.raises(LookupError, match=r"report\.sent"):
        await world.scheduler.settle()


async def test_settle_returns_at_once_before_start_and_after_close(world: World) -> None:
    await world.scheduler.settle()
    await world.scheduler.start()
    await world.scheduler.close()
    await world.scheduler.settle()
    assert world.server.arrived == []

"""Reports leave at their time on the agent's clock, each attempt once."""

from __future__ import annotations

import asyncio
import base64
import json
import logging
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from dataclasses import dataclass, field, replace

import pytest

from agent.crypto.keys import generate_key
from agent.delivery.assembly import Assembler
from agent.delivery.lanes import CONCURRENT_ATTEMPTS
from agent.delivery.public_keys import PublicKeys
from agent.delivery.scheduler import Scheduler
from agent.delivery.sender import Sender
from agent.model.attribution_reporting.limits import AttributionReportingLimits
from agent.model.clock import MINUTE, Clock
from agent.model.errors import HostEnvironmentError
from agent.model.events import Event
from agent.model.interfaces import Answer, DeliveryResult, Fetched, NoAnswer
from agent.model.reports import Report, ReportState
from agent.model.rng import Rng, SeededRng
from storage import events, reports
from storage.database import AsyncDatabase
from storage.report_queue import StoredReportQueue
from tests.delivery import test_sender

START = 1_767_603_600_000


class Server:
    """Counts what arrives; ``behave`` answers."""

    def __init__(self) -> None:
        self.arrived: list[bytes] = []
        self.behave: Callable[[], Awaitable[Answer | NoAnswer]] = self.accept

    async def accept(self) -> Answer | NoAnswer:
        return Answer(200)

    async def reject(self) -> Answer | NoAnswer:
        return Answer(503)

    async def absent(self) -> Answer | NoAnswer:
        return NoAnswer(mapped=False, detail="not mapped")

    async def __call__(
        self, method: str, url: str, headers: Sequence[tuple[str, str]], body: bytes
    ) -> Answer | NoAnswer:
        del method, url, headers
        self.arrived.append(body)
        return await self.behave()


class Coordinator:
    """Serves a key set; ``behave`` answers."""

    def __init__(self) -> None:
        self.asked: list[str] = []
        self.behave: Callable[[], Awaitable[Fetched | NoAnswer]] = self.serve
        self.key = generate_key(SeededRng(1))

    async def serve(self) -> Fetched | NoAnswer:
        key = {"id": "k1", "key": base64.b64encode(self.key.public_key).decode()}
        return Fetched(200, (("Cache-Control", "max-age=60"),), json.dumps({"keys": [key]}).encode())

    async def __call__(self, url: str, headers: Sequence[tuple[str, str]], limit: int) -> Fetched | NoAnswer:
        del headers, limit
        self.asked.append(url)
        return await self.behave()


@dataclass
class World:
    """A store, a frozen clock, a server, a coordinator, and a scheduler between them."""

    database: AsyncDatabase
    clock: Clock = field(default_factory=lambda: Clock.frozen(START))
    server: Server = field(default_factory=Server)
    coordinator: Coordinator = field(default_factory=Coordinator)
    limits: AttributionReportingLimits = field(default_factory=AttributionReportingLimits)
    rng: Rng = field(default_factory=lambda: SeededRng(5))
    published: list[Event] = field(default_factory=list)
    queue: StoredReportQueue = field(init=False)
    scheduler: Scheduler = field(init=False)

    def __post_init__(self) -> None:
        self.queue = StoredReportQueue(self.database)
        self.scheduler = self.new_scheduler()

    def new_scheduler(self) -> Scheduler:
        return Scheduler(
            self.queue,
            Assembler(PublicKeys(self.coordinator, self.clock, "Test/1"), self.limits, self.rng),
            Sender(self.server, "Test/1"),
            self.clock,
            self.published.append,
            limits=self.limits,
            rng=self.rng,
        )

    async def insert(self, *numbers: int, due: int = START, **changes: object) -> None:
        for n in numbers:
            report = replace(test_sender.report(), id=f"{n:032x}", body=b"%d" % n, created=START)
            pending = replace(report, state=ReportState.PENDING, next_attempt=due)
            pending = replace(pending, **changes)  # type: ignore[arg-type]
            await self.database.transact("insert", lambda c, r=pending: reports.insert(c, r))  # type: ignore[misc]

    async def stored(self) -> list[Report]:
        return await self.database.transact("read", lambda c: reports.read(c, limit=1_000))

    async def states(self) -> list[tuple[str, int]]:
        return [(report.state.value, report.attempts) for report in await self.stored()]


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

"""Whatever the servers, the clock and the power do: nothing is sent twice beyond the schedule, nothing is lost."""

from __future__ import annotations

import asyncio
import json
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from agent.model.attribution_reporting.limits import AttributionReportingLimits
from agent.model.clock import MINUTE
from agent.model.interfaces import Answer, NetworkError, NoAnswer
from agent.model.reports import Report, ReportKind, ReportState
from storage import reports
from storage.database import AsyncDatabase
from tests.delivery.attribution_reports import EVENT_LEVEL, attribution_report
from tests.delivery.private_aggregation_reports import CONTENT, DEBUG_COPY, private_aggregation_report
from tests.delivery.world import START, World

ACCEPT, REJECT, HANG, LOSE = "accept", "reject", "hang", "lose"
STEPS = st.lists(
    st.one_of(st.sampled_from([1, 4 * MINUTE, 5 * MINUTE, 15 * MINUTE]), st.sampled_from(["add", "restart"])),
    max_size=25,
)
ANSWERS = st.lists(st.sampled_from([ACCEPT, REJECT, REJECT, HANG]), max_size=30)


class UnreliableServer:
    """Answers as the list says, then accepts; a hanging request ends with its agent alone."""

    def __init__(self, world: World, answers: Sequence[str]) -> None:
        self.world, self.answers = world, iter(answers)
        self.given: dict[bytes, list[str]] = defaultdict(list)
        self.times: dict[bytes, list[int]] = defaultdict(list)
        self.accepted: set[bytes] = set()
        self.hanging = asyncio.Event()

    async def __call__(
        self, method: str, url: str, headers: Sequence[tuple[str, str]], body: bytes
    ) -> Answer | NoAnswer:
        del method, url, headers
        assert body not in self.accepted, "a report that was accepted is sent again"
        self.times[body].append(self.world.clock.now())
        answer = next(self.answers, ACCEPT)
        self.given[body].append(answer)
        if answer == HANG:
            self.hanging.set()
            await asyncio.Event().wait()
        if answer == LOSE:
            return NoAnswer(mapped=True, detail="connection reset", error=NetworkError.CONNECTION_RESET)
        if answer == ACCEPT:
            self.accepted.add(body)
        return Answer(200 if answer == ACCEPT else 503)


async def restart(world: World) -> None:
    await world.scheduler.close()
    world.scheduler = world.new_scheduler()
    await world.scheduler.start()


async def settle(world: World, server: UnreliableServer) -> None:
    """Settle; the power fails where a server hangs."""
    while True:
        settled: asyncio.Future[Any] = asyncio.gather(world.scheduler.settle())
        hanging: asyncio.Future[Any] = asyncio.gather(server.hanging.wait())
        await asyncio.wait([settled, hanging], return_when=asyncio.FIRST_COMPLETED)
        hanging.cancel()
        if settled.done():
            await settled
            return
        server.hanging.clear()
        await restart(world)
        await settled


async def play(steps: Sequence[int | str], answers: Sequence[str]) -> None:
    async with await AsyncDatabase.open(":memory:", now=START) as database:
        world = World(database)
        server = UnreliableServer(world, answers)
        world.server = server  # type: ignore[assignment]
        world.scheduler = world.new_scheduler()
        await world.scheduler.start()
        added = 0
        for step in [*steps, *[15 * MINUTE] * 3]:
            if step == "add":
                added += 1
                await world.insert(added, due=world.clock.now())
                world.scheduler.wake()
            elif step == "restart":
                await restart(world)
            elif isinstance(step, int):
                world.clock.advance(step)
            await settle(world, server)
        stored = await world.stored()
        await world.scheduler.close()

    assert len(stored) == added
    for report in stored:
        times = server.times[report.body]
        assert len(times) <= report.attempts <= 3
        assert all(
            later - earlier >= pause
            for earlier, later, pause in zip(times, times[1:], [5 * MINUTE, 15 * MINUTE], strict=False)
        )
        assert report.state is (ReportState.SENT if report.body in server.accepted else ReportState.FAILED)


@settings(max_examples=60, deadline=None)
@given(STEPS, ANSWERS)
def test_each_report_is_accepted_once_or_fails_after_three_attempts_at_5_and_15_minutes(
    steps: list[int | str], answers: list[str]
) -> None:
    asyncio.run(play(steps, answers))


async def play_attribution(steps: Sequence[int | str | ReportKind], answers: Sequence[str]) -> None:
    async with await AsyncDatabase.open(":memory:", now=START) as database:
        world = World(database, limits=AttributionReportingLimits(start_up_delay=0))
        server = UnreliableServer(world, answers)
        world.server = server  # type: ignore[assignment]
        world.scheduler = world.new_scheduler()
        await world.scheduler.start()
        added = 0
        for step in [*steps, *[15 * MINUTE] * 3]:
            if isinstance(step, ReportKind):
                added += 1
                report = numbered(step, added, world.clock.now())
                await database.transact("insert", lambda c, r=report: reports.insert(c, r))  # type: ignore[misc]
            elif step == "restart":
                await restart(world)
            elif isinstance(step, int):
                world.clock.advance(step)
            await settle(world, server)
        stored = await world.stored()
        await world.scheduler.close()

    assert len(stored) == added
    given = {json.loads(body)["report_id"]: answers for body, answers in server.given.items()}
    for report in stored:
        answers = given[f"{report.position:032x}"]
        outcomes = [answer for answer in answers if answer != HANG]
        assert all(answer == LOSE for answer in outcomes[:-1]), "a response is final"
        if report.kind.attempted_once:
            assert len(answers) == 1
        else:
            assert outcomes[-1] != LOSE or len(outcomes) == 3
        assert report.state is (ReportState.SENT if answers[-1] == ACCEPT else ReportState.FAILED)


def numbered(kind: ReportKind, number: int, now: int) -> Report:
    content = replace(EVENT_LEVEL, report_id=f"{number:032x}", debug_copy=kind.attempted_once)
    return replace(attribution_report(kind, number, due=now), content=content)


@settings(max_examples=60, deadline=None)
@given(
    st.lists(
        st.one_of(
            st.sampled_from([1, 4 * MINUTE, 5 * MINUTE, 15 * MINUTE]),
            st.sampled_from(["restart", ReportKind.EVENT_LEVEL, ReportKind.EVENT_LEVEL_DEBUG]),
        ),
        max_size=25,
    ),
    st.lists(st.sampled_from([ACCEPT, REJECT, LOSE, LOSE, HANG]), max_size=30),
)
def test_each_attribution_report_is_delivered_at_most_as_often_as_chromium_would(
    steps: list[int | str | ReportKind], answers: list[str]
) -> None:
    asyncio.run(play_attribution(steps, answers))


PRIVATE_AGGREGATION = {ReportKind.PRIVATE_AGGREGATION: CONTENT, ReportKind.PRIVATE_AGGREGATION_DEBUG: DEBUG_COPY}


async def play_private_aggregation(steps: Sequence[int | str | ReportKind], answers: Sequence[str]) -> None:
    async with await AsyncDatabase.open(":memory:", now=START) as database:
        world = World(database, limits=AttributionReportingLimits(start_up_delay=0))
        server = UnreliableServer(world, answers)
        world.server = server  # type: ignore[assignment]
        world.scheduler = world.new_scheduler()
        await world.scheduler.start()
        added = 0
        for step in [*steps, *[15 * MINUTE] * 3]:
            if isinstance(step, ReportKind):
                added += 1
                content = replace(PRIVATE_AGGREGATION[step], report_id=f"{added:032x}")
                report = private_aggregation_report(content, added, due=world.clock.now())
                await database.transact("insert", lambda c, r=report: reports.insert(c, r))  # type: ignore[misc]
            elif step == "restart":
                await restart(world)
            elif isinstance(step, int):
                world.clock.advance(step)
            await settle(world, server)
        stored = await world.stored()
        await world.scheduler.close()

    assert len(stored) == added
    # Every attempt is sealed anew, so its body is its own.
    given: dict[str, list[tuple[str, int]]] = defaultdict(list)
    for body, (answer,) in server.given.items():
        given[json.loads(json.loads(body)["shared_info"])["report_id"]].append((answer, server.times[body][0]))
    for report in stored:
        got = given[f"{report.position:032x}"]
        failures = [time for answer, time in got if answer not in {ACCEPT, HANG}]
        accepted = [answer for answer, _ in got if answer == ACCEPT]
        assert report.state is (ReportState.SENT if accepted else ReportState.FAILED)
        assert len(accepted) <= 1
        assert all(
            later - earlier >= pause
            for earlier, later, pause in zip(failures, failures[1:], [5 * MINUTE, 15 * MINUTE], strict=False)
        )
        if report.kind.attempted_once:
            assert len(got) == 1
        else:
            assert accepted or len(failures) == 3


@settings(max_examples=60, deadline=None)
@given(
    st.lists(
        st.one_of(
            st.sampled_from([1, 4 * MINUTE, 5 * MINUTE, 15 * MINUTE]),
            st.sampled_from(["restart", *PRIVATE_AGGREGATION]),
        ),
        max_size=25,
    ),
    st.lists(st.sampled_from([ACCEPT, REJECT, LOSE, HANG]), max_size=30),
)
def test_each_report_of_private_aggregation_is_accepted_once_or_fails_three_times_whatever_failed(
    steps: list[int | str | ReportKind], answers: list[str]
) -> None:
    asyncio.run(play_private_aggregation(steps, answers))

"""Reports of Attribution Reporting leave when, and as often as, Chromium would send them (engine, sections 4 and 5)."""

from __future__ import annotations

import asyncio
import json
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import replace
from typing import Literal

import pytest

from agent.delivery import public_keys
from agent.delivery.lanes import CONCURRENT_ATTEMPTS, WAITING_FOR_KEYS
from agent.model.attribution_reporting.limits import AttributionReportingLimits
from agent.model.clock import MINUTE
from agent.model.interfaces import Answer, Fetched, NetworkError, NoAnswer
from agent.model.reports import Report, ReportKind, ReportState
from storage import reports
from storage.database import AsyncDatabase
from tests.delivery.attribution_reports import DEBUG, EVENT_LEVEL, NOW, REAL, SEALED, attribution_report
from tests.delivery.world import START, World

assert START == NOW


@pytest.fixture
async def world() -> AsyncIterator[World]:
    async with await AsyncDatabase.open(":memory:", now=START) as database:
        world = World(database)
        yield world
        await world.scheduler.close()


async def add(world: World, *added: Report) -> None:
    for report in added:
        await world.database.transact("insert", lambda c, r=report: reports.insert(c, r))  # type: ignore[misc]


async def begin(world: World, *added: Report) -> None:
    await add(world, *added)
    await world.scheduler.start()
    await world.scheduler.settle()


async def restart(world: World) -> None:
    await world.scheduler.close()
    world.scheduler = world.new_scheduler()
    await world.scheduler.start()
    await world.scheduler.settle()


async def attempts_over(world: World, *steps: int) -> list[int]:
    """How many requests had arrived after each step of the clock."""
    counts = []
    for step in steps:
        world.clock.advance(step)
        await world.scheduler.settle()
        counts.append(len(world.server.arrived))
    return counts


async def no_network() -> NoAnswer:
    return NoAnswer(mapped=True, detail="connection reset", error=NetworkError.CONNECTION_RESET)


async def hang() -> Answer:
    await asyncio.Event().wait()
    raise AssertionError


@pytest.mark.parametrize("kind", [*REAL, *DEBUG])
async def test_a_report_is_assembled_when_it_is_sent_and_its_body_is_kept(world: World, kind: ReportKind) -> None:
    await begin(world, attribution_report(kind))
    (stored,) = await world.stored()
    assert (stored.state, stored.attempts) == (ReportState.SENT, 1)
    assert world.server.arrived == [stored.body]
    assert json.loads(stored.body)


@pytest.mark.parametrize("kind", REAL)
async def test_a_network_error_is_retried_after_5_and_15_minutes_and_then_the_report_is_dropped(
    world: World, kind: ReportKind
) -> None:
    world.server.behave = no_network
    await begin(world, attribution_report(kind))
    counts = await attempts_over(world, 0, 5 * MINUTE - 1, 1, 15 * MINUTE - 1, 1, 10_000 * MINUTE)
    assert counts == [1, 1, 2, 2, 3, 3]
    (stored,) = await world.stored()
    assert (stored.state, stored.attempts) == (ReportState.FAILED, 3)


@pytest.mark.parametrize("kind", [*REAL, *DEBUG])
async def test_any_response_is_final(world: World, kind: ReportKind) -> None:
    world.server.behave = world.server.reject
    await begin(world, attribution_report(kind))
    assert await attempts_over(world, 10_000 * MINUTE) == [1]
    (stored,) = await world.stored()
    assert (stored.state, stored.attempts, stored.last_result) == (ReportState.FAILED, 1, "503")


@pytest.mark.parametrize("kind", DEBUG)
async def test_a_debug_report_has_one_attempt(world: World, kind: ReportKind) -> None:
    world.server.behave = no_network
    await begin(world, attribution_report(kind))
    assert await attempts_over(world, 10_000 * MINUTE) == [1]
    (stored,) = await world.stored()
    assert stored.state is ReportState.FAILED
    assert "one attempt" in str(world.published[-1].trace)


async def test_the_scheduled_time_in_the_body_stays_when_a_report_is_retried(world: World) -> None:
    world.server.behave = no_network
    await begin(world, attribution_report())
    world.server.behave = world.server.accept
    await attempts_over(world, 5 * MINUTE)
    (stored,) = await world.stored()
    assert json.loads(stored.body)["scheduled_report_time"] == str(NOW // 1_000)


async def test_a_retried_aggregatable_report_is_sealed_anew(world: World) -> None:
    world.server.behave = no_network
    await begin(world, attribution_report(ReportKind.AGGREGATABLE))
    await attempts_over(world, 5 * MINUTE)
    first, second = map(json.loads, world.server.arrived)
    assert first["aggregation_service_payloads"] != second["aggregation_service_payloads"]
    assert first["shared_info"] == second["shared_info"]


async def down() -> NoAnswer:
    return NoAnswer(mapped=True, detail="connection refused")


async def slow() -> Fetched:
    await asyncio.Event().wait()
    raise AssertionError


async def bad_keys() -> Fetched:
    return Fetched(200, (), b'{"keys":[]}')


@pytest.mark.parametrize("kind", SEALED)
@pytest.mark.parametrize(
    ("behaviour", "reason"),
    [(down, "connection refused"), (slow, "no response within 0.01 s"), (bad_keys, "it has 0 keys")],
)
async def test_a_coordinator_that_is_down_slow_or_serves_a_bad_key_set(
    world: World,
    monkeypatch: pytest.MonkeyPatch,
    kind: ReportKind,
    behaviour: Callable[[], Awaitable[Fetched | NoAnswer]],
    reason: str,
) -> None:
    """Retried as specified, nothing lost, the reason visible."""
    monkeypatch.setattr(public_keys, "TIMEOUT_SECONDS", 0.01)
    world.coordinator.behave = behaviour
    await begin(world, attribution_report(kind))
    (stored,) = await world.stored()
    assert reason in stored.last_result
    stop = world.published[-1].trace.stopped_at
    assert stop is not None
    assert (stop.rule, stop.detail) == ("a key of the coordinator", stored.last_result)
    if kind.attempted_once:
        assert stored.state is ReportState.FAILED
        return
    assert (stored.state, stored.next_attempt) == (ReportState.PENDING, NOW + 5 * MINUTE)
    assert await attempts_over(world, 5 * MINUTE, 15 * MINUTE - 1) == [0, 0]
    world.coordinator.behave = world.coordinator.serve
    assert await attempts_over(world, 1) == [1]
    assert await world.states() == [("sent", 3)]


async def test_a_mistake_of_ours_on_the_way_loses_no_report(world: World) -> None:
    async def mistake() -> Answer:
        raise KeyError("own mistake")

    world.server.behave = mistake
    await begin(world, attribution_report())
    (stored,) = await world.stored()
    assert (stored.state, stored.next_attempt) == (ReportState.PENDING, NOW + 5 * MINUTE)


async def test_a_slow_coordinator_is_asked_once_for_all_and_holds_up_no_other_report(world: World) -> None:
    gate = asyncio.Event()

    async def late() -> Fetched | NoAnswer:
        await gate.wait()
        return await world.coordinator.serve()

    world.coordinator.behave = late
    sealed = [attribution_report(ReportKind.AGGREGATABLE, number) for number in range(WAITING_FOR_KEYS + 50)]
    await add(world, *sealed)
    await world.scheduler.start()
    for number in range(1_000, 1_000 + 2 * CONCURRENT_ATTEMPTS):
        await add(world, attribution_report(ReportKind.EVENT_LEVEL, number))
    world.scheduler.wake()
    async with asyncio.timeout(10):
        while len(world.server.arrived) < 2 * CONCURRENT_ATTEMPTS:
            await asyncio.sleep(0.001)
    under_way = Counter(report.kind for report in await world.stored() if report.state is ReportState.SENDING)
    assert under_way[ReportKind.AGGREGATABLE] == WAITING_FOR_KEYS
    gate.set()
    await world.scheduler.settle()
    assert Counter(state for state, _ in await world.states()) == {"sent": len(sealed) + 2 * CONCURRENT_ATTEMPTS}
    assert len(world.coordinator.asked) == 1


async def test_a_report_whose_coordinator_is_not_mapped_is_kept_until_it_is(world: World) -> None:
    async def absent() -> NoAnswer:
        return NoAnswer(mapped=False, detail="")

    world.coordinator.behave = absent
    await begin(world, attribution_report(ReportKind.AGGREGATABLE))
    (stored,) = await world.stored()
    assert (stored.state, stored.attempts) == (ReportState.NOT_SENT, 0)
    assert stored.last_result == "not sent: host not mapped (coordinator.test)"
    world.coordinator.behave = world.coordinator.serve
    await world.scheduler.release("coordinator.test")
    await world.scheduler.settle()
    assert await world.states() == [("sent", 1)]


async def test_reports_due_together_leave_in_an_order_that_tells_nothing(world: World) -> None:
    contents = [replace(EVENT_LEVEL, trigger_data=number) for number in range(40)]
    added = [replace(attribution_report(number=n), content=content) for n, content in enumerate(contents)]
    await begin(world, *added)
    order = [int(json.loads(body)["trigger_data"]) for body in world.server.arrived]
    assert sorted(order) == list(range(40))
    # 40 numbers have 780 pairs; a shuffled order has half of them in order, within six standard deviations (of 43).
    in_order = sum(order[a] < order[b] for a in range(40) for b in range(a + 1, 40))
    assert 130 < in_order < 650


async def test_debug_reports_leave_before_those_that_are_shuffled_and_in_order(world: World) -> None:
    real = [attribution_report(number=number) for number in range(20)]
    debug = [attribution_report(ReportKind.VERBOSE_DEBUG, number) for number in range(20, 23)]
    await add(world, *real, *debug)
    await world.scheduler.start()
    await world.scheduler.settle()
    sent = [event.data["report"] for event in world.published]
    assert sent[:3] == [report.id for report in debug]


async def test_what_was_overdue_at_the_start_leaves_within_a_minute_of_it_each_at_its_own_time(world: World) -> None:
    await add(world, *(attribution_report(number=number, due=NOW - 1) for number in range(50)))
    await add(world, attribution_report(number=50, due=NOW))
    await world.scheduler.start()
    due = [report.next_attempt for report in await world.stored()]
    assert due[50] == NOW
    spread = [instant - NOW for instant in due[:50] if instant is not None]
    assert len(spread) == 50
    assert all(0 <= delay <= MINUTE for delay in spread)
    # Uniform: the mean of 50 is 30 s with a standard deviation of 2.4 s.
    assert 18_000 < sum(spread) / 50 < 42_000
    assert len(set(spread)) > 25
    world.clock.advance(MINUTE)
    await world.scheduler.settle()
    assert await world.states() == [("sent", 1)] * 51


async def test_the_delay_at_the_start_is_a_setting_and_not_for_debug_or_conversion_reports(world: World) -> None:
    world.limits = AttributionReportingLimits(start_up_delay=0)
    world.scheduler = world.new_scheduler()
    await begin(world, attribution_report(due=NOW - 1))
    assert await world.states() == [("sent", 1)]
    world.limits = AttributionReportingLimits()
    await add(world, attribution_report(ReportKind.VERBOSE_DEBUG, 2, due=NOW - 1))
    await world.insert(3, due=NOW - 1)
    await restart(world)
    assert await world.states() == [("sent", 1)] * 3


async def test_time_that_passes_before_the_start_makes_nothing_overdue(world: World) -> None:
    await add(world, attribution_report(due=NOW + 1))
    world.clock.advance("2d")
    await world.scheduler.start()
    await world.scheduler.settle()
    assert await world.states() == [("sent", 1)]


async def test_nothing_leaves_while_offline_and_what_is_overdue_then_leaves_within_a_minute(world: World) -> None:
    world.scheduler.pause()
    await begin(world, attribution_report())
    world.clock.advance("1h")
    await world.scheduler.settle()
    assert world.server.arrived == []
    await world.scheduler.resume()
    (stored,) = await world.stored()
    assert stored.next_attempt is not None
    assert 0 <= stored.next_attempt - world.clock.now() <= MINUTE
    await attempts_over(world, MINUTE)
    assert await world.states() == [("sent", 1)]


@pytest.mark.parametrize("kind", REAL)
async def test_a_report_whose_result_a_crash_lost_is_sent_again_at_the_next_start_as_if_it_had_not_been(
    world: World, kind: ReportKind
) -> None:
    world.server.behave = hang
    await add(world, attribution_report(kind))
    await world.scheduler.start()
    while not world.server.arrived:
        await asyncio.sleep(0.001)
    world.server.behave = world.server.accept
    await restart(world)
    (stored,) = await world.stored()
    assert (stored.state, stored.attempts) == (ReportState.PENDING, 0)
    assert "interrupted" in stored.last_result
    assert stored.next_attempt is not None
    assert 0 <= stored.next_attempt - NOW <= MINUTE
    assert await attempts_over(world, MINUTE) == [2]
    assert await world.states() == [("sent", 1)]


@pytest.mark.parametrize("kind", DEBUG)
async def test_a_debug_report_whose_result_a_crash_lost_is_never_sent_again(world: World, kind: ReportKind) -> None:
    world.server.behave = hang
    await add(world, attribution_report(kind))
    await world.scheduler.start()
    while not world.server.arrived:
        await asyncio.sleep(0.001)
    await restart(world)
    assert await attempts_over(world, 10_000 * MINUTE) == [1]
    assert await world.states() == [("failed", 1)]


async def test_reports_due_survive_restart(world: World) -> None:
    added = [attribution_report(kind, number, NOW + MINUTE) for number, kind in enumerate([*REAL, *DEBUG])]
    await begin(world, *added)
    await restart(world)
    assert await attempts_over(world, MINUTE - 1, 1) == [0, len(added)]


@pytest.mark.parametrize(
    ("setting", "counts"),
    [
        ("first_retry", [1, 1, 1, 2, 3]),
        ("second_retry", [1, 2, 2, 3, 3]),
        ("third_retry", [1, 3, 3, 4, 4]),
    ],
)
async def test_the_chosen_retry_comes_five_minutes_after_the_next_navigation(
    world: World, setting: Literal["first_retry", "second_retry", "third_retry"], counts: list[int]
) -> None:
    world.limits = AttributionReportingLimits(retry_after_new_navigation=setting)
    world.scheduler = world.new_scheduler()
    world.server.behave = no_network
    await begin(world, attribution_report())
    arrived = await attempts_over(world, 0)
    await attempts_over(world, 5 * MINUTE, 15 * MINUTE)
    arrived += await attempts_over(world, 10_000 * MINUTE)
    await world.scheduler.navigated()
    arrived += await attempts_over(world, 5 * MINUTE - 1, 1, 15 * MINUTE)
    assert arrived == counts
    assert [state for state, _ in await world.states()] == ["failed"]


async def test_a_navigation_changes_nothing_where_no_retry_waits_for_one(world: World) -> None:
    world.server.behave = no_network
    await begin(world, attribution_report())
    await world.scheduler.navigated()
    (stored,) = await world.stored()
    assert stored.next_attempt == NOW + 5 * MINUTE

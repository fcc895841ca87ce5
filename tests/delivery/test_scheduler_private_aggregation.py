"""Reports of Private Aggregation leave when, and as often as, Chromium would send them (section 4)."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import replace

import pytest

from agent.model.clock import MINUTE
from agent.model.interfaces import Answer, Fetched, NetworkError, NoAnswer
from agent.model.reports import ReportState
from storage.database import AsyncDatabase
from tests.delivery.attribution_reports import NOW
from tests.delivery.private_aggregation_reports import CONTENT, DEBUG_COPY, private_aggregation_report
from tests.delivery.test_scheduler_attribution import add, attempts_over, begin, restart
from tests.delivery.world import START, World

assert START == NOW


@pytest.fixture
async def world() -> AsyncIterator[World]:
    async with await AsyncDatabase.open(":memory:", now=START) as database:
        world = World(database)
        yield world
        await world.scheduler.close()


async def reset() -> NoAnswer:
    return NoAnswer(mapped=True, detail="connection reset", error=NetworkError.CONNECTION_RESET)


async def refused() -> NoAnswer:
    return NoAnswer(mapped=True, detail="connection refused")


async def unavailable() -> Answer:
    return Answer(503)


async def no_content() -> Answer:
    return Answer(204)


async def test_a_report_leaves_at_its_time_and_its_debug_copy_at_once(world: World) -> None:
    later = NOW + 30 * MINUTE
    content = replace(DEBUG_COPY, debug_copy=False, scheduled_report_time=later)
    copy = replace(content, debug_copy=True)
    await begin(world, private_aggregation_report(content, 1, due=later), private_aggregation_report(copy, 2))
    assert await world.states() == [("pending", 0), ("sent", 1)]
    assert await attempts_over(world, 30 * MINUTE - 1, 1) == [1, 2]
    first, second = map(json.loads, world.server.arrived)
    assert first["shared_info"] == second["shared_info"]
    assert json.loads(first["shared_info"])["scheduled_report_time"] == str(later // 1_000)
    assert first["aggregation_service_payloads"] != second["aggregation_service_payloads"]


@pytest.mark.parametrize("behaviour", [unavailable, no_content, reset, refused])
async def test_scenario_38_any_failure_is_retried_after_5_and_15_minutes_and_then_the_report_is_gone(
    world: World, behaviour: Callable[[], Awaitable[Answer | NoAnswer]]
) -> None:
    world.server.behave = behaviour
    await begin(world, private_aggregation_report())
    counts = await attempts_over(world, 0, 5 * MINUTE - 1, 1, 15 * MINUTE - 1, 1, 10_000 * MINUTE)
    assert counts == [1, 1, 2, 2, 3, 3]
    (stored,) = await world.stored()
    assert (stored.state, stored.attempts) == (ReportState.FAILED, 3)


@pytest.mark.parametrize("behaviour", [unavailable, reset])
async def test_a_debug_copy_has_one_attempt(
    world: World, behaviour: Callable[[], Awaitable[Answer | NoAnswer]]
) -> None:
    world.server.behave = behaviour
    await begin(world, private_aggregation_report(DEBUG_COPY))
    assert await attempts_over(world, 10_000 * MINUTE) == [1]
    assert await world.states() == [("failed", 1)]


async def test_the_scheduled_time_and_the_id_stay_and_the_payload_is_sealed_anew_when_a_report_is_retried(
    world: World,
) -> None:
    world.server.behave = unavailable
    await begin(world, private_aggregation_report())
    await attempts_over(world, 5 * MINUTE)
    first, second = map(json.loads, world.server.arrived)
    assert first["shared_info"] == second["shared_info"]
    assert first["aggregation_service_payloads"] != second["aggregation_service_payloads"]


async def test_a_coordinator_without_keys_is_a_failed_attempt_and_asked_again(world: World) -> None:
    async def bad_keys() -> Fetched:
        return Fetched(200, (), b'{"keys":[]}')

    world.coordinator.behave = bad_keys
    await begin(world, private_aggregation_report())
    assert await attempts_over(world, 5 * MINUTE, 15 * MINUTE - 1) == [0, 0]
    world.coordinator.behave = world.coordinator.serve
    assert await attempts_over(world, 1) == [1]
    assert await world.states() == [("sent", 3)]


async def test_a_report_whose_coordinator_is_not_mapped_is_kept_until_it_is(world: World) -> None:
    async def absent() -> NoAnswer:
        return NoAnswer(mapped=False, detail="")

    world.coordinator.behave = absent
    await begin(world, private_aggregation_report())
    assert await world.states() == [("not-sent", 0)]
    world.coordinator.behave = world.coordinator.serve
    await world.scheduler.release("coordinator.test")
    await world.scheduler.settle()
    assert await world.states() == [("sent", 1)]


async def test_what_was_overdue_at_the_start_leaves_within_a_minute_of_it(world: World) -> None:
    await add(world, *(private_aggregation_report(CONTENT, number, due=NOW - 1) for number in range(50)))
    await add(world, private_aggregation_report(DEBUG_COPY, 50, due=NOW - 1))
    await world.scheduler.start()
    due = [report.next_attempt for report in await world.stored()]
    spread = [instant - NOW for instant in due[:50] if instant is not None]
    assert len(spread) == 50
    assert all(0 <= delay <= MINUTE for delay in spread)
    # Uniform: the mean of 50 is 30 s with a standard deviation of 2.4 s, and five of them are 12 s.
    assert 18_000 < sum(spread) / 50 < 42_000
    await world.scheduler.settle()
    world.clock.advance(MINUTE)
    await world.scheduler.settle()
    assert await world.states() == [("sent", 1)] * 51


async def test_a_report_whose_sending_the_agents_end_cut_off_is_sent_at_the_next_start_as_if_it_had_not_been(
    world: World,
) -> None:
    under_way = asyncio.Event()

    async def hang() -> Answer:
        under_way.set()
        await asyncio.Event().wait()
        raise AssertionError

    world.server.behave = hang
    await add(world, private_aggregation_report())
    await world.scheduler.start()
    await under_way.wait()
    world.server.behave = world.server.accept
    await restart(world)
    assert await attempts_over(world, MINUTE) == [2]
    assert await world.states() == [("sent", 1)]


async def test_a_debug_copy_whose_sending_was_cut_off_is_gone(world: World) -> None:
    under_way = asyncio.Event()

    async def hang() -> Answer:
        under_way.set()
        await asyncio.Event().wait()
        raise AssertionError

    world.server.behave = hang
    await add(world, private_aggregation_report(DEBUG_COPY))
    await world.scheduler.start()
    await under_way.wait()
    world.server.behave = world.server.accept
    await restart(world)
    assert await attempts_over(world, 10_000 * MINUTE) == [1]
    assert await world.states() == [("failed", 1)]

from __future__ import annotations

import asyncio

import pytest

from agent.expectations import waiting
from agent.model.clock import DAY, HOUR
from agent.model.events import Event
from agent.model.tasks import Tasks
from agent.runtime import Agent
from tests.expectations.agents import START, an_agent, register_source, register_trigger


async def never() -> bool:
    return False


async def test_the_clock_goes_by_way_of_each_report_that_is_due() -> None:
    async with an_agent() as agent:
        await register_source(agent, event_report_windows={"end_times": [3600, 86400]})
        await register_trigger(agent)
        await agent.clock.advance(2 * HOUR)
        await register_trigger(agent)
        instants = []

        async def look() -> bool:
            instants.append(agent.clock.now() - START)
            return False

        assert not await waiting.along(agent, look, "2d")
        # The first report left an hour after the source, when the clock passed it; the second is due after a day.
        assert instants == [2 * HOUR, DAY, 2 * DAY + 2 * HOUR]


async def test_what_is_about_to_be_registered_keeps_its_instant(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(waiting, "QUIET", 1.0)
    async with an_agent() as agent:

        async def a_little_later() -> None:
            await asyncio.sleep(0.05)
            await register_source(agent)

        await asyncio.gather(waiting.along(agent, never, "1d"), a_little_later())
        (source,) = await agent.state.sources()
        assert source.time == START
        assert agent.clock.now() == START + DAY


async def test_a_page_that_never_rests_is_waited_for_no_longer_than_that(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(waiting, "RESTLESS", 0.3)
    async with an_agent() as agent:

        async def restless() -> None:
            while True:
                await agent.note(Event("x", START, "x", "x"))
                await asyncio.sleep(0.01)

        tasks = Tasks()
        tasks.start(restless(), "a page that never rests")
        try:
            await asyncio.wait_for(waiting.asked(agent), 5)
        finally:
            await tasks.close()


async def test_the_last_look_is_after_the_time_is_over() -> None:
    looks = iter([False, True])

    async def look() -> bool:
        return next(looks)

    async with an_agent() as agent:
        assert await waiting.until(agent, look, timeout=0.01)


async def test_a_wall_clock_can_be_moved_too() -> None:
    async with Agent.open_profile(":memory:") as agent:
        begun = agent.clock.now()
        assert not await waiting.until(agent, never, timeout=0, advance=DAY)
        assert agent.clock.now() >= begun + DAY

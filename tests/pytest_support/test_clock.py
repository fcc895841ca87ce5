from __future__ import annotations

import asyncio

import pytest

from agent.expectations import waiting
from agent.model.clock import DAY
from agent.pytest_support.clock import TestClock
from tests.expectations.agents import START, an_agent, register_source, register_trigger


async def test_what_a_page_is_about_to_ask_for_is_decided_before_the_clock_moves(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(waiting, "QUIET", 1.0)
    async with an_agent() as agent:
        clock = TestClock(agent)

        async def a_little_later() -> None:
            await asyncio.sleep(0.05)
            await register_source(agent)

        await asyncio.gather(clock.advance("1d"), a_little_later())
        (source,) = await agent.state.sources()
        assert (source.time, clock.now()) == (START, START + DAY)


async def test_the_next_report_is_also_one_that_a_page_is_about_to_earn(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(waiting, "QUIET", 1.0)
    async with an_agent() as agent:
        await register_source(agent)

        async def a_little_later() -> None:
            await asyncio.sleep(0.05)
            await register_trigger(agent)

        due, _ = await asyncio.gather(TestClock(agent).to_next_report(), a_little_later())
        assert due == START + 2 * DAY


async def test_what_is_no_duration_is_refused_and_nothing_moves() -> None:
    async with an_agent() as agent:
        for wrong in ("2 days", -1):
            with pytest.raises(ValueError, match=str(wrong)):
                await TestClock(agent).advance(wrong)
        assert agent.clock.now() == START

"""Pages that see the agent's clock, where the settings ask for it."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from agent.browser.launch import Browser
from agent.model.clock import DAY, MINUTE, Clock
from agent.model.settings import Settings
from agent.runtime import Agent

pytestmark = pytest.mark.browser


@pytest.fixture
def site(tmp_path: Path) -> Path:
    (tmp_path / "index.html").write_text("<!doctype html><title>news</title>")
    return tmp_path


async def test_date_in_a_page_stands_where_a_frozen_clock_stands_and_moves_with_it(
    agent_browser: Browser, site: Path
) -> None:
    settings = Settings(page_clock=True)
    launched = Agent.launch(browser=agent_browser, clock=Clock.frozen(), settings=settings, maps={"news.test": site})
    async with launched as agent:
        page = await agent.new_page("https://news.test/")
        assert await page.evaluate("Date.now()") == agent.clock.now()
        await agent.clock.advance("2d")
        assert await page.evaluate("Date.now()") == agent.clock.now()
        assert await page.evaluate("new Promise(done => setTimeout(() => done('ran'), 1))") == "ran"


async def test_date_in_a_page_stops_and_runs_with_the_clock_in_the_same_call(
    agent_browser: Browser, site: Path
) -> None:
    settings = Settings(page_clock=True)
    launched = Agent.launch(browser=agent_browser, clock=Clock(), settings=settings, maps={"news.test": site})
    async with launched as agent:
        page = await agent.new_page("https://news.test/")
        await agent.clock.freeze()
        assert await page.evaluate("Date.now()") == agent.clock.now()
        await agent.clock.to(agent.clock.now() + DAY)
        assert await page.evaluate("Date.now()") == agent.clock.now()
        await agent.clock.run()
        first, then = await page.evaluate(
            "(async () => { const first = Date.now();"
            " await new Promise(done => setTimeout(done, 50)); return [first, Date.now()]; })()"
        )
        assert first < then <= agent.clock.now()


async def test_date_in_a_page_is_never_ahead_of_a_clock_that_runs(agent_browser: Browser, site: Path) -> None:
    settings = Settings(page_clock=True)
    launched = Agent.launch(browser=agent_browser, clock=Clock(), settings=settings, maps={"news.test": site})
    async with launched as agent:
        page = await agent.new_page("https://news.test/")
        for _ in range(10):
            await asyncio.sleep(0.05)
            await agent.clock.advance("1d")
            assert await page.evaluate("Date.now()") <= agent.clock.now()


async def test_date_in_a_page_keeps_up_with_a_fast_clock(agent_browser: Browser, site: Path) -> None:
    settings = Settings(page_clock=True)
    launched = Agent.launch(browser=agent_browser, clock=Clock(), settings=settings, maps={"news.test": site})
    async with launched as agent:
        page = await agent.new_page("https://news.test/")
        await agent.clock.run("1000x")
        began = await page.evaluate("Date.now()")
        async with asyncio.timeout(10):
            while await page.evaluate("Date.now()") < began + 20 * MINUTE:  # 1.2 s at this speed
                await asyncio.sleep(0.05)
        assert await page.evaluate("Date.now()") <= agent.clock.now()


async def test_date_in_a_page_is_chromiums_own_by_default(agent_browser: Browser, site: Path) -> None:
    async with Agent.launch(browser=agent_browser, maps={"news.test": site}) as agent:
        page = await agent.new_page("https://news.test/")
        await agent.clock.advance("2d")
        assert agent.clock.now() - await page.evaluate("Date.now()") > DAY
        assert await page.evaluate("Date.toString()") == "function Date() { [native code] }"

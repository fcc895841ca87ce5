"""Who must not suffer from a bad worklet: the host, the worklet's page, another worklet, another profile."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable
from contextlib import asynccontextmanager
from dataclasses import dataclass

from playwright.async_api import Page

from agent.browser.launch import Browser
from agent.model.clock import Clock
from agent.model.settings import Settings
from agent.runtime import Agent
from tests.scenarios.world import World

_SECONDS = 20
_COUNTING = """
    let calls = 0;
    register("op", class { async run() {
        await sharedStorage.length();
        calls += 1;
        console.log(`BYSTANDER ${calls}`);
    } });
"""
_FRESH = "register('op', class { async run() { await sharedStorage.length(); console.log('FRESH true'); } });"


@dataclass
class Watched:
    """A page with a worklet that counts its calls, and knows from its count that it is still the same."""

    world: World
    page: Page
    calls: int = 0

    async def say(self, worklet: str, mark: str) -> object:
        """What an operation of a worklet of the page says after ``mark``."""
        async with self.page.expect_console_message(lambda line: line.text.startswith(mark)) as line:
            await self.page.evaluate(f"{worklet}.run('op', {{ keepAlive: true }})")
        return json.loads((await line.value).text.removeprefix(mark))

    async def go_on(self) -> None:
        """The worklet runs, and is the one that it was."""
        self.calls += 1
        assert await self.say("bystander", "BYSTANDER") == self.calls


@dataclass
class Bystanders:
    """Two profiles of one browser. Bad worklets are those of :attr:`page`."""

    bad: Watched
    other: Watched
    """Another profile's."""

    @property
    def world(self) -> World:
        """The bad worklets' profile."""
        return self.bad.world

    @property
    def page(self) -> Page:
        """The bad worklets' page."""
        return self.bad.page

    async def suffer_nothing(self) -> None:
        """Hold these four to it."""
        await asyncio.gather(
            _in_time("its page", self._its_page()),
            _in_time("another worklet", self.bad.go_on()),
            _in_time("another profile", self.other.go_on()),
            _in_time("the host", self._the_host()),
        )

    async def _its_page(self) -> None:
        assert await self.page.evaluate("1 + 1") == 2

    async def _the_host(self) -> None:
        """It makes a new worklet and answers it."""
        await self.world.worklet(self.page, _FRESH, name="fresh")
        assert await self.bad.say("fresh", "FRESH") is True


async def _in_time(who: str, waiting: Awaitable[None]) -> None:
    try:
        async with asyncio.timeout(_SECONDS):
            await waiting
    except TimeoutError:
        raise AssertionError(f"{who} suffers: no answer in {_SECONDS} s") from None


@asynccontextmanager
async def bystanders(browser: Browser, settings: Settings | None = None) -> AsyncIterator[Bystanders]:
    """Everyone, at ``https://a.test/``; ``settings`` are the bad worklets' profile's."""
    async with (
        Agent.launch(browser=browser, clock=Clock.frozen(), seed=1, settings=settings) as agent,
        Agent.launch(browser=browser, clock=Clock.frozen(), seed=2) as other,
    ):
        yield Bystanders(await _watched(agent), await _watched(other))


async def _watched(agent: Agent) -> Watched:
    world = World(agent)
    page = await world.open()
    await world.worklet(page, _COUNTING, name="bystander")
    return Watched(world, page)

"""Who must not suffer from a bad worklet: the host, the worklet's page, another worklet, another profile."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

from playwright.async_api import Page

from agent.browser.launch import Browser
from agent.model.clock import Clock
from agent.model.settings import Settings
from agent.runtime import Agent
from tests.scenarios.world import World

_COUNTING = """
    let calls = 0;
    register("op", class { async run() {
        await sharedStorage.length();
        calls += 1;
        console.log(`BYSTANDER ${calls}`);
    } });
"""
_FRESH = "register('op', class { async run() { await sharedStorage.length(); console.log('BYSTANDER true'); } });"


@dataclass
class Watched:
    """A page with a worklet that counts its calls, and knows from its count that it is still the same."""

    world: World
    page: Page
    calls: int = 0

    async def say(self, worklet: str) -> object:
        """What an operation of a worklet of the page says."""
        async with self.page.expect_console_message(lambda line: line.text.startswith("BYSTANDER")) as line:
            await self.page.evaluate(f"{worklet}.run('op', {{ keepAlive: true }})")
        return json.loads((await line.value).text.removeprefix("BYSTANDER "))

    async def go_on(self) -> None:
        """The worklet runs, and is the one that it was."""
        self.calls += 1
        assert await self.say("bystander") == self.calls


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
        async with asyncio.timeout(20):
            await asyncio.gather(self.of_the_bad_profile(), self.another_profile())

    async def of_the_bad_profile(self) -> None:
        """The page, another worklet of it, and the host, which makes it a new worklet."""
        assert await self.page.evaluate("1 + 1") == 2, "its page"
        await self.bad.go_on()  # another worklet
        await self.world.worklet(self.page, _FRESH, name="fresh")
        assert await self.bad.say("fresh") is True, "the host"

    async def another_profile(self) -> None:
        """A page and a worklet of another profile."""
        await self.other.go_on()


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

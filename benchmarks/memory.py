"""Memory per profile: an agent's BrowserContext with its store, front and pages over a bare BrowserContext.

Measured: by how much the proportional set size of everything grows, that is of all Chromium's processes, Playwright's
drivers and Python, when one more profile with one page is opened. Memory that processes share counts once, so that one
side's growth is the same however many processes the other has.

Against: one more bare context with the same page in a browser launched by Playwright alone. The three browsers take
turns in random order, and the second bare one tells what two equal browsers differ by. Nothing is closed before the
end, for later profiles would move into what earlier ones freed; the first round, which is not kept, pays what any first
page costs.
"""

from __future__ import annotations

import asyncio
import gc
from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack
from functools import partial

from playwright.async_api import Browser as BareBrowser

from agent.browser.launch import Browser
from agent.runtime import Agent
from benchmarks.browsers import bare_browser
from benchmarks.figures import Figure, Goal, differences
from benchmarks.processes import memory
from benchmarks.rounds import Plan, interleave
from benchmarks.server import Server, serving

URL = "https://shop.test/empty"
GOAL = Goal(at_most=5)
_SETTLING = 1.0
"""Seconds after a load in which Chromium ends what it started for loading."""


async def measure(plan: Plan) -> list[Figure]:
    """Open profiles by turns on each side."""
    async with AsyncExitStack() as stack:
        server = await stack.enter_async_context(serving())
        browser = await stack.enter_async_context(Browser())
        openers = {"agent": partial(_open_profile, stack, browser, server)}
        for name in ("bare", "bare2"):
            openers[name] = partial(_open_context, await stack.enter_async_context(bare_browser(server)))
        costs = await interleave("memory", plan, {name: partial(_growth, opener) for name, opener in openers.items()})
    figures = [Figure(f"memory.{name}.per_context", "MB", samples) for name, samples in costs.items()]
    over = differences(costs["agent"], costs["bare"])
    pair = differences(costs["bare2"], costs["bare"])
    return [*figures, Figure("memory.per_profile_over_bare", "MB", over, goal=GOAL, pair=pair)]


async def _growth(opener: Callable[[], Awaitable[None]]) -> float:
    """MB that ``opener`` adds to the whole tree of processes."""
    before = memory()
    await opener()
    await asyncio.sleep(_SETTLING)
    gc.collect()
    return memory() - before


async def _open_profile(stack: AsyncExitStack, browser: Browser, server: Server) -> None:
    agent = await stack.enter_async_context(Agent.launch(browser=browser, maps=server.maps))
    await agent.new_page(URL)


async def _open_context(browser: BareBrowser) -> None:
    page = await (await browser.new_context()).new_page()
    await page.goto(URL)

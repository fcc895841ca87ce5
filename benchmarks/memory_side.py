"""One side of the memory benchmark, in a process of its own: prints what a browser's contexts cost, in MB.

Arguments: ``agent`` or ``bare``, how many contexts, and the server as JSON.
"""

from __future__ import annotations

import asyncio
import gc
import json
import sys
from contextlib import AsyncExitStack

from playwright.async_api import Page

from agent.browser.launch import Browser
from agent.runtime import Agent
from benchmarks.browsers import bare_browser
from benchmarks.processes import memory
from benchmarks.server import Server

URL = "https://shop.test/empty"
_SETTLING = 1.0
"""Seconds after the last load in which Chromium ends what it started for loading."""


async def run(side: str, count: int, server: Server) -> None:
    """Open ``count`` contexts with one page each beside a first one, and print what they add to the whole tree."""
    async with AsyncExitStack() as stack:
        if side == "agent":
            browser = await stack.enter_async_context(Browser())

            async def open_page() -> Page:
                agent = await stack.enter_async_context(Agent.launch(browser=browser, maps=server.maps))
                return await agent.new_page(URL)
        else:
            bare = await stack.enter_async_context(bare_browser(server))

            async def open_page() -> Page:
                page = await (await bare.new_context()).new_page()
                await page.goto(URL)
                return page

        await open_page()  # what any first page costs is no profile's
        before = await _settled()
        for _ in range(count):
            await open_page()
        print(json.dumps({"before": before, "after": await _settled()}))


async def _settled() -> float:
    await asyncio.sleep(_SETTLING)
    gc.collect()
    return memory()


if __name__ == "__main__":
    asyncio.run(run(sys.argv[1], int(sys.argv[2]), Server(**json.loads(sys.argv[3]))))

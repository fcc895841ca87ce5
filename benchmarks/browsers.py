"""The browsers that are compared: an agent's, and bare ones launched by Playwright with the same flags."""

from __future__ import annotations

import os
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager

from playwright.async_api import Browser, async_playwright

from agent.browser.chromium import find_chromium
from agent.browser.launch import _QUIET as QUIET
from benchmarks.server import Server


@asynccontextmanager
async def bare_browser(server: Server) -> AsyncIterator[Browser]:
    """A Chromium as Playwright gives it: no agent, no proxy, the server's hosts by a resolver rule."""
    async with AsyncExitStack() as stack:
        # A driver of its own, as an agent's browser has.
        playwright = await stack.enter_async_context(async_playwright())
        browser = await playwright.chromium.launch(
            executable_path=find_chromium().path,
            chromium_sandbox=os.geteuid() != 0,
            args=[*QUIET, *server.arguments],
        )
        stack.push_async_callback(browser.close)
        yield browser

"""What tests that were exported from journeys call: time passes, and tabs are followed, as in a journey."""

from __future__ import annotations

import asyncio
import contextlib
from typing import TYPE_CHECKING

from agent.expectations.waiting import along, asked
from agent.runtime import Agent

if TYPE_CHECKING:
    from playwright.async_api import Page

A_MOMENT = 0.3
"""Real seconds within which a tab that a page has just opened is there."""


async def pass_time(agent: Agent, duration: str) -> None:
    """Move the clock by a duration such as ``2d``, by way of each instant at which a report is due.

    What fails at such an instant is tried again at its time, as it would be while time passes.
    """
    await along(agent, _never, duration)


async def newest_tab(agent: Agent) -> Page:
    """The tab that was opened last, also where it is being opened now; a blank one where there is none."""
    context, opened = agent.context, asyncio.Event()

    def note(_page: Page) -> None:
        opened.set()

    context.on("page", note)
    try:
        await asked(agent)
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(A_MOMENT):
                await opened.wait()
    finally:
        context.remove_listener("page", note)
    return context.pages[-1] if context.pages else await agent.new_page()


async def _never() -> bool:
    return False

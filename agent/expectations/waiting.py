"""Waiting: in real time for what happens by itself, and along the agent's clock for what becomes due."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING

from agent.browser.page_failures import PageError
from agent.model.clock import parse_duration
from agent.model.reports import ReportState

if TYPE_CHECKING:
    from playwright.async_api import Request

    from agent.runtime import Agent

QUIET = 0.1
"""Seconds in which something that a page has begun shows itself."""
RESTLESS = 5.0
"""Seconds after which pages are not waited for any more."""
Look = Callable[[], Awaitable[bool]]


async def until(
    agent: Agent,
    look: Look,
    *,
    timeout: float,  # noqa: ASYNC109 - a wait that ends in False, not in TimeoutError
    advance: int | str | None = None,
) -> bool:
    """Whether ``look`` came true within ``timeout`` real seconds.

    ``advance``: where it is not true at once, the clock first moves up to that far (milliseconds, or text such as
    ``"2d"``), by way of each instant at which a report is due, and stops where ``look`` is true. Raises ValueError for
    a duration that cannot be read.
    """
    if advance is not None and (await look() or await along(agent, look, advance)):
        return True
    try:
        async with asyncio.timeout(timeout):
            while True:
                async with agent.events.news:
                    if await look():
                        return True
                    await agent.events.news.wait()
    except TimeoutError:
        return await look()


async def along(agent: Agent, look: Look, advance: int | str) -> bool:
    """Move the clock by ``advance``, by way of each instant at which a report is due, until ``look`` is true."""
    limit = advance if isinstance(advance, int) else parse_duration(advance)
    await asked(agent)
    if await look():
        return True
    end = agent.clock.now() + limit
    while (now := agent.clock.now()) < end:
        due = await _next_due(agent, now)
        await agent.clock.advance((end if due is None else min(due, end)) - now)
        if await look():
            return True
    return False


async def asked(agent: Agent) -> None:
    """Wait until what pages have asked for by now, or are about to, is decided: it belongs to this instant.

    Pages make the requests of new elements a little later, so nothing must have happened for a moment, and no page may
    wait for an answer. One that never rests, or never gets it, is waited for no longer than :data:`RESTLESS`.
    """
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(RESTLESS):
            while await _something_happens(agent) or await _unanswered(agent):
                pass
    await agent.arrived()


async def _something_happens(agent: Agent) -> bool:
    try:
        async with asyncio.timeout(QUIET), agent.events.news:
            await agent.events.news.wait()
    except TimeoutError:
        return False
    return True


async def _unanswered(agent: Agent) -> bool:
    """Whether a page waits for the answer to a request of its own: what it may register comes with that."""
    for page in agent.context.pages if hasattr(agent, "context") else ():
        # A page that just closed waits for nothing.
        with contextlib.suppress(PageError):
            if any(_waits(request) for request in await page.requests()):
                return True
    return False


def _waits(request: Request) -> bool:
    return request.failure is None and request.timing["responseStart"] < 0 and request.url.startswith("http")


async def _next_due(agent: Agent, now: int) -> int | None:
    """When the next report leaves after ``now``."""
    pending = [report.next_attempt for report in await agent.reports.all() if report.state is ReportState.PENDING]
    return min((due for due in pending if due is not None and due > now), default=None)

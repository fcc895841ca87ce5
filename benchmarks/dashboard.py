"""The dashboard over 100,000 events: how soon its home page paints, and what serving it adds to this process.

Measured: ``first-contentful-paint`` of the timeline, as Chromium tells it, in a fresh page of a browser that has the
static files in no cache; the whole answer of pages that have to search; and how much more memory this process holds
after all pages were served.

Against: the same pages over an agent to which nothing has happened, taken in turns.
"""

from __future__ import annotations

import gc
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from functools import partial

import aiohttp
from playwright.async_api import Browser, async_playwright

from agent.browser.chromium import find_chromium
from agent.cli.operations import OPERATIONS
from agent.dashboard.app import dashboard_app, serve
from agent.dashboard.pages import PAGES
from agent.model.clock import Clock
from agent.model.events import Check, Event, Trace
from agent.model.rng import token
from agent.runtime import Agent
from benchmarks.figures import Figure, Goal, differences
from benchmarks.processes import memory
from benchmarks.rounds import Plan, interleave

EVENTS, TINY_EVENTS = 100_000, 300
PAINT = Goal(at_most=500)
DIFFERENCE = Goal(at_most=50)
ANSWER = Goal(at_most=600)
MEMORY = Goal(at_most=30)
_KINDS = ("source-registration", "trigger-registration", "conversion", "impression")
_CHECKS = tuple(
    Check(f"rule {number}", passed=number < 7, detail="65,536 - 60,000 = 5,536 left") for number in range(8)
)
_AT_ONCE = 1_000
_SEARCHES = {"rare": "/timeline?filter=nowhere", "failed": "/timeline?filter=verdict:success"}
"""Pages that look at every event and find none."""
_PAINTED = "() => performance.getEntriesByName('first-contentful-paint')[0]?.startTime"


async def measure(plan: Plan) -> list[Figure]:
    """Serve the pages of both agents by turns."""
    events = TINY_EVENTS if plan.tiny else EVENTS
    async with AsyncExitStack() as stack:
        playwright = await stack.enter_async_context(async_playwright())
        browser = await playwright.chromium.launch(executable_path=find_chromium().path, args=["--no-sandbox"])
        stack.push_async_callback(browser.close)
        client = await stack.enter_async_context(aiohttp.ClientSession())
        full = await stack.enter_async_context(_dashboard(events))
        empty = await stack.enter_async_context(_dashboard(0))
        subjects: dict[str, Callable[[], Awaitable[float]]] = {
            "first_paint.full": partial(_first_paint, browser, full),
            "first_paint.empty": partial(_first_paint, browser, empty),
            **{f"answer.{name}": partial(_answer, client, full + path) for name, path in _SEARCHES.items()},
        }
        samples = await interleave("dashboard", plan, subjects)
        grown = [await _growth(client, full) for _ in range(plan.rounds)]
    goals = {"first_paint.full": PAINT, "answer.rare": ANSWER, "answer.failed": ANSWER}
    figures = [Figure(f"dashboard.{name}", "ms", taken, goal=goals.get(name)) for name, taken in samples.items()]
    over = differences(samples["first_paint.full"], samples["first_paint.empty"])
    figures.append(Figure("dashboard.first_paint.full_less_empty", "ms", over, goal=DIFFERENCE))
    return [*figures, Figure("dashboard.memory", "MB", grown, goal=MEMORY)]


@asynccontextmanager
async def _dashboard(events: int) -> AsyncIterator[str]:
    """The address of a dashboard whose agent has so many events."""
    async with Agent.open_profile(":memory:", seed=1, clock=Clock.frozen()) as agent:
        for first in range(0, events, _AT_ONCE):
            await agent.note(*(_event(number) for number in range(first, min(first + _AT_ONCE, events))))
        async with serve(dashboard_app(agent, OPERATIONS, token=token()), 0) as port:
            yield f"http://127.0.0.1:{port}"


def _event(number: int) -> Event:
    site = f"site-{number % 50}.test"
    asked = {"url": "https://adtech.test/register", "fields": {"Attribution-Reporting-Register-Source": "b" * 300}}
    data = {"reporting_origin": "https://adtech.test", "asked": asked}
    return Event(_KINDS[number % 4], number, "stored", f"number {number} on {site}", site, data, Trace(_CHECKS))


async def _first_paint(browser: Browser, address: str) -> float:
    """Milliseconds from the navigation to the first paint with content."""
    context = await browser.new_context()
    try:
        page = await context.new_page()
        await page.goto(f"{address}/", wait_until="load")
        painted = None
        while painted is None:
            painted = await page.evaluate(_PAINTED)
        return float(painted)
    finally:
        await context.close()


async def _answer(client: aiohttp.ClientSession, address: str) -> float:
    """Milliseconds until a page has arrived whole."""
    began = time.perf_counter()
    async with client.get(address) as response:
        await response.read()
        response.raise_for_status()
    return (time.perf_counter() - began) * 1000


async def _growth(client: aiohttp.ClientSession, address: str) -> float:
    """MB that serving every page leaves behind."""
    gc.collect()
    before = memory()
    for page in PAGES:
        if "{" not in page.address:
            await _answer(client, address + page.address)
    gc.collect()
    return memory() - before

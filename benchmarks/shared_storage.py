"""What Shared Storage costs a page, in milliseconds for each call.

Measured by the page's own clock: ``set`` and ``run``, 20 in sequence, each until its promise resolves; and
``add_module`` in a page that was just opened, with the fetch of a small script that no cache holds. The goals are what
native Chromium 143 took on another machine.

Measured by the system's clock, which both read: ``run_to_contribution_stored``, from the page's call of ``run()`` until
the report that its operation's contribution came to is committed.
"""

from __future__ import annotations

import asyncio
from contextlib import AsyncExitStack
from functools import partial
from time import CLOCK_REALTIME, clock_gettime

from playwright.async_api import Page

from agent.model.private_aggregation import PRIVATE_AGGREGATION
from agent.model.private_aggregation_limits import PrivateAggregationLimits
from agent.model.settings import Settings
from agent.runtime import Agent
from benchmarks.figures import Figure, Goal
from benchmarks.rounds import Plan, interleave
from benchmarks.server import serving

GOALS = {
    "set": Goal(at_most=0.095),
    "run": Goal(at_most=0.12),
    "add_module": Goal(at_most=29),
    "run_to_contribution_stored": Goal(at_most=5),
}
COUNT = 20
URL = "https://shop.test/empty"
_ADD_MODULE = "sharedStorage.worklet.addModule('https://shop.test/worklet.js')"
_CALLS = {
    "set": "sharedStorage.set('key', String(i))",
    "run": "sharedStorage.run('empty', { keepAlive: true })",
}
_TIMED = """async (count) => {{
  const started = performance.now();
  for (let i = 0; i < count; i++) await {};
  return (performance.now() - started) / count;
}}"""
_CONTRIBUTE = """() => {
  const called = performance.timeOrigin + performance.now();
  sharedStorage.run('contribute', { keepAlive: true });
  return called;
}"""


async def measure(plan: Plan) -> list[Figure]:
    """Each kind of call by turns, in pages of one agent."""
    # The daily budget and the number of waiting reports would end with the rounds.
    limits = PrivateAggregationLimits(max_reports_per_origin=10**6)
    async with AsyncExitStack() as stack:
        server = await stack.enter_async_context(serving())
        settings = Settings(private_aggregation_limits=limits)
        agent = await stack.enter_async_context(Agent.launch(maps=server.maps, settings=settings))
        page, fresh = await agent.new_page(URL), await agent.new_page()
        await page.evaluate(f"() => {_ADD_MODULE}")
        subjects = {name: partial(_called, page, call) for name, call in _CALLS.items()}
        subjects["add_module"] = partial(_module_added, fresh)
        subjects["run_to_contribution_stored"] = partial(_contributed, agent, page)
        times = await interleave("shared_storage", plan, subjects)
    return [Figure(f"shared_storage.{name}", "ms", samples, goal=GOALS.get(name)) for name, samples in times.items()]


async def _called(page: Page, call: str) -> float:
    took = float(await page.evaluate(_TIMED.format(call), COUNT))
    # What was told to the host is done before the next subject begins.
    await asyncio.sleep(0.1)
    return took


async def _module_added(page: Page) -> float:
    await page.goto(URL)
    return float(await page.evaluate(_TIMED.format(_ADD_MODULE), 1))


async def _contributed(agent: Agent, page: Page) -> float:
    before = await agent.events.last(PRIVATE_AGGREGATION)
    async with asyncio.TaskGroup() as tasks:
        stored = tasks.create_task(_next(agent, 0 if before is None else before.id))
        # A page that has lived long has drifted from the system's clock.
        await page.reload()
        await page.evaluate(f"() => {_ADD_MODULE}")
        called = float(await page.evaluate(_CONTRIBUTE))
    return stored.result() - called


async def _next(agent: Agent, after: int) -> float:
    """Milliseconds since 1970 when a batch was committed after that event."""
    while True:
        async with agent.events.news:
            await agent.events.news.wait()
        now = clock_gettime(CLOCK_REALTIME) * 1000
        if await agent.events.read(after=after, kind=PRIVATE_AGGREGATION, limit=1):
            return now

"""What worklets cost: to make one, to call it, and fifty of them at once.

Measured, in milliseconds of the host: ``create``, from the request to a worklet that waits for its script, beside
``add_module`` of a small one; ``empty_call``, an operation that does nothing; ``reach_call``, the seed's reach example:
one ``get``, one contribution, one ``set``, each answered by the host at once. What the agent does with the answers is
not in it.

Fifty worklets at once: by how much the proportional set size of everything grows for each, and how long a page takes to
count to twenty million beside fifty worklets whose operations are under way, over the same page with none. The goal for
making one is native Chromium's ``addModule``.
"""

from __future__ import annotations

import asyncio
from contextlib import AsyncExitStack
from functools import partial
from time import perf_counter

from playwright.async_api import Page

from agent.browser.dedicated_worklet import DedicatedWorklet
from agent.browser.launch import Browser
from agent.model.private_aggregation import PrivateAggregationConfig
from agent.model.tasks import Tasks
from agent.model.worklets import Operation, WorkletScript
from agent.runtime import Agent
from benchmarks.figures import Figure, Goal, ratios
from benchmarks.processes import memory
from benchmarks.rounds import Plan, interleave
from benchmarks.server import serving
from benchmarks.worklet_services import Services

GOAL_CREATE = Goal(at_most=29)
AT_ONCE = 50
URL = "https://shop.test/empty"
_CALLS = 20
_SETTLING = 0.5
_PAUSE = 0.2
"""Seconds from one call of an operation to the host to its next."""
_SCRIPT = WorkletScript(
    "https://shop.test/worklet.js",
    """
    register("empty", class { async run() {} });
    register("wait", class { async run() { for (;;) await sharedStorage.get("key"); } });
    register("reach", class {
      async run() {
        if ((await sharedStorage.get("key")) === undefined) return;
        privateAggregation.contributeToHistogram({ bucket: 1n, value: 1 });
        await sharedStorage.set("key", "1");
      }
    });
    """,
)
_COUNT = """() => {
  const started = performance.now();
  let sum = 0;
  for (let i = 0; i < 2e7; i++) sum += Math.sqrt(i);
  document.title = sum;
  return performance.now() - started;
}"""


async def measure(plan: Plan) -> list[Figure]:
    """Calls by turns; then a page beside fifty worklets, and pages in two browsers that have none."""
    async with AsyncExitStack() as stack:
        server = await stack.enter_async_context(serving())
        tasks = Tasks()
        stack.push_async_callback(tasks.close)
        browsers, pages = [], []
        for _ in range(3):
            browsers.append(await stack.enter_async_context(Browser()))
            agent = await stack.enter_async_context(Agent.launch(browser=browsers[-1], maps=server.maps))
            pages.append(await agent.new_page(URL))
        worklet = await _load(browsers[0])
        calls = {name: partial(_call, worklet, name) for name in ("empty", "reach")}
        steps = {"create": partial(_create, browsers[0]), "add_module": partial(_add_module, browsers[0])}
        times = await interleave("worklets", plan, {**steps, **calls})
        fifty = partial(_beside, browsers[0], pages[0], 3 if plan.tiny else AT_ONCE, tasks)
        subjects = {"beside": fifty, "alone": partial(_alone, pages[1]), "alone2": partial(_alone, pages[2])}
        counts = await interleave("worklets beside a page", plan, subjects)
    beside, alone, alone2 = ([took for took, _ in counts[name]] for name in subjects)
    return [
        Figure("worklets.create", "ms", times["create"], goal=GOAL_CREATE),
        Figure("worklets.add_module", "ms", times["add_module"]),
        Figure("worklets.empty_call", "ms", times["empty"]),
        Figure("worklets.reach_call", "ms", times["reach"]),
        Figure("worklets.fifty.memory_each", "MB", [each for _, each in counts["beside"]]),
        Figure("worklets.fifty.page_over_alone", "ratio", ratios(beside, alone), pair=ratios(alone2, alone)),
    ]


async def _load(browser: Browser, seconds: float = 0) -> DedicatedWorklet:
    worklet = await browser.worklets.create(Services(seconds), options={})
    await worklet.add_module(_SCRIPT)
    return worklet


async def _create(browser: Browser) -> float:
    started = perf_counter()
    worklet = await browser.worklets.create(Services(), options={})
    took = perf_counter() - started
    await worklet.close()
    return took * 1000


async def _add_module(browser: Browser) -> float:
    worklet = await browser.worklets.create(Services(), options={})
    started = perf_counter()
    await worklet.add_module(_SCRIPT)
    took = perf_counter() - started
    await worklet.close()
    return took * 1000


async def _call(worklet: DedicatedWorklet, name: str) -> float:
    started = perf_counter()
    for number in range(1, _CALLS + 1):
        result = await worklet.call(Operation(number, name, None, PrivateAggregationConfig()))
        assert not result.died
    return (perf_counter() - started) * 1000 / _CALLS


async def _beside(browser: Browser, page: Page, count: int, tasks: Tasks) -> tuple[float, float]:
    """How long the page counts beside ``count`` worklets with an operation of each under way; MB that each adds."""
    before = memory()
    worklets = [await _load(browser, seconds=_PAUSE) for _ in range(count)]
    for worklet in worklets:
        tasks.start(worklet.call(Operation(1, "wait", None, PrivateAggregationConfig())), "an operation under way")
    await asyncio.sleep(_SETTLING)
    each = (memory() - before) / count
    took, _ = await _alone(page)
    for worklet in worklets:
        await worklet.close()
    await asyncio.sleep(_SETTLING)
    return took, each


async def _alone(page: Page) -> tuple[float, float]:
    return float(await page.evaluate(_COUNT)), 0.0

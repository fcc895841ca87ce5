"""A plain page of 100 tiny subresources over four https hosts: an agent's browser over bare Playwright.

Measured: ``page.goto`` to the load event, in a new tab of one long-lived context. ``cold``: every subresource is
``no-store``. ``warm``: all are cacheable and in the cache. ``registrations``: as cold, and ten of the images register
an attribution source in the background, of which a bare Chromium knows nothing. And the processor time that the load
took in all processes, the server's too, which suffers less from neighbours than time does.

Against: the same Chromium with the same flags, launched by Playwright alone. It reaches the same server process over
TLS through a resolver rule, without a proxy; behind the agent's front, where TLS ends, the server speaks plain HTTP.
The three browsers take turns in random order, and the second bare one tells what two equal browsers differ by.
"""

from __future__ import annotations

import time
from contextlib import AsyncExitStack
from dataclasses import dataclass
from functools import partial

from playwright.async_api import BrowserContext

from agent.runtime import Agent
from benchmarks.browsers import bare_browser
from benchmarks.figures import Figure, Goal, ratio, ratios
from benchmarks.processes import processor_time
from benchmarks.rounds import Plan, interleave
from benchmarks.server import serving

GOAL = Goal(at_most=1.05)


async def measure(plan: Plan) -> list[Figure]:
    """Load the page by turns in the three browsers, cold and warm."""
    async with AsyncExitStack() as stack:
        server = await stack.enter_async_context(serving())
        agent = await stack.enter_async_context(Agent.launch(maps=server.maps))
        # A profile of its own: once a page has named attributionsrc, images and scripts wait for the browser.
        registering = await stack.enter_async_context(Agent.launch(maps=server.maps))
        contexts = {"agent": agent.context}
        for name in ("bare", "bare2"):
            contexts[name] = await (await stack.enter_async_context(bare_browser(server))).new_context()
        loads = {
            (name, caching): partial(_load, context, f"https://shop.test/page/{caching}")
            for name, context in contexts.items()
            for caching in ("cold", "warm", "registrations")
        }
        page = "https://shop.test/page/registrations"
        loads["agent", "registrations"] = partial(_load, registering.context, page)
        loaded = await interleave("page_load", plan, loads)
    figures = []
    for quantity in ("time", "processor_time"):
        costs = {subject: [getattr(load, quantity) for load in samples] for subject, samples in loaded.items()}
        figures += [Figure(f"page_load.{caching}.{name}.{quantity}", "ms", c) for (name, caching), c in costs.items()]
        for caching in ("cold", "warm"):
            ours, bare, bare2 = (costs[name, caching] for name in ("agent", "bare", "bare2"))
            figures.append(ratio(f"page_load.{caching}.agent_over_bare.{quantity}", ours, bare, bare2, GOAL))
        # A bare browser loads both pages alike.
        ours, bare = (ratios(costs[name, "registrations"], costs[name, "cold"]) for name in ("agent", "bare"))
        figures.append(Figure(f"page_load.registrations_over_cold.{quantity}", "ratio", ours, pair=bare))
    return figures


@dataclass(frozen=True, slots=True)
class _Load:
    """What one load cost, in milliseconds."""

    time: float
    processor_time: float


async def _load(context: BrowserContext, url: str) -> _Load:
    """Load ``url`` in a new tab, from the call of ``goto`` to the load event."""
    page = await context.new_page()
    try:
        spent, began = processor_time(), time.perf_counter()
        await page.goto(url)
        return _Load((time.perf_counter() - began) * 1000, processor_time() - spent)
    finally:
        await page.close()

"""What the calls of both dialects cost a page, in milliseconds for each.

Measured: in a page of an agent, ``saveImpression`` and ``measureConversion``, 20 in sequence, each awaited, by the
page's own clock. A conversion finds the ten impressions that were saved for its site before, and its budget lasts. The
seed dialect's ``saveImpression`` returns nothing to await; a conversion after it, untimed, lets the host catch up.

Against: promises of a bare page. ``no-op`` is already resolved, the least that any promise costs. ``browser`` is
``navigator.permissions.query``, which Chromium's own browser process answers: what a native API of this kind costs
in this Chromium, which has the two APIs and their like no more. The same in a second bare browser tells the noise.
"""

from __future__ import annotations

from contextlib import AsyncExitStack
from functools import partial

from playwright.async_api import Page

from agent.runtime import Agent
from benchmarks.browsers import bare_browser
from benchmarks.figures import Figure, ratios
from benchmarks.page_calls import URL, Call, save
from benchmarks.page_calls import measure as measure_call
from benchmarks.rounds import Plan, interleave
from benchmarks.server import serving

COUNT = 20
STORED = 10
_DIALECTS = ("current", "level1_2024")
_ANCHORS = {"no-op": "Promise.resolve()", "browser": "navigator.permissions.query({ name: 'geolocation' })"}
_TIMED_ANCHOR = """async (count) => {{
  const started = performance.now();
  for (let i = 0; i < count; i++) await {};
  return (performance.now() - started) / count;
}}"""
_NO_OPS = 1000
"""Sequential no-ops for one sample: each is far below the clock's resolution."""


async def measure(plan: Plan) -> list[Figure]:
    """Call by turns in an agent's page and in two bare ones."""
    async with AsyncExitStack() as stack:
        server = await stack.enter_async_context(serving())
        agent = await stack.enter_async_context(Agent.launch(maps=server.maps))
        page = await agent.new_page(URL)
        subjects = {}
        for dialect in _DIALECTS:
            await save(dialect, "shop.test").time(page, STORED)
            for call in (save(dialect), measure_call(dialect)):
                subjects[call.name] = partial(_call, call, measure_call(dialect), page)
        for name in ("bare", "bare2"):
            bare = await (await stack.enter_async_context(bare_browser(server))).new_page()
            await bare.goto(URL)
            for anchor in _ANCHORS:
                subjects[f"{name}.{anchor}"] = partial(_anchor, anchor, bare)
        times = await interleave("calls", plan, subjects)
    native = times["bare.browser"]
    pair = ratios(times["bare2.browser"], native)
    figures = [Figure(f"calls.{name}", "ms", samples) for name, samples in times.items()]
    over = [
        Figure(f"calls.{call}_over_native_promise", "ratio", ratios(times[call], native), pair=pair)
        for call in times
        if not call.startswith("bare")
    ]
    return [*figures, *over]


async def _call(call: Call, conversion: Call, page: Page) -> float:
    took = await call.time(page, COUNT)
    await conversion.time(page)
    return took


async def _anchor(anchor: str, page: Page) -> float:
    count = _NO_OPS if anchor == "no-op" else COUNT
    return float(await page.evaluate(_TIMED_ANCHOR.format(_ANCHORS[anchor]), count))

"""Whether a page can tell an opted-out profile by time or by size: an interleaved permutation test.

Measured: single calls from the same page code in two profiles of one browser, one enabled and one opted out, in random
order, by the page's own clock at its finest resolution; and the bytes of the reports. ``plain``: the profiles saw ten
impressions for the site. ``crowded``: a page that wants to know first saves a thousand, of which an enabled profile
has a thousand to look at and an opted-out one has none.

Against: each other. If the labels mean nothing, a difference of medians as large as the one observed is as likely as
the p-value says; its goal leaves one false alarm in a thousand for each figure. The interval says how much of a
difference the samples could have hidden.
"""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import AsyncExitStack
from itertools import chain
from statistics import median

from playwright.async_api import Page

from agent.browser.launch import Browser
from agent.model.rng import SeededRng
from agent.runtime import Agent
from benchmarks.figures import Figure, Goal, differences
from benchmarks.page_calls import URL, Call, save
from benchmarks.page_calls import measure as measure_call
from benchmarks.permutation import compare
from benchmarks.rounds import Plan, shuffled
from benchmarks.server import Server, serving

PER_ROUND = 10
"""Samples of each call and profile in one round."""
RESAMPLES = 2_000
STORED = {"plain": 10, "crowded": 1_000}
GOAL = Goal(at_least=0.001)
_DIALECTS = ("current", "level1_2024")
_PROFILES = ("enabled", "opted out")


async def measure(plan: Plan) -> list[Figure]:
    """Call in both profiles in random order, and test each call."""
    figures: list[Figure] = []
    async with AsyncExitStack() as stack:
        server = await stack.enter_async_context(serving())
        browser = await stack.enter_async_context(Browser())
        for state, stored in STORED.items():
            async with AsyncExitStack() as profiles:
                pages = {name: await _page(profiles, browser, server, name) for name in _PROFILES}
                figures += await _compare(state, 10 if plan.tiny else stored, pages, plan)
    return figures


async def _page(stack: AsyncExitStack, browser: Browser, server: Server, profile: str) -> Page:
    launch = Agent.launch(browser=browser, maps=server.maps, opted_out=profile == "opted out")
    agent = await stack.enter_async_context(launch)
    return await agent.new_page(URL)


async def _compare(state: str, stored: int, pages: Mapping[str, Page], plan: Plan) -> list[Figure]:
    conversions = [measure_call(dialect) for dialect in _DIALECTS]
    calls = [*map(save, _DIALECTS), *conversions]
    for page in pages.values():
        for dialect in _DIALECTS:
            await save(dialect, "shop.test").time(page, stored)
        for call in calls:
            await call.time(page, PER_ROUND)  # warms up, and waits for the saves before it
    rng = SeededRng(1)
    subjects = [(call, profile) for call in calls for profile in _PROFILES] * PER_ROUND
    rounds: list[dict[tuple[str, str], list[float]]] = []
    for _ in plan.track(f"opt_out: {state}", range(plan.rounds)):
        times: dict[tuple[str, str], list[float]] = {(call.name, profile): [] for call, profile in subjects}
        for call, profile in shuffled(subjects, rng):
            times[call.name, profile].append(await call.time(pages[profile]))
        rounds.append(times)
    timed = [_time_figure(f"{state}.{c.name}", *([r[c.name, p] for r in rounds] for p in _PROFILES)) for c in calls]
    return timed + [await _size_figure(f"{state}.{call.name}", call, pages, plan.rounds) for call in conversions]


def _time_figure(name: str, enabled: list[list[float]], opted_out: list[list[float]]) -> Figure:
    """From the times of each round: how much longer the enabled profile took, and whether that is more than chance."""
    one, other = list(chain(*enabled)), list(chain(*opted_out))
    comparison = compare(one, other, resamples=RESAMPLES)
    return Figure(
        f"opt_out.{name}.enabled_less_opted_out",
        "ms",
        differences([*map(median, enabled)], [*map(median, opted_out)]),
        details={
            "pValue": comparison.p_value,
            "pValueGoal": GOAL.document(comparison.p_value),
            "samples": [len(one), len(other)],
            "medians": [median(one), median(other)],
            "differenceOfMedians": comparison.difference,
            "interval95": comparison.interval,
        },
    )


async def _size_figure(name: str, call: Call, pages: Mapping[str, Page], rounds: int) -> Figure:
    """How many bytes more the enabled profile's reports have."""
    sizes = {profile: [await call.report_size(page) for _ in range(rounds)] for profile, page in pages.items()}
    more = differences(*(sizes[profile] for profile in _PROFILES))
    return Figure(f"opt_out.{name}.size_enabled_less_opted_out", "bytes", more, goal=Goal(at_least=0, at_most=0))

"""Whether a page can tell an opted-out profile by time or by size: an interleaved permutation test.

Measured: single calls from the same page code in profiles of one browser, enabled and opted out, in random order, by
the page's own clock at its finest resolution, in new pages for every round; and the bytes of the reports. ``plain``:
ten impressions were saved for the site. ``crowded``: a page that wants to know has saved a thousand before, of which
an enabled profile has a thousand to look at and an opted-out one has none.

Against: each other, and as control a second enabled profile. If the labels mean nothing, a difference of medians as
large as the one observed is as likely as the p-value says; its goal leaves one false alarm in a thousand for each
call. The interval says how much of a difference the samples could have hidden.
"""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import AsyncExitStack
from statistics import median

from agent.browser.launch import Browser
from agent.model.rng import SeededRng
from agent.runtime import Agent
from benchmarks.figures import Figure, Goal, differences
from benchmarks.page_calls import URL, Call, save
from benchmarks.page_calls import measure as measure_call
from benchmarks.permutation import compare
from benchmarks.rounds import Plan, shuffled
from benchmarks.server import serving

PER_ROUND = 10
"""Samples of each call and profile in one round."""
PERMUTATIONS = 2_000
STORED = {"plain": 10, "crowded": 1_000}
GOAL = Goal(at_least=0.001)
_DIALECTS = ("current", "level1_2024")
_PROFILES = {"enabled": False, "control": False, "opted out": True}
"""Whether each is opted out."""
_CONVERSIONS = [measure_call(dialect) for dialect in _DIALECTS]
_CALLS = [*map(save, _DIALECTS), *_CONVERSIONS]
_Times = dict[str, dict[str, list[list[float]]]]
"""Milliseconds by call, profile, round and sample."""


async def measure(plan: Plan) -> list[Figure]:
    """Call in all profiles in random order, and test each call."""
    figures: list[Figure] = []
    async with AsyncExitStack() as stack:
        server = await stack.enter_async_context(serving())
        browser = await stack.enter_async_context(Browser())
        for state, stored in STORED.items():
            async with AsyncExitStack() as opened:
                agents = {
                    profile: await opened.enter_async_context(
                        Agent.launch(browser=browser, maps=server.maps, opted_out=opted_out)
                    )
                    for profile, opted_out in _PROFILES.items()
                }
                for agent in agents.values():
                    await _prepare(agent, PER_ROUND if plan.tiny else stored)
                times = await _time(state, agents, plan)
                figures += [_time_figure(f"opt_out.{state}.{call.name}", times[call.name]) for call in _CALLS]
                figures += [
                    await _size_figure(f"opt_out.{state}.{call.name}", call, agents, plan.rounds)
                    for call in _CONVERSIONS
                ]
    return figures


async def _prepare(agent: Agent, stored: int) -> None:
    page = await agent.new_page(URL)
    for dialect in _DIALECTS:
        await save(dialect, "shop.test").time(page, stored)
        await measure_call(dialect).time(page)  # when it is answered, all saves before it are done
    await page.close()


async def _time(state: str, agents: Mapping[str, Agent], plan: Plan) -> _Times:
    rng = SeededRng(1)
    times: _Times = {call.name: {profile: [] for profile in agents} for call in _CALLS}
    for _ in plan.track(f"opt_out: {state}", range(plan.rounds)):
        pages = {profile: await agents[profile].new_page(URL) for profile in shuffled(agents, rng)}
        for call in _CALLS:
            for profile, page in pages.items():
                await call.time(page)  # warms up
                times[call.name][profile].append([])
        turns = [(call, profile) for call in _CALLS for profile in agents] * PER_ROUND
        for call, profile in shuffled(turns, rng):
            times[call.name][profile][-1].append(await call.time(pages[profile]))
        for page in pages.values():
            await page.close()
    return times


def _time_figure(name: str, times: Mapping[str, list[list[float]]]) -> Figure:
    """How much longer the enabled profile took, and whether that is more than chance."""
    enabled, control, opted_out = (times[profile] for profile in _PROFILES)
    tested = compare(enabled, opted_out, resamples=PERMUTATIONS)
    medians = {profile: [median(samples) for samples in rounds] for profile, rounds in times.items()}
    return Figure(
        f"{name}.enabled_less_opted_out",
        "ms",
        differences(medians["enabled"], medians["opted out"]),
        pair=differences(medians["enabled"], medians["control"]),
        details={
            "pValue": tested.p_value,
            "pValueGoal": GOAL.document(tested.p_value),
            "pValueOfControl": compare(enabled, control, resamples=PERMUTATIONS).p_value,
            "samplesOfEach": len(enabled) * PER_ROUND,
            "medianEnabled": median(medians["enabled"]),
            "differenceOfMedians": tested.difference,
            "interval95": tested.interval,
        },
    )


async def _size_figure(name: str, call: Call, agents: Mapping[str, Agent], rounds: int) -> Figure:
    """How many bytes more the enabled profile's reports have."""
    sizes = {}
    for profile in ("enabled", "opted out"):
        page = await agents[profile].new_page(URL)
        sizes[profile] = [await call.report_size(page) for _ in range(rounds)]
        await page.close()
    more = differences(sizes["enabled"], sizes["opted out"])
    return Figure(f"{name}.size_enabled_less_opted_out", "bytes", more, goal=Goal(at_least=0, at_most=0))

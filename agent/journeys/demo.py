"""The demo: users see ads and buy things through simulated weeks, and a private summary for each API comes of it.

Real Chromium loads the demo sites; each user is an agent of its own with a profile in memory. Everything is drawn
from the seed and one frozen clock, so the same seed tells the same story.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager, AsyncExitStack
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from rich.console import Console

from agent.browser.launch import Browser
from agent.journeys.visits import WEEKS
from agent.journeys.world import USERS, World
from agent.model.clock import DEFAULT_FROZEN_START
from agent.reporting.model import ApiSummary, AttributionReportingSummary, DemoRun, ReachSummary, TimelineRow
from agent.reporting.page import write_report
from agent.reporting.terminal import (
    attribution_reporting_table,
    creatives_line,
    shown_line,
    summary_tables,
    timeline_line,
)
from agent.runtime import Agent

REPORT_FOLDER = Path("tallyhost-report")


@dataclass(frozen=True, slots=True)
class DemoOptions:
    """How to run the demo."""

    seed: int
    start: int | None
    """Milliseconds since 1970 at which the story begins; None for the frozen clock's own start."""
    headed: bool
    """Whether the person who stays gets a window with the sites; the scripted users are never seen."""
    stay: bool
    """Whether the sites stay up at the end, until Ctrl-C."""
    chromium: Path | None
    """Path of the Chromium to use; None to find one."""
    as_json: bool
    console: Console
    """Where people read along."""
    reachable: Callable[[Agent], AbstractAsyncContextManager[Any]]
    """Makes an agent answer to ``tallyhost state`` and its like."""


async def run_demo(options: DemoOptions) -> int:
    """Run the demo and give the exit code."""
    console = options.console
    start = DEFAULT_FROZEN_START if options.start is None else options.start

    def tell(row: TimelineRow) -> None:
        console.print(timeline_line(row, start))

    async with World.open(options.seed, start, tell, options.chromium) as world:
        console.print(
            f"seed {options.seed} (repeat with --seed {options.seed}), {USERS} users, {WEEKS} weeks, "
            f"Chromium {world.browser.version}"
        )
        run = await world.run()
        path = write_report(run, REPORT_FOLDER)
        if options.as_json:
            print(json.dumps(_document(run, path), indent=2))  # noqa: T201 - the promised output
        console.print()
        console.print(attribution_reporting_table(run.attribution_reporting))
        console.print(shown_line(run.reach))
        console.print(creatives_line(run.reach))
        for table in (table for summary in run.summaries for table in summary_tables(summary)):
            console.print()
            console.print(table)
        console.print()
        for note in run.notes:
            console.print(note)
        console.print(f"\nreport: {path.resolve()}", soft_wrap=True)
        if options.stay:
            await _stay(world, options)
    return 0


async def _stay(world: World, options: DemoOptions) -> None:
    """Keep the sites up for a person until Ctrl-C."""
    async with AsyncExitStack() as stack:
        browser = (
            await stack.enter_async_context(Browser(headed=True, executable=options.chromium))
            if options.headed
            else world.browser
        )
        agent = await stack.enter_async_context(world.visitor(browser))
        await stack.enter_async_context(options.reachable(agent))
        await agent.new_page("https://home.test/")
        options.console.print("the sites stay up, beginning with https://home.test; Ctrl-C to stop")
        await world.follow(agent)


def _document(run: DemoRun, path: Path) -> dict[str, Any]:
    """What ``--json`` prints."""
    return {
        "schema": 2,
        "seed": run.seed,
        "users": run.users,
        "weeks": run.weeks,
        "summaries": [_summary(summary) for summary in run.summaries],
        "attributionReporting": _attribution_reporting(run.attribution_reporting),
        "reach": _reach(run.reach),
        "notes": run.notes,
        "report": str(path.resolve()),
    }


def _summary(summary: ApiSummary) -> dict[str, Any]:
    return {
        "api": summary.api,
        "reports": summary.reports,
        "epsilon": summary.epsilon,
        "minimumBatch": summary.minimum_batch,
        "budgetUnits": summary.units,
        "parts": [
            {
                "unit": part.unit.name,
                "scale": part.scale,
                "standardDeviation": part.standard_deviation,
                "rows": [asdict(row) for row in part.rows],
            }
            for part in summary.parts
        ],
    }


def _attribution_reporting(summary: AttributionReportingSummary) -> dict[str, Any]:
    return {
        "campaigns": [
            {
                "campaign": campaign.label,
                "seen": campaign.seen,
                "clicked": campaign.clicked,
                "purchases": campaign.purchases,
                "eventLevelReports": campaign.event_level,
            }
            for campaign in summary.campaigns
        ],
        "randomizedTriggerRate": {"event": summary.noise_of_views, "navigation": summary.noise_of_clicks},
        "aggregatableReports": summary.aggregatable,
        "debugReports": summary.debug,
    }


def _reach(summary: ReachSummary) -> dict[str, Any]:
    return {
        "campaigns": [
            {"campaign": campaign.browsers.label, "sites": campaign.sites, "shown": campaign.shown}
            for campaign in summary.campaigns
        ],
        "creatives": [asdict(creative) for creative in summary.creatives],
    }

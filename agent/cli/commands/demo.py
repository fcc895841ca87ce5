"""``tallyhost demo``: users, weeks, reports, and a private summary for each API."""

from __future__ import annotations

import asyncio
import sys

import rich_click as click

from agent.cli.config import MEMORY
from agent.cli.control import control_endpoint
from agent.cli.session import CHROMIUM_FLAG, HEADED_FLAG, NOW_FLAG, SEED_FLAG, Session, with_session
from agent.journeys.demo import DemoOptions, run_demo

DEFAULT_SEED = 7


@click.command("demo")
@click.option("--exit", "leave", is_flag=True, help="Leave at the end; without a terminal it always does.")
@with_session(SEED_FLAG, NOW_FLAG, HEADED_FLAG, CHROMIUM_FLAG)
def demo(session: Session, leave: bool) -> int:
    """Send users through simulated weeks and show a private summary of each API; the same seed, the same output."""
    config = session.config
    options = DemoOptions(
        seed=DEFAULT_SEED if config.seed is None else config.seed,
        start=config.now,
        headed=config.headed,
        stay=not leave and not config.json_output and sys.stdin.isatty() and sys.stdout.isatty(),
        chromium=config.chromium,
        as_json=config.json_output,
        console=session.output.console(),
        reachable=lambda agent: control_endpoint(agent, MEMORY),
    )
    return asyncio.run(run_demo(options))

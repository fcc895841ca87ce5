"""``tallyhost demo``: users, weeks, reports, and a private summary for each API."""

from __future__ import annotations

import sys

import rich_click as click

from agent.cli.session import CHROMIUM_FLAG, HEADED_FLAG, NOW_FLAG, SEED_FLAG, Session, with_session
from agent.model.errors import UsageError

DEFAULT_SEED = 7
_PRESETS = tuple(
    click.option(f"--{name}", hidden=True, help="Refused: the demo's numbers are its own.")
    for name in ("params", "noise", "delays")
)


@click.command("demo")
@click.option("--exit", "leave", is_flag=True, help="Leave at the end; without a terminal it always does.")
@with_session(*_PRESETS, SEED_FLAG, NOW_FLAG, HEADED_FLAG, CHROMIUM_FLAG)
def demo(session: Session, leave: bool) -> int:
    """Send users through simulated weeks and show a private summary of each API; the same seed, the same output."""
    import asyncio  # noqa: PLC0415

    from agent.cli.config import MEMORY  # noqa: PLC0415
    from agent.cli.control import control_endpoint  # noqa: PLC0415
    from agent.journeys.demo import DemoOptions, run_demo  # noqa: PLC0415

    given = [name for name in ("params", "noise", "delays") if session.effective.origins.get(name) == f"--{name}"]
    if given:
        raise UsageError(
            f"--{given[0]} is not for the demo",
            where="tallyhost demo",
            rule="it tells one story, whose numbers are its own: the same seed, the same output",
            fix=f"`tallyhost up --demo` takes --{given[0]}, to look around the same sites",
        )
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

"""``tallyhost record``: what a person does in the agent, as a journey."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import Mapping
from pathlib import Path
from urllib.parse import urlsplit

import rich_click as click
from playwright.async_api import Page

from agent.browser.address_bar import open_address
from agent.cli.launch import launch_agent
from agent.cli.session import AGENT_FLAGS, Session, with_session
from agent.journeys.scripted.recorder import recorded
from agent.journeys.scripted.recording import journey_text
from agent.journeys.scripted.targets import DEMO, demo_hosts, standing
from agent.model.errors import UsageError

DEFAULT_FILE = Path("journey.yaml")


@click.command("record")
@click.argument("url")
@click.option(
    "-o",
    "--output",
    type=click.Path(dir_okay=False, path_type=Path),
    default=DEFAULT_FILE,
    show_default=True,
    help="File to write.",
)
@click.option("--force", is_flag=True, help="Write over a file that is there.")
@click.option("--demo", is_flag=True, help="Let the demo's sites answer, such as https://news.test.")
@with_session(*AGENT_FLAGS)
def record(session: Session, url: str, output: Path, force: bool, demo: bool) -> None:
    """Open URL, record what you do there, and write it as a journey with expectations of what was seen.

    The recording ends when the last tab is closed, or with Ctrl-C. The browser is shown unless --headless is given.
    """
    if output.exists() and not force:
        raise UsageError("there is a file already", where=str(output), fix="name another with -o, or --force")
    text = asyncio.run(_record(session, url, demo=demo))
    output.write_text(text, encoding="utf-8")
    session.output.line(f"written: {output}; run it with: tallyhost run {output}")


async def _record(session: Session, url: str, *, demo: bool) -> str:
    """The journey as text."""
    stop = asyncio.Event()
    for ending in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(ending, stop.set)
    shown = session.config.headed or "headed" not in session.effective.origins
    config = session.config.model_copy(update={"headed": shown})
    sites = dict.fromkeys(demo_hosts(), DEMO) if demo else {}
    async with launch_agent(config) as agent, standing(agent, sites, Path()), recorded(agent) as recording:

        def closed(_page: Page) -> None:
            if not agent.context.pages:
                stop.set()

        def opened(page: Page) -> None:
            page.on("close", closed)

        agent.context.on("page", opened)
        page = await agent.new_page()
        await open_address(page, url)
        session.output.note("recording; close the browser's last tab, or press Ctrl-C, to end it")
        await stop.wait()
        pending = await agent.reports.all()
    options = {} if config.seed is None else {"seed": config.seed}
    name = f"What was done on {urlsplit(url).hostname or url}"
    return journey_text(name, options, sites | _written_out(config.map), recording, pending)


def _written_out(maps: Mapping[str, str]) -> dict[str, str]:
    """What hosts were mapped to, so that the journey finds it again wherever it lies."""
    return {host: target if "://" in target else str(Path(target).resolve()) for host, target in maps.items()}

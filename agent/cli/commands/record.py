"""``tallyhost record``: what a person does in the agent, as a journey."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import rich_click as click

from agent.cli.session import AGENT_FLAGS, Session, as_address, with_session
from agent.model.errors import UsageError

if TYPE_CHECKING:
    from playwright.async_api import Page

    from agent.cli.config import Effective

DEFAULT_FILE = Path("journey.yaml")


@click.command("record")
@click.argument("url", callback=as_address)
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

    A file that ends in .py becomes a test for pytest, as `tallyhost export-journey` writes it.
    """
    import asyncio  # noqa: PLC0415

    from agent.journeys.scripted.finding import PYTHON, YAML  # noqa: PLC0415

    if output.suffix not in {*YAML, PYTHON}:
        raise UsageError(
            "this is no name for a journey",
            where=str(output),
            rule=f"journeys end in {' or '.join(YAML)}, tests for pytest in {PYTHON}",
            fix=f"-o {output.with_suffix('.yaml')}",
        )
    if output.exists() and not force:
        raise UsageError("there is a file already", where=str(output), fix="name another with -o, or --force")
    # What cannot be written must be told before anything is done.
    output.parent.mkdir(parents=True, exist_ok=True)
    as_test = output.suffix == PYTHON
    text = asyncio.run(_record(session, url, demo=demo, as_test=as_test))
    output.write_text(text, encoding="utf-8")
    session.output.line(f"written: {output}; run it with: {'pytest' if as_test else 'tallyhost run'} {output}")


async def _record(session: Session, url: str, *, demo: bool, as_test: bool) -> str:
    """The journey as text, or the test that it makes."""
    from agent.browser.address_bar import open_address  # noqa: PLC0415
    from agent.cli.launch import launch_agent  # noqa: PLC0415
    from agent.cli.stopping import told_to_stop  # noqa: PLC0415
    from agent.journeys.scripted.exporting import pytest_module  # noqa: PLC0415
    from agent.journeys.scripted.reading import read_text  # noqa: PLC0415
    from agent.journeys.scripted.recorder import recorded  # noqa: PLC0415
    from agent.journeys.scripted.recording import as_comment, as_note, journey_text  # noqa: PLC0415
    from agent.journeys.scripted.targets import DEMO, demo_hosts, standing  # noqa: PLC0415

    stop = told_to_stop()
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
    options = agent_options(session.effective)
    name = f"What was done on {urlsplit(url).hostname or url}"
    remark = as_note if as_test else as_comment
    text = journey_text(name, options, sites | _written_out(config.map), recording, pending, remark=remark)
    return pytest_module(read_text(text, "the recording"), "Recorded") if as_test else text


def agent_options(effective: Effective) -> dict[str, Any]:
    """What was asked for of the agent, as a journey says it; what a journey cannot say is left out."""
    from dataclasses import asdict  # noqa: PLC0415

    from agent.journeys.scripted.vocabulary import AgentOptions  # noqa: PLC0415
    from agent.model.clock import format_instant  # noqa: PLC0415
    from agent.model.limit_tables import TABLES  # noqa: PLC0415

    asked = [
        name for name, origin in effective.origins.items() if not origin.startswith(("params ", "noise ", "delays "))
    ]
    options = {name: getattr(effective.config, name) for name in AgentOptions.model_fields if name in asked}
    for table in TABLES:
        limits = getattr(effective.config, table)
        given = {name: value for name, value in asdict(limits).items() if f"{table}.{name}" in asked}
        options |= (
            {table: {name: list(one) if isinstance(one, tuple) else one for name, one in given.items()}}
            if given
            else {}
        )
    return options | ({"now": format_instant(options["now"])} if "now" in options else {})


def _written_out(maps: Mapping[str, str]) -> dict[str, str]:
    """What hosts were mapped to, so that the journey finds it again wherever it lies."""
    return {host: target if "://" in target else str(Path(target).resolve()) for host, target in maps.items()}

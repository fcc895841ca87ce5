"""``tallyhost export-journey``: a journey as a test."""

from __future__ import annotations

import sys
from pathlib import Path

import rich_click as click

from agent.cli.session import Session, with_session
from agent.model.errors import UsageError


@click.command("export-journey")
@click.argument("journey", metavar="JOURNEY")
@click.option("--to", "form", type=click.Choice(["pytest"]), default="pytest", show_default=True, help="What to write.")
@click.option(
    "-o", "--output", type=click.Path(dir_okay=False, path_type=Path), help="File to write [standard output]."
)
@click.option("--force", is_flag=True, help="Write over a file that is there.")
@with_session()
def export_journey(session: Session, journey: str, form: str, output: Path | None, force: bool) -> None:
    """Write a YAML JOURNEY as a test for pytest, to go on in Python."""
    from agent.journeys.scripted.exporting import pytest_module  # noqa: PLC0415
    from agent.journeys.scripted.finding import PYTHON  # noqa: PLC0415
    from agent.journeys.scripted.reading import read_journey  # noqa: PLC0415

    del form
    if Path(journey).suffix == PYTHON:
        raise UsageError(
            "a journey in Python is no YAML to export", where=journey, rule="it goes on in Python as it is"
        )
    text = pytest_module(read_journey(journey))
    if output is None:
        sys.stdout.write(text)
        return
    if output.exists() and not force:
        raise UsageError("there is a file already", where=str(output), fix="name another, or --force")
    output.write_text(text, encoding="utf-8")
    session.output.note(f"written: {output}")

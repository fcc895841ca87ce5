"""``tallyhost export``: the network log and bundles of what happened in an agent, for tools and for other people."""

from __future__ import annotations

from pathlib import Path

import rich_click as click

from agent.cli.reach import ask
from agent.cli.session import PROFILE_FLAG, Session, with_session

_BUNDLE_HELP = """Write all that is known of the run to FILE, a folder or a .zip.

\b
events.jsonl      every event, with its checks
explain.txt       why the latest decisions ended as they did
reports.json      every report in clear text
screenshot-N.png  each open page
network.har       registrations and deliveries
state.sqlite3     for `tallyhost state load`
story.json        for `tallyhost story FILE`, which plays the run again

It holds the clear text of reports, no cookies and no keys.
"""


@click.group("export")
def export() -> None:
    """Write what happened to files: a HAR of the network, a bundle that plays again."""


@export.command("har")
@click.argument("file", type=click.Path(path_type=Path, dir_okay=False))
@with_session(PROFILE_FLAG)
def har(session: Session, file: Path) -> None:
    """Write registrations and deliveries to FILE as HAR 1.2, which browsers' network panels open."""
    answer = ask(session, "export.har", file=str(file.resolve()))
    if session.output.as_json:
        session.output.document(answer)
    count = answer["entries"]
    session.output.note(f"{count:,} request{'' if count == 1 else 's'} in {answer['file']}")


@export.command("bundle", help=_BUNDLE_HELP)
@click.argument("file", type=click.Path(path_type=Path))
@with_session(PROFILE_FLAG)
def bundle(session: Session, file: Path) -> None:
    """Write a bundle."""
    answer = ask(session, "export.bundle", file=str(file.resolve()))
    if session.output.as_json:
        session.output.document(answer)
    session.output.note(f"bundle in {answer['file']}")
    for note in answer["notes"]:
        session.output.line(f"note  {note}", "yellow")

"""``tallyhost reports``: the sealed reports and what became of them."""

from __future__ import annotations

import rich_click as click

from agent.cli.reach import ask
from agent.cli.session import PROFILE_FLAG, Session, with_session

_SHORT_ID = 12


@click.group("reports")
def reports() -> None:
    """List the sealed reports, or show one."""


@reports.command("list")
@with_session(PROFILE_FLAG)
def list_all(session: Session) -> None:
    """List every report, the oldest first."""
    answer = ask(session, "reports.list")
    if session.output.as_json:
        session.output.document(answer)
        return
    rows = (
        (
            report["id"][:_SHORT_ID],
            report["created"],
            report["kind"],
            report["conversion_site"],
            report["state"],
            report["delivered_to"] or "the page",
            report["last_result"],
        )
        for report in answer["reports"]
    )
    session.output.table(("id", "created", "kind", "site", "state", "to", "result"), rows, empty="no reports yet")


@reports.command("show")
@click.argument("report_id", metavar="ID")
@with_session(PROFILE_FLAG)
def show(session: Session, report_id: str) -> None:
    """Show the report ID (its beginning is enough) with its clear text, which never leaves the machine."""
    answer = ask(session, "reports.show", id=report_id)
    if session.output.as_json:
        session.output.document(answer)
        return
    for name, value in answer["report"].items():
        session.output.line(f"{name.replace('_', ' '):<16}{value if value is not None else '-'}")

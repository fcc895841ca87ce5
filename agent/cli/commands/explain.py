"""``tallyhost explain``: the checks behind one decision, where they stopped, what it came from and what came of it."""

from __future__ import annotations

import rich_click as click

from agent.cli.reach import ask
from agent.cli.session import PROFILE_FLAG, Session, with_session


@click.command("explain")
@click.argument("wanted", metavar="ID|last")
@with_session(PROFILE_FLAG)
def explain(session: Session, wanted: str) -> None:
    """Say why: the checks behind a decision, by event number, job id, report id or the word last.

    Where an id may be several, write event:12, job:12 or report:12.
    """
    from agent.reporting.explanation import explanation_lines, explanation_of  # noqa: PLC0415

    answer = ask(session, "explain", id=wanted)
    if session.output.as_json:
        session.output.document(answer)
        return
    for line, style in explanation_lines(explanation_of(answer["explanation"])):
        session.output.line(line, style)

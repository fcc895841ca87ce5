"""``tallyhost explain``: the checks behind one decision, and where they stopped."""

from __future__ import annotations

from collections.abc import Iterator

import rich_click as click

from agent.cli.operations import Document
from agent.cli.reach import ask
from agent.cli.session import PROFILE_FLAG, Session, with_session
from agent.model.aggregation import AGGREGATION_JOB
from agent.model.attribution_reporting.verdicts import TRIGGER_REGISTRATION
from agent.model.private_aggregation import PRIVATE_AGGREGATION
from agent.model.protected_audience import AudienceEvent
from agent.model.shared_storage import StorageEvent

_GO_ON = {
    TRIGGER_REGISTRATION,
    PRIVATE_AGGREGATION,
    StorageEvent.BATCH_UPDATE,
    AudienceEvent.JOIN,
    AudienceEvent.AUCTION,
    AGGREGATION_JOB,
}
"""Kinds of decisions that a failed check need not end."""


@click.command("explain")
@click.argument("wanted", metavar="ID|last")
@with_session(PROFILE_FLAG)
def explain(session: Session, wanted: str) -> None:
    """Say why: the checks behind a decision, by event number, job id, report id or the word last.

    Where an id may be several, write event:12, job:12 or report:12.
    """
    answer = ask(session, "explain", id=wanted)
    if session.output.as_json:
        session.output.document(answer)
        return
    for line, style in explanation(answer["event"]):
        session.output.line(line, style)


def explanation(event: Document) -> Iterator[tuple[str, str]]:
    """The lines of one event's explanation, each with its style."""
    site = f"  {event['site']}" if event["site"] else ""
    number = f" {event['id']}" if event["id"] else ""
    yield f"{event['kind']}{number}{site}  {event['time']}  {event['verdict']}", "bold"
    yield f"  {event['summary']}", ""
    checks = event["checks"]
    width = max((len(check["rule"]) for check in checks), default=0)
    stop = _stop(event)
    for position, check in enumerate(checks):
        mark, style = ("ok  ", "green") if check["passed"] else ("FAIL", "bold red")
        yield f"  {mark}  {check['rule']:<{width}}  {check['detail']}".rstrip(), style
        if position == stop:
            yield "  " + "-" * 8 + " stops here", style
        if not check["passed"] and check["fix"]:
            yield f"  fix   {check['fix']}", "yellow"


def _stop(event: Document) -> int | None:
    """The position of the check at which a decision ended; None where it went on."""
    failed = [number for number, check in enumerate(event["checks"]) if not check["passed"]]
    if failed and failed[-1] == len(event["checks"]) - 1:
        return failed[-1]
    # The branches of a trigger go on without one another, and so does a batch without what is left out of it.
    return failed[0] if failed and event["kind"] not in _GO_ON else None

"""``tallyhost chaos``: let requests fail, stall, be reset or come late, on purpose."""

from __future__ import annotations

from typing import Any

import rich_click as click

from agent.cli.output import Document
from agent.cli.reach import ask
from agent.cli.session import PROFILE_FLAG, Session, with_session
from agent.model.chaos_input import chaos_rule_of


@click.group("chaos")
def chaos() -> None:
    """Let a running agent's requests fail, stall, be reset or come late, or take it offline."""


@chaos.command("show")
@with_session(PROFILE_FLAG)
def show(session: Session) -> None:
    """Show what goes wrong now."""
    _show(session, ask(session, "chaos.show"))


@chaos.command("set")
@click.argument("host")
@click.option("--fail", metavar="SHARE", help="This share of the requests gets an error: 50%.")
@click.option("--status", metavar="STATUS", help="The error's status [503].")
@click.option("--reset", metavar="SHARE", help="The connection of this share of the requests is reset: 10%.")
@click.option("--stall", metavar="DURATION", help="The other requests get no answer for that long, then time out: 30s.")
@click.option("--slow", metavar="DURATION", help="Every answer comes that much later: 2s.")
@click.option("--times", metavar="N", help="End after so many requests.")
@click.option("--pages/--no-pages", default=None, help="Also what pages ask for [yes].")
@with_session(PROFILE_FLAG)
def set_rule(session: Session, host: str, **troubles: Any) -> None:
    """Let things go wrong for HOST: adtech.test, *.adtech.test, or * for every host."""
    rule = {"host": host, **{name: given for name, given in troubles.items() if given is not None}}
    chaos_rule_of(rule)  # what is wrong with it is told even where no agent runs
    _show(session, ask(session, "chaos.set", **rule))


@chaos.command("clear")
@click.argument("host", required=False)
@with_session(PROFILE_FLAG)
def clear(session: Session, host: str | None) -> None:
    """End the rule of HOST, or all of them."""
    _show(session, ask(session, "chaos.clear", host=host))


@chaos.command("offline")
@with_session(PROFILE_FLAG)
def offline(session: Session) -> None:
    """Take the profile offline: pages cannot reach the network, and reports wait."""
    _show(session, ask(session, "chaos.offline", offline=True))


@chaos.command("online")
@with_session(PROFILE_FLAG)
def online(session: Session) -> None:
    """Take the profile back online."""
    _show(session, ask(session, "chaos.offline", offline=False))


def _show(session: Session, answer: Document) -> None:
    output = session.output
    if output.as_json:
        output.document(answer)
        return
    if answer["offline"]:
        output.line("offline: nothing is sent", style="yellow")
    rows = ((rule["host"], str(chaos_rule_of(rule))) for rule in answer["rules"])
    output.table(("host", "what goes wrong"), rows, empty="nothing goes wrong on purpose")

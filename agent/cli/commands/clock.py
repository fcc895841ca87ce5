"""``tallyhost time``: the agent's clock, which pages, decisions and delivery share."""

from __future__ import annotations

import re

import rich_click as click

from agent.cli.output import Document
from agent.cli.reach import ask
from agent.cli.session import PROFILE_FLAG, Session, with_session
from agent.model.errors import UsageError


@click.group("time")
def clock() -> None:
    """Tell the agent's time, move it forward, stop it, or let it run faster."""


@clock.command("now")
@with_session(PROFILE_FLAG)
def now(session: Session) -> None:
    """Tell the agent's time."""
    _show(session, ask(session, "time.now"))


class _ForwardOnly(click.RichCommand):
    """A command whose first argument must not begin with a minus; to click that would be a flag."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Refuse a negative duration in its own words."""
        for argument in args:
            if re.match(r"-\s*\d", argument):
                raise UsageError(
                    f"cannot advance by {argument}: the clock never goes back",
                    where=ctx.command_path,
                    fix="write for example 2d, 12h or 1h30m",
                )
        return super().parse_args(ctx, args)


@clock.command("advance", cls=_ForwardOnly)
@click.argument("duration")
@with_session(PROFILE_FLAG)
def advance(session: Session, duration: str) -> None:
    """Move the clock forward by DURATION, such as 2d, 12h or 1h30m; what falls due is done."""
    _show(session, ask(session, "time.advance", by=duration))


@clock.command("next")
@with_session(PROFILE_FLAG)
def next_due(session: Session) -> None:
    """Move the clock to the next instant at which something is due."""
    answer = ask(session, "time.next")
    _show(session, answer)
    if not answer["moved"]:
        session.output.note("nothing is due: the clock stands where it stood")


@clock.command("to")
@click.argument("instant")
@with_session(PROFILE_FLAG)
def move_to(session: Session, instant: str) -> None:
    """Move the clock forward to INSTANT, such as 2026-12-24T09:00Z; what falls due is done."""
    _show(session, ask(session, "time.to", instant=instant))


@clock.command("freeze")
@with_session(PROFILE_FLAG)
def freeze(session: Session) -> None:
    """Let a running agent's clock stand still, until it is moved or runs again."""
    _show(session, ask(session, "time.freeze"))


@clock.command("run")
@click.argument("speed", default="1x")
@with_session(PROFILE_FLAG)
def run(session: Session, speed: str) -> None:
    """Let a running agent's clock go on, SPEED times as fast as real time, such as 10x [1x]."""
    _show(session, ask(session, "time.run", speed=speed))


def _show(session: Session, answer: Document) -> None:
    if session.output.as_json:
        session.output.document(answer)
    session.output.line(answer["now"])
    if answer["speed"] != 1:
        session.output.note("it stands still" if not answer["speed"] else f"it runs {answer['speed']:g} times as fast")

"""``tallyhost state``: what the agent remembers, and forgetting it."""

from __future__ import annotations

from pathlib import Path

import rich_click as click

from agent.cli.output import epsilon
from agent.cli.reach import ask
from agent.cli.session import PROFILE_FLAG, Session, with_session
from agent.model.attribution import BudgetKind
from agent.model.errors import UsageError
from agent.reporting.model import API_NAMES

_BUDGETS = {
    BudgetKind.PER_SITE: "a site that measures",
    BudgetKind.GLOBAL: "all sites together",
    BudgetKind.IMPRESSION_SITE_QUOTA: "a site that shows ads",
}


@click.group("state")
def state() -> None:
    """Show, clear, save or load what the agent remembers."""


@state.command("show")
@with_session(PROFILE_FLAG)
def show(session: Session) -> None:
    """Show impressions and privacy budgets."""
    answer = ask(session, "state.show")
    output = session.output
    if output.as_json:
        output.document(answer)
        return
    output.line(f"impressions at {answer['now']}", style="bold")
    impressions = (
        (
            entry["id"],
            entry["timestamp"],
            API_NAMES[entry["dialect"]],
            entry["impression_site"],
            ", ".join(entry["conversion_sites"]) or "any site",
            entry["key"],
            entry["histogram_index"],
            f"{entry['lifetime_days']} d",
        )
        for entry in answer["impressions"]
    )
    columns = ("id", "saved", "API", "on", "for", "key", "bucket", "lifetime")
    output.table(columns, impressions, empty="none")
    output.line()
    output.line("privacy budgets left", style="bold")
    budgets = (
        (_BUDGETS[entry["kind"]], entry["site"], entry["epoch_start"][:10], f"{epsilon(entry['remaining'])} epsilon")
        for entry in answer["budgets"]
    )
    output.table(("budget of", "site", "week from", "left"), budgets, empty="all untouched")
    output.note(
        "`tallyhost explain` takes the number of an event, as `tallyhost open` prints it, not an impression's id"
    )


@state.command("clear")
@click.option("--site", metavar="S", help="Clear this site's data.")
@click.option("--keep-history", is_flag=True, help="With --site: the visits to it are not forgotten.")
@click.option("--history", is_flag=True, help="Clear the whole browsing history, and everything with it.")
@with_session(PROFILE_FLAG)
def clear(session: Session, site: str | None, keep_history: bool, history: bool) -> None:
    """Clear a site's data, or the browsing history."""
    if (site is None) == (not history) or (keep_history and site is None):
        raise UsageError(
            "say what to clear",
            where="tallyhost state clear",
            rule="either --site SITE [--keep-history] or --history",
            fix="for example: tallyhost state clear --site shop.test",
        )
    _tell(session, ask(session, "state.clear", site=site, keep_history=keep_history, history=history))


@state.command("reset")
@with_session(PROFILE_FLAG)
def reset(session: Session) -> None:
    """Forget everything, as in a fresh profile."""
    _tell(session, ask(session, "state.reset"))


@state.command("save")
@click.argument("file", type=click.Path(path_type=Path, dir_okay=False))
@with_session(PROFILE_FLAG)
def save(session: Session, file: Path) -> None:
    """Save everything that is stored to FILE."""
    _tell(session, ask(session, "state.save", file=str(file.resolve())))


@state.command("load")
@click.argument("file", type=click.Path(path_type=Path, dir_okay=False, exists=True))
@with_session(PROFILE_FLAG)
def load(session: Session, file: Path) -> None:
    """Put what FILE keeps in the place of what is stored."""
    _tell(session, ask(session, "state.load", file=str(file.resolve())))


def _tell(session: Session, answer: dict[str, object]) -> None:
    if session.output.as_json:
        session.output.document(answer)
    for verb, thing in answer.items():
        session.output.note(verb if thing is True else f"{verb} {thing}")

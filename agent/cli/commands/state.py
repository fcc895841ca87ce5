"""``tallyhost state``: what the agent remembers, and forgetting it."""

from __future__ import annotations

from pathlib import Path

import rich_click as click

from agent.cli.commands.reports import report_table
from agent.cli.commands.state_tables import interest_group_table, private_aggregation_tables, shared_storage_tables
from agent.cli.export_operations import MOST_ROWS, MOST_SECONDS
from agent.cli.output import Document, Output, epsilon, print_listed
from agent.cli.reach import ask
from agent.cli.session import LATEST_FLAGS, PROFILE_FLAG, Session, with_session
from agent.cli.sql_shell import run_shell, show_rows, show_tables
from agent.model.attribution import BudgetKind
from agent.model.errors import UsageError
from agent.reporting.model import API_NAMES

_BUDGETS = {
    BudgetKind.PER_SITE: "a site that measures",
    BudgetKind.GLOBAL: "all sites together",
    BudgetKind.IMPRESSION_SITE_QUOTA: "a site that shows ads",
}

_KINDS = ("sources", "triggers", "shared-storage", "private-aggregation", "interest-groups", "reports", "budgets")


@click.group("state")
def state() -> None:
    """Show, clear, save or load what the agent remembers."""


@state.command("show")
@click.argument("what", required=False, type=click.Choice(_KINDS))
@with_session(PROFILE_FLAG, *LATEST_FLAGS)
def show(session: Session, what: str | None, limit: int, everything: bool) -> None:
    """Show impressions and privacy budgets, or WHAT is asked for. Of each the latest."""
    answer = ask(session, "state.show", what=what, limit=None if everything else limit)
    output = session.output
    if output.as_json:
        output.document(answer)
        return
    if what is None:
        _impressions(output, answer)
        output.line()
    match what:
        case "sources":
            _sources(output, answer)
        case "triggers":
            _triggers(output, answer)
        case "shared-storage":
            shared_storage_tables(output, answer)
        case "private-aggregation":
            private_aggregation_tables(output, answer)
        case "interest-groups":
            interest_group_table(output, answer)
        case "reports":
            report_table(output, answer)
        case _:
            _budgets(output, answer)
    if what == "budgets":
        output.line()
        _source_budgets(output, answer)
    output.note(
        "`tallyhost explain` takes the number of an event, as `tallyhost open` prints it, not the id of what is stored"
    )


def _impressions(output: Output, answer: Document) -> None:
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
    print_listed(output, answer, "impressions", columns, impressions)


def _budgets(output: Output, answer: Document) -> None:
    output.line("privacy budgets left", style="bold")
    budgets = (
        (_BUDGETS[entry["kind"]], entry["site"], entry["epoch_start"][:10], f"{epsilon(entry['remaining'])} epsilon")
        for entry in answer["budgets"]
    )
    print_listed(output, answer, "budgets", ("budget of", "site", "week from", "left"), budgets, empty="all untouched")


def _source_budgets(output: Output, answer: Document) -> None:
    output.line("budgets left of sources", style="bold")
    rows = (
        (
            entry["source"],
            entry["reporting_origin"],
            entry["aggregatable"],
            entry["aggregatable_debug"],
            ", ".join(f"{name}: {left}" for name, left in entry["named"].items()),
        )
        for entry in answer["source_budgets"]
    )
    columns = ("source", "of", "aggregatable", "aggregatable debug", "named")
    print_listed(output, answer, "source_budgets", columns, rows, empty="no sources")


def _sources(output: Output, answer: Document) -> None:
    output.line(f"sources at {answer['now']}", style="bold")
    rows = (
        (
            entry["id"],
            entry["time"],
            entry["type"],
            entry["reporting_origin"],
            entry["source_origin"],
            ", ".join(entry["destinations"]),
            entry["source_event_id"],
            entry["num_attributions"],
            entry["num_aggregatable_reports"],
            _source_state(entry),
        )
        for entry in answer["sources"]
    )
    columns = ("id", "registered", "type", "by", "on", "for", "event id", "event-level", "aggregatable", "state")
    print_listed(output, answer, "sources", columns, rows)


def _source_state(source: Document) -> str:
    if not source["active"]:
        return "gave way to another"
    return "active" if source["event_level_active"] else "active, but for event-level reports"


def _triggers(output: Output, answer: Document) -> None:
    output.line(f"triggers until {answer['now']}", style="bold")
    rows = (
        (
            entry["event"],
            entry["time"],
            entry["reporting_origin"],
            entry["site"],
            entry["source"],
            entry["event_level"] or entry["verdict"],
            entry["aggregatable"],
        )
        for entry in answer["triggers"]
    )
    columns = ("event", "time", "by", "on", "source", "event-level", "aggregatable")
    print_listed(output, answer, "triggers", columns, rows)


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


@state.command("sql")
@click.argument("question", required=False, metavar="[SQL]")
@click.option("--tables", is_flag=True, help="List the tables, their columns and how many rows they have.")
@click.option(
    "--limit", type=click.IntRange(1, MOST_ROWS), default=100, show_default=True, help="Show the first N rows."
)
@click.option(
    "--seconds", type=click.FloatRange(0.1, MOST_SECONDS), default=5, show_default=True, help="End what takes longer."
)
@with_session(PROFILE_FLAG)
def sql(session: Session, question: str | None, tables: bool, limit: int, seconds: float) -> None:
    """Ask in SQL, read-only: one SELECT of SQLite; without SQL the questions on stdin, each ended by a semicolon."""
    if tables:
        show_tables(session.output, ask(session, "state.tables"))
        return

    def answer(question: str) -> Document:
        return ask(session, "state.sql", sql=question, limit=limit, seconds=seconds)

    if question is None:
        run_shell(session.output, answer)
    else:
        show_rows(session.output, answer(question))


def _tell(session: Session, answer: dict[str, object]) -> None:
    if session.output.as_json:
        session.output.document(answer)
    for verb, thing in answer.items():
        session.output.note(verb if thing is True else f"{verb} {thing}")

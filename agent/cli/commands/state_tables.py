"""What ``tallyhost state show`` says of Shared Storage, Private Aggregation and Protected Audience."""

from __future__ import annotations

from agent.cli.output import Document, Output, print_listed
from agent.model.clock import DAY, HOUR, MINUTE, SECOND

_SHOWN = 40
"""How much of a key or a value a line shows."""


def shared_storage_tables(output: Output, answer: Document) -> None:
    """Print what origins keep, entry by entry, and what is left of their budgets."""
    output.line(f"Shared Storage at {answer['now']}", style="bold")
    origins = (
        (
            entry["origin"],
            entry["length"],
            f"{entry['bytes_used']:,} of {entry['bytes_used'] + entry['bytes_left']:,}",
            entry["creation_time"],
        )
        for entry in answer["origins"]
    )
    print_listed(output, answer, "origins", ("origin", "entries", "bytes", "since"), origins, empty="nothing stored")
    output.line()
    output.line("entries", style="bold")
    entries = (
        (
            entry["origin"],
            _cut(entry["key"]),
            _cut(entry["value"]),
            f"{entry['bytes']:,}",
            _age(entry["age"]),
            entry["expires"],
        )
        for entry in answer["entries"]
    )
    print_listed(output, answer, "entries", ("origin", "key", "value", "bytes", "age", "expires"), entries)
    output.line()
    output.line("bits left for navigations out of what selectURL showed", style="bold")
    budgets = (
        (
            entry["site"],
            f"{entry['left']:.2f} of {entry['budget']:g}",
            ", ".join(f"{debit['bits']:.2f} at {debit['time']}" for debit in entry["spent"]),
        )
        for entry in answer["navigation_budgets"]
    )
    print_listed(output, answer, "navigation_budgets", ("site", "left", "spent"), budgets, empty="all untouched")


def private_aggregation_tables(output: Output, answer: Document) -> None:
    """Print what is left of each site's budgets, and the reports that wait."""
    output.line(f"contribution budgets at {answer['now']}", style="bold")
    budgets = (
        (
            entry["site"],
            entry["api"],
            _age(window["length"]),
            f"{window['spent']:,}",
            f"{window['left']:,} of {window['budget']:,}",
        )
        for entry in answer["contribution_budgets"]
        for window in entry["windows"]
    )
    columns = ("site", "API", "in the last", "spent", "left")
    print_listed(output, answer, "contribution_budgets", columns, budgets, empty="all untouched")
    output.line()
    output.line("reports that wait", style="bold")
    reports = (
        (
            report["id"],
            report["content"]["reporting_origin"],
            report["content"]["api"],
            report["next_attempt"] or report["state"],
            len(report["content"]["contributions"]) or "null report",
        )
        for report in answer["pending_reports"]
    )
    print_listed(output, answer, "pending_reports", ("id", "for", "API", "leaves", "contributions"), reports)


def interest_group_table(output: Output, answer: Document) -> None:
    """Print the interest groups, one line for each."""
    output.line(f"interest groups at {answer['now']}", style="bold")
    groups = (
        (
            group["owner"],
            _cut(group["name"]),
            group["joining_origin"],
            group["expires"],
            len(group["ads"]),
            group["join_count"],
            group["bid_count"],
            group["win_count"],
        )
        for group in answer["interest_groups"]
    )
    columns = ("owner", "name", "joined on", "expires", "ads", "joined", "bids", "wins")
    print_listed(output, answer, "interest_groups", columns, groups)


def _cut(text: str) -> str:
    return text if len(text) <= _SHOWN else f"{text[: _SHOWN - 1]}…"


def _age(milliseconds: int) -> str:
    """``3 d``, ``10 min``: in the largest unit of which there is at least one."""
    for unit, name in ((DAY, "d"), (HOUR, "h"), (MINUTE, "min")):
        if milliseconds >= unit:
            return f"{milliseconds // unit} {name}"
    return f"{milliseconds // SECOND} s"

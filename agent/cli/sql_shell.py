"""``tallyhost state sql``: its answers as tables, and a shell that reads questions line by line."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator

from agent.cli.output import Document, Output, print_error
from agent.model.errors import TallyhostError, UsageError

_PROMPT, _GOES_ON = "sql> ", "...> "
_WIDEST = 200
"""Characters of a cell that a table shows; --json has all of them."""
Ask = Callable[[str], Document]


def show_rows(output: Output, answer: Document) -> None:
    """Print the rows of one answer."""
    if output.as_json:
        output.document(answer)
        return
    rows = ([_shown(cell) for cell in row] for row in answer["rows"])
    output.table(answer["columns"], rows, "no rows")
    if answer["more"]:
        output.line("there are more rows: --limit N shows N", style="yellow")


def show_tables(output: Output, answer: Document) -> None:
    """Print the tables with their columns."""
    if output.as_json:
        output.document(answer)
        return
    rows = (
        (table["name"], f"{table['rows']:,}", ", ".join(column["name"] for column in table["columns"]))
        for table in answer["tables"]
    )
    output.table(("table", "rows", "columns"), rows, "no tables")
    output.note("times are milliseconds since 1970; events.data, events.trace and reports.content are JSON")


def run_shell(output: Output, ask: Ask) -> None:
    """Answer the questions on stdin, each ended by a semicolon; to a person, what is wrong with one ends nothing.

    Raises TallyhostError where nobody sits there.
    """
    person = sys.stdin.isatty()
    if person:
        output.note(
            "read-only SQL: a question ends with ;, all with Ctrl-D. `tallyhost state sql --tables` lists the tables"
        )
    for sql in _questions(person=person):
        try:
            show_rows(output, ask(sql))
        except TallyhostError as error:
            if not person or not isinstance(error, UsageError):
                raise
            print_error(error, as_json=False)


def _questions(*, person: bool) -> Iterator[str]:
    """What is asked on stdin, statement by statement; the last may lack its semicolon."""
    from storage.read_only import is_complete  # noqa: PLC0415 - slow to import, and `--help` asks nothing

    text = ""
    while True:
        if person:
            sys.stderr.write(_GOES_ON if text.strip() else _PROMPT)
            sys.stderr.flush()
        line = sys.stdin.readline()
        text += line
        if not line or is_complete(text):
            if text.strip():
                yield text
            text = ""
        if not line:
            return


def _shown(cell: object) -> object:
    text = "NULL" if cell is None else str(cell)
    return text if len(text) <= _WIDEST else f"{text[: _WIDEST - 1]}…"

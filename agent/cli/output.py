"""What a command prints: one JSON document, or lines for a person. Logs and errors go to stderr."""

from __future__ import annotations

import json
import logging
import sys
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from agent.model.errors import TallyhostError
from agent.model.limits import MICRO
from agent.reporting.terminal_text import harmless

if TYPE_CHECKING:
    from rich.console import Console

SCHEMA = 1
Document = dict[str, Any]
"""JSON values: what an operation answers, and a command prints."""
_WIDE = 200
_LEVELS = {-1: logging.ERROR, 0: logging.WARNING, 1: logging.INFO, 2: logging.DEBUG}


def start_log(verbosity: int) -> None:
    """Log to stderr: libraries from WARNING on; -v and -vv are about this project."""
    logging.basicConfig(stream=sys.stderr, format="%(levelname)s %(message)s", force=True)
    logging.getLogger("tallyhost").setLevel(_LEVELS[verbosity])


class Output:
    """Prints for one command, in the form that the settings ask for."""

    def __init__(self, *, as_json: bool = False, color: bool | None = None, verbosity: int = 0) -> None:
        self.as_json = as_json
        self.quiet = verbosity < 0
        self._color = color
        start_log(verbosity)

    def document(self, content: Mapping[str, Any]) -> None:
        """Print ``content`` as one JSON document with its schema's number."""
        text = json.dumps({"schema": SCHEMA, **content}, ensure_ascii=False)
        # A page's strings may hold lone surrogates, which no encoding has: they stay what they are as escapes of JSON.
        sys.stdout.write(text.encode(errors="backslashreplace").decode() + "\n")
        sys.stdout.flush()

    def line(self, text: str = "", style: str = "") -> None:
        """Print one line for a person; a JSON run prints none."""
        if not self.as_json:
            self.console().print(harmless(text), style=style or None, markup=False, highlight=False, soft_wrap=True)

    def note(self, text: str) -> None:
        """Print one line that -q leaves out."""
        if not self.quiet:
            self.line(text, style="dim")

    def table(self, columns: Sequence[str], rows: Iterable[Sequence[object]], empty: str) -> None:
        """Print rows under their column names, or the line ``empty`` when there are none."""
        from rich.table import Table  # noqa: PLC0415 - rich is slow to import and a JSON run needs none
        from rich.text import Text  # noqa: PLC0415

        table = Table(box=None, pad_edge=False, header_style="bold")
        for column in columns:
            table.add_column(column, overflow="fold")
        for row in rows:
            table.add_row(*(Text("" if cell is None else harmless(str(cell))) for cell in row))
        if table.row_count:
            self.console().print(table)
        else:
            self.line(empty)

    def console(self) -> Console:
        """A rich console, on stdout unless that is for JSON; without a terminal its lines are as wide as they need."""
        from rich.console import Console  # noqa: PLC0415 - see table

        file = sys.stderr if self.as_json else sys.stdout
        width = None if file.isatty() else _WIDE
        color = self._color
        return Console(file=file, no_color=color is False or None, force_terminal=color or None, width=width)


def print_listed(
    output: Output,
    answer: Mapping[str, Any],
    name: str,
    columns: Sequence[str],
    rows: Iterable[Sequence[object]],
    empty: str = "none",
) -> None:
    """Print the rows of what ``answer`` lists under ``name``, and how many more there are."""
    output.table(columns, rows, empty)
    if count := answer["left_out"][name]:
        output.line(f"{count:,} more are not shown: --limit N or --all shows them", style="yellow")


def epsilon(micro: int) -> str:
    """Micro-epsilon as epsilon, exactly, such as ``0.5`` or ``0.000001``."""
    return f"{micro / MICRO:.6f}".rstrip("0").rstrip(".")


def print_error(error: TallyhostError, *, as_json: bool) -> None:
    """Print an error for a person on stderr, and as a document on stdout where JSON was asked for."""
    sys.stderr.write(harmless(f"error: {error}\n"))
    if as_json:
        Output(as_json=True).document({"error": error_document(error)})


def error_document(error: TallyhostError) -> dict[str, Any]:
    """An error as plain JSON values."""
    return {
        "what": error.what,
        "where": error.where,
        "rule": error.rule,
        "fix": error.fix,
        "exit_code": error.exit_code,
    }

"""What can be taken out of an agent: answers in SQL, its network log, a bundle."""

from __future__ import annotations

import math
from collections.abc import Awaitable, Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from agent.model.errors import HostEnvironmentError, UsageError

if TYPE_CHECKING:
    from agent.runtime import Agent
    from storage.read_only import Value

MOST_ROWS, MOST_SECONDS = 100_000, 100
"""What one question in SQL may ask for."""
Document = dict[str, Any]
Operation = Callable[["Agent", Mapping[str, Any]], Awaitable[Document]]


async def ask_sql(agent: Agent, asked: Mapping[str, Any]) -> Document:
    """The rows of one SELECT: at most ``limit``, within ``seconds``; blobs as SQL writes them."""
    sql, limit, seconds = asked.get("sql"), asked.get("limit", 100), asked.get("seconds", 5)
    if not isinstance(sql, str) or type(limit) is not int or not 1 <= limit <= MOST_ROWS:
        raise UsageError("`sql` is text, `limit` a whole number", where="state.sql", rule=f"1 to {MOST_ROWS:,} rows")
    if type(seconds) not in (int, float) or not 0 < seconds <= MOST_SECONDS:
        raise UsageError("`seconds` is a number", where="state.sql", rule=f"at most {MOST_SECONDS} seconds")
    answer = await agent.state.sql(sql, limit=limit, seconds=seconds)
    rows = [[_as_json(cell) for cell in row] for row in answer.rows]
    return {"columns": list(answer.columns), "rows": rows, "more": answer.more}


async def show_tables(agent: Agent, _: Mapping[str, Any]) -> Document:
    """The tables that can be asked for, with their columns and how many rows they have."""
    tables = [
        {
            "name": table.name,
            "rows": table.rows,
            "columns": [{"name": name, "type": kind} for name, kind in table.columns],
        }
        for table in await agent.state.tables()
    ]
    return {"tables": tables}


async def export_har(agent: Agent, asked: Mapping[str, Any]) -> Document:
    """Write the registrations and deliveries to a file as HAR 1.2."""
    from agent.reporting.exports import write_har  # noqa: PLC0415 - slow to import, and `--help` writes nothing

    with _written_to(asked["file"]) as path:
        entries = await write_har(agent, path)
    return {"file": asked["file"], "entries": entries}


async def export_bundle(agent: Agent, asked: Mapping[str, Any]) -> Document:
    """Write all that is known of the run to a folder, or to a .zip file; ``notes`` say what cannot be played again."""
    from agent.reporting.bundle_files import write_whole_bundle  # noqa: PLC0415 - see export_har

    with _written_to(asked["file"]) as path:
        notes = await write_whole_bundle(agent, path)
    return {"file": asked["file"], "notes": notes}


@contextmanager
def _written_to(file: str) -> Iterator[Path]:
    """What cannot be written is told as such, by a running agent as by a command."""
    try:
        yield Path(file)
    except OSError as error:
        raise HostEnvironmentError(
            f"it cannot be written: {error.strerror or error}", where=file, fix="name another place"
        ) from error


def _as_json(cell: Value) -> int | float | str | None:
    if isinstance(cell, bytes):
        return f"x'{cell.hex()}'"
    return str(cell) if isinstance(cell, float) and not math.isfinite(cell) else cell


EXPORT_OPERATIONS: Mapping[str, Operation] = {
    "state.sql": ask_sql,
    "state.tables": show_tables,
    "export.har": export_har,
    "export.bundle": export_bundle,
}

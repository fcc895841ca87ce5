"""A question in SQL that can change nothing: one SELECT, bounded in rows, bytes and time.

The connection is of its own and opened for reading; SQLite is told to refuse writes, and an authorizer lets nothing
pass but SELECT, reading and functions. No statement is run that fails any of the three.
"""

from __future__ import annotations

import contextlib
import re
import sqlite3
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

from agent.model.errors import UsageError
from storage.failures import as_host_environment_error

Value = int | float | str | bytes | None
_ALLOWED = {sqlite3.SQLITE_SELECT, sqlite3.SQLITE_READ, sqlite3.SQLITE_FUNCTION, sqlite3.SQLITE_RECURSIVE}
_FORBIDDEN_FUNCTIONS = {"load_extension", "fts3_tokenizer"}
_WHERE = "tallyhost state sql"
_RULE = "one SELECT statement of SQLite; nothing is written"
_TABLES = "`tallyhost state sql --tables` lists what can be asked for"
_EXAMPLE = "write for example: SELECT kind, count(*) FROM events GROUP BY kind."
_READS = {"SELECT", "WITH", "VALUES", "EXPLAIN", ""}
"""What a question may begin with."""
_INSTRUCTIONS = 1_000
"""Of SQLite's virtual machine between two looks at the clock."""
_LONGEST_VALUE = 1 << 24
"""Bytes that any text or blob may have, on the way too."""
_MOST_BYTES = 1 << 25
"""Bytes of an answer's texts and blobs; rows that come then are left out."""
_ACTIONS = {
    value: name.removeprefix("SQLITE_").replace("_", " ")
    for name, value in vars(sqlite3).items()
    if name.startswith(("SQLITE_CREATE", "SQLITE_DROP", "SQLITE_ALTER"))
} | {
    sqlite3.SQLITE_INSERT: "INSERT",
    sqlite3.SQLITE_UPDATE: "UPDATE",
    sqlite3.SQLITE_DELETE: "DELETE",
    sqlite3.SQLITE_ATTACH: "ATTACH",
    sqlite3.SQLITE_DETACH: "DETACH",
    sqlite3.SQLITE_PRAGMA: "PRAGMA",
    sqlite3.SQLITE_TRANSACTION: "a transaction",
    sqlite3.SQLITE_SAVEPOINT: "SAVEPOINT",
    sqlite3.SQLITE_REINDEX: "REINDEX",
    sqlite3.SQLITE_ANALYZE: "ANALYZE",
    sqlite3.SQLITE_FUNCTION: "the function",
}
_SKIPPED = re.compile(r"'(?:[^']|'')*'?|--[^\n]*|/\*.*?(?:\*/|\Z)", re.DOTALL)
"""String literals and comments."""
_PRAGMA = re.compile(r"\bpragma_\w+", re.IGNORECASE)
"""A table-valued function that SQLite makes on its first use, which would write."""
_NEAR = re.compile(r'near "(.*)": syntax error', re.DOTALL)
_NAMED = re.compile(
    r"(?:no such (?:column|table|function|table-valued function)|ambiguous column name): (?:\w+\.)*(.+)"
)


@dataclass(frozen=True, slots=True)
class Rows:
    """The answer to a question."""

    columns: tuple[str, ...]
    rows: list[tuple[Value, ...]]
    more: bool = False
    """Whether there are more rows than were asked for."""


@dataclass(frozen=True, slots=True)
class Table:
    """A table that can be asked for."""

    name: str
    columns: tuple[tuple[str, str], ...]
    """Name and type of each."""
    rows: int


@dataclass(slots=True)
class _Watch:
    """Refuses what is not allowed, and remembers what it was."""

    refused: list[str] = field(default_factory=list)

    def authorize(self, action: int, first: str | None, second: str | None, *_: str | None) -> int:
        name = (second if action == sqlite3.SQLITE_FUNCTION else first) or ""
        if action in _ALLOWED and not (action == sqlite3.SQLITE_FUNCTION and name.lower() in _FORBIDDEN_FUNCTIONS):
            return sqlite3.SQLITE_OK
        self.refused.append(f"{_ACTIONS.get(action, 'this')} {name}".rstrip())
        return sqlite3.SQLITE_DENY


def ask_file(path: Path, sql: str, *, limit: int, seconds: float, given_up: Callable[[], bool] = bool) -> Rows:
    """Ask the database file at ``path``, which others may be writing; see :func:`ask`.

    Raises HostEnvironmentError where it cannot be read.
    """
    with contextlib.ExitStack() as stack:
        try:
            connection = sqlite3.connect(path.resolve().as_uri() + "?mode=ro", uri=True)
            stack.enter_context(contextlib.closing(connection))
            connection.execute("SELECT count(*) FROM sqlite_schema").fetchone()  # what fails here is the file's fault
        except sqlite3.Error as error:
            raise as_host_environment_error(error, str(path)) or error from error
        return ask(connection, sql, limit=limit, seconds=seconds, given_up=given_up)


def ask(
    connection: sqlite3.Connection,
    sql: str,
    *,
    limit: int,
    seconds: float,
    given_up: Callable[[], bool] = bool,
) -> Rows:
    """The first ``limit`` rows of one SELECT on a ``connection`` of its own, within ``seconds``.

    ``given_up`` tells, from time to time, whether nobody waits for the answer any more, which ends it as well. The
    connection is good for nothing but questions afterwards. Raises UsageError that says what is wrong, and where in
    ``sql``.
    """
    watch, deadline = _Watch(), time.monotonic() + seconds
    connection.execute("PRAGMA query_only = ON")
    connection.setlimit(sqlite3.SQLITE_LIMIT_LENGTH, _LONGEST_VALUE)
    connection.setlimit(sqlite3.SQLITE_LIMIT_ATTACHED, 0)
    connection.text_factory = lambda text: text.decode("utf-8", "replace")
    connection.set_authorizer(watch.authorize)
    connection.set_progress_handler(lambda: time.monotonic() > deadline or given_up(), _INSTRUCTIONS)
    try:
        cursor = connection.execute(sql)
        if cursor.description is None:
            raise _error("there is no statement", sql, 0)
        columns = tuple(str(column[0]) for column in cursor.description)
        rows, more = _first(cursor, limit)
    except UnicodeEncodeError as error:
        raise _error("this is no Unicode text", sql, error.start) from error
    except sqlite3.Error as error:
        raise _explained(connection, sql, error, watch, seconds) from error
    finally:
        connection.set_progress_handler(None, 0)
        connection.set_authorizer(None)
    return Rows(columns, rows, more)


def tables(connection: sqlite3.Connection) -> list[Table]:
    """The tables of a database, by name, with their columns and how many rows they have."""
    names = connection.execute(
        "SELECT name FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE 'sqlite!_%' ESCAPE '!' ORDER BY name"
    )
    found = []
    for (name,) in names.fetchall():
        columns = connection.execute("SELECT name, type FROM pragma_table_info(?)", (name,)).fetchall()
        (count,) = connection.execute(f'SELECT count(*) FROM "{name}"').fetchone()  # noqa: S608 - the schema's own
        found.append(Table(name, tuple(columns), count))
    return found


def is_complete(sql: str) -> bool:
    """Whether a text ends a statement, with a semicolon that is in no literal and no comment."""
    return sqlite3.complete_statement(sql)


def _first(cursor: sqlite3.Cursor, limit: int) -> tuple[list[tuple[Value, ...]], bool]:
    rows: list[tuple[Value, ...]] = []
    size = 0
    for row in cursor:
        size += sum(len(value) for value in row if isinstance(value, str | bytes))
        if len(rows) == limit or size > _MOST_BYTES:
            return rows, True
        rows.append(row)
    return rows, False


def _explained(
    connection: sqlite3.Connection, sql: str, error: sqlite3.Error, watch: _Watch, seconds: float
) -> UsageError:
    """What a person reads of ``error``."""
    text, (keyword, place) = str(error), _first_word(sql)
    if keyword.upper() not in _READS and not _NEAR.fullmatch(text):
        return _error(f"{keyword.upper()} is refused", sql, place)
    if watch.refused and (found := _PRAGMA.search(_plain(sql))):
        return _error(f"the function {found[0]} is refused", sql, found.start(), fix=_TABLES)
    if watch.refused:
        what = watch.refused[0]
        return _error(f"{what} is refused", sql, _place_of_word(sql, what.rpartition(" ")[2], what.split(" ")[0]))
    if getattr(error, "sqlite_errorcode", 0) == sqlite3.SQLITE_INTERRUPT:
        return UsageError(
            f"the question took more than {seconds:g} s, and was ended",
            where=_WHERE,
            rule="a question has so much time as --seconds says",
            fix="ask for less, or for an indexed column; or give more: --seconds 60",
        )
    if "one statement at a time" in text:
        return _error("there are several statements", sql, _second_statement(sql))
    if found := _NEAR.fullmatch(text):
        return _error(text, sql, _place_of_syntax_error(connection, sql, text, found[1]))
    if found := _NAMED.fullmatch(text):
        return _error(text, sql, _place_of_word(sql, found[1]), fix=_TABLES)
    return _error(text, sql, len(sql) if text == "incomplete input" else None)


def _error(what: str, sql: str, place: int | None, *, fix: str = "") -> UsageError:
    where = _WHERE
    if place is not None:
        line = sql.count("\n", 0, place) + 1
        where = f"{_WHERE}: line {line}, column {place - (sql.rfind(chr(10), 0, place) + 1) + 1}"
    return UsageError(what, where=where, rule=_RULE, fix=fix or f"{_EXAMPLE} {_TABLES}")


def _words(sql: str, word: str) -> Iterator[int]:
    """Where ``word`` stands in ``sql`` outside of literals and comments."""
    pattern = rf"(?<!\w){re.escape(word)}(?!\w)" if word.isidentifier() else re.escape(word)
    return (found.start() for found in re.finditer(pattern, _plain(sql), re.IGNORECASE))


def _first_word(sql: str) -> tuple[str, int]:
    """The word that ``sql`` begins with, "" for none, and where it stands."""
    found = re.match(r"\s*(\w*)", _plain(sql))
    assert found is not None
    return found[1], found.start(1)


def _plain(sql: str) -> str:
    """``sql`` with blanks in the place of literals and comments."""
    return _SKIPPED.sub(lambda found: " " * len(found[0]), sql)


def _place_of_word(sql: str, *words: str) -> int | None:
    """Where the first of ``words`` that ``sql`` has stands."""
    return next((place for word in words if word for place in _words(sql, word)), None)


def _place_of_syntax_error(connection: sqlite3.Connection, sql: str, text: str, token: str) -> int | None:
    """Where the ``token`` stands at which SQLite gave up: what is before the first such one is no error yet."""
    for found in re.finditer(re.escape(token), sql):
        try:
            connection.execute(f"EXPLAIN {sql[: found.end()]}")
        except sqlite3.Error as error:
            if str(error) == text:
                return found.start()
    return _place_of_word(sql, token)


def _second_statement(sql: str) -> int | None:
    for found in re.finditer(";", sql):
        if sqlite3.complete_statement(sql[: found.end()]):
            rest = _plain(sql[found.end() :])
            return found.end() + len(rest) - len(rest.lstrip())
    return None

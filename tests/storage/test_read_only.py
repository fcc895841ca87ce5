"""Questions in SQL: what they give, that they change nothing, and what is said of those that cannot be answered."""

from __future__ import annotations

import asyncio
import sqlite3
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from agent.model.errors import HostEnvironmentError, UsageError
from storage.database import AsyncDatabase, Database
from storage.migrations import Migration
from storage.read_only import Rows, Table, ask, ask_file, is_complete, tables

SCHEMA = (
    Migration(
        "0001_numbers.sql",
        "CREATE TABLE numbers (n INTEGER PRIMARY KEY, text TEXT) STRICT;\n"
        "INSERT INTO numbers VALUES (1, 'one'), (2, 'two'), (3, 'three');\n",
    ),
)
ENDLESS = "WITH RECURSIVE up (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM up) SELECT count(*) FROM up"


@pytest.fixture
def connection() -> Iterator[sqlite3.Connection]:
    with Database.open(":memory:", now=0, schema=SCHEMA) as database:
        yield database.connection


def answer(connection: sqlite3.Connection, sql: str, *, limit: int = 10, seconds: float = 5) -> Rows:
    return ask(connection, sql, limit=limit, seconds=seconds)


def refusal(connection: sqlite3.Connection, sql: str, **bounds: float) -> UsageError:
    with pytest.raises(UsageError) as raised:
        ask(connection, sql, limit=10, seconds=bounds.get("seconds", 5))
    return raised.value


def test_a_select_gives_columns_and_rows(connection: sqlite3.Connection) -> None:
    rows = answer(connection, "SELECT n, text AS name FROM numbers WHERE n > 1 ORDER BY n DESC")
    assert rows == Rows(("n", "name"), [(3, "three"), (2, "two")])


def test_values_keep_their_types(connection: sqlite3.Connection) -> None:
    assert answer(connection, "SELECT 1, 0.5, 'text', x'00ff', NULL").rows == [(1, 0.5, "text", b"\x00\xff", None)]


@pytest.mark.parametrize(("limit", "more"), [(2, True), (3, False), (4, False)])
def test_more_rows_than_asked_for_are_told(connection: sqlite3.Connection, limit: int, more: bool) -> None:
    rows = answer(connection, "SELECT n FROM numbers", limit=limit)
    assert (len(rows.rows), rows.more) == (min(limit, 3), more)


@pytest.mark.parametrize(
    "sql",
    [
        "INSERT INTO numbers VALUES (4, 'four')",
        "UPDATE numbers SET text = ''",
        "DELETE FROM numbers",
        "REPLACE INTO numbers VALUES (1, 'x')",
        "WITH gone AS (SELECT 1) DELETE FROM numbers",
        "CREATE TABLE more (n)",
        "CREATE TEMP TABLE more (n)",
        "CREATE VIEW more AS SELECT 1",
        "DROP TABLE numbers",
        "ALTER TABLE numbers RENAME TO others",
        "ATTACH 'other.sqlite3' AS other",
        "DETACH main",
        "PRAGMA user_version = 5",
        "PRAGMA query_only = OFF",
        "PRAGMA writable_schema = ON",
        "UPDATE sqlite_schema SET sql = ''",
        "DELETE FROM sqlite_schema",
        "SELECT load_extension('evil')",
        "SELECT fts3_tokenizer('simple')",
        "SELECT * FROM pragma_user_version",
        "VACUUM",
        "VACUUM INTO 'copy.sqlite3'",
        "BEGIN",
        "COMMIT",
        "SAVEPOINT here",
        "REINDEX",
        "ANALYZE",
        "EXPLAIN DELETE FROM numbers",
        "-- SELECT\nDELETE FROM numbers",
        "SELECT 1; DELETE FROM numbers",
    ],
)
def test_whatever_would_write_is_refused_and_changes_nothing(
    connection: sqlite3.Connection, sql: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    before = list(connection.iterdump())
    error = refusal(connection, sql)
    assert error.rule == "one SELECT statement of SQLite; nothing is written"
    connection.execute("PRAGMA query_only = OFF")
    assert list(connection.iterdump()) == before
    assert connection.execute("PRAGMA user_version").fetchone() == (0,)
    assert list(tmp_path.iterdir()) == []


def test_of_a_file_the_connection_itself_cannot_write(tmp_path: Path) -> None:
    path = tmp_path / "numbers.sqlite3"
    with Database.open(path, now=0, schema=SCHEMA):
        before = path.read_bytes()
        assert ask_file(path, "SELECT count(*) FROM numbers", limit=1, seconds=5).rows == [(3,)]
        with pytest.raises(UsageError):
            ask_file(path, "DELETE FROM numbers", limit=1, seconds=5)
        assert path.read_bytes() == before


@pytest.mark.parametrize(
    ("sql", "what", "place"),
    [
        ("SELECT * FORM numbers", 'near "FORM": syntax error', "line 1, column 10"),
        ("SELECT 'FORM',\n  n FORM\nFORM numbers", 'near "FORM": syntax error', "line 3, column 1"),
        ("SELECT n,\n nope FROM numbers", "no such column: nope", "line 2, column 2"),
        ("SELECT 'nowhere' FROM nowhere", "no such table: nowhere", "line 1, column 23"),
        ("SELECT absent(1)", "no such function: absent", "line 1, column 8"),
        ("SELECT * FROM pragma_table_info('a')", "the function pragma_table_info is refused", "line 1, column 15"),
        ("SELECT (1 ", "incomplete input", "line 1, column 11"),
        ("SELECT 1;  SELECT 2", "there are several statements", "line 1, column 12"),
        (" \n DELETE FROM numbers", "DELETE is refused", "line 2, column 2"),
        ("SELECT 1, load_extension('x')", "the function load_extension is refused", "line 1, column 11"),
        ("  -- nothing", "there is no statement", "line 1, column 1"),
    ],
)
def test_an_error_says_what_is_wrong_and_where(connection: sqlite3.Connection, sql: str, what: str, place: str) -> None:
    error = refusal(connection, sql)
    assert (error.what, error.where) == (what, f"tallyhost state sql: {place}")
    assert error.fix


def test_what_takes_too_long_is_ended(connection: sqlite3.Connection) -> None:
    error = refusal(connection, ENDLESS, seconds=0.05)
    assert error.what == "the question took more than 0.05 s, and was ended"


def test_no_value_grows_without_bound(connection: sqlite3.Connection) -> None:
    assert refusal(connection, "SELECT zeroblob(100000000)").what == "string or blob too big"


def test_an_answer_has_no_more_than_some_megabytes(connection: sqlite3.Connection) -> None:
    rows = answer(connection, "SELECT zeroblob(10000000) FROM numbers a, numbers b", limit=9)
    assert (len(rows.rows), rows.more) == (3, True)


def test_text_that_is_no_unicode_is_shown_all_the_same(connection: sqlite3.Connection) -> None:
    assert answer(connection, "SELECT CAST(x'41ff' AS TEXT)").rows == [("A\ufffd",)]


def test_tables_have_columns_and_counts(connection: sqlite3.Connection) -> None:
    named = {table.name: table for table in tables(connection)}
    assert named["numbers"] == Table("numbers", (("n", "INTEGER"), ("text", "TEXT")), 3)


@pytest.mark.parametrize(
    ("text", "complete"), [("SELECT 1", False), ("SELECT 1;", True), ("SELECT ';", False), ("SELECT 1 -- ;", False)]
)
def test_a_statement_is_complete_with_its_semicolon(text: str, complete: bool) -> None:
    assert is_complete(text) is complete


@pytest.mark.parametrize("kept", [True, False])
async def test_a_running_agent_s_database_is_asked_beside_its_work(tmp_path: Path, kept: bool) -> None:
    async with await AsyncDatabase.open(tmp_path / "kept.sqlite3" if kept else ":memory:", now=0) as database:
        await database.transact("write", lambda c: c.execute("UPDATE clock SET ahead = 5"))
        assert (await database.ask("SELECT ahead FROM clock", limit=1, seconds=5)).rows == [(5,)]
        with pytest.raises(UsageError):
            await database.ask("UPDATE clock SET ahead = 6", limit=1, seconds=5)
        await database.transact("write again", lambda c: c.execute("UPDATE clock SET ahead = ahead + 1"))
        assert (await database.ask("SELECT ahead FROM clock", limit=1, seconds=5)).rows == [(6,)]


@pytest.mark.parametrize("kept", [False, True])
def test_a_question_that_nobody_waits_for_any_more_is_ended(tmp_path: Path, kept: bool) -> None:
    async def give_up() -> None:
        async with await AsyncDatabase.open(tmp_path / "a.sqlite3" if kept else ":memory:", now=0) as database:
            with pytest.raises(TimeoutError):
                async with asyncio.timeout(0.2):
                    await database.ask(ENDLESS, limit=1, seconds=100)

    began = time.monotonic()
    asyncio.run(give_up())  # which ends when its threads do: what keeps a command from ending
    assert time.monotonic() - began < 50


def test_large_values_are_ended_in_time_too(connection: sqlite3.Connection) -> None:
    large = "WITH RECURSIVE up (n, x) AS (SELECT 1, 1 UNION SELECT n + 1, randomblob(1000000) FROM up) SELECT x FROM up"
    looks = 0

    def given_up() -> bool:
        nonlocal looks
        looks += 1
        return looks == 3

    made = 0

    def counted(size: int) -> bytes:
        nonlocal made
        made += 1
        return bytes(size)

    connection.create_function("randomblob", 1, counted)
    with pytest.raises(UsageError):
        ask(connection, f"{large} ORDER BY x", limit=1, seconds=100, given_up=given_up)
    assert made < 200, "each is a megabyte"


@pytest.mark.parametrize("content", [None, b"no database" * 100])
def test_a_file_that_cannot_be_read_is_told_and_is_no_mistake_in_the_question(
    tmp_path: Path, content: bytes | None
) -> None:
    file = tmp_path / "profile.sqlite3"
    if content is not None:
        file.write_bytes(content)
    with pytest.raises(HostEnvironmentError) as caught:
        ask_file(file, "SELECT 1 FROM sqlite_schema", limit=1, seconds=5)
    assert str(file) in str(caught.value)
    assert caught.value.fix
    assert [path.read_bytes() for path in tmp_path.iterdir()] == ([] if content is None else [content])

"""Transactions, and what is kept when the machine fails."""

from __future__ import annotations

import asyncio
import os
import signal
import sqlite3
import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterator
from pathlib import Path

import aiosqlite
import pytest

from agent.model.errors import HostEnvironmentError
from storage.database import AsyncDatabase, Database
from storage.migrations import Migration

NUMBERS = (Migration("0001_numbers.sql", "CREATE TABLE numbers (n INTEGER PRIMARY KEY, text TEXT) STRICT;\n"),)
REPOSITORY = Path(__file__).parents[2]
NOW = 1_767_603_600_000


def insert(connection: sqlite3.Connection, *rows: int, text: str = "") -> None:
    connection.executemany("INSERT INTO numbers VALUES (?, ?)", [(n, text) for n in rows])


def numbers(database: Database) -> list[int]:
    return database.transact("read", lambda c: [n for (n,) in c.execute("SELECT n FROM numbers ORDER BY n")])


@pytest.fixture
def database() -> Iterator[Database]:
    with Database.open(":memory:", now=NOW, schema=NUMBERS) as opened:
        yield opened


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "tallyhost.sqlite3"


def filled(path: Path, rows: int = 2_000) -> None:
    """A closed database of many pages at ``path``."""
    with Database.open(path, now=NOW, schema=NUMBERS) as database:
        database.transact("fill", lambda c: insert(c, *range(rows), text="x" * 100))


def assert_names_file_and_way_out(error: HostEnvironmentError, path: Path) -> None:
    assert str(path) in str(error)
    assert error.rule
    assert error.fix
    assert error.exit_code == 3


def test_transact_gives_the_result_of_work_and_commits_it(path: Path) -> None:
    with Database.open(path, now=NOW, schema=NUMBERS) as database:
        assert database.transact("one", lambda c: c.execute("INSERT INTO numbers VALUES (1, '')").rowcount) == 1
    with Database.open(path, now=NOW, schema=NUMBERS) as database:
        assert numbers(database) == [1]


def test_an_error_in_work_undoes_the_whole_transaction_and_is_raised_unchanged(database: Database) -> None:
    class OwnError(Exception):
        pass

    def work(connection: sqlite3.Connection) -> None:
        insert(connection, 1)
        raise OwnError

    with pytest.raises(OwnError):
        database.transact("fails", work)
    database.transact("works", lambda c: insert(c, 2))
    assert numbers(database) == [2]


def test_a_mistake_in_sql_is_no_host_environment_error(database: Database) -> None:
    with pytest.raises(sqlite3.OperationalError, match="no such table"):
        database.transact("wrong", lambda c: c.execute("SELECT * FROM missing"))


def test_a_transaction_inside_a_transaction_is_refused_and_undoes_both(database: Database) -> None:
    def outer(connection: sqlite3.Connection) -> None:
        insert(connection, 1)
        database.transact("inner", lambda c: insert(c, 2))

    with pytest.raises(RuntimeError, match="'inner' inside transaction 'outer'"):
        database.transact("outer", outer)
    assert numbers(database) == []


def test_a_file_is_opened_so_that_a_commit_survives_the_machine(path: Path) -> None:
    with Database.open(path, now=NOW, schema=NUMBERS) as database:
        pragmas = [
            database.connection.execute(f"PRAGMA {name}").fetchone()[0]
            for name in ("journal_mode", "synchronous", "foreign_keys")
        ]
    assert pragmas == ["wal", 2, 1]  # 2 is FULL


def test_on_statement_sees_every_statement_until_it_is_taken_away(database: Database) -> None:
    seen: list[str] = []
    database.on_statement(seen.append)
    database.transact("one", lambda c: insert(c, 7))
    database.on_statement(None)
    database.transact("two", lambda c: insert(c, 8))
    assert seen == ["BEGIN IMMEDIATE", "INSERT INTO numbers VALUES (7, '')", "COMMIT"]


def test_full_disk_loses_nothing_acknowledged_and_names_the_file_and_the_way_out(path: Path) -> None:
    with Database.open(path, now=NOW, schema=NUMBERS) as database:
        database.transact("first", lambda c: insert(c, 1))
        pages = database.connection.execute("PRAGMA page_count").fetchone()[0]
        database.connection.execute(f"PRAGMA max_page_count = {pages + 2}")
        with pytest.raises(HostEnvironmentError, match="no space left") as caught:
            database.transact("too much", lambda c: insert(c, *range(2, 50), text="x" * 3_000))
        assert_names_file_and_way_out(caught.value, path)
        assert numbers(database) == [1]
        database.connection.execute("PRAGMA max_page_count = 1000000")
        database.transact("after making room", lambda c: insert(c, 2))
    with Database.open(path, now=NOW, schema=NUMBERS) as database:
        assert numbers(database) == [1, 2]


def test_locked_database_loses_nothing_acknowledged_and_names_the_file_and_the_way_out(path: Path) -> None:
    with Database.open(path, now=NOW, schema=NUMBERS) as database:
        database.transact("first", lambda c: insert(c, 1))
        other = sqlite3.connect(path, isolation_level=None)
        other.execute("BEGIN IMMEDIATE")
        with pytest.raises(HostEnvironmentError, match="locked by another process") as caught:
            database.transact("waits", lambda c: insert(c, 2))
        assert_names_file_and_way_out(caught.value, path)
        other.execute("ROLLBACK")
        other.close()
        database.transact("after the lock", lambda c: insert(c, 3))
        assert numbers(database) == [1, 3]


def test_torn_first_page_is_refused_with_the_file_and_the_way_out(path: Path) -> None:
    path.write_bytes(os.urandom(8_192))
    with pytest.raises(HostEnvironmentError, match="no SQLite database") as caught:
        Database.open(path, now=NOW, schema=NUMBERS)
    assert_names_file_and_way_out(caught.value, path)


def test_database_cut_short_is_refused_with_the_file_and_the_way_out(path: Path) -> None:
    filled(path)
    with path.open("r+b") as file:
        file.truncate(3 * 4_096)
    with pytest.raises(HostEnvironmentError, match="torn") as caught:
        Database.open(path, now=NOW, schema=NUMBERS)
    assert_names_file_and_way_out(caught.value, path)


def test_torn_page_is_told_when_met_and_the_rest_stays_usable(path: Path) -> None:
    filled(path)
    with path.open("r+b") as file:
        file.seek(-4_096, os.SEEK_END)
        file.write(b"\xff" * 4_096)
    with Database.open(path, now=NOW, schema=NUMBERS) as database:
        with pytest.raises(HostEnvironmentError, match="torn") as caught:
            database.transact("read all", lambda c: c.execute("SELECT sum(length(text)) FROM numbers").fetchall())
        assert_names_file_and_way_out(caught.value, path)
        assert database.transact("first", lambda c: c.execute("SELECT min(n) FROM numbers").fetchone()) == (0,)


def test_torn_write_ahead_log_gives_every_transaction_before_the_tear(path: Path, tmp_path: Path) -> None:
    with Database.open(path, now=NOW, schema=NUMBERS) as database:
        for n in range(20):
            database.transact("one", lambda c, n=n: insert(c, n))  # type: ignore[misc]
        copy = tmp_path / "copy.sqlite3"
        copy.write_bytes(path.read_bytes())
        log = path.with_name(path.name + "-wal").read_bytes()
    # The last frame of the last transaction never reached the disk as a whole.
    copy.with_name(copy.name + "-wal").write_bytes(log[:-100])
    with Database.open(copy, now=NOW, schema=NUMBERS) as database:
        assert numbers(database) == list(range(19))


@pytest.fixture
def read_only_folder() -> Iterator[Path]:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        filled(folder / "tallyhost.sqlite3", rows=1)
        (folder / "tallyhost.sqlite3").chmod(0o444)
        folder.chmod(0o555)
        user = os.geteuid()
        if user == 0:
            os.seteuid(65_534)  # root may write everywhere; nobody may not
        try:
            yield folder
        finally:
            os.seteuid(user)
            folder.chmod(0o755)


@pytest.mark.parametrize("name", ["tallyhost.sqlite3", "new.sqlite3"])
def test_read_only_folder_is_refused_with_the_file_and_the_way_out(read_only_folder: Path, name: str) -> None:
    with pytest.raises(HostEnvironmentError, match=r"cannot be (written|opened or created)") as caught:
        Database.open(read_only_folder / name, now=NOW, schema=NUMBERS)
    assert_names_file_and_way_out(caught.value, read_only_folder / name)


def test_a_folder_that_cannot_be_entered_is_refused_with_the_file_and_the_way_out() -> None:
    with tempfile.TemporaryDirectory() as name:
        path = Path(name) / "tallyhost.sqlite3"
        filled(path, rows=1)
        user = os.geteuid()
        path.parent.chmod(0o000)
        if user == 0:
            os.seteuid(65_534)
        try:
            with pytest.raises(HostEnvironmentError, match="cannot be opened or created") as caught:
                Database.open(path, now=NOW, schema=NUMBERS)
        finally:
            os.seteuid(user)
            path.parent.chmod(0o755)
    assert_names_file_and_way_out(caught.value, path)


WRITER = """
import sys
from pathlib import Path
from storage.database import Database
from tests.storage.test_database import NOW, NUMBERS, insert
database = Database.open(Path(sys.argv[1]), now=NOW, schema=NUMBERS)
n = int(sys.argv[2])
while True:
    database.transact("one", lambda c: insert(c, n))
    print(n, flush=True)
    n += 1
"""


def test_every_acknowledged_row_is_there_after_sigkill(path: Path) -> None:
    acknowledged = -1
    for seconds in (0.05, 0.11, 0.17, 0.23):
        command = [sys.executable, "-c", WRITER, str(path), str(acknowledged + 1)]
        with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=REPOSITORY) as writer:
            assert writer.stdout is not None
            first = writer.stdout.readline()
            killer = threading.Timer(seconds, writer.send_signal, [signal.SIGKILL])
            killer.start()
            lines = [first, *writer.stdout]
            killer.join()
        assert writer.returncode == -signal.SIGKILL
        told = [int(line) for line in lines if line.endswith("\n")]
        assert told[0] == acknowledged + 1
        with Database.open(path, now=NOW, schema=NUMBERS) as database:
            kept = numbers(database)
            assert database.connection.execute("PRAGMA integrity_check").fetchone() == ("ok",)
        # One more may be committed and not yet told.
        assert kept in (list(range(told[-1] + 1)), list(range(told[-1] + 2)))
        acknowledged = kept[-1]


async def test_async_transaction_is_one_function_in_the_threads_own_connection() -> None:
    """Notices a change of the private aiosqlite method that AsyncDatabase relies on."""
    async with await AsyncDatabase.open(":memory:", now=NOW) as database:
        threads: list[int] = []

        def work(connection: sqlite3.Connection) -> bool:
            threads.append(threading.get_ident())
            return connection.in_transaction

        assert await asyncio.gather(*(database.transact(f"t{n}", work) for n in range(5))) == [True] * 5
    assert len(set(threads)) == 1
    assert threads[0] != threading.get_ident()
    assert asyncio.iscoroutinefunction(aiosqlite.Connection._execute)


async def test_async_error_in_work_undoes_the_transaction_and_reaches_the_caller() -> None:
    def work(connection: sqlite3.Connection) -> None:
        connection.execute("CREATE TABLE passing (n)")
        raise KeyError("own")

    async with await AsyncDatabase.open(":memory:", now=NOW) as database:
        with pytest.raises(KeyError, match="own"):
            await database.transact("fails", work)
        count = "SELECT count(*) FROM sqlite_master WHERE name = 'passing'"
        assert await database.transact("count", lambda c: c.execute(count).fetchone()) == (0,)


async def test_async_cancelled_caller_leaves_the_transaction_whole() -> None:
    began, go_on = threading.Event(), threading.Event()

    def work(connection: sqlite3.Connection) -> None:
        connection.execute("CREATE TABLE kept (n)")
        began.set()
        go_on.wait(10)
        connection.execute("INSERT INTO kept VALUES (1)")

    async with await AsyncDatabase.open(":memory:", now=NOW) as database:
        waiting = asyncio.gather(database.transact("slow", work))
        await asyncio.to_thread(began.wait, 10)
        waiting.cancel()
        go_on.set()
        with pytest.raises(asyncio.CancelledError):
            await waiting
        assert await database.transact("read", lambda c: c.execute("SELECT n FROM kept").fetchall()) == [(1,)]


async def test_async_open_refuses_like_sync_open_and_leaves_no_thread(path: Path) -> None:
    path.write_bytes(b"no database at all" * 100)
    before = set(threading.enumerate())
    with pytest.raises(HostEnvironmentError, match="no SQLite database"):
        await AsyncDatabase.open(path, now=NOW)
    for _ in range(100):
        if before.issuperset(threading.enumerate()):
            break
        await asyncio.sleep(0.01)
    assert before.issuperset(threading.enumerate())


async def test_async_open_that_is_cancelled_waits_for_its_thread_and_leaves_no_open_file(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    began, go_on, opened = threading.Event(), threading.Event(), threading.Event()
    open_now = Database.open

    def slow(path: Path, *, now: int) -> Database:
        began.set()
        go_on.wait(10)
        database = open_now(path, now=now)
        opened.set()
        return database

    monkeypatch.setattr(Database, "open", slow)
    opening = asyncio.gather(AsyncDatabase.open(path, now=NOW))
    await asyncio.to_thread(began.wait, 10)
    opening.cancel()
    asyncio.get_running_loop().call_later(0.05, go_on.set)
    with pytest.raises(asyncio.CancelledError):
        await opening
    assert opened.is_set()
    assert [one.name for one in path.parent.iterdir()] == [path.name]  # SQLite removes its side files at the end


async def test_async_close_finishes_what_is_queued_and_may_be_repeated(path: Path) -> None:
    database = await AsyncDatabase.open(path, now=NOW)
    queued = asyncio.gather(database.transact("slow", lambda c: c.execute("CREATE TABLE late (n)")))
    await asyncio.sleep(0)
    await database.close()
    await queued
    await database.close()
    with Database.open(path, now=NOW) as reopened:
        assert reopened.transact("read", lambda c: c.execute("SELECT count(*) FROM late").fetchone()) == (0,)

"""Which databases are opened, and which are refused without touching them."""

from __future__ import annotations

import os
import signal
import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest

from agent.model.errors import HostEnvironmentError
from storage.database import Database
from storage.migrations import Migration, shipped

NOW = 1_767_603_600_000
FIRST = Migration(
    "0001_first.sql", "-- a comment; with a semicolon\nCREATE TABLE first (n);\nCREATE INDEX f ON first (n);\n"
)
SECOND = Migration("0002_second.sql", "CREATE TABLE second (n);\nINSERT INTO second VALUES (1);\n")


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "tallyhost.sqlite3"


def contents(folder: Path) -> dict[str, bytes]:
    return {file.name: file.read_bytes() for file in folder.iterdir()}


def test_migrations_are_applied_in_order_and_each_once(path: Path) -> None:
    Database.open(path, now=NOW, schema=[FIRST]).close()
    for _ in range(2):
        with Database.open(path, now=NOW + 1, schema=[FIRST, SECOND]) as database:
            rows = database.connection.execute("SELECT name, sha256, applied FROM migrations ORDER BY name").fetchall()
            assert rows == [(FIRST.name, FIRST.sha256, NOW), (SECOND.name, SECOND.sha256, NOW + 1)]
            assert database.connection.execute("SELECT n FROM second").fetchall() == [(1,)]


def test_a_migration_that_fails_leaves_nothing_of_itself_and_keeps_those_before(path: Path) -> None:
    broken = Migration("0002_broken.sql", "CREATE TABLE half (n);\nINSERT INTO nothing VALUES (1);\n")
    with pytest.raises(sqlite3.OperationalError, match="nothing"):
        Database.open(path, now=NOW, schema=[FIRST, broken])
    with Database.open(path, now=NOW, schema=[FIRST, SECOND]) as database:
        tables = {name for (name,) in database.connection.execute("SELECT name FROM sqlite_master")}
    assert {"first", "second"} <= tables
    assert "half" not in tables


def test_a_statement_without_end_is_refused() -> None:
    with pytest.raises(ValueError, match="no semicolon"):
        list(Migration("0001_open.sql", "CREATE TABLE a (n);\nCREATE TABLE b (n)\n").statements())


def test_a_trigger_is_one_statement() -> None:
    trigger = "CREATE TRIGGER t AFTER INSERT ON a BEGIN\n  DELETE FROM b;\n  DELETE FROM c;\nEND;\n"
    assert list(Migration("0001_trigger.sql", trigger).statements()) == [trigger]


def test_a_profile_written_by_a_newer_version_is_refused_not_touched(path: Path) -> None:
    Database.open(path, now=NOW, schema=[FIRST, SECOND]).close()
    before = contents(path.parent)
    with pytest.raises(HostEnvironmentError, match="newer version") as caught:
        Database.open(path, now=NOW, schema=[FIRST])
    assert contents(path.parent) == before
    assert str(path) in str(caught.value)
    assert "update tallyhost" in caught.value.fix


def test_a_profile_with_a_step_of_another_version_between_ours_is_refused_not_touched(path: Path) -> None:
    other = Migration("0002_other.sql", "CREATE TABLE other (n);\n")
    Database.open(path, now=NOW, schema=[FIRST, other]).close()
    before = contents(path.parent)
    with pytest.raises(HostEnvironmentError, match=r"another, newer version .*0002_other\.sql"):
        Database.open(path, now=NOW, schema=[FIRST, SECOND])
    assert contents(path.parent) == before


LEAVE_LOG = """
import os, signal, sys
from pathlib import Path
from storage.database import Database
from tests.storage.test_migrations import FIRST, NOW, SECOND
Database.open(Path(sys.argv[1]), now=NOW, schema=[FIRST, SECOND])
os.kill(os.getpid(), signal.SIGKILL)
"""


def test_a_newer_profile_whose_writer_was_killed_is_refused_not_touched(path: Path) -> None:
    killed = subprocess.run([sys.executable, "-c", LEAVE_LOG, str(path)], check=False, cwd=Path(__file__).parents[2])
    assert killed.returncode == -signal.SIGKILL
    log = path.with_name(path.name + "-wal")
    assert log.stat().st_size > 0  # the record of the newer step lies in the log alone
    before = (path.read_bytes(), log.read_bytes())
    with pytest.raises(HostEnvironmentError, match="newer version"):
        Database.open(path, now=NOW, schema=[FIRST])
    assert (path.read_bytes(), log.read_bytes()) == before


def test_a_changed_migration_is_refused_not_touched(path: Path) -> None:
    Database.open(path, now=NOW, schema=[FIRST]).close()
    before = contents(path.parent)
    changed = Migration(FIRST.name, FIRST.sql + "CREATE TABLE other (n);\n")
    with pytest.raises(HostEnvironmentError, match=r"0001_first\.sql is not the one of this version") as caught:
        Database.open(path, now=NOW, schema=[changed])
    assert contents(path.parent) == before
    assert "SHA-256" in caught.value.rule


def test_a_database_of_another_program_is_refused_not_touched(path: Path) -> None:
    other = sqlite3.connect(path)
    other.execute("CREATE TABLE bookmarks (url)")
    other.commit()
    other.close()
    before = contents(path.parent)
    with pytest.raises(HostEnvironmentError, match="not made by tallyhost"):
        Database.open(path, now=NOW, schema=[FIRST])
    assert contents(path.parent) == before


def test_an_empty_file_is_a_new_database(path: Path) -> None:
    path.touch()
    with Database.open(path, now=NOW, schema=[FIRST]) as database:
        assert database.connection.execute("SELECT count(*) FROM first").fetchone() == (0,)


def test_a_path_with_uri_characters_is_opened_as_it_is(tmp_path: Path) -> None:
    path = tmp_path / "a?b#c%20 d.sqlite3"
    for _ in range(2):
        Database.open(path, now=NOW, schema=[FIRST]).close()
    assert os.listdir(tmp_path) == [path.name]  # noqa: PTH208


def test_shipped_migrations_are_numbered_without_gap_and_open_an_empty_database() -> None:
    names = [migration.name for migration in shipped()]
    assert [int(name[:4]) for name in names] == list(range(1, len(names) + 1))
    with Database.open(":memory:", now=NOW) as database:
        recorded = database.connection.execute("SELECT name FROM migrations ORDER BY name").fetchall()
    assert recorded == [(name,) for name in names]

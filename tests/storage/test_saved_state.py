"""Saving a database to a file and loading it again."""

from __future__ import annotations

import contextlib
import shutil
import sqlite3
import threading
from pathlib import Path

import pytest

from agent.model.errors import HostEnvironmentError, UsageError
from agent.model.events import Event
from storage import events
from storage.clock import read_ahead, write_ahead
from storage.database import Database
from storage.migrations import shipped


def saved(path: Path, ahead: int) -> Path:
    with Database.open(":memory:", now=0) as database:
        database.transact("write", lambda c: write_ahead(c, ahead))
        database.save(path)
    return path


@pytest.mark.parametrize("place", ["memory", "file"])
def test_what_was_saved_is_loaded_in_place_of_what_was_there(tmp_path: Path, place: str) -> None:
    file = saved(tmp_path / "week.state", 7)
    before = file.read_bytes()
    with Database.open(":memory:" if place == "memory" else tmp_path / "profile.sqlite3", now=0) as database:
        database.transact("write", lambda c: write_ahead(c, 99))
        database.load(file, now=0, then=read_ahead)
        assert database.transact("read", read_ahead) == 7
    assert file.read_bytes() == before
    assert sorted(path.name for path in tmp_path.iterdir() if path.name.startswith("week")) == ["week.state"]


def test_a_profile_is_not_saved_over_itself(tmp_path: Path) -> None:
    file, link = tmp_path / "profile.sqlite3", tmp_path / "link"
    with Database.open(file, now=0) as database:
        link.symlink_to(file)
        for name in (file, link):
            with pytest.raises(UsageError, match="the profile itself"):
                database.save(name)
        database.transact("write", lambda c: write_ahead(c, 99))
    assert link.is_symlink()
    with Database.open(file, now=0) as database:
        assert database.transact("read", read_ahead) == 99


def test_a_saved_state_is_for_its_owner_alone(tmp_path: Path) -> None:
    assert saved(tmp_path / "week.state", 7).stat().st_mode & 0o777 == 0o600


def test_what_was_forgotten_is_in_no_copy(tmp_path: Path) -> None:
    with Database.open(tmp_path / "profile.sqlite3", now=0) as database:
        database.connection.execute("PRAGMA secure_delete = OFF")  # as SQLite is built by default
        event = Event("conversion", 0, "attributed", "forgotten-by-the-user", data={"filler": "x" * 5000})
        database.transact("write", lambda c: events.append(c, [event] * 20))
        database.transact("forget", events.remove_all)
        database.save(tmp_path / "week.state")
    assert b"forgotten-by-the-user" not in (tmp_path / "week.state").read_bytes()


@pytest.mark.parametrize("folder", ["no such folder", "file"])
@pytest.mark.parametrize("name", ["week.state", "x" * 300 + "week.state"])
def test_saving_where_nothing_can_be_written_is_told_and_leaves_nothing(tmp_path: Path, folder: str, name: str) -> None:
    (tmp_path / "file").write_text("no folder")
    with Database.open(tmp_path / "file.sqlite3", now=0) as database:
        before = sorted(tmp_path.iterdir())
        with pytest.raises(HostEnvironmentError, match="cannot be written") as error:
            database.save(tmp_path / folder / name)
        assert "week.state" in str(error.value)
        assert sorted(tmp_path.iterdir()) == before


@pytest.mark.parametrize("folder", [".", "/"])
def test_saving_to_a_folder_that_has_no_name_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, folder: str
) -> None:
    monkeypatch.chdir(tmp_path)
    with Database.open(":memory:", now=0) as database, pytest.raises(HostEnvironmentError, match="cannot be written"):
        database.save(Path(folder))
    assert list(tmp_path.iterdir()) == []


def test_loading_into_a_profile_that_another_process_locks_is_told_and_changes_nothing(tmp_path: Path) -> None:
    file, path = saved(tmp_path / "week.state", 7), tmp_path / "profile.sqlite3"
    with Database.open(path, now=0) as database:
        database.transact("write", lambda c: write_ahead(c, 99))
        with contextlib.closing(sqlite3.connect(path, isolation_level=None, check_same_thread=False)) as other:
            other.execute("BEGIN IMMEDIATE")
            end = threading.Timer(10, other.execute, ["ROLLBACK"])  # a load that waits without end fails this test
            end.start()
            with pytest.raises(HostEnvironmentError, match="locked by another process"):
                database.load(file, now=0, then=read_ahead)
            end.cancel()
        assert database.transact("read", read_ahead) == 99
        database.load(file, now=0, then=read_ahead)
        assert database.transact("read", read_ahead) == 7


def test_what_follows_a_load_is_one_step_with_it(tmp_path: Path) -> None:
    file = saved(tmp_path / "week.state", 7)

    def fails(connection: sqlite3.Connection) -> None:
        write_ahead(connection, 8)
        raise LookupError

    with Database.open(tmp_path / "profile.sqlite3", now=0) as database:
        database.transact("write", lambda c: write_ahead(c, 99))
        with pytest.raises(LookupError):
            database.load(file, now=0, then=fails)
        assert database.transact("read", read_ahead) == 99
        database.load(file, now=0, then=lambda c: write_ahead(c, 100))
        assert database.transact("read", read_ahead) == 100


def test_loading_a_file_that_is_not_there_is_a_usage_error(tmp_path: Path) -> None:
    with Database.open(":memory:", now=0) as database, pytest.raises(UsageError):
        database.load(tmp_path / "missing.state", now=0, then=read_ahead)


def test_loading_what_is_no_file_to_read_is_an_error_for_people_and_changes_nothing(tmp_path: Path) -> None:
    with Database.open(":memory:", now=0) as database:
        database.transact("write", lambda c: write_ahead(c, 5))
        with pytest.raises(HostEnvironmentError, match="cannot be read") as error:
            database.load(tmp_path, now=0, then=read_ahead)
        assert str(tmp_path) in str(error.value)
        assert database.transact("read", read_ahead) == 5


def test_loading_another_programs_file_changes_nothing(tmp_path: Path) -> None:
    text, foreign = tmp_path / "notes.txt", tmp_path / "other.sqlite3"
    text.write_text("not a database, only longer than a header" * 50)
    with sqlite3.connect(foreign) as other:
        other.execute("CREATE TABLE somebody_elses (id)")
    other.close()
    with Database.open(":memory:", now=0) as database:
        database.transact("write", lambda c: write_ahead(c, 99))
        for file in (text, foreign):
            with pytest.raises(HostEnvironmentError):
                database.load(file, now=0, then=read_ahead)
        assert database.transact("read", read_ahead) == 99


def test_a_torn_copy_is_refused_and_changes_nothing(tmp_path: Path) -> None:
    file = saved(tmp_path / "week.state", 7)
    torn = tmp_path / "torn.state"
    shutil.copy(file, torn)
    with torn.open("r+b") as content:
        content.truncate(file.stat().st_size // 2)
    with Database.open(":memory:", now=0) as database:
        database.transact("write", lambda c: write_ahead(c, 99))
        with pytest.raises(HostEnvironmentError):
            database.load(torn, now=0, then=read_ahead)
        assert database.transact("read", read_ahead) == 99


def test_a_state_of_a_newer_version_is_refused(tmp_path: Path) -> None:
    file = saved(tmp_path / "week.state", 7)
    with sqlite3.connect(file) as newer:
        newer.execute("INSERT INTO migrations VALUES ('9999_future.sql', '', 0)")
    newer.close()
    with Database.open(":memory:", now=0) as database, pytest.raises(HostEnvironmentError):
        database.load(file, now=0, then=read_ahead)


@pytest.mark.parametrize("content", [b"x", b"SQLite format 3\0"], ids=["one byte", "a header alone"])
def test_a_file_too_short_to_be_a_database_is_refused_and_changes_nothing(tmp_path: Path, content: bytes) -> None:
    file = tmp_path / "short.state"
    file.write_bytes(content)
    with Database.open(":memory:", now=0) as database:
        database.transact("write", lambda c: write_ahead(c, 99))
        with pytest.raises((HostEnvironmentError, UsageError)):
            database.load(file, now=0, then=read_ahead)
        assert database.transact("read", read_ahead) == 99
    assert file.read_bytes() == content


@pytest.mark.parametrize(
    "change",
    [
        "CREATE TRIGGER hide AFTER INSERT ON events BEGIN DELETE FROM events WHERE id = NEW.id; END",
        "CREATE VIEW more AS SELECT 1",
        "DROP TABLE reports",
    ],
)
def test_a_state_with_other_tables_than_ours_is_refused_and_changes_nothing(tmp_path: Path, change: str) -> None:
    file = saved(tmp_path / "week.state", 7)
    with contextlib.closing(sqlite3.connect(file)) as other:
        other.execute(change)
        other.commit()
    with Database.open(":memory:", now=0) as database:
        database.transact("write", lambda c: write_ahead(c, 99))
        with pytest.raises(UsageError, match="not those that tallyhost makes") as error:
            database.load(file, now=0, then=read_ahead)
        assert str(file) in str(error.value)
        assert database.transact("read", read_ahead) == 99


@pytest.mark.parametrize("steps", range(1, len(shipped())))
def test_a_state_of_every_older_version_is_loaded(tmp_path: Path, steps: int) -> None:
    with Database.open(":memory:", now=0, schema=shipped()[:steps]) as old:
        old.save(tmp_path / "old.state")
    with Database.open(":memory:", now=0) as database:
        database.load(tmp_path / "old.state", now=0, then=read_ahead)
        assert database.transact("read", read_ahead) == 0


def test_an_empty_database_holds_no_state(tmp_path: Path) -> None:
    file = tmp_path / "empty.state"
    with sqlite3.connect(file) as empty:
        empty.execute("VACUUM")
    empty.close()
    with Database.open(":memory:", now=0) as database:
        database.transact("write", lambda c: write_ahead(c, 99))
        with pytest.raises(UsageError):
            database.load(file, now=0, then=read_ahead)
        assert database.transact("read", read_ahead) == 99


def test_a_profile_whose_database_is_one_byte_is_torn_not_new(tmp_path: Path) -> None:
    file = tmp_path / "profile.sqlite3"
    file.write_bytes(b"x")
    with pytest.raises(HostEnvironmentError):
        Database.open(file, now=0)
    assert file.read_bytes() == b"x"

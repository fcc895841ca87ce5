from __future__ import annotations

import sqlite3
import stat
from contextlib import closing
from functools import partial
from pathlib import Path

import pytest

from agent.model.errors import HostEnvironmentError, UsageError
from agent.model.events import Event
from storage import events, snapshot
from storage.database import MEMORY, Database

NOW = 1_767_603_600_000


def noted(summary: str) -> Event:
    return Event(kind="impression", time=NOW, verdict="stored", summary=summary)


def summaries(database: Database) -> list[str]:
    return [event.summary for event in database.transact("read", events.read)]


def remember(database: Database, *lines: str) -> None:
    database.transact("note", lambda connection: events.append(connection, [noted(line) for line in lines]))


def test_what_was_saved_is_there_after_loading_it_elsewhere(tmp_path: Path) -> None:
    file = tmp_path / "saved"
    with Database.open(MEMORY, now=NOW) as database:
        remember(database, "one", "two")
        database.transact("save", lambda connection: snapshot.save(connection, file, now=NOW))
    with Database.open(tmp_path / "other.sqlite3", now=NOW) as other:
        remember(other, "to be replaced")
        other.transact("load", lambda connection: snapshot.load(connection, file, now=NOW))
        assert summaries(other) == ["one", "two"]


def test_every_table_of_the_schema_is_saved(tmp_path: Path) -> None:
    file = tmp_path / "saved"
    with Database.open(MEMORY, now=NOW) as database:
        row = ("per_site", "shop.test", 3, 12)
        database.transact("charge", lambda c: c.execute("INSERT INTO privacy_budgets VALUES (?, ?, ?, ?)", row))
        database.transact("clear", lambda c: c.execute("UPDATE attribution_state SET last_clear = 5"))
        database.transact("save", lambda connection: snapshot.save(connection, file, now=NOW))
        tables = {name for (name,) in database.connection.execute("SELECT name FROM sqlite_master")}
    with closing(sqlite3.connect(file)) as saved:
        assert {name for (name,) in saved.execute("SELECT name FROM sqlite_master")} == tables
        assert saved.execute("SELECT * FROM privacy_budgets").fetchall() == [row]
        assert saved.execute("SELECT last_clear FROM attribution_state").fetchall() == [(5,)]


def test_an_id_that_was_given_out_is_not_given_out_again_after_loading(tmp_path: Path) -> None:
    file = tmp_path / "saved"
    with Database.open(MEMORY, now=NOW) as database:
        remember(database, "one", "two", "three")
        database.transact("forget", events.remove_all)
        database.transact("save", lambda connection: snapshot.save(connection, file, now=NOW))
        database.transact("load", lambda connection: snapshot.load(connection, file, now=NOW))
        remember(database, "four")
        assert database.transact("read", events.read)[0].id == 4


def test_a_saved_file_is_for_its_owner_alone_and_stands_by_itself(tmp_path: Path) -> None:
    file = tmp_path / "saved"
    with Database.open(MEMORY, now=NOW) as database:
        database.transact("save", lambda connection: snapshot.save(connection, file, now=NOW))
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert [path.name for path in tmp_path.iterdir()] == ["saved"]


def test_loading_leaves_the_file_as_it_is(tmp_path: Path) -> None:
    file = tmp_path / "saved"
    with Database.open(MEMORY, now=NOW) as database:
        database.transact("save", lambda connection: snapshot.save(connection, file, now=NOW))
        before = file.read_bytes()
        database.transact("load", lambda connection: snapshot.load(connection, file, now=NOW))
    assert file.read_bytes() == before


@pytest.mark.parametrize("content", [b"no database", b""], ids=["text", "empty"])
def test_a_file_that_is_no_saved_state_changes_nothing(tmp_path: Path, content: bytes) -> None:
    file = tmp_path / "saved"
    file.write_bytes(content)
    with Database.open(MEMORY, now=NOW) as database:
        remember(database, "kept")
        with pytest.raises((HostEnvironmentError, UsageError)):
            database.transact("load", lambda connection: snapshot.load(connection, file, now=NOW))
        assert summaries(database) == ["kept"]
    assert file.read_bytes() == content


def test_a_newer_version_s_file_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "saved"
    with Database.open(MEMORY, now=NOW) as database:
        database.transact("save", lambda connection: snapshot.save(connection, file, now=NOW))
        with closing(sqlite3.connect(file)) as saved:
            saved.execute("INSERT INTO migrations VALUES ('9999_future.sql', 'x', 0)")
            saved.commit()
        with pytest.raises(HostEnvironmentError, match="newer version"):
            database.transact("load", lambda connection: snapshot.load(connection, file, now=NOW))


def test_a_file_that_is_not_there_and_a_folder_that_is_not_there_are_named(tmp_path: Path) -> None:
    file = tmp_path / "none" / "saved"
    with Database.open(MEMORY, now=NOW) as database:
        for attempt in (snapshot.load, snapshot.save):
            with pytest.raises(UsageError) as caught:
                database.transact("try", partial(attempt, file=file, now=NOW))
            assert caught.value.where == str(file)

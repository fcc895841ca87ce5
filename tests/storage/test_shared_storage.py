"""Entries of Shared Storage are kept by origin, in the order of their keys' code units, and counted as they change."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from agent.model.shared_storage import Entry
from storage import shared_storage as store
from storage.database import Database
from storage.shared_storage import OriginTotals
from tests.storage.plans import scans, steps, trigger_steps

A, B = "https://a.test", "https://b.test"
EXPIRED, LIVE = 100, 101
NOTHING = OriginTotals(None, 0, 0)


@pytest.fixture
def connection() -> Iterator[sqlite3.Connection]:
    with Database.open(":memory:", now=0) as opened:
        yield opened.connection


def write(connection: sqlite3.Connection, origin: str = A, *, written: int = LIVE, **values: str) -> None:
    store.write(connection, origin, [Entry(key, value, written) for key, value in values.items()])


def keys(connection: sqlite3.Connection, origin: str = A) -> list[str]:
    return [entry.key for entry in store.entries(connection, origin, expired=EXPIRED)]


def test_what_is_written_is_read_until_it_expires(connection: sqlite3.Connection) -> None:
    write(connection, k="v")
    assert store.get(connection, A, "k", expired=EXPIRED) == Entry("k", "v", LIVE)
    assert store.get(connection, A, "k", expired=LIVE) is None
    assert store.entries(connection, A, expired=LIVE) == []


def test_the_first_entries_are_read_alone(connection: sqlite3.Connection) -> None:
    write(connection, b="2", c="3", a="1")
    assert [one.key for one in store.entries(connection, A, expired=EXPIRED, limit=2)] == ["a", "b"]


def test_origins_do_not_see_one_another(connection: sqlite3.Connection) -> None:
    for number, origin in enumerate([A, B, "https://sub.a.test", "https://a.test:8443", "http://a.test"]):
        write(connection, origin, k=str(number))
    entry = store.get(connection, A, "k", expired=EXPIRED)
    assert entry is not None
    assert entry.value == "0"
    store.clear(connection, A)
    assert (keys(connection, A), keys(connection, "https://sub.a.test")) == ([], ["k"])


@pytest.mark.parametrize("text", ["\0", "a\0b", "\ufffd", "\ufeff", "\U0001f600", "e\u0301", "\u00e9", "'", "A", "a"])
def test_every_text_is_a_key_and_a_value_of_its_own(connection: sqlite3.Connection, text: str) -> None:
    others = [one for one in ("a", "A", "e\u0301", "\u00e9", "a\0c", "") if one != text]
    store.write(connection, A, [Entry(one, "other", LIVE) for one in others])
    store.write(connection, A, [Entry(text, text, LIVE)])
    assert store.get(connection, A, text, expired=EXPIRED) == Entry(text, text, LIVE)
    assert store.totals(connection, A, expired=EXPIRED).length == len(others) + 1


def test_keys_come_in_the_order_of_their_utf_16_code_units(connection: sqlite3.Connection) -> None:
    # Scenario 5 of the digest; then U+10000, whose first unit is D800, stands before U+E000 to U+FFFD.
    for key in ["b", "a", "Z", "\u00e9", "10", "9", "aa", "\ue000", "\U00010000", "\ufffd", "\ud7ff", "\0"]:
        store.write(connection, A, [Entry(key, "", LIVE)])
    expected = ["\0", "10", "9", "Z", "a", "aa", "b", "\u00e9", "\ud7ff", "\U00010000", "\ue000", "\ufffd"]
    assert keys(connection) == expected


def test_totals_follow_every_change(connection: sqlite3.Connection) -> None:
    assert store.totals(connection, A, expired=EXPIRED) == NOTHING
    write(connection, k="v", written=200)
    assert store.totals(connection, A, expired=EXPIRED) == OriginTotals(200, 1, 4)
    write(connection, k="\U0001f600", other="", written=300)
    assert store.totals(connection, A, expired=EXPIRED) == OriginTotals(200, 2, 6 + 10)
    store.remove(connection, A, ["k", "missing"])
    assert store.totals(connection, A, expired=EXPIRED) == OriginTotals(200, 1, 10)
    store.remove(connection, A, ["other"])
    assert store.totals(connection, A, expired=EXPIRED) == NOTHING
    write(connection, k="v", written=400)
    assert store.totals(connection, A, expired=EXPIRED) == OriginTotals(400, 1, 4)


def test_totals_leave_out_what_is_expired(connection: sqlite3.Connection) -> None:
    write(connection, old="v", older="vv", written=EXPIRED)
    assert store.totals(connection, A, expired=EXPIRED) == NOTHING
    write(connection, new="v")
    assert store.totals(connection, A, expired=EXPIRED) == OriginTotals(EXPIRED, 1, 8)


def test_a_write_refreshes_the_time_of_an_expired_entry(connection: sqlite3.Connection) -> None:
    write(connection, k="v", written=EXPIRED)
    write(connection, k="v", written=LIVE)
    assert store.remove_expired(connection, A, expired=EXPIRED) == 0
    assert keys(connection) == ["k"]


def test_expired_entries_of_one_origin_are_removed_and_counted(connection: sqlite3.Connection) -> None:
    write(connection, a="", b="", written=EXPIRED)
    write(connection, c="")
    write(connection, B, a="", written=EXPIRED)
    assert store.remove_expired(connection, A, expired=EXPIRED) == 2
    assert keys(connection) == ["c"]
    assert store.origins(connection) == [A, B]
    assert store.remove_expired(connection, B, expired=EXPIRED) == 1
    assert store.origins(connection) == [A]


def test_clearing_tells_how_many_there_were(connection: sqlite3.Connection) -> None:
    write(connection, a="", b="")
    write(connection, B, a="")
    assert store.clear(connection, A) == 2
    assert store.clear(connection, A) == 0
    assert store.origins(connection) == [B]
    assert store.remove_all(connection) == 1
    assert store.origins(connection) == []


def test_origins_are_listed_in_pages(connection: sqlite3.Connection) -> None:
    for origin in (B, A, "https://c.test"):
        write(connection, origin, k="")
    assert store.origins(connection) == [A, B, "https://c.test"]
    assert store.origins(connection, offset=1, limit=1) == [B]
    assert store.count_origins(connection) == 3


def test_entries_survive_the_end_of_the_process(tmp_path: Path) -> None:
    path = tmp_path / "profile.sqlite3"
    with Database.open(path, now=0) as database:
        database.transact("write", lambda c: write(c, k="v"))
    with Database.open(path, now=1) as database:
        assert keys(database.connection) == ["k"]
        assert store.totals(database.connection, A, expired=EXPIRED) == OriginTotals(LIVE, 1, 4)


@pytest.mark.parametrize(
    "work",
    [
        lambda c: store.get(c, A, "k", expired=EXPIRED),
        lambda c: store.totals(c, A, expired=EXPIRED),
        lambda c: store.write(c, A, [Entry("k", "v", LIVE)]),
        lambda c: store.remove(c, A, ["k"]),
        lambda c: store.remove_expired(c, A, expired=EXPIRED),
    ],
)
def test_no_write_reads_the_other_entries_of_its_origin(
    connection: sqlite3.Connection, work: Callable[[sqlite3.Connection], object]
) -> None:
    write(connection, k="v", other="v")
    plan = steps(connection, work)
    assert scans(plan) == []
    assert not [step for step in plan if step.endswith("(origin=?)") and "shared_storage_entries" in step]


def test_no_trigger_reads_all_of_a_table(connection: sqlite3.Connection) -> None:
    assert scans(trigger_steps(connection)) == []

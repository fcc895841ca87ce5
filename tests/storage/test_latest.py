"""The latest rows of a store begin where a seek finds them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import get_args

import pytest

from agent.model.events import Event, Trace
from storage import events, latest
from storage.database import Database
from tests.storage.plans import steps

EVENT = Event("first", 0, "", "", "", {}, Trace(()))


@pytest.fixture
def database() -> Iterator[Database]:
    with Database.open(":memory:", now=0) as opened:
        yield opened


def test_reading_on_from_there_gives_the_latest_rows_and_the_rest_is_counted(database: Database) -> None:
    connection = database.connection
    events.append(connection, [EVENT] * 10)
    after, left_out = latest.begin(connection, "events", 3)
    assert [event.id for event in events.read(connection, after=after)] == [8, 9, 10]
    assert left_out == 7


@pytest.mark.parametrize("limit", [10, 11])
def test_nothing_is_left_out_of_a_store_with_no_more_rows(database: Database, limit: int) -> None:
    assert latest.begin(database.connection, "events", limit) == (0, 0)
    events.append(database.connection, [EVENT] * 10)
    assert latest.begin(database.connection, "events", limit) == (0, 0)


def test_of_a_kind_the_others_do_not_count(database: Database) -> None:
    connection = database.connection
    events.append(connection, [EVENT, replace(EVENT, kind="second")] * 10)
    after, left_out = latest.begin(connection, "events", 3, kind="second")
    assert [event.id for event in events.read(connection, after=after, kind="second")] == [16, 18, 20]
    assert left_out == 7


def test_removed_rows_do_not_count(database: Database) -> None:
    connection = database.connection
    events.append(connection, [EVENT] * 10)
    connection.execute("DELETE FROM events WHERE id IN (4, 9)")
    after, left_out = latest.begin(connection, "events", 3)
    assert [event.id for event in events.read(connection, after=after)] == [7, 8, 10]
    assert left_out == 5


@pytest.mark.parametrize("store", get_args(latest.StoreName))
def test_every_store_is_counted_over_an_index_and_never_sorted(database: Database, store: latest.StoreName) -> None:
    plan = steps(database.connection, lambda c: latest.begin(c, store, 3))
    assert [step for step in plan if "TEMP B-TREE" in step] == []
    assert all("INDEX" in step or step.startswith(("SCALAR", f"SCAN {store}")) for step in plan), plan


def test_a_kind_is_sought(database: Database) -> None:
    plan = steps(database.connection, lambda c: latest.begin(c, "events", 3, kind="first"))
    sought = "SEARCH events USING COVERING INDEX events_by_kind (kind=?)"
    assert sorted(plan) == ["SCALAR SUBQUERY 1", sought, sought]

"""What selectURL spent is counted by site within a rolling window."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator

import pytest

from storage import select_url_budgets as budgets
from storage.database import Database
from tests.storage.plans import scans, steps

A, B = "https://a.test", "https://b.test"


@pytest.fixture
def connection() -> Iterator[sqlite3.Connection]:
    with Database.open(":memory:", now=0) as opened:
        yield opened.connection


def test_a_site_that_spent_nothing_spent_nothing(connection: sqlite3.Connection) -> None:
    assert budgets.spent(connection, A, ended=0) == 0.0


def test_what_was_spent_within_the_window_adds_up_for_each_site(connection: sqlite3.Connection) -> None:
    for site, bits, now in [(A, 1.5, 100), (A, 3.0, 200), (A, 3.0, 200), (B, 1.0, 200)]:
        budgets.spend(connection, site, bits=bits, now=now)
    assert budgets.spent(connection, A, ended=99) == 7.5
    assert budgets.spent(connection, A, ended=100) == 6.0
    assert budgets.spent(connection, A, ended=200) == 0.0
    assert budgets.spent(connection, B, ended=0) == 1.0


def test_a_reset_forgets_one_site(connection: sqlite3.Connection) -> None:
    budgets.spend(connection, A, bits=1, now=100)
    budgets.spend(connection, B, bits=1, now=100)
    budgets.reset(connection, A)
    assert (budgets.spent(connection, A, ended=0), budgets.spent(connection, B, ended=0)) == (0, 1)


def test_what_counts_no_more_is_swept(connection: sqlite3.Connection) -> None:
    budgets.spend(connection, A, bits=1, now=100)
    budgets.spend(connection, A, bits=2, now=101)
    budgets.sweep(connection, ended=100)
    assert budgets.read(connection) == [(A, 101, 2.0)]
    budgets.remove_all(connection)
    assert budgets.read(connection) == []


def test_what_was_spent_is_listed_by_site_and_time(connection: sqlite3.Connection) -> None:
    for site, now in [(B, 1), (A, 2), (A, 1)]:
        budgets.spend(connection, site, bits=3, now=now)
    assert budgets.read(connection) == [(A, 1, 3.0), (A, 2, 3.0), (B, 1, 3.0)]
    assert budgets.read(connection, offset=1, limit=1) == [(A, 2, 3.0)]


def test_budgets_are_found_by_seeking(connection: sqlite3.Connection) -> None:
    assert scans(steps(connection, lambda c: budgets.spent(c, A, ended=0))) == []
    assert scans(steps(connection, lambda c: budgets.reset(c, A))) == []

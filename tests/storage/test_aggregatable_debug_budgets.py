"""What aggregatable debug reports spent within a day."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator

import pytest

from agent.model.attribution_reporting.facts import DebugBudgetUse
from agent.model.clock import DAY
from storage import aggregatable_debug_budgets as budgets
from storage.database import Database
from tests.engines.attribution_reporting.registration_world import ADTECH, NEWS, NOON, SHOP
from tests.storage.plans import scans, steps

RIVAL = "https://rival.test"


@pytest.fixture
def connection() -> Iterator[sqlite3.Connection]:
    with Database.open(":memory:", now=NOON) as opened:
        yield opened.connection


def test_what_was_spent_adds_up_for_the_context_site_and_for_each_reporting_site_on_it(
    connection: sqlite3.Connection,
) -> None:
    assert budgets.use(connection, NEWS, ADTECH, NOON) == DebugBudgetUse(0, 0)
    budgets.spend(connection, NEWS, ADTECH, NOON, 5)
    budgets.spend(connection, NEWS, ADTECH, NOON, 6)
    budgets.spend(connection, NEWS, RIVAL, NOON, 7)
    budgets.spend(connection, SHOP, ADTECH, NOON, 8)
    assert budgets.use(connection, NEWS, ADTECH, NOON) == DebugBudgetUse(18, 11)
    assert budgets.use(connection, NEWS, RIVAL, NOON) == DebugBudgetUse(18, 7)


def test_what_was_spent_counts_for_a_day(connection: sqlite3.Connection) -> None:
    budgets.spend(connection, NEWS, ADTECH, NOON, 5)
    budgets.spend(connection, NEWS, ADTECH, NOON + 1, 6)
    assert budgets.use(connection, NEWS, ADTECH, NOON + DAY - 1) == DebugBudgetUse(11, 11)
    assert budgets.use(connection, NEWS, ADTECH, NOON + DAY) == DebugBudgetUse(6, 6)
    assert budgets.use(connection, NEWS, ADTECH, NOON + DAY + 1) == DebugBudgetUse(0, 0)
    assert connection.execute("SELECT count(*) FROM aggregatable_debug_budgets").fetchone() == (0,)


@pytest.mark.parametrize("site", [NEWS, ADTECH])
def test_clearing_a_site_forgets_what_was_spent_on_it_or_by_it(connection: sqlite3.Connection, site: str) -> None:
    budgets.spend(connection, NEWS, ADTECH, NOON, 5)
    budgets.remove_sites(connection, [site])
    assert budgets.use(connection, NEWS, ADTECH, NOON) == DebugBudgetUse(0, 0)


def test_nothing_scans_what_was_spent(connection: sqlite3.Connection) -> None:
    assert scans(steps(connection, lambda c: budgets.use(c, NEWS, ADTECH, NOON))) == []
    assert scans(steps(connection, lambda c: budgets.spend(c, NEWS, ADTECH, NOON, 5))) == []

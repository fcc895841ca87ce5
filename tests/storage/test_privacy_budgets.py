from __future__ import annotations

import sqlite3
from collections.abc import Iterator

import pytest

from agent.model.attribution import AttributionState, Budget, BudgetKey, BudgetKind
from storage import privacy_budgets
from storage.database import Database

SITE = BudgetKey(BudgetKind.PER_SITE, 3, "shop.test")
GLOBAL = BudgetKey(BudgetKind.GLOBAL, 3)
QUOTA = BudgetKey(BudgetKind.IMPRESSION_SITE_QUOTA, 3, "news.test")


@pytest.fixture
def connection() -> Iterator[sqlite3.Connection]:
    with Database.open(":memory:", now=0) as database:
        yield database.connection


def test_a_new_profile_has_no_epoch_start_and_no_clear(connection: sqlite3.Connection) -> None:
    assert privacy_budgets.read_state(connection) == AttributionState(None, None)


@pytest.mark.parametrize("state", [AttributionState(-5, None), AttributionState(None, 7), AttributionState(0, 2**50)])
def test_the_state_is_kept(connection: sqlite3.Connection, state: AttributionState) -> None:
    privacy_budgets.write_state(connection, state)
    assert privacy_budgets.read_state(connection) == state


def test_a_conversion_reads_its_site_and_the_global_budget(connection: sqlite3.Connection) -> None:
    budgets = {SITE: 1, GLOBAL: 2, SITE._replace(epoch=4): 4}
    others = {
        SITE._replace(site="other.test"): 9,
        SITE._replace(epoch=5): 9,
        SITE._replace(epoch=2): 9,
    }
    privacy_budgets.write(connection, budgets | others)
    privacy_budgets.write_quotas(connection, {3: {"shop.test": 9}})
    assert privacy_budgets.charged(connection, conversion_site="shop.test", first=3, last=4) == budgets


def test_writing_replaces_and_nothing_to_write_is_one_statement_too(connection: sqlite3.Connection) -> None:
    privacy_budgets.write(connection, {SITE: 5, GLOBAL: 6})
    statements: list[str] = []
    connection.set_trace_callback(statements.append)
    privacy_budgets.write(connection, {SITE: 4})
    privacy_budgets.write(connection, {})
    connection.set_trace_callback(None)
    assert len(statements) == 2
    assert privacy_budgets.read(connection) == [Budget(GLOBAL, 6), Budget(SITE, 4)]


def test_quotas_are_replaced_site_by_site_in_one_statement(connection: sqlite3.Connection) -> None:
    privacy_budgets.write_quotas(connection, {3: {"news.test": 5, "blog.test": 6}, -1: {"news.test": 7}})
    statements: list[str] = []
    connection.set_trace_callback(statements.append)
    privacy_budgets.write_quotas(connection, {3: {"news.test": 4}})
    privacy_budgets.write_quotas(connection, {})
    connection.set_trace_callback(None)
    assert len(statements) == 2
    assert privacy_budgets.read(connection) == [
        Budget(QUOTA._replace(site="blog.test"), 6),
        Budget(QUOTA._replace(epoch=-1), 7),
        Budget(QUOTA, 4),
    ]


def test_budgets_are_sought_by_key(connection: sqlite3.Connection) -> None:
    statements: list[str] = []
    connection.set_trace_callback(statements.append)
    privacy_budgets.charged(connection, conversion_site="s", first=0, last=1)
    connection.set_trace_callback(None)
    plan = [row[3] for row in connection.execute("EXPLAIN QUERY PLAN " + statements[0])]
    searches = [step for step in plan if "privacy_budgets" in step]
    assert len(searches) == 2
    assert all("kind=? AND site=? AND epoch" in step for step in searches)


def test_forgetting_sites_keeps_the_global_budget(connection: sqlite3.Connection) -> None:
    privacy_budgets.write(connection, {SITE: 1, GLOBAL: 2})
    privacy_budgets.write_quotas(connection, {3: {"news.test": 3}})
    privacy_budgets.remove_sites(connection, ["shop.test"])
    assert privacy_budgets.read(connection) == [Budget(GLOBAL, 2), Budget(QUOTA, 3)]
    privacy_budgets.remove_sites(connection, ["news.test"])
    assert privacy_budgets.read(connection) == [Budget(GLOBAL, 2)]
    privacy_budgets.remove_all(connection)
    assert privacy_budgets.read(connection) == []


def test_budgets_are_read_in_pages(connection: sqlite3.Connection) -> None:
    privacy_budgets.write(connection, {SITE._replace(epoch=epoch): epoch for epoch in range(5)})
    assert [one.key.epoch for one in privacy_budgets.read(connection, offset=1, limit=2)] == [1, 2]
    privacy_budgets.write_quotas(connection, {0: {"news.test": 1}})
    assert privacy_budgets.count(connection) == 6
    assert [one.key.kind for one in privacy_budgets.read(connection, limit=2)] == [QUOTA.kind, SITE.kind]


def test_less_than_nothing_is_never_stored(connection: sqlite3.Connection) -> None:
    with pytest.raises(sqlite3.IntegrityError):
        privacy_budgets.write(connection, {SITE: -1})
    with pytest.raises(sqlite3.IntegrityError):
        privacy_budgets.write_quotas(connection, {3: {"news.test": -1}})

"""What reports of Private Aggregation spent in each minute."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator

import pytest

from agent.model.clock import MINUTE
from agent.model.private_aggregation import PrivateAggregationApi
from storage import private_aggregation_budgets as budgets
from storage.database import Database
from storage.private_aggregation_budgets import MinuteUse
from tests.storage.plans import scans, steps

NOON = 1_767_614_400_000
ADTECH, RIVAL = "https://adtech.test", "https://rival.test"
SHARED_STORAGE, PROTECTED_AUDIENCE = PrivateAggregationApi


@pytest.fixture
def connection() -> Iterator[sqlite3.Connection]:
    with Database.open(":memory:", now=NOON) as opened:
        yield opened.connection


def everything(connection: sqlite3.Connection) -> list[MinuteUse]:
    return budgets.read(connection, -1)


def test_what_was_spent_in_a_minute_adds_up_for_each_site_and_api(connection: sqlite3.Connection) -> None:
    budgets.spend(connection, ADTECH, SHARED_STORAGE, NOON, 5)
    budgets.spend(connection, ADTECH, SHARED_STORAGE, NOON, 6)
    budgets.spend(connection, ADTECH, SHARED_STORAGE, NOON + MINUTE, 1)
    budgets.spend(connection, ADTECH, PROTECTED_AUDIENCE, NOON, 7)
    budgets.spend(connection, RIVAL, SHARED_STORAGE, NOON, 8)
    assert budgets.use(connection, ADTECH, SHARED_STORAGE, NOON - 1) == {NOON: 11, NOON + MINUTE: 1}
    assert budgets.use(connection, ADTECH, PROTECTED_AUDIENCE, NOON - 1) == {NOON: 7}
    assert budgets.use(connection, "http://adtech.test", SHARED_STORAGE, NOON - 1) == {}
    assert everything(connection) == [
        MinuteUse(ADTECH, PROTECTED_AUDIENCE, NOON, 7),
        MinuteUse(ADTECH, SHARED_STORAGE, NOON, 11),
        MinuteUse(ADTECH, SHARED_STORAGE, NOON + MINUTE, 1),
        MinuteUse(RIVAL, SHARED_STORAGE, NOON, 8),
    ]


def test_only_minutes_that_begin_later_are_read(connection: sqlite3.Connection) -> None:
    for number in range(3):
        budgets.spend(connection, ADTECH, SHARED_STORAGE, NOON + number * MINUTE, 1)
    assert list(budgets.use(connection, ADTECH, SHARED_STORAGE, NOON)) == [NOON + MINUTE, NOON + 2 * MINUTE]
    assert [one.minute for one in budgets.read(connection, NOON + MINUTE)] == [NOON + 2 * MINUTE]


def test_minutes_that_are_over_are_forgotten_for_everyone(connection: sqlite3.Connection) -> None:
    for site in (ADTECH, RIVAL):
        budgets.spend(connection, site, SHARED_STORAGE, NOON, 1)
        budgets.spend(connection, site, SHARED_STORAGE, NOON + MINUTE, 2)
    budgets.expire(connection, NOON)
    assert [(one.site, one.spent) for one in everything(connection)] == [(ADTECH, 2), (RIVAL, 2)]


def test_what_sites_spent_is_forgotten_for_every_api_and_others_keep_theirs(connection: sqlite3.Connection) -> None:
    for site in (ADTECH, RIVAL, "https://other.test"):
        for api in PrivateAggregationApi:
            budgets.spend(connection, site, api, NOON, 1)
    budgets.remove_sites(connection, [ADTECH, "https://other.test"])
    assert {one.site for one in everything(connection)} == {RIVAL}
    budgets.remove_all(connection)
    assert everything(connection) == []


def test_a_decision_scans_nothing(connection: sqlite3.Connection) -> None:
    assert scans(steps(connection, lambda c: budgets.use(c, ADTECH, SHARED_STORAGE, NOON))) == []
    assert scans(steps(connection, lambda c: budgets.spend(c, ADTECH, SHARED_STORAGE, NOON, 1))) == []
    assert scans(steps(connection, lambda c: budgets.expire(c, NOON))) == []

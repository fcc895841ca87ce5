"""Groups are joined and left, and sites are forgotten."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from dataclasses import replace

import pytest

from agent.model.clock import HOUR
from agent.model.protected_audience import AudienceEvent
from agent.model.protected_audience_limits import ProtectedAudienceLimits
from agent.verbs import protected_audience as verbs
from storage import interest_groups as store
from storage.database import Database
from tests.engines.protected_audience.groups import BUYER, NOON, PUBLISHER, group

RIVAL = "https://rival.test"
LIMITS = ProtectedAudienceLimits()


@pytest.fixture
def connection() -> Iterator[sqlite3.Connection]:
    with Database.open(":memory:", now=NOON) as opened:
        yield opened.connection


def names(connection: sqlite3.Connection, now: int = NOON) -> list[str]:
    return [one.group.name for one in store.read(connection, now=now)]


def test_joining_again_counts(connection: sqlite3.Connection) -> None:
    for _ in range(3):
        outcome = verbs.join(connection, group().group, BUYER, LIMITS, now=NOON)
    assert outcome.verdict == verbs.JOINED
    assert outcome.events[0].kind == AudienceEvent.JOIN
    assert store.read(connection, now=NOON)[0].join_count == 3


def test_an_expired_group_is_joined_anew(connection: sqlite3.Connection) -> None:
    verbs.join(connection, group().group, BUYER, LIMITS, now=NOON)
    verbs.join(connection, group().group, BUYER, LIMITS, now=NOON + HOUR)
    assert store.read(connection, now=NOON + HOUR)[0].join_count == 1


@pytest.mark.parametrize("lifetime", [0, -1])
def test_a_lifetime_of_nothing_leaves_the_group(connection: sqlite3.Connection, lifetime: int) -> None:
    verbs.join(connection, group().group, BUYER, LIMITS, now=NOON)
    outcome = verbs.join(connection, group(lifetime=lifetime).group, BUYER, LIMITS, now=NOON)
    assert (outcome.verdict, names(connection)) == (verbs.LEFT, [])


def test_where_an_owner_has_too_many_those_go_that_expire_first(connection: sqlite3.Connection) -> None:
    limits = replace(LIMITS, max_groups_per_owner=2)
    for hours, name in enumerate(("first", "second", "third"), start=1):
        outcome = verbs.join(connection, group(name, lifetime=hours * HOUR).group, BUYER, limits, now=NOON)
    assert names(connection) == ["second", "third"]
    assert outcome.verdict == verbs.JOINED
    assert [check.passed for check in outcome.events[0].trace.checks if check.rule == "room"] == [False]


def test_leaving_an_unknown_group_says_so(connection: sqlite3.Connection) -> None:
    outcome = verbs.leave(connection, BUYER, "a", BUYER, now=NOON)
    assert outcome.verdict == verbs.ABSENT
    stopped = outcome.events[0].trace.stopped_at
    assert stopped is not None
    assert stopped.rule == "interest group"


def test_clearing_a_site_takes_its_groups_and_those_joined_on_it(connection: sqlite3.Connection) -> None:
    verbs.join(connection, group("own", owner="https://sub.buyer.test").group, PUBLISHER, LIMITS, now=NOON)
    verbs.join(connection, group("there", owner=RIVAL).group, BUYER, LIMITS, now=NOON)
    verbs.join(connection, group("other", owner=RIVAL).group, PUBLISHER, LIMITS, now=NOON)
    verbs.clear_site_data(connection, ["buyer.test"])
    assert names(connection) == ["other"]
    verbs.clear_origin(connection, "https://sub.rival.test")
    assert names(connection) == ["other"]
    verbs.clear_origin(connection, PUBLISHER)
    assert names(connection) == []
    verbs.join(connection, group().group, BUYER, LIMITS, now=NOON)
    verbs.clear_all(connection)
    assert names(connection) == []

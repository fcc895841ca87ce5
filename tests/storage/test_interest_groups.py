"""Interest groups as they are stored."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from dataclasses import replace

import pytest

from agent.model.clock import HOUR
from agent.model.protected_audience import Ad, JoinedGroup
from storage import interest_groups as store
from storage.database import Database
from tests.engines.protected_audience.groups import AD, BUYER, NOON, PUBLISHER, group
from tests.storage.plans import scans, steps

RIVAL = "https://rival.test"


@pytest.fixture
def connection() -> Iterator[sqlite3.Connection]:
    with Database.open(":memory:", now=NOON) as opened:
        yield opened.connection


def names(connection: sqlite3.Connection, now: int = NOON) -> list[str]:
    return [one.group.name for one in store.read(connection, now=now)]


def test_a_group_is_read_as_it_was_stored(connection: sqlite3.Connection) -> None:
    stored = group(
        priority=1.5,
        user_bidding_signals='{"x":"\\ud800"}',
        ads=(Ad(AD, '{"m":1}', "id"), Ad(f"{AD}2")),
        ad_components=(Ad(f"{AD}3"),),
        trusted_bidding_signals_keys=("k1", "k2"),
        coordinator="https://coordinator.test",
    )
    store.put(connection, stored)
    assert store.get(connection, BUYER, "a", now=NOON) == stored
    assert store.of_owners(connection, [BUYER, RIVAL], now=NOON) == [stored]


def test_a_group_takes_the_place_of_the_one_before_and_keeps_its_bids_and_wins(connection: sqlite3.Connection) -> None:
    store.put(connection, group())
    store.count_bids(connection, [group().group, group("missing").group])
    store.add_win(connection, group().group, "{}", now=NOON)
    store.add_win(connection, group("missing").group, "{}", now=NOON)
    store.put(connection, replace(group(priority=2.0), join_count=2))
    (read,) = store.read(connection, now=NOON)
    assert read == JoinedGroup(group(priority=2.0).group, BUYER, NOON, 2, 1, ((NOON, "{}"),))


def test_expired_groups_are_not_there_and_can_be_removed(connection: sqlite3.Connection) -> None:
    store.put(connection, group("short"))
    store.put(connection, group("long", lifetime=2 * HOUR))
    assert names(connection, NOON + HOUR - 1) == ["long", "short"]
    assert names(connection, NOON + HOUR) == ["long"]
    assert store.get(connection, BUYER, "short", now=NOON + HOUR) is None
    store.remove_expired(connection, now=NOON + HOUR)
    assert names(connection) == ["long"]


def test_the_first_groups_are_read_and_all_are_counted(connection: sqlite3.Connection) -> None:
    for name in ("c", "a", "b"):
        store.put(connection, group(name, lifetime=HOUR if name == "b" else 2 * HOUR))
    assert [one.group.name for one in store.read(connection, now=NOON, limit=2)] == ["a", "b"]
    assert [store.count(connection, now=now) for now in (NOON, NOON + HOUR)] == [3, 2]


def test_a_group_that_is_left_takes_its_wins_along(connection: sqlite3.Connection) -> None:
    store.put(connection, group())
    store.add_win(connection, group().group, "{}", now=NOON)
    assert store.remove(connection, BUYER, "a")
    assert not store.remove(connection, BUYER, "a")
    store.put(connection, group())
    assert store.read(connection, now=NOON)[0].wins == ()


def test_groups_are_cleared_by_where_they_were_joined_but_those_kept(connection: sqlite3.Connection) -> None:
    for name in "abc":
        store.put(connection, group(name))
    store.put(connection, replace(group("d"), joining_origin=PUBLISHER))
    assert store.remove_joined(connection, BUYER, BUYER, ["b"]) == ["a", "c"]
    assert names(connection) == ["b", "d"]


def test_room_is_made_for_those_that_expire_last(connection: sqlite3.Connection) -> None:
    for hours, name in enumerate("abcd", start=1):
        store.put(connection, group(name, lifetime=hours * HOUR))
    assert store.make_room(connection, BUYER, groups=3, size=10**6, owners=9) == ["a"]
    (size,) = connection.execute("SELECT max(bytes) FROM interest_groups").fetchone()
    assert store.make_room(connection, BUYER, groups=9, size=2 * size, owners=9) == ["b"]
    assert names(connection) == ["c", "d"]
    store.put(connection, group("late", owner=RIVAL, lifetime=9 * HOUR))
    assert store.make_room(connection, RIVAL, groups=9, size=10**6, owners=1) == []
    assert names(connection) == ["late"]


def test_an_auction_scans_nothing(connection: sqlite3.Connection) -> None:
    store.put(connection, group())
    assert scans(steps(connection, lambda c: store.get(c, BUYER, "a", now=NOON))) == []
    assert scans(steps(connection, lambda c: store.count_bids(c, [group().group]))) == []
    assert scans(steps(connection, lambda c: store.add_win(c, group().group, "{}", now=NOON))) == []
    assert scans(steps(connection, lambda c: store.remove_expired(c, now=NOON))) == []

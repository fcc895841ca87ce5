"""What limits on new sources count, and for how long."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

import pytest

from agent.model.attribution_reporting.facts import DestinationGroup
from agent.model.clock import DAY
from storage import source_rate_limits, sources
from storage.database import Database
from storage.source_rate_limits import Seen
from tests.engines.attribution_reporting.registration_world import ADTECH, NEWS, NOON, SHOP, a_source, on_news, stored
from tests.storage.plans import scans, steps

OTHER, THIRD = "https://other.test", "https://third.test"
RIVAL = "https://rival.test"


@pytest.fixture
def connection() -> Iterator[sqlite3.Connection]:
    with Database.open(":memory:", now=NOON) as opened:
        yield opened.connection


def insert(connection: sqlite3.Connection, *, who: dict[str, Any] | None = None, **registration: Any) -> int:
    source = stored(a_source(**registration), registrant=on_news(**(who or {})))
    source_rate_limits.record(connection, source)
    return sources.insert(connection, source)


def by(reporting_site: str, origin: str = "") -> dict[str, str]:
    return {"reporting_site": reporting_site, "reporting_origin": origin or reporting_site}


def seen(
    connection: sqlite3.Connection,
    *destinations: str,
    since: int = 0,
    day_since: int | None = None,
    reporting_site: str = ADTECH,
) -> Seen:
    return source_rate_limits.seen(
        connection,
        NEWS,
        reporting_site,
        destinations or (SHOP,),
        origins_since=since,
        destinations_since=since,
        day_since=since if day_since is None else day_since,
        origins_of_destinations_since=since,
    )


def names(*members: str) -> frozenset[str]:
    return frozenset(members)


def test_nothing_was_seen_of_a_new_pair_of_sites(connection: sqlite3.Connection) -> None:
    insert(connection, who={"context_site": "https://blog.test"})
    assert seen(connection, SHOP, OTHER) == Seen(
        names(), names(), names(), names(), {SHOP: names(), OTHER: names()}, ()
    )


def test_names_count_once_however_often_sources_named_them(connection: sqlite3.Connection) -> None:
    for _ in range(3):
        insert(connection, destinations=(OTHER, SHOP))
    insert(connection, who=by(RIVAL), destinations=(THIRD,))
    insert(connection, who=by(ADTECH, "https://www.adtech.test"))
    assert seen(connection, SHOP, OTHER) == Seen(
        names(ADTECH, "https://www.adtech.test"),
        names(SHOP, OTHER, THIRD),
        names(SHOP, OTHER),
        names(SHOP, OTHER),
        {SHOP: names(ADTECH, "https://www.adtech.test"), OTHER: names(ADTECH)},
        (DestinationGroup(OTHER, 0, NOON), DestinationGroup(SHOP, 0, NOON)),
    )
    assert seen(connection, THIRD, reporting_site=RIVAL).reporting_origins_of_destinations == {THIRD: names(RIVAL)}


def test_a_row_counts_when_it_is_later_than_the_window_s_start_and_not_at_it(connection: sqlite3.Connection) -> None:
    def counted(**since: Any) -> tuple[frozenset[str], ...]:
        found = seen(connection, **since)
        return (*found[:4], found.reporting_origins_of_destinations[SHOP])

    origin, shop, none = names(ADTECH), names(SHOP), names()
    insert(connection)
    assert counted(since=NOON - 1) == (origin, shop, shop, shop, origin)
    assert counted(since=NOON) == (none, none, none, none, none)
    assert counted(since=NOON, day_since=NOON - 1) == (none, none, none, shop, none)
    insert(connection, who={"now": NOON + 1})
    assert counted(since=NOON) == (origin, shop, shop, shop, origin)


def test_a_destination_s_group_ranks_by_priority_then_time(connection: sqlite3.Connection) -> None:
    for priority, time in [(1, NOON), (5, NOON + 1), (5, NOON + 2), (-3, NOON + 3)]:
        insert(connection, who={"now": time}, destination_limit_priority=priority)
    assert seen(connection).destination_groups == (DestinationGroup(SHOP, 5, NOON + 2),)
    assert seen(connection, since=NOON + 2).own_destinations == {SHOP}


def test_a_group_falls_to_its_next_source_when_the_first_expires_and_ends_with_the_last(
    connection: sqlite3.Connection,
) -> None:
    insert(connection, destination_limit_priority=1, expiry=30 * DAY)
    insert(connection, destination_limit_priority=2, expiry=2 * DAY)
    insert(connection, destination_limit_priority=3, expiry=DAY)
    groups = []
    for day in (0, 1, 2, 30):
        source_rate_limits.expire(connection, NOON + day * DAY)
        groups.append(seen(connection).destination_groups)
    assert groups == [(DestinationGroup(SHOP, priority, NOON),) for priority in (3, 2, 1)] + [()]
    assert seen(connection).own_destinations == {SHOP}, "the windows do not end with the sources"


def test_a_removed_source_counts_until_it_would_have_expired(connection: sqlite3.Connection) -> None:
    sources.remove(connection, [insert(connection, expiry=DAY)])
    assert seen(connection).destination_groups == (DestinationGroup(SHOP, 0, NOON),)
    assert source_rate_limits.expire(connection, NOON + DAY) == 0
    assert seen(connection).destination_groups == ()


def test_evicting_a_destination_takes_its_sources_out_of_every_group(connection: sqlite3.Connection) -> None:
    insert(connection, destinations=(OTHER, SHOP), destination_limit_priority=7)
    insert(connection, destinations=(OTHER,))
    insert(connection, destinations=(THIRD,))
    insert(connection, who=by(RIVAL))
    assert source_rate_limits.of_destinations(connection, NEWS, ADTECH, [SHOP, THIRD]) == [1, 3]
    assert source_rate_limits.evict_destinations(connection, NEWS, ADTECH, [SHOP, THIRD]) == [1, 3]
    assert seen(connection).destination_groups == (DestinationGroup(OTHER, 0, NOON),)
    assert seen(connection, reporting_site=RIVAL).destination_groups == (DestinationGroup(SHOP, 0, NOON),)
    assert source_rate_limits.evict_destinations(connection, NEWS, ADTECH, [SHOP]) == []


def test_a_sweep_forgets_what_no_window_reaches(connection: sqlite3.Connection) -> None:
    insert(connection, expiry=DAY)
    insert(connection, who={"now": NOON + 1}, destinations=(OTHER,), expiry=2 * DAY)
    source_rate_limits.expire(connection, NOON + DAY)
    source_rate_limits.sweep(
        connection, origins_until=NOON, destinations_until=NOON, origins_of_destinations_until=NOON
    )
    kept = seen(connection, SHOP, OTHER)
    other = names(OTHER)
    of_destinations = {SHOP: names(), OTHER: names(ADTECH)}
    assert kept == Seen(names(ADTECH), other, other, other, of_destinations, kept.destination_groups)
    assert [group.destination for group in kept.destination_groups] == [OTHER]
    source_rate_limits.sweep(
        connection, origins_until=NOON + 1, destinations_until=NOON, origins_of_destinations_until=NOON
    )
    assert seen(connection) == kept._replace(
        reporting_origins=names(), reporting_origins_of_destinations={SHOP: names()}
    )


def test_clearing_a_site_forgets_what_it_registered_and_what_was_registered_on_it(
    connection: sqlite3.Connection,
) -> None:
    insert(connection)
    insert(connection, who=by(RIVAL))
    source_rate_limits.remove_sites(connection, [RIVAL])
    assert seen(connection, reporting_site=RIVAL).destination_groups == ()
    assert len(seen(connection).destination_groups) == 1
    source_rate_limits.remove_sites(connection, [NEWS])
    assert seen(connection) == Seen(names(), names(), names(), names(), {SHOP: names()}, ())


@pytest.mark.parametrize(
    "work",
    [
        lambda c: seen(c, SHOP, OTHER),
        lambda c: source_rate_limits.record(c, replace(stored(), id=9)),
        lambda c: source_rate_limits.of_destinations(c, NEWS, ADTECH, [SHOP]),
        lambda c: source_rate_limits.evict_destinations(c, NEWS, ADTECH, [SHOP]),
        lambda c: source_rate_limits.expire(c, NOON + 40 * DAY),
    ],
)
def test_nothing_that_a_registration_does_scans_what_is_counted(
    connection: sqlite3.Connection, work: Callable[[sqlite3.Connection], object]
) -> None:
    insert(connection)
    assert scans(steps(connection, work)) == []

"""What limits on attributions count, and for how long."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from agent.model.attribution_reporting.facts import Registrant
from agent.model.reports import ReportKind
from storage import attribution_rate_limits as limits
from storage.database import Database
from tests.engines.attribution_reporting.registration_world import ADTECH, NEWS, NOON, SHOP, a_source, on_news, stored
from tests.storage.plans import scans, steps

EVENT, AGGREGATABLE = ReportKind.EVENT_LEVEL, ReportKind.AGGREGATABLE
WWW, RIVAL = "https://www.adtech.test", "https://rival.test"


@pytest.fixture
def connection() -> Iterator[sqlite3.Connection]:
    with Database.open(":memory:", now=NOON) as opened:
        yield opened.connection


def record(connection: sqlite3.Connection, kind: ReportKind, source: Registrant, destination: str) -> None:
    position = connection.execute("SELECT count(*) + 1 FROM attribution_rate_limits").fetchone()[0]
    limits.record(connection, kind, source, destination, position)


def counts(connection: sqlite3.Connection, *, since: int = NOON - 1, limit: int = 100, **who: Any) -> tuple[int, int]:
    return limits.counts(connection, on_news(**who), SHOP, since=since, limit=limit)


def test_attributions_are_counted_by_kind_source_site_destination_and_reporting_site(
    connection: sqlite3.Connection,
) -> None:
    for _ in range(3):
        record(connection, EVENT, on_news(), SHOP)
    record(connection, AGGREGATABLE, on_news(reporting_origin=WWW), SHOP)
    record(connection, EVENT, on_news(), "https://other.test")
    record(connection, EVENT, on_news(reporting_site=RIVAL), SHOP)
    record(connection, EVENT, on_news(context_site="https://blog.test"), SHOP)
    assert counts(connection) == (3, 1)
    assert counts(connection, limit=2) == (2, 1), "no more are counted than matter"


def test_the_time_of_an_attribution_is_that_of_its_source(connection: sqlite3.Connection) -> None:
    record(connection, EVENT, on_news(now=NOON), SHOP)
    assert counts(connection, since=NOON - 1, now=NOON + 99) == (1, 0)
    assert counts(connection, since=NOON) == (0, 0)


def test_reporting_origins_of_either_kind_count_once_within_the_window(connection: sqlite3.Connection) -> None:
    def origins(since: int) -> frozenset[str]:
        return limits.reporting_origins(connection, NEWS, SHOP, since)

    assert origins(0) == set()
    for kind in (EVENT, EVENT, AGGREGATABLE):
        record(connection, kind, on_news(), SHOP)
    record(connection, AGGREGATABLE, on_news(reporting_origin=WWW, now=NOON + 5), SHOP)
    record(connection, EVENT, on_news(reporting_origin=RIVAL), "https://other.test")
    assert origins(NOON - 1) == {ADTECH, WWW}
    assert origins(NOON) == {WWW}
    assert origins(NOON + 5) == set()


def test_the_attribution_of_a_report_that_gave_way_is_forgotten(connection: sqlite3.Connection) -> None:
    for position in (1, 2, 5):
        limits.record(connection, EVENT, on_news(), SHOP, position)
    limits.remove_of_reports(connection, [2, 7])
    assert counts(connection) == (2, 0)


def test_a_sweep_forgets_what_no_window_reaches(connection: sqlite3.Connection) -> None:
    for time in (NOON, NOON + 1):
        record(connection, EVENT, on_news(now=time), SHOP)
    limits.sweep(connection, NOON)
    assert counts(connection) == (1, 0)


def test_noise_counts_once_for_each_destination_of_each_source_beside_real_reports(
    connection: sqlite3.Connection,
) -> None:
    for source_id in (1, 2):
        limits.record_noise(
            connection, stored(a_source(destinations=("https://a.test", "https://b.test", SHOP)), id=source_id)
        )
    record(connection, EVENT, on_news(), SHOP)
    assert counts(connection) == (3, 0)
    assert connection.execute("SELECT count(*) FROM attribution_rate_limits").fetchone() == (7,)


@pytest.mark.parametrize("site", [NEWS, SHOP, ADTECH])
def test_clearing_a_site_forgets_every_attribution_that_it_has_to_do_with(
    connection: sqlite3.Connection, site: str
) -> None:
    record(connection, EVENT, on_news(), SHOP)
    limits.remove_sites(connection, [RIVAL])
    assert counts(connection) == (1, 0)
    limits.remove_sites(connection, [site])
    assert counts(connection) == (0, 0)


@pytest.mark.parametrize(
    "work",
    [
        counts,
        lambda c: limits.reporting_origins(c, NEWS, SHOP, NOON),
        lambda c: limits.record(c, EVENT, on_news(), SHOP, 4),
        lambda c: limits.remove_of_reports(c, [1, 2]),
    ],
)
def test_nothing_scans_the_attributions(
    connection: sqlite3.Connection, work: Callable[[sqlite3.Connection], object]
) -> None:
    record(connection, EVENT, on_news(), SHOP)
    assert scans(steps(connection, work)) == []

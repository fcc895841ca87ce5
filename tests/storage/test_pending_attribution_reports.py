"""Which attribution reports are on their way, for the limits and evictions that ask."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from agent.model.attribution_reporting.facts import PendingEventReport
from agent.model.attribution_reporting.reports import VerboseContent
from agent.model.events import Event
from agent.model.interfaces import DeliveryResult
from agent.model.reports import Report, ReportKind, ReportState
from storage import pending_attribution_reports as pending
from storage import report_queue, reports
from storage.database import Database
from tests.engines.attribution_reporting.registration_world import ADTECH, NOON, SHOP
from tests.storage.plans import scans, steps

EVENT, AGGREGATABLE = ReportKind.EVENT_LEVEL, ReportKind.AGGREGATABLE
OTHER, RIVAL = "https://other.test", "https://rival.test"
LIMITS = {"event_level_limit": 1024, "aggregatable_limit": 1024}


@pytest.fixture
def connection() -> Iterator[sqlite3.Connection]:
    with Database.open(":memory:", now=NOON) as opened:
        yield opened.connection


def add(connection: sqlite3.Connection, kind: ReportKind = EVENT, **changes: Any) -> int:
    """A pending report; of what it says, this store knows nothing."""
    report = Report(
        id=f"report {len(reports.read(connection, limit=10_000))}",
        kind=ReportKind.VERBOSE_DEBUG,
        created=NOON,
        content=VerboseContent(ADTECH, ()),
        delivered_to=f"{ADTECH}/",
        state=ReportState.PENDING,
        next_attempt=NOON,
    )
    position = reports.insert(connection, report)
    values: dict[str, Any] = {
        "reporting_origin": ADTECH,
        "source_id": 1,
        "destinations": (SHOP,),
        "trigger_time": NOON,
        "report_time": NOON + 5,
    }
    pending.add(connection, position, kind=kind, **values | changes)
    return position


def left(connection: sqlite3.Connection) -> list[int]:
    stored = {report.position for report in reports.read(connection)}
    listed = [row[0] for row in connection.execute("SELECT position FROM pending_attribution_reports ORDER BY 1")]
    assert set(listed) <= stored
    return listed


def test_reports_are_counted_by_kind_for_each_destination_of_their_source(connection: sqlite3.Connection) -> None:
    for _ in range(3):
        add(connection, destinations=(OTHER, SHOP))
    add(connection, AGGREGATABLE)
    add(connection, AGGREGATABLE, source_id=None, destinations=())
    assert pending.counts(connection, SHOP, **LIMITS) == (3, 1)
    assert pending.counts(connection, OTHER, **LIMITS) == (3, 0)
    assert pending.counts(connection, SHOP, event_level_limit=2, aggregatable_limit=0) == (2, 0)


def test_the_event_level_reports_of_a_source_come_in_the_order_stored(connection: sqlite3.Connection) -> None:
    add(connection, report_time=NOON + 9, priority=-(2**63))
    add(connection, source_id=2)
    add(connection, AGGREGATABLE)
    add(connection, report_time=NOON + 3, priority=7)
    assert pending.of_source(connection, 1) == (
        PendingEventReport(1, NOON + 9, -(2**63)),
        PendingEventReport(4, NOON + 3, 7),
    )


@pytest.mark.parametrize(
    ("state", "stays"),
    [
        (ReportState.SENT, False),
        (ReportState.FAILED, False),
        (ReportState.PENDING, True),
        (ReportState.NOT_SENT, True),
    ],
)
def test_a_report_is_pending_until_it_was_delivered_or_given_up(
    connection: sqlite3.Connection, state: ReportState, stays: bool
) -> None:
    position = add(connection)
    (claimed,) = report_queue.claim(connection, [position], NOON)
    assert left(connection) == [position], "while it is being sent"
    event = Event("report", NOON, state, "")
    report_queue.record(connection, DeliveryResult(claimed.id, state, 1, NOON, "", event))
    assert left(connection) == [position] * stays
    assert pending.counts(connection, SHOP, **LIMITS) == (int(stays), 0)
    assert len(reports.read(connection)) == 1, "its record stays for the owner"


def test_eviction_takes_made_up_reports_still_to_come_and_where_asked_all_aggregatable_ones(
    connection: sqlite3.Connection,
) -> None:
    add(connection, trigger_time=NOON - 1)
    add(connection, trigger_time=NOON)
    add(connection, trigger_time=NOON + 1, source_id=2)
    add(connection, AGGREGATABLE, trigger_time=NOON - 1)
    add(connection, trigger_time=NOON + 1, source_id=3)

    def found(*, aggregatable: bool) -> list[int]:
        return sorted(pending.positions_of_sources(connection, [1, 2], since=NOON, aggregatable=aggregatable))

    assert found(aggregatable=False) == [2, 3]
    assert found(aggregatable=True) == [2, 3, 4]
    pending.remove(connection, found(aggregatable=True))
    assert left(connection) == [1, 5]
    assert [report.position for report in reports.read(connection)] == [1, 5]


def test_clearing_removes_what_is_pending_of_an_origin_of_sources_or_of_all(connection: sqlite3.Connection) -> None:
    for source_id, origin in [(1, ADTECH), (2, RIVAL), (None, ADTECH), (3, RIVAL)]:
        add(connection, reporting_origin=origin, source_id=source_id)
    assert pending.remove_of_reporting_origin(connection, ADTECH) == 2
    assert left(connection) == [2, 4]
    pending.remove_of_sources(connection, [3])
    assert left(connection) == [2]
    assert pending.remove_all(connection) == 1
    assert reports.read(connection) == []


@pytest.mark.parametrize(
    "work",
    [
        add,
        lambda c: pending.counts(c, SHOP, **LIMITS),
        lambda c: pending.of_source(c, 1),
        lambda c: pending.positions_of_sources(c, [1, 2], since=NOON, aggregatable=True),
        lambda c: pending.remove(c, [1]),
        lambda c: pending.remove_of_reporting_origin(c, ADTECH),
        lambda c: pending.remove_of_sources(c, [1]),
    ],
)
def test_nothing_scans_or_sorts_what_is_pending(
    connection: sqlite3.Connection, work: Callable[[sqlite3.Connection], object]
) -> None:
    add(connection)
    assert scans(steps(connection, work)) == []

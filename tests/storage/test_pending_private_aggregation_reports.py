"""Which reports of Private Aggregation are stored and not sent yet."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from dataclasses import replace

import pytest

from agent.model.private_aggregation import PrivateAggregationApi, PrivateAggregationContent
from agent.model.reports import Report, ReportKind, ReportState, kind_of
from storage import pending_private_aggregation_reports as pending
from storage import reports
from storage.database import Database
from tests.storage.plans import scans, steps

NOON = 1_767_614_400_000
ADTECH, RIVAL = "https://adtech.test/report", "https://rival.test/report"
CONTENT = PrivateAggregationContent(
    api=PrivateAggregationApi.SHARED_STORAGE,
    reporting_origin="https://adtech.test",
    report_id="id",
    scheduled_report_time=NOON,
    coordinator="https://coordinator.test",
    max_contributions=20,
)
WAITING = (ReportState.PENDING, ReportState.SENDING, ReportState.NOT_SENT)


@pytest.fixture
def connection() -> Iterator[sqlite3.Connection]:
    with Database.open(":memory:", now=NOON) as opened:
        yield opened.connection


def add(
    connection: sqlite3.Connection,
    url: str = ADTECH,
    state: ReportState = ReportState.PENDING,
    *,
    debug_copy: bool = False,
) -> int:
    number = len(reports.read(connection, limit=1_000))
    content = replace(CONTENT, debug_copy=debug_copy)
    report = Report(f"{number:032x}", kind_of(content), NOON, content, delivered_to=url, state=state, next_attempt=NOON)
    return reports.insert(connection, report)


def left(connection: sqlite3.Connection) -> list[int]:
    return [report.position for report in reports.read(connection)]


@pytest.mark.parametrize("state", ReportState)
def test_a_report_counts_until_it_was_sent_or_given_up(connection: sqlite3.Connection, state: ReportState) -> None:
    add(connection, state=state)
    assert pending.count(connection, [ADTECH]) == (1 if state in WAITING else 0)


def test_reports_are_counted_by_their_url_and_without_debug_copies(connection: sqlite3.Connection) -> None:
    for _ in range(3):
        add(connection)
    add(connection, RIVAL)
    add(connection, debug_copy=True)
    assert pending.count(connection, [ADTECH]) == 3
    assert pending.count(connection, [ADTECH, RIVAL]) == 4
    assert pending.count(connection, ["https://else.test/report"]) == 0


def test_removing_takes_what_waits_and_its_debug_copies_and_leaves_the_rest(connection: sqlite3.Connection) -> None:
    gone = [add(connection, state=state, debug_copy=copy) for state in WAITING for copy in (False, True)]
    kept = [add(connection, state=ReportState.SENT), add(connection, RIVAL), add(connection, RIVAL, debug_copy=True)]
    assert sorted(pending.urls(connection)) == [ADTECH, RIVAL]
    assert pending.remove(connection, [ADTECH]) == len(gone)
    assert left(connection) == kept
    assert pending.urls(connection) == [RIVAL]


def test_reports_of_other_apis_are_not_touched(connection: sqlite3.Connection) -> None:
    add(connection)
    connection.execute("UPDATE reports SET kind = ?", (ReportKind.AGGREGATABLE,))
    assert pending.count(connection, [ADTECH]) == 0
    assert pending.urls(connection) == []
    assert pending.remove(connection, [ADTECH]) == 0


def test_a_decision_scans_nothing(connection: sqlite3.Connection) -> None:
    plan = steps(connection, lambda c: pending.count(c, [ADTECH]))
    assert scans(plan) == []
    assert any("reports_pending_private_aggregation (delivered_to=?)" in step for step in plan)

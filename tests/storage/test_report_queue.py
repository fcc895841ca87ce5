"""Reports are queued so that none is lost and none is sent twice."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace

import pytest

from agent.model.attribution_reporting.registrations import SourceType
from agent.model.attribution_reporting.reports import EventLevelContent
from agent.model.events import Event
from agent.model.interfaces import DeliveryResult, DueReport
from agent.model.reports import Report, ReportKind, ReportState
from storage import events, report_queue, reports
from storage.database import AsyncDatabase, Database
from storage.report_queue import StoredReportQueue
from tests.storage.test_reports import NOW, RETURNED, pending

CONVERSION = ReportKind.ATTRIBUTION_CONVERSION


def result(report: Report, state: ReportState, next_attempt: int | None = None) -> DeliveryResult:
    event = Event(f"report.{state}", NOW, state, "told", report.site)
    return DeliveryResult(report.id, state, report.attempts, next_attempt, "503", event)


def event_level(number: int, due: int = NOW) -> Report:
    content = EventLevelContent(
        reporting_origin="https://adtech.test",
        report_id=f"{number:032x}",
        destinations=("https://shop.test",),
        randomized_trigger_rate=0.0,
        source_event_id=1,
        source_type=SourceType.EVENT,
        trigger_data=0,
        trigger_time=NOW,
        report_time=due,
    )
    return replace(pending(number, due), kind=ReportKind.EVENT_LEVEL, content=content)


def claim_due(connection: sqlite3.Connection, now: int, limit: int = 10) -> list[Report]:
    found = report_queue.due(connection, ReportKind, now, limit)
    return report_queue.claim(connection, [report.position for report in found], now)


@pytest.fixture
def connection() -> Iterator[sqlite3.Connection]:
    with Database.open(":memory:", now=NOW) as opened:
        yield opened.connection


def test_claimed_reports_are_those_due_first_due_first(connection: sqlite3.Connection) -> None:
    for number, due in enumerate([NOW + 1, NOW, NOW - 5, NOW - 5], start=1):
        reports.insert(connection, pending(number, due))
    reports.insert(connection, RETURNED)
    assert [report.position for report in claim_due(connection, NOW, 2)] == [3, 4]
    assert [report.position for report in claim_due(connection, NOW, 2)] == [2]
    assert claim_due(connection, NOW, 2) == []


def test_a_claimed_report_is_sending_with_its_attempt_counted_before_anything_is_sent(
    connection: sqlite3.Connection,
) -> None:
    reports.insert(connection, pending(1))
    (claimed,) = claim_due(connection, NOW)
    assert (claimed.state, claimed.attempts, claimed.next_attempt) == (ReportState.SENDING, 1, None)
    assert report_queue.interrupted(connection) == [claimed]


def test_a_recorded_result_ends_or_repeats_the_sending(connection: sqlite3.Connection) -> None:
    reports.insert(connection, pending(1))
    (claimed,) = claim_due(connection, NOW)
    report_queue.record(connection, result(claimed, ReportState.PENDING, NOW + 300_000))
    assert report_queue.next_due(connection) == NOW + 300_000
    assert claim_due(connection, NOW + 299_999) == []
    (again,) = claim_due(connection, NOW + 300_000)
    assert (again.attempts, again.last_result) == (2, "503")
    report_queue.record(connection, result(again, ReportState.SENT))
    assert report_queue.interrupted(connection) == []
    assert report_queue.next_due(connection) is None
    assert [report.state for report in reports.read(connection)] == [ReportState.SENT]


def test_a_result_is_recorded_once(connection: sqlite3.Connection) -> None:
    reports.insert(connection, pending(1))
    (claimed,) = claim_due(connection, NOW)
    report_queue.record(connection, result(claimed, ReportState.SENT))
    report_queue.record(connection, result(claimed, ReportState.FAILED))
    assert [report.state for report in reports.read(connection)] == [ReportState.SENT]


def test_next_due_is_the_earliest_pending_one(connection: sqlite3.Connection) -> None:
    assert report_queue.next_due(connection) is None
    for number, due in enumerate([NOW + 9, NOW + 3, NOW + 6]):
        reports.insert(connection, pending(number, due))
    assert report_queue.next_due(connection) == NOW + 3


@pytest.mark.parametrize(
    ("host", "released"),
    [("a.test", [1, 2, 5]), ("*.a.test", [4]), ("*", [1, 2, 3, 4, 5]), ("c.test", [])],
)
def test_release_makes_what_waits_for_a_host_due_and_nothing_else(
    connection: sqlite3.Connection, host: str, released: list[int]
) -> None:
    for number, name in enumerate(["a.test", "A.test:8443", "b.test", "sub.a.test", "a.test."], start=1):
        reports.insert(connection, replace(pending(number, host=name), state=ReportState.NOT_SENT, next_attempt=None))
    reports.insert(connection, replace(pending(9, host="a.test"), state=ReportState.SENT, next_attempt=None))
    reports.insert(connection, RETURNED)
    assert report_queue.release(connection, host, NOW) == len(released)
    assert [report.position for report in claim_due(connection, NOW)] == released
    assert report_queue.release(connection, host, NOW) == 0


def test_those_due_are_given_by_kind_the_first_due_first(connection: sqlite3.Connection) -> None:
    for report in [pending(1, NOW - 1), event_level(2, NOW - 2), pending(3, NOW - 3), event_level(4, NOW + 1)]:
        reports.insert(connection, report)
    both = (CONVERSION, ReportKind.EVENT_LEVEL)
    assert [found.position for found in report_queue.due(connection, both, NOW, 8)] == [3, 2, 1]
    assert [found.position for found in report_queue.due(connection, both, NOW, 2)] == [3, 2]
    assert report_queue.due(connection, [ReportKind.EVENT_LEVEL], NOW, 8) == [DueReport(2, ReportKind.EVENT_LEVEL)]


def test_reports_are_claimed_in_the_order_asked_for(connection: sqlite3.Connection) -> None:
    for number in range(1, 6):
        reports.insert(connection, pending(number))
    claimed = report_queue.claim(connection, [4, 2, 5], NOW)
    assert [report.position for report in claimed] == [4, 2, 5]


def test_what_is_no_longer_due_is_not_claimed(connection: sqlite3.Connection) -> None:
    reports.insert(connection, pending(1, NOW + 1))
    reports.insert(connection, replace(pending(2), state=ReportState.SENT))
    reports.insert(connection, replace(pending(3), next_attempt=None))
    assert report_queue.claim(connection, [1, 2, 3, 4], NOW) == []
    assert report_queue.interrupted(connection) == []


def test_the_body_that_was_sent_is_kept_with_its_result(connection: sqlite3.Connection) -> None:
    for number in (1, 2):
        reports.insert(connection, event_level(number))
    first, second = claim_due(connection, NOW)
    report_queue.record(connection, replace(result(first, ReportState.SENT), body=b"assembled"))
    report_queue.record(connection, result(second, ReportState.SENT))
    assert [report.body for report in reports.read(connection)] == [b"assembled", RETURNED.body]


def test_a_report_is_released_by_the_host_that_it_was_said_to_wait_for(connection: sqlite3.Connection) -> None:
    reports.insert(connection, event_level(1))
    (claimed,) = claim_due(connection, NOW)
    waiting = replace(result(claimed, ReportState.NOT_SENT), waits_for="coordinator.test")
    report_queue.record(connection, waiting)
    assert report_queue.release(connection, "collector.test", NOW) == 0
    assert report_queue.release(connection, "coordinator.test", NOW) == 1


def test_postponed_is_what_was_overdue_of_these_kinds_each_by_a_delay_of_its_own(
    connection: sqlite3.Connection,
) -> None:
    delays = iter([7, 0, 60_000])
    sent = replace(event_level(6), state=ReportState.SENT, next_attempt=None)
    waiting = replace(event_level(7), next_attempt=None)
    overdue = [event_level(1, NOW - 9), event_level(2, NOW - 8), event_level(3, NOW - 1)]
    for report in [*overdue, event_level(4, NOW), pending(5, NOW - 9), sent, waiting]:
        reports.insert(connection, report)
    kinds = [ReportKind.EVENT_LEVEL]
    postponed = [report_queue.postpone(connection, kinds, NOW, lambda: next(delays), 2) for _ in range(3)]
    assert postponed == [2, 1, 0]
    due = [report.next_attempt for report in reports.read(connection)]
    assert due == [NOW + 7, NOW, NOW + 60_000, NOW, NOW - 9, None, None]


def test_what_waits_for_a_navigation_is_not_due_until_there_was_one(connection: sqlite3.Connection) -> None:
    reports.insert(connection, replace(event_level(1), next_attempt=None))
    reports.insert(connection, event_level(2, NOW + 9))
    assert report_queue.next_due(connection) == NOW + 9
    assert report_queue.after_navigation(connection, NOW + 5) == 1
    assert report_queue.next_due(connection) == NOW + 5
    assert report_queue.after_navigation(connection, NOW + 6) == 0


@pytest.mark.parametrize(
    ("work", "index"),
    [
        (
            lambda c: report_queue.due(c, [CONVERSION], NOW, 8),
            ["COVERING INDEX reports_due (state=? AND kind=? AND next_attempt<?)"],
        ),
        (
            lambda c: report_queue.claim(c, [1, 2], NOW),
            ["INTEGER PRIMARY KEY (rowid=?)"],
        ),
        (report_queue.next_due, ["COVERING INDEX reports_due (state=? AND kind=? AND next_attempt>?)"]),
        (report_queue.interrupted, ["INDEX reports_by_state (state=?)"]),
        (lambda c: report_queue.release(c, "a.test", NOW), ["INDEX reports_not_sent (host=?)"]),
        (
            lambda c: report_queue.after_navigation(c, NOW),
            ["INDEX reports_due (state=? AND kind=? AND next_attempt=?)"],
        ),
    ],
)
def test_no_step_of_the_queue_scans_or_sorts_what_is_stored(
    connection: sqlite3.Connection, work: Callable[[sqlite3.Connection], object], index: Sequence[str]
) -> None:
    statements: list[str] = []
    connection.set_trace_callback(statements.append)
    work(connection)
    connection.set_trace_callback(None)
    plan = [row[3] for row in connection.execute(f"EXPLAIN QUERY PLAN {statements[0]}")]
    assert [step for step in plan if "reports" in step] == [f"SEARCH reports USING {one}" for one in index]
    assert not any("SORT" in step or "ORDER BY" in step for step in plan)


async def test_stored_queue_records_results_and_their_events_in_one_transaction() -> None:
    async with await AsyncDatabase.open(":memory:", now=NOW) as database:
        queue = StoredReportQueue(database)
        await database.transact("insert", lambda c: [reports.insert(c, pending(n)) for n in (1, 2)])
        assert await queue.due([CONVERSION], NOW, 8) == [DueReport(1, CONVERSION), DueReport(2, CONVERSION)]
        claimed = await queue.claim([1, 2], NOW)
        assert await queue.interrupted() == claimed
        statements: list[str] = []
        await database.on_statement(statements.append)
        told = await queue.record([result(claimed[0], ReportState.SENT), result(claimed[1], ReportState.NOT_SENT)])
        await database.on_statement(None)
        assert [text for text in statements if text in {"BEGIN IMMEDIATE", "COMMIT"}] == ["BEGIN IMMEDIATE", "COMMIT"]
        assert [(event.id, event.kind) for event in told] == [(1, "report.sent"), (2, "report.not-sent")]
        assert await database.transact("read", events.read) == told
        assert await queue.next_due() is None
        assert await queue.release("collector.test", NOW + 1) == 1
        assert await queue.next_due() == NOW + 1

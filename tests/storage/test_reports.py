"""Reports are kept, found, and queued so that none is lost and none is sent twice."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator
from dataclasses import replace

import pytest

from agent.model.attribution import Dialect
from agent.model.events import Event
from agent.model.interfaces import DeliveryResult
from agent.model.reports import Report, ReportState
from storage import events, reports
from storage.database import AsyncDatabase, Database

NOW = 1_767_603_600_000
RETURNED = Report(
    id="00" * 16,
    dialect=Dialect.LEVEL1_2024,
    created=NOW,
    service="tee",
    conversion_site="shop.test",
    collector="adtech.test",
    histogram_size=3,
    micro_epsilon=1_000_000,
    body=b"\x00\xffsealed",
    histogram=(0, 5, 0),
    event_id=17,
)


def pending(number: int, due: int = NOW, host: str = "collector.test") -> Report:
    return replace(
        RETURNED,
        id=f"{number:032x}",
        dialect=Dialect.CURRENT,
        delivered_to=f"https://{host}/reports?x=1",
        state=ReportState.PENDING,
        next_attempt=due,
    )


def result(report: Report, state: ReportState, next_attempt: int | None = None) -> DeliveryResult:
    event = Event(f"report.{state}", NOW, state, "told", report.conversion_site)
    return DeliveryResult(report.id, state, report.attempts, next_attempt, "503", event)


@pytest.fixture
def connection() -> Iterator[sqlite3.Connection]:
    with Database.open(":memory:", now=NOW) as opened:
        yield opened.connection


def test_a_report_is_read_as_it_was_inserted(connection: sqlite3.Connection) -> None:
    reports.insert(connection, RETURNED)
    reports.insert(connection, pending(1))
    assert reports.read(connection) == [replace(RETURNED, position=1), replace(pending(1), position=2)]


@pytest.mark.parametrize("report", [RETURNED, pending(1), replace(RETURNED, histogram=(0,) * 1_000)])
def test_insert_is_one_statement_whatever_the_report(connection: sqlite3.Connection, report: Report) -> None:
    statements: list[str] = []
    connection.set_trace_callback(statements.append)
    reports.insert(connection, report)
    assert len(statements) == 1


def test_a_report_id_is_stored_once(connection: sqlite3.Connection) -> None:
    reports.insert(connection, RETURNED)
    with pytest.raises(sqlite3.IntegrityError):
        reports.insert(connection, RETURNED)


def test_claimed_reports_are_those_due_first_due_first(connection: sqlite3.Connection) -> None:
    for number, due in enumerate([NOW + 1, NOW, NOW - 5, NOW - 5], start=1):
        reports.insert(connection, pending(number, due))
    reports.insert(connection, RETURNED)
    claimed = reports.claim_due(connection, NOW, 2)
    assert [report.position for report in claimed] == [3, 4]
    assert [report.position for report in reports.claim_due(connection, NOW, 2)] == [2]
    assert reports.claim_due(connection, NOW, 2) == []


def test_a_claimed_report_is_sending_with_its_attempt_counted_before_anything_is_sent(
    connection: sqlite3.Connection,
) -> None:
    reports.insert(connection, pending(1))
    (claimed,) = reports.claim_due(connection, NOW, 10)
    assert (claimed.state, claimed.attempts, claimed.next_attempt) == (ReportState.SENDING, 1, None)
    assert reports.interrupted(connection) == [claimed]


def test_a_recorded_result_ends_or_repeats_the_sending(connection: sqlite3.Connection) -> None:
    reports.insert(connection, pending(1))
    (claimed,) = reports.claim_due(connection, NOW, 10)
    reports.record(connection, result(claimed, ReportState.PENDING, NOW + 300_000))
    assert reports.next_due(connection) == NOW + 300_000
    assert reports.claim_due(connection, NOW + 299_999, 10) == []
    (again,) = reports.claim_due(connection, NOW + 300_000, 10)
    assert (again.attempts, again.last_result) == (2, "503")
    reports.record(connection, result(again, ReportState.SENT))
    assert reports.interrupted(connection) == []
    assert reports.next_due(connection) is None
    assert [report.state for report in reports.read(connection)] == [ReportState.SENT]


def test_a_result_is_recorded_once(connection: sqlite3.Connection) -> None:
    reports.insert(connection, pending(1))
    (claimed,) = reports.claim_due(connection, NOW, 10)
    reports.record(connection, result(claimed, ReportState.SENT))
    reports.record(connection, result(claimed, ReportState.FAILED))
    assert [report.state for report in reports.read(connection)] == [ReportState.SENT]


def test_next_due_is_the_earliest_pending_one(connection: sqlite3.Connection) -> None:
    assert reports.next_due(connection) is None
    for number, due in enumerate([NOW + 9, NOW + 3, NOW + 6]):
        reports.insert(connection, pending(number, due))
    assert reports.next_due(connection) == NOW + 3


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
    assert reports.release(connection, host, NOW) == len(released)
    assert [report.position for report in reports.claim_due(connection, NOW, 10)] == released
    assert reports.release(connection, host, NOW) == 0


def test_read_pages_in_order_and_by_state(connection: sqlite3.Connection) -> None:
    for number in range(1, 26):
        reports.insert(connection, pending(number) if number % 5 else replace(RETURNED, id=f"{number:032x}"))
    assert [report.position for report in reports.read(connection, after=3, limit=4)] == [4, 5, 6, 7]
    assert [r.position for r in reports.read(connection, state=ReportState.RETURNED)] == [5, 10, 15, 20, 25]
    page = reports.read(connection, after=10, limit=2, state=ReportState.RETURNED)
    assert [report.position for report in page] == [15, 20]


def test_find_gives_one_report_for_a_unique_prefix_and_two_to_tell_that_it_is_not(
    connection: sqlite3.Connection,
) -> None:
    for name in ("ab" * 16, "abcd" * 8, "ff" * 16):
        reports.insert(connection, replace(RETURNED, id=name))
    assert [report.id for report in reports.find(connection, "abc")] == ["abcd" * 8]
    assert [report.id for report in reports.find(connection, "FFFF")] == ["ff" * 16]
    assert len(reports.find(connection, "ab")) == 2
    assert len(reports.find(connection, "")) == 2
    assert [report.id for report in reports.find(connection, "ff" * 16)] == ["ff" * 16]
    assert reports.find(connection, "0") == []
    assert reports.find(connection, "a_%") == []


@pytest.mark.parametrize(
    ("work", "index"),
    [
        (lambda c: reports.claim_due(c, NOW, 8), "INDEX reports_due (state=? AND next_attempt<?)"),
        (reports.next_due, "COVERING INDEX reports_due (state=?)"),
        (reports.interrupted, "INDEX reports_by_state (state=?)"),
        (lambda c: reports.release(c, "a.test", NOW), "INDEX reports_not_sent (host=?)"),
        (lambda c: reports.find(c, "ab"), "INDEX sqlite_autoindex_reports_1 (id>? AND id<?)"),
        (lambda c: reports.read(c, after=3), "INTEGER PRIMARY KEY (rowid>?)"),
        (lambda c: reports.read(c, after=3, state=ReportState.SENT), "INDEX reports_by_state (state=? AND position>?)"),
    ],
)
def test_no_step_of_the_queue_scans_or_sorts_what_is_stored(
    connection: sqlite3.Connection, work: Callable[[sqlite3.Connection], object], index: str
) -> None:
    statements: list[str] = []
    connection.set_trace_callback(statements.append)
    work(connection)
    connection.set_trace_callback(None)
    plan = [row[3] for row in connection.execute(f"EXPLAIN QUERY PLAN {statements[0]}")]
    assert plan == [f"SEARCH reports USING {index}"]


async def test_stored_queue_records_results_and_their_events_in_one_transaction() -> None:
    async with await AsyncDatabase.open(":memory:", now=NOW) as database:
        queue = reports.StoredReportQueue(database)
        await database.transact("insert", lambda c: [reports.insert(c, pending(n)) for n in (1, 2)])  # type: ignore[func-returns-value]
        claimed = await queue.claim_due(NOW, 8)
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

"""Reports are kept and found."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator
from dataclasses import replace

import pytest

from agent.model.attribution import Dialect
from agent.model.reports import ConversionContent, Report, ReportKind, ReportState
from storage import reports
from storage.database import Database

NOW = 1_767_603_600_000
CONTENT = ConversionContent(
    dialect=Dialect.LEVEL1_2024,
    service="tee",
    conversion_site="shop.test",
    collector="adtech.test",
    histogram_size=3,
    micro_epsilon=1_000_000,
    histogram=(0, 5, 0),
)
RETURNED = Report(
    id="00" * 16,
    kind=ReportKind.ATTRIBUTION_CONVERSION,
    created=NOW,
    content=CONTENT,
    event_id=17,
    body=b"\x00\xffsealed",
)


def pending(number: int, due: int = NOW, host: str = "collector.test") -> Report:
    return replace(
        RETURNED,
        id=f"{number:032x}",
        content=replace(CONTENT, dialect=Dialect.CURRENT),
        delivered_to=f"https://{host}/reports?x=1",
        state=ReportState.PENDING,
        next_attempt=due,
    )


@pytest.fixture
def connection() -> Iterator[sqlite3.Connection]:
    with Database.open(":memory:", now=NOW) as opened:
        yield opened.connection


def test_a_report_is_read_as_it_was_inserted(connection: sqlite3.Connection) -> None:
    reports.insert(connection, RETURNED)
    reports.insert(connection, pending(1))
    assert reports.read(connection) == [replace(RETURNED, position=1), replace(pending(1), position=2)]


LARGE = replace(RETURNED, content=replace(CONTENT, histogram=(0,) * 1_000))


@pytest.mark.parametrize("report", [RETURNED, pending(1), LARGE])
def test_insert_is_one_statement_whatever_the_report(connection: sqlite3.Connection, report: Report) -> None:
    statements: list[str] = []
    connection.set_trace_callback(statements.append)
    reports.insert(connection, report)
    assert len(statements) == 1


def test_a_report_id_is_stored_once(connection: sqlite3.Connection) -> None:
    reports.insert(connection, RETURNED)
    with pytest.raises(sqlite3.IntegrityError):
        reports.insert(connection, RETURNED)


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


def test_the_reports_of_a_decision_come_in_their_order(connection: sqlite3.Connection) -> None:
    for number, event in enumerate((5, 6, 5)):
        reports.insert(connection, replace(RETURNED, id=f"{number}" * 32, event_id=event))
    assert [report.id[0] for report in reports.of_event(connection, 5)] == ["0", "2"]
    assert reports.of_event(connection, 7) == []


@pytest.mark.parametrize(
    ("work", "index"),
    [
        (lambda c: reports.find(c, "ab"), "INDEX sqlite_autoindex_reports_1 (id>? AND id<?)"),
        (lambda c: reports.of_event(c, 3), "INDEX reports_by_event (event_id=?)"),
        (lambda c: reports.read(c, after=3), "INTEGER PRIMARY KEY (rowid>?)"),
        (lambda c: reports.newest(c, before=3), "INTEGER PRIMARY KEY (rowid<?)"),
        (
            lambda c: reports.newest(c, before=3, states=[ReportState.FAILED]),
            "INDEX reports_by_state (state=? AND position<?)",
        ),
        (lambda c: reports.read(c, after=3, state=ReportState.SENT), "INDEX reports_by_state (state=? AND position>?)"),
        (lambda c: reports.sent_batches(c, [ReportKind.AGGREGATABLE]), "COVERING INDEX reports_sent (kind=?)"),
        (
            lambda c: reports.sent(c, ReportKind.AGGREGATABLE, "https://a.test/", after=3),
            "INDEX reports_sent (kind=? AND delivered_to=? AND position>?)",
        ),
    ],
)
def test_no_look_at_reports_scans_or_sorts_what_is_stored(
    connection: sqlite3.Connection, work: Callable[[sqlite3.Connection], object], index: str
) -> None:
    statements: list[str] = []
    connection.set_trace_callback(statements.append)
    work(connection)
    connection.set_trace_callback(None)
    plan = [row[3] for row in connection.execute(f"EXPLAIN QUERY PLAN {statements[0]}")]
    own = ("json_each", "SUBQUERY")
    assert [step for step in plan if not any(word in step for word in own)] == [f"SEARCH reports USING {index}"]

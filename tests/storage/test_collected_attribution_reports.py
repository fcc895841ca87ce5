from __future__ import annotations

from collections.abc import Iterator

import pytest

from agent.model.attribution_reporting.collected import CollectedAttributionReport
from agent.model.reports import ReportKind
from storage import collected_attribution_reports
from storage.database import MEMORY, Database

EVENT_LEVEL, DEBUG, VERBOSE = ReportKind.EVENT_LEVEL, ReportKind.EVENT_LEVEL_DEBUG, ReportKind.VERBOSE_DEBUG


@pytest.fixture
def database() -> Iterator[Database]:
    with Database.open(MEMORY, now=0) as opened:
        yield opened


def add(database: Database, kind: ReportKind, body: bytes, report_id: str | None, received: int = 1) -> int:
    return database.transact(
        "add", lambda c: collected_attribution_reports.add(c, kind, body, report_id=report_id, received=received)
    )


def page(database: Database, *, after: int = 0, limit: int = 10) -> list[CollectedAttributionReport]:
    return database.transact("page", lambda c: collected_attribution_reports.page(c, after=after, limit=limit))


def test_reports_come_back_as_they_came_oldest_first(database: Database) -> None:
    assert add(database, EVENT_LEVEL, b"{}", "a", received=7) == 1
    assert add(database, VERBOSE, b"\x00\xff", None, received=6) == 2
    assert page(database) == [
        CollectedAttributionReport(1, 7, EVENT_LEVEL, b"{}"),
        CollectedAttributionReport(2, 6, VERBOSE, b"\x00\xff"),
    ]


def test_a_report_that_comes_again_is_kept_once_and_its_debug_copy_is_another(database: Database) -> None:
    assert [add(database, kind, b"x", "a") for kind in (EVENT_LEVEL, DEBUG, EVENT_LEVEL)] == [1, 2, 1]
    assert add(database, EVENT_LEVEL, b"sealed anew", "a") == 1
    assert [report.body for report in page(database)] == [b"x", b"x"]


def test_messages_without_an_id_are_all_kept_even_equal_ones(database: Database) -> None:
    assert [add(database, VERBOSE, b"[]", None) for _ in range(3)] == [1, 2, 3]


def test_pages_begin_after_an_id_and_end_at_their_limit(database: Database) -> None:
    for number in range(6):
        add(database, EVENT_LEVEL, b"", str(number))
    assert [report.id for report in page(database, after=2, limit=3)] == [3, 4, 5]
    assert page(database, after=6) == []

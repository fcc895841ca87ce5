from __future__ import annotations

from collections.abc import Iterator

import pytest

from agent.model.ledger import CollectedReport
from storage import collected_reports
from storage.database import MEMORY, Database


@pytest.fixture
def database() -> Iterator[Database]:
    with Database.open(MEMORY, now=0) as opened:
        yield opened


def add(database: Database, body: bytes, *, service: str = "a", received: int = 1) -> int:
    return database.transact("add", lambda c: collected_reports.add(c, body, service=service, received=received))


def page(database: Database, *, after: int = 0, limit: int = 10, service: str | None = None) -> list[CollectedReport]:
    return database.transact("page", lambda c: collected_reports.page(c, after=after, limit=limit, service=service))


def test_reports_come_back_as_they_came_oldest_first(database: Database) -> None:
    assert [add(database, b"\x00\xff", received=7), add(database, b"b", service="b", received=6)] == [1, 2]
    assert page(database) == [CollectedReport(1, 7, "a", b"\x00\xff"), CollectedReport(2, 6, "b", b"b")]


def test_the_same_bytes_again_are_the_same_report(database: Database) -> None:
    assert [add(database, body) for body in (b"a", b"b", b"a")] == [1, 2, 1]
    assert len(page(database)) == 2


def test_pages_begin_after_an_id_and_may_be_of_one_service(database: Database) -> None:
    for number in range(6):
        add(database, bytes([number]), service="ab"[number % 2])
    assert [report.id for report in page(database, after=1, limit=3)] == [2, 3, 4]
    assert [report.id for report in page(database, service="b")] == [2, 4, 6]
    assert [report.id for report in page(database, after=2, limit=1, service="b")] == [4]
    assert page(database, service="c") == []

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from agent.model.attribution_reporting.collected import CollectedAttributionReport, ReceivedReport, Selection
from agent.model.clock import HOUR
from agent.model.errors import UsageError
from agent.model.reports import ReportKind
from storage import collected_attribution_reports
from storage.database import MEMORY, Database
from storage.migrations import shipped
from tests.storage.plans import scans, steps

EVENT_LEVEL, DEBUG, VERBOSE = ReportKind.EVENT_LEVEL, ReportKind.EVENT_LEVEL_DEBUG, ReportKind.VERBOSE_DEBUG
AGGREGATABLE, PRIVATE = ReportKind.AGGREGATABLE, ReportKind.PRIVATE_AGGREGATION
SHOP, NEWS = "https://shop.test", "https://news.test"


@pytest.fixture
def database() -> Iterator[Database]:
    with Database.open(MEMORY, now=0) as opened:
        yield opened


def add(database: Database, kind: ReportKind, body: bytes, report_id: str | None, received: int = 1) -> int:
    return keep(database, ReceivedReport(kind, body, received, report_id))


def keep(database: Database, report: ReceivedReport) -> int:
    return database.transact("add", lambda c: collected_attribution_reports.add(c, report))


def page(
    database: Database, *, after: int = 0, limit: int = 10, selection: Selection | None = None
) -> list[CollectedAttributionReport]:
    return database.transact(
        "page", lambda c: collected_attribution_reports.page(c, after=after, limit=limit, selection=selection)
    )


def test_reports_come_back_as_they_came_oldest_first(database: Database) -> None:
    assert add(database, EVENT_LEVEL, b"{}", "a", received=7) == 1
    assert add(database, VERBOSE, b"\x00\xff", None, received=6) == 2
    assert page(database) == [
        CollectedAttributionReport(1, 7, EVENT_LEVEL, b"{}"),
        CollectedAttributionReport(2, 6, VERBOSE, b"\x00\xff"),
    ]


def test_a_report_that_comes_again_is_kept_once_and_its_debug_copy_is_another(database: Database) -> None:
    assert [add(database, kind, b"x", "a") for kind in (EVENT_LEVEL, DEBUG, EVENT_LEVEL)] == [1, 2, 1]
    assert [report.body for report in page(database)] == [b"x", b"x"]


def test_another_body_under_a_known_id_neither_replaces_the_report_nor_is_kept_out(database: Database) -> None:
    assert [add(database, AGGREGATABLE, body, "a") for body in (b"forged", b"true", b"forged", b"true")] == [1, 2, 1, 2]
    assert [report.body for report in page(database)] == [b"forged", b"true"]


def test_messages_without_an_id_are_all_kept_even_equal_ones(database: Database) -> None:
    assert [add(database, VERBOSE, b"[]", None) for _ in range(3)] == [1, 2, 3]


def test_pages_begin_after_an_id_and_end_at_their_limit(database: Database) -> None:
    for number in range(6):
        add(database, EVENT_LEVEL, b"", str(number))
    assert [report.id for report in page(database, after=2, limit=3)] == [3, 4, 5]
    assert page(database, after=6) == []


@pytest.mark.parametrize(
    ("selection", "expected"),
    [
        (Selection(AGGREGATABLE), [1, 2, 3, 6]),
        (Selection(PRIVATE), [4]),
        (Selection(ReportKind.AGGREGATABLE_DEBUG), [5]),
        (Selection(AGGREGATABLE, destination=SHOP), [1, 2]),
        (Selection(AGGREGATABLE, api="attribution-reporting"), [1, 2, 3]),
        (Selection(AGGREGATABLE, from_time=HOUR), [2, 3]),
        (Selection(AGGREGATABLE, until_time=HOUR), [1]),
        (Selection(AGGREGATABLE, from_time=HOUR, until_time=2 * HOUR), [2]),
        (Selection(AGGREGATABLE, from_time=HOUR, destination=NEWS), [3]),
    ],
)
def test_a_selection_is_by_kind_api_destination_and_the_hours_of_the_schedule(
    database: Database, selection: Selection, expected: list[int]
) -> None:
    ara = "attribution-reporting"
    for number, (kind, api, destination, scheduled) in enumerate(
        [
            (AGGREGATABLE, ara, SHOP, HOUR - 1),
            (AGGREGATABLE, ara, SHOP, HOUR),
            (AGGREGATABLE, ara, NEWS, 2 * HOUR),
            (PRIVATE, "shared-storage", None, HOUR),
            (ReportKind.AGGREGATABLE_DEBUG, ara, SHOP, HOUR),
            (AGGREGATABLE, None, None, None),
        ]
    ):
        keep(database, ReceivedReport(kind, b"{}", 1, str(number), api, destination, scheduled))
    assert [report.id for report in page(database, selection=selection)] == expected
    assert [report.id for report in page(database, after=1, limit=1, selection=selection)] == [
        number for number in expected if number > 1
    ][:1]


@pytest.mark.parametrize("bound", ["from_time", "until_time"])
def test_a_selection_that_cuts_an_hour_is_refused(bound: str) -> None:
    bounds: dict[str, Any] = {bound: 2 * HOUR + 1}
    with pytest.raises(UsageError, match="not the beginning of an hour") as refused:
        Selection(AGGREGATABLE, **bounds)
    assert "1970-01-01T02:00:00" in refused.value.fix


def test_neither_a_retry_nor_a_page_of_a_batch_is_looked_for_by_scanning(database: Database) -> None:
    connection = database.connection
    report = ReceivedReport(AGGREGATABLE, b"{}", 1, "a")
    selection = Selection(AGGREGATABLE, "attribution-reporting", SHOP, 0, HOUR)
    plan = steps(connection, lambda c: collected_attribution_reports.add(c, report))
    plan += steps(connection, lambda c: collected_attribution_reports.page(c, after=3, limit=5, selection=selection))
    assert scans(plan) == []


SEALED = b'{"aggregation_service_payloads": [], "shared_info": "%s"}'
SAID = rb"{\"api\":\"attribution-reporting\",\"attribution_destination\":\"https://shop.test\","
COLLECTED_BEFORE = [
    (AGGREGATABLE, "a", SEALED % (SAID + rb"\"scheduled_report_time\":\"3600\"}")),
    (AGGREGATABLE, "b", SEALED % (SAID + rb"\"scheduled_report_time\":3600.5}")),
    (AGGREGATABLE, "c", SEALED % (SAID + rb"\"scheduled_report_time\":\"99999999999999999999999\"}")),
    (AGGREGATABLE, "d", SEALED % b"no JSON"),
    (EVENT_LEVEL, "e", b'{"attribution_destination": "https://shop.test", "scheduled_report_time": "3600"}'),
    (VERBOSE, None, b"[]"),
    (VERBOSE, None, b"\xff\xfe["),
]


def test_what_was_collected_before_there_were_batches_can_be_selected(tmp_path: Path) -> None:
    path, before = tmp_path / "tallyhost.sqlite3", [step for step in shipped() if step.name < "0010"]
    with Database.open(path, now=0, schema=before) as old:
        for row in COLLECTED_BEFORE:
            sql = "INSERT INTO collected_attribution_reports (received, kind, report_id, body) VALUES (5, ?, ?, ?)"
            old.connection.execute(sql, row)
    with Database.open(path, now=0) as database:
        assert [(report.kind, report.body) for report in page(database)] == [
            (kind, body) for kind, _, body in COLLECTED_BEFORE
        ]
        chosen = Selection(AGGREGATABLE, "attribution-reporting", SHOP, HOUR, 2 * HOUR)
        assert [report.id for report in page(database, selection=chosen)] == [1, 2]
        chosen = Selection(EVENT_LEVEL, destination=SHOP, from_time=HOUR, until_time=2 * HOUR)
        assert [report.id for report in page(database, selection=chosen)] == [5]
        assert add(database, VERBOSE, b"[]", None) == len(COLLECTED_BEFORE) + 1

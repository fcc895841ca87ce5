"""The collector as a library: no web framework in sight."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from agent.aggregation.collector import (
    ATTRIBUTION_PATHS,
    MAX_REPORT_BYTES,
    PRIVATE_AGGREGATION_PATHS,
    Collector,
)
from agent.aggregation.received_report import read_report
from agent.model.attribution_reporting.collected import ReceivedReport, Selection
from agent.model.clock import HOUR, Clock
from agent.model.errors import HostEnvironmentError
from agent.model.reports import ReportKind
from storage.collected_attribution_reports import DatabaseAttributionCollection
from storage.database import MEMORY, AsyncDatabase
from tests.aggregation.collected import AGGREGATE, NOW, WELL_KNOWN, Shelf, sealed_report, shared_info
from tests.conformance_data import REPOSITORY

JSON = "application/json"
EVENT_LEVEL = json.dumps(
    {
        "attribution_destination": "https://shop.test",
        "report_id": "a",
        "scheduled_report_time": str(NOW // 1000),
        "source_event_id": "1",
    }
).encode()
VERBOSE = b'[{"type": "source-success", "body": {}}]'
PATHS = {**ATTRIBUTION_PATHS, **PRIVATE_AGGREGATION_PATHS}


def body_for(kind: ReportKind) -> bytes:
    if kind is ReportKind.VERBOSE_DEBUG:
        return VERBOSE
    return EVENT_LEVEL if kind.startswith("event-level") else sealed_report()


async def post(path: str, body: bytes, content_type: str = JSON, store: Any = None) -> tuple[int, dict[str, Any]]:
    answer = await Collector(store or Shelf(), Clock.frozen(NOW)).receive(path, content_type, body)
    return answer.status, dict(answer.document)


def test_the_paths_are_those_of_the_specification() -> None:
    private = "/.well-known/private-aggregation"
    assert set(PATHS) == {
        f"{WELL_KNOWN}/report-event-attribution",
        f"{WELL_KNOWN}/report-aggregate-attribution",
        f"{WELL_KNOWN}/debug/report-event-attribution",
        f"{WELL_KNOWN}/debug/report-aggregate-attribution",
        f"{WELL_KNOWN}/debug/report-aggregate-debug",
        f"{WELL_KNOWN}/debug/verbose",
        f"{private}/report-protected-audience",
        f"{private}/report-shared-storage",
        f"{private}/debug/report-protected-audience",
        f"{private}/debug/report-shared-storage",
    }


@pytest.mark.parametrize("path", PATHS)
async def test_each_path_keeps_the_body_as_it_came_and_says_where(path: str) -> None:
    shelf = Shelf()
    assert await post(path, body_for(PATHS[path]), store=shelf) == (200, {"schema": 1, "stored": 1})
    (kept,) = shelf.reports
    assert (kept.kind, kept.body, kept.received) == (PATHS[path], body_for(PATHS[path]), NOW)


@pytest.mark.parametrize("path", ["", "/", f"{AGGREGATE}/", f"{AGGREGATE}?x=1", "/report-aggregate-attribution"])
async def test_no_report_is_sent_to_another_path(path: str) -> None:
    shelf = Shelf()
    status, document = await post(path, sealed_report(), store=shelf)
    assert (status, document["error"]["code"], shelf.reports) == (404, "unknown-path", [])
    assert AGGREGATE in document["error"]["fix"]


async def test_a_body_may_have_1_mib_and_not_a_byte_more() -> None:
    padded = VERBOSE.ljust(MAX_REPORT_BYTES)
    assert MAX_REPORT_BYTES == 1024 * 1024
    assert (await post(f"{WELL_KNOWN}/debug/verbose", padded))[0] == 200
    status, document = await post(f"{WELL_KNOWN}/debug/verbose", padded + b" ")
    assert (status, document["error"]["code"]) == (413, "report-too-long")


@pytest.mark.parametrize("content_type", [JSON, "", "text/plain", "application/x-www-form-urlencoded"])
async def test_it_is_the_body_that_shows_what_was_sent_and_the_type_is_told_where_it_is_none(content_type: str) -> None:
    assert (await post(AGGREGATE, sealed_report(), content_type))[0] == 200
    status, document = await post(AGGREGATE, b"a=b", content_type)
    assert (status, document["error"]["code"]) == (400, "malformed-report")
    assert ("it came as" in document["error"]["message"]) == (content_type not in {JSON, ""})


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"\xff\xfe{\x00}\x00",
        b"[" * 100_000,
        b"9" * 5_000,
        sealed_report().replace(b"{", b'{"x": NaN, ', 1),
        sealed_report().replace(b"{", b'{"x": ' + b"[" * 900 + b"]" * 900 + b", ", 1),
        sealed_report(report_id="\ud800"),
        sealed_report(attribution_destination="\ud800"),
        sealed_report(report_id=None),
        json.dumps({"aggregation_service_payloads": ["x"], "shared_info": shared_info()}).encode(),
        json.dumps({"aggregation_service_payloads": [], "shared_info": shared_info()}).encode(),
        json.dumps({"aggregation_service_payloads": [{"key_id": "k", "payload": "p"}], "shared_info": {}}).encode(),
    ],
    ids=lambda body: repr(body[:30]),
)
async def test_what_is_no_report_is_refused_with_what_to_do_and_not_kept(body: bytes) -> None:
    shelf = Shelf()
    status, document = await post(AGGREGATE, body, store=shelf)
    assert (status, document["schema"], shelf.reports) == (400, 1, [])
    assert document["error"]["code"] == "malformed-report"
    assert document["error"]["fix"]


@pytest.mark.parametrize(
    ("failure", "told"),
    [
        (HostEnvironmentError("the disk is full", where="/home/ada/secret"), "the disk is full"),
        (OSError(28, "no space", "/home/ada/secret"), "the store failed"),
        (KeyError("secret"), "the store failed"),
    ],
)
async def test_a_report_that_could_not_be_kept_is_never_acknowledged(failure: Exception, told: str) -> None:
    class Broken(Shelf):
        async def add(self, report: ReceivedReport) -> int:
            del report
            raise failure

    status, document = await post(AGGREGATE, sealed_report(), store=Broken())
    assert (status, document["error"]["code"]) == (503, "not-stored")
    assert "stored" not in document
    assert told in document["error"]["message"]
    assert "secret" not in str(document)


async def test_the_same_report_again_is_the_same_row_and_another_body_under_its_id_a_row_of_its_own() -> None:
    async with await AsyncDatabase.open(MEMORY, now=NOW) as database:
        shelf = DatabaseAttributionCollection(database)
        forged = sealed_report("a", version="9.9")
        bodies = (forged, sealed_report("a"), sealed_report("a"), forged)
        answers = [await post(AGGREGATE, body, store=shelf) for body in bodies]
        assert [(status, document["stored"]) for status, document in answers] == [
            (200, 1),
            (200, 2),
            (200, 2),
            (200, 1),
        ]
        debug = await post(f"{WELL_KNOWN}/debug/report-aggregate-attribution", sealed_report("a"), store=shelf)
        assert debug[1]["stored"] == 3
        assert [kept.body for kept in await shelf.page(after=0, limit=9)] == [forged, bodies[1], bodies[1]]


@pytest.mark.parametrize(
    ("seconds", "expected"),
    [
        ("3600", HOUR),
        (3600, HOUR),
        (3600.5, HOUR),
        (0, 0),
        (None, None),
        ("-1", None),
        (-1, None),
        ("12:00", None),
        ("٣", None),
        (True, None),
        (1e300, None),
        ("9" * 30, None),
        ([], None),
    ],
)
def test_a_schedule_is_read_as_digits_or_as_a_number_of_seconds_and_what_is_neither_is_kept_without(
    seconds: object, expected: int | None
) -> None:
    body = sealed_report("a", scheduled_report_time=seconds)
    assert read_report(ReportKind.AGGREGATABLE, body, NOW).scheduled_report_time == expected


def test_a_report_is_selected_by_what_it_says_of_itself() -> None:
    found = read_report(ReportKind.AGGREGATABLE, sealed_report("a"), 7)
    assert (found.report_id, found.api, found.received) == ("a", "attribution-reporting", 7)
    assert (found.destination, found.scheduled_report_time) == ("https://shop.test", NOW)
    found = read_report(ReportKind.EVENT_LEVEL, EVENT_LEVEL, 7)
    assert (found.report_id, found.api, found.destination) == ("a", None, "https://shop.test")
    several = json.dumps({**json.loads(EVENT_LEVEL), "attribution_destination": ["https://a.test"]}).encode()
    assert read_report(ReportKind.EVENT_LEVEL, several, 7).destination is None


KILLED_AFTER_THE_ANSWER = """
import asyncio, os, signal, sys
from pathlib import Path
from agent.aggregation.collector import Collector
from agent.model.clock import Clock
from storage.collected_attribution_reports import DatabaseAttributionCollection
from storage.database import AsyncDatabase
from tests.aggregation.collected import AGGREGATE, NOW, sealed_report

async def main():
    database = await AsyncDatabase.open(Path(sys.argv[1]), now=NOW)
    collector = Collector(DatabaseAttributionCollection(database), Clock.frozen(NOW))
    for number in range(3):
        answer = await collector.receive(AGGREGATE, "application/json", sealed_report(str(number)))
        assert answer.status == 200
    os.kill(os.getpid(), signal.SIGKILL)

asyncio.run(main())
"""


async def test_what_was_acknowledged_survives_that_the_collector_is_killed(tmp_path: Path) -> None:
    path = tmp_path / "collected.sqlite3"
    command = [sys.executable, "-c", KILLED_AFTER_THE_ANSWER, str(path)]
    killed = subprocess.run(command, check=False, cwd=REPOSITORY, env=dict(os.environ))
    assert killed.returncode == -signal.SIGKILL
    async with await AsyncDatabase.open(path, now=NOW) as database:
        kept = await DatabaseAttributionCollection(database).page(
            after=0, limit=9, selection=Selection(ReportKind.AGGREGATABLE)
        )
        assert [report.body for report in kept] == [sealed_report(str(number)) for number in range(3)]

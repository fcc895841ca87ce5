"""What a report says is the same after it was stored."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from dataclasses import replace

import pytest

from agent.model.attribution import Dialect
from agent.model.attribution_reporting.registrations import SourceType
from agent.model.attribution_reporting.reports import (
    AggregatableContent,
    Contribution,
    DebugItem,
    EventLevelContent,
    VerboseContent,
)
from agent.model.private_aggregation import DebugDetails, PrivateAggregationApi, PrivateAggregationContent
from agent.model.reports import ConversionContent, Report, ReportContent, ReportKind, kind_of
from storage import reports
from storage.database import Database

CONVERSION = ConversionContent(Dialect.CURRENT, "https://service.test", "shop.test", "adtech.test", 2, 5, (0, 1))
EVENT = EventLevelContent(
    reporting_origin="https://adtech.test",
    report_id="id",
    destinations=("https://a.test", "https://b.test"),
    randomized_trigger_rate=8e-7,
    source_event_id=2**64 - 1,
    source_type=SourceType.EVENT,
    trigger_data=2**64 - 1,
    trigger_time=1,
    report_time=2,
    priority=-(2**63),
    source_debug_key=2**64 - 1,
    trigger_debug_key=0,
)
AGGREGATABLE = AggregatableContent(
    reporting_origin="https://adtech.test",
    report_id="id",
    attribution_destination="https://shop.test",
    report_time=2,
    coordinator="https://coordinator.test",
    contributions=(Contribution(2**128 - 1, 65_536, 2**64 - 1), Contribution(0, 1)),
    filtering_id_max_bytes=8,
    source_registration_time=0,
    trigger_context_id="ünïque",
    source_debug_key=1,
    trigger_debug_key=2,
)
VERBOSE = VerboseContent("https://adtech.test", (DebugItem("source-success", {"limit": 6.5, "value": "\u2028\0"}),))
PRIVATE_AGGREGATION = PrivateAggregationContent(
    api=PrivateAggregationApi.SHARED_STORAGE,
    reporting_origin="https://adtech.test",
    report_id="id",
    scheduled_report_time=2,
    coordinator="https://coordinator.test",
    max_contributions=1000,
    contributions=(Contribution(2**128 - 1, 2**31 - 1, 2**64 - 1), Contribution(0, 1)),
    filtering_id_max_bytes=8,
    context_id="ünïque\u2028",
    debug=DebugDetails(enabled=True, key=2**64 - 1),
)
CONTENTS: list[tuple[ReportContent, ReportKind]] = [
    (CONVERSION, ReportKind.ATTRIBUTION_CONVERSION),
    (EVENT, ReportKind.EVENT_LEVEL),
    (replace(EVENT, debug_copy=True), ReportKind.EVENT_LEVEL_DEBUG),
    (AGGREGATABLE, ReportKind.AGGREGATABLE),
    (replace(AGGREGATABLE, contributions=(), trigger_context_id=None), ReportKind.AGGREGATABLE),
    (replace(AGGREGATABLE, debug_copy=True), ReportKind.AGGREGATABLE_DEBUG),
    (replace(AGGREGATABLE, aggregatable_debug=True), ReportKind.AGGREGATE_DEBUG),
    (VERBOSE, ReportKind.VERBOSE_DEBUG),
    (PRIVATE_AGGREGATION, ReportKind.PRIVATE_AGGREGATION),
    (
        replace(
            PRIVATE_AGGREGATION,
            api=PrivateAggregationApi.PROTECTED_AUDIENCE,
            contributions=(),
            context_id=None,
            debug=DebugDetails(),
        ),
        ReportKind.PRIVATE_AGGREGATION,
    ),
    (replace(PRIVATE_AGGREGATION, debug_copy=True), ReportKind.PRIVATE_AGGREGATION_DEBUG),
]


@pytest.fixture
def connection() -> Iterator[sqlite3.Connection]:
    with Database.open(":memory:", now=0) as opened:
        yield opened.connection


@pytest.mark.parametrize(("content", "kind"), CONTENTS)
def test_a_content_has_its_kind_and_is_read_as_it_was_stored(
    connection: sqlite3.Connection, content: ReportContent, kind: ReportKind
) -> None:
    assert kind_of(content) is kind
    report = Report("id", kind, 0, content)
    assert reports.insert(connection, report) == 1
    assert reports.read(connection) == [replace(report, position=1)]


def test_every_kind_is_among_the_contents() -> None:
    assert {kind for _, kind in CONTENTS} == set(ReportKind)


@pytest.mark.parametrize("kind", ReportKind)
def test_debug_reports_are_attempted_once(kind: ReportKind) -> None:
    others = {
        ReportKind.ATTRIBUTION_CONVERSION,
        ReportKind.EVENT_LEVEL,
        ReportKind.AGGREGATABLE,
        ReportKind.PRIVATE_AGGREGATION,
    }
    assert kind.attempted_once is (kind not in others)


@pytest.mark.parametrize(
    ("content", "site"),
    [
        (CONVERSION, "shop.test"),
        (EVENT, "a.test"),
        (AGGREGATABLE, "shop.test"),
        (VERBOSE, "adtech.test"),
        (PRIVATE_AGGREGATION, "adtech.test"),
    ],
)
def test_a_report_belongs_to_the_site_where_it_was_earned(content: ReportContent, site: str) -> None:
    assert Report("id", kind_of(content), 0, content).site == site

"""Bad input to Attribution Reporting: bad headers, great ones, many registrations, many reports, and sudden death."""

from __future__ import annotations

import json
import sqlite3
import time
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from agent.model.attribution_reporting.eligibility import INFO, REGISTER_SOURCE, REGISTER_TRIGGER, Eligibility
from agent.model.attribution_reporting.facts import FakeReport
from agent.model.attribution_reporting.limits import AttributionReportingLimits
from agent.model.attribution_reporting.registrations import SourceType
from agent.model.attribution_reporting.reports import VerboseContent
from agent.model.reports import ReportKind
from agent.verbs.source_registration import register_source
from agent.verbs.trigger_registration import register_trigger
from storage import sources
from storage.database import Database
from tests.engines.attribution_reporting.registration_world import (
    ADTECH,
    NOON,
    SHOP,
    FedChance,
    a_histogram_trigger,
    a_source,
    an_event_trigger,
    on_news,
    on_shop,
)
from tests.verbs.reporting_world import DEBUG_TYPES, OTHER, ReportingWorld

LIMITS = AttributionReportingLimits()
MEGABYTE = 2**20
REFUSED = "header-parsing-error"


@pytest.fixture
def world() -> Iterator[ReportingWorld]:
    with Database.open(":memory:", now=NOON) as database:
        yield ReportingWorld(database)


# "A bad header never throws; it is refused with paths, appears in the event stream, and as header-error report where
# the page asked for it."

BAD = [
    (b"", [[]]),
    (b"{", [[]]),
    (b"\xff\xfe", [[]]),
    (b"[]", [[]]),
    (b"{}", [["destination"]]),
    (b'{"destination": "http://shop.test"}', [["destination"]]),
    (b'{"destination": ["https://shop.test", 5], "priority": 1}', [["destination", 1], ["priority"]]),
]


@pytest.mark.parametrize(("header", "paths"), BAD)
def test_a_bad_header_is_refused_with_paths_and_appears_in_the_event_stream(
    world: ReportingWorld, header: bytes, paths: list[list[str | int]]
) -> None:
    outcome = world.respond({REGISTER_SOURCE: header})
    event = world.event()
    assert outcome.events == (event,)
    assert (outcome.verdict, event.kind, event.verdict) == (REFUSED, "source-registration", REFUSED)
    assert [error["path"] for error in event.data["errors"]] == paths
    assert len(event.trace.checks) == len(paths)
    assert not any(check.passed for check in event.trace.checks)
    assert (event.data["header"], event.data["value"]) == (REGISTER_SOURCE, header.decode(errors="replace"))
    assert sources.count(world.database.connection) == 0
    assert world.reports() == [], "nobody asked"


@pytest.mark.parametrize(
    ("fenced", "info", "sent"),
    [(False, b"report-header-errors", 1), (False, b"report-header-errors=?0", 0), (True, b"report-header-errors", 0)],
)
def test_a_bad_header_appears_as_header_error_report_where_the_page_asked_for_it(
    world: ReportingWorld, fenced: bool, info: bytes, sent: int
) -> None:
    fields = {REGISTER_TRIGGER: b'{"filters": 3, "\xff"', INFO: info}
    asked: dict[str, Any] = {"on": SHOP, "eligibility": Eligibility.UNSET, "fenced": fenced}
    assert world.respond(fields, debug_permission=False, **asked).verdict == REFUSED
    reports = world.reports()
    assert len(reports) == sent
    for report in reports:
        assert (report.kind, report.next_attempt) == (ReportKind.VERBOSE_DEBUG, NOON)
        assert report.delivered_to == f"{ADTECH}/.well-known/attribution-reporting/debug/verbose"
        assert isinstance(report.content, VerboseContent)
        ((item),) = report.content.items
        assert item.type == REFUSED
        assert list(item.body.items()) == [
            ("context_site", SHOP),
            ("header", REGISTER_TRIGGER),
            ("value", '{"filters": 3, "\ufffd"'),
        ]


def test_a_bad_info_header_registers_nothing_of_the_response_and_sends_nothing(world: ReportingWorld) -> None:
    fields = {REGISTER_SOURCE: b'{"destination": "https://shop.test"}', INFO: b"report-header-errors=1"}
    assert world.respond(fields).verdict == REFUSED
    assert world.event().data["header"] == INFO
    assert (sources.count(world.database.connection), world.reports()) == (0, [])


_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=8,
)
_NAMES = st.sampled_from(
    (
        *("destination", "priority", "expiry", "event_report_windows", "trigger_data", "filter_data", "debug_key"),
        *("aggregation_keys", "attribution_scopes", "named_budgets", "event_trigger_data", "trigger_context_id"),
        *("aggregatable_trigger_data", "aggregatable_values", "filters", "aggregatable_debug_reporting"),
        "aggregatable_deduplication_keys",
    )
)


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    header=st.binary(max_size=64)
    | st.dictionaries(_NAMES, _JSON, max_size=5).map(lambda fields: json.dumps(fields).encode()),
    eligibility=st.sampled_from(Eligibility),
    info=st.sampled_from([b"", b"report-header-errors", b"\xff"]),
)
def test_a_bad_header_never_throws(world: ReportingWorld, header: bytes, eligibility: Eligibility, info: bytes) -> None:
    before = world.scalar("SELECT count(*) FROM events")
    world.respond({REGISTER_SOURCE: header, INFO: info}, eligibility=eligibility)
    world.respond({REGISTER_TRIGGER: header, INFO: info}, eligibility=eligibility, on=SHOP)
    assert world.scalar("SELECT count(*) FROM events") == before + 2


# "1 MB headers […]: bounded memory, no quadratic step."; test_many_registrations.py has what stands between.


@pytest.mark.parametrize(
    ("header", "verdict"),
    [
        (b"[" * MEGABYTE, REFUSED),
        (b'"' + b"\\" * MEGABYTE, REFUSED),
        (b'{"destination": [' + b"1," * (MEGABYTE // 2) + b"1]}", REFUSED),
        (b'{"filters": [' + b"1," * (MEGABYTE // 2) + b'1], "destination": "https://shop.test"}', "source-success"),
        (b'{"destination": "https://shop.test", "x": "' + b"y" * MEGABYTE + b'"}', "source-success"),
    ],
    ids=["depth", "backslashes", "errors", "unknown list", "unknown text"],
)
def test_1_mb_headers_take_bounded_memory_and_no_quadratic_step(
    world: ReportingWorld, header: bytes, verdict: str
) -> None:
    began = time.process_time()
    assert world.respond({REGISTER_SOURCE: header}).verdict == verdict
    assert time.process_time() - began < 5, "a quadratic step over 2^20 bytes takes minutes"
    stored = world.scalar("SELECT max(length(data) + length(trace) + length(summary)) FROM events")
    assert stored < 32_768, "an event does not grow with the header"


def test_1_mb_of_errors_in_a_trigger_are_told_in_part(world: ReportingWorld) -> None:
    header = b'{"event_trigger_data": [' + b"1," * (MEGABYTE // 2) + b"1]}"
    fields = {REGISTER_TRIGGER: header, INFO: b"report-header-errors"}
    assert world.respond(fields, eligibility=Eligibility.TRIGGER).verdict == REFUSED
    assert len(world.event().data["errors"]) <= 20
    (report,) = world.reports()
    assert report.content.items[0].body["value"] == header.decode()  # type: ignore[union-attr]


# "A process may die at any line": what was begun is undone as a whole.


class Dying:
    """A connection whose process dies at its ``last``-th statement."""

    def __init__(self, connection: sqlite3.Connection, last: int) -> None:
        self._connection, self._left = connection, last

    def execute(self, *arguments: Any) -> sqlite3.Cursor:
        self._count()
        return self._connection.execute(*arguments)

    def executemany(self, *arguments: Any) -> sqlite3.Cursor:
        self._count()
        return self._connection.executemany(*arguments)

    def _count(self) -> None:
        self._left -= 1
        if self._left < 0:
            raise KeyboardInterrupt


@pytest.mark.parametrize("kind", ["source", "trigger"])
def test_a_registration_is_stored_as_a_whole_or_not_at_all_wherever_the_process_dies(
    world: ReportingWorld, kind: str
) -> None:
    config = {"key_piece": "0x1", "debug_data": DEBUG_TYPES}
    world.source(aggregation_keys={"a": "0x5"}, debug_key="1", aggregatable_debug_reporting={**config, "budget": 99})
    world.source(destination=OTHER)
    world.now += 1
    limits = replace(LIMITS, max_destinations_per_source_site_reporting_site=1)
    trigger = replace(an_event_trigger(deduplication_key=1), debug_key=2, debug_reporting=True)
    trigger = replace(a_histogram_trigger(), event_trigger_data=trigger.event_trigger_data, debug_key=2)

    def register(connection: Any) -> str:
        if kind == "trigger":
            return register_trigger(connection, on_shop(), trigger, limits=limits, chance=chance).verdict
        registration = a_source(destinations=("https://third.test",), debug_reporting=True)
        return register_source(
            connection, on_news(now=world.now), SourceType.NAVIGATION, registration, limits=limits, chance=chance
        ).verdict

    before = list(world.database.connection.iterdump())
    statement = 0
    while True:
        chance = FedChance(response=(FakeReport(1, 1), FakeReport(2, 2)), ids=100)
        try:
            verdict = world.database.transact("register", lambda c: register(Dying(c, statement)))  # noqa: B023
            break
        except KeyboardInterrupt:
            assert list(world.database.connection.iterdump()) == before
        statement += 1
    assert verdict == ("stored" if kind == "trigger" else "source-noised")
    assert statement > 10
    assert list(world.database.connection.iterdump()) != before

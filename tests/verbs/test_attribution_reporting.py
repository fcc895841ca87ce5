"""What responses register, what clearing removes and what expires, through the real parser, engine and store."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from typing import Any

import pytest

from agent.model.attribution_reporting.eligibility import (
    INFO,
    REGISTER_OS_SOURCE,
    REGISTER_SOURCE,
    REGISTER_TRIGGER,
    Eligibility,
)
from agent.model.attribution_reporting.reports import AggregatableContent, EventLevelContent
from agent.model.clock import DAY, HOUR, MINUTE
from agent.model.events import Check
from agent.model.reports import ReportState
from agent.verbs import attribution_reporting as verbs
from agent.verbs.attribution_reporting import RegistrationRules
from storage import sources
from storage.database import Database
from tests.engines.attribution_reporting.registration_world import ADTECH, NOON, SHOP
from tests.verbs.reporting_world import DEBUG_TYPES, HISTOGRAM, RIVAL, SUCCESS, WELL_KNOWN, WWW, ReportingWorld


@pytest.fixture
def world() -> Iterator[ReportingWorld]:
    with Database.open(":memory:", now=NOON) as database:
        yield ReportingWorld(database)


def test_a_source_and_a_trigger_make_reports_that_wait_for_their_time(world: ReportingWorld) -> None:
    assert world.source(source_event_id="7", aggregation_keys={"a": "0x5"}) == SUCCESS
    world.now += HOUR
    assert world.trigger(event_trigger_data=[{"trigger_data": "3"}], **HISTOGRAM) == "stored"
    event, histogram = world.reports()
    assert isinstance(event.content, EventLevelContent)
    assert isinstance(histogram.content, AggregatableContent)
    assert (event.content.source_event_id, event.content.trigger_data) == (7, 3)
    assert [(one.bucket, one.value) for one in histogram.content.contributions] == [(0x405, 100)]
    assert [(one.delivered_to, one.next_attempt) for one in (event, histogram)] == [
        (f"{WELL_KNOWN}report-event-attribution", NOON + 2 * DAY),
        (f"{WELL_KNOWN}report-aggregate-attribution", NOON + HOUR + 5 * MINUTE),
    ]
    assert {one.state for one in (event, histogram)} == {ReportState.PENDING}
    assert {one.event_id for one in (event, histogram)} == {world.event().id}


def test_events_tell_what_was_stored(world: ReportingWorld) -> None:
    world.source(source_event_id="7")
    source = world.event()
    assert (source.kind, source.verdict, source.site) == ("source-registration", SUCCESS, "news.test")
    assert (source.data["source"], source.data["destinations"]) == (1, [SHOP])
    assert source.trace.stopped_at is None
    world.trigger(event_trigger_data=[{}], **HISTOGRAM)
    trigger = world.event()
    assert (trigger.kind, trigger.verdict, trigger.site) == ("trigger-registration", "event-level-stored", "shop.test")
    assert (trigger.data["source"], trigger.data["event_level"]) == (1, "stored")
    assert trigger.data["aggregatable"] == "trigger-aggregate-no-contributions"
    assert trigger.data["reports"] == [f"event-level {world.reports()[0].id}"]


@pytest.mark.parametrize(
    ("eligibility", "fields", "verdicts"),
    [
        (Eligibility.UNSET, "source", "ignored"),
        (Eligibility.UNSET, "trigger", "trigger-no-matching-source"),
        (Eligibility.UNSET, "both", "trigger-no-matching-source"),
        (Eligibility.EMPTY, "source", "ignored"),
        (Eligibility.EMPTY, "trigger", "ignored"),
        (Eligibility.EMPTY, "both", "ignored"),
        (Eligibility.TRIGGER, "source", "ignored"),
        (Eligibility.TRIGGER, "trigger", "trigger-no-matching-source"),
        (Eligibility.TRIGGER, "both", "trigger-no-matching-source"),
        (Eligibility.EVENT_SOURCE, "source", SUCCESS),
        (Eligibility.EVENT_SOURCE, "trigger", "ignored"),
        (Eligibility.EVENT_SOURCE, "both", SUCCESS),
        (Eligibility.NAVIGATION_SOURCE, "source", SUCCESS),
        (Eligibility.NAVIGATION_SOURCE, "trigger", "ignored"),
        (Eligibility.NAVIGATION_SOURCE, "both", SUCCESS),
        (Eligibility.EVENT_SOURCE_OR_TRIGGER, "source", SUCCESS),
        (Eligibility.EVENT_SOURCE_OR_TRIGGER, "trigger", "trigger-no-matching-source"),
        (Eligibility.EVENT_SOURCE_OR_TRIGGER, "both", "ignored"),
    ],
)
def test_eligibility_says_what_a_response_may_register(
    world: ReportingWorld, eligibility: Eligibility, fields: str, verdicts: str
) -> None:
    both = {REGISTER_SOURCE: b'{"destination": "https://shop.test"}', REGISTER_TRIGGER: b'{"event_trigger_data":[{}]}'}
    asked = {name: value for name, value in both.items() if fields in ("both", name.rpartition("-")[2].lower())}
    assert world.respond(asked, eligibility=eligibility).verdict == verdicts


@pytest.mark.parametrize(
    ("eligibility", "source_type"),
    [
        (Eligibility.NAVIGATION_SOURCE, "navigation"),
        (Eligibility.EVENT_SOURCE, "event"),
        (Eligibility.EVENT_SOURCE_OR_TRIGGER, "event"),
    ],
)
def test_a_source_is_of_the_type_of_its_request(
    world: ReportingWorld, eligibility: Eligibility, source_type: str
) -> None:
    world.source({"eligibility": eligibility})
    assert [source.source_type for source in sources.read(world.database.connection)] == [source_type]


@pytest.mark.parametrize(
    ("response", "rule"),
    [
        ({"by": "http://adtech.test"}, "suitable reporting origin"),
        ({"on": "http://news.test"}, "suitable context origin"),
        ({"on": "null"}, "suitable context origin"),
    ],
)
def test_origins_that_are_not_suitable_register_nothing(
    world: ReportingWorld, response: dict[str, Any], rule: str
) -> None:
    assert world.source(response) == "ignored"
    assert world.stopped_at().rule == rule
    assert world.source({"by": "http://localhost:8080"}) == SUCCESS


def test_reporting_sites_that_are_not_enrolled_register_nothing(world: ReportingWorld) -> None:
    world.rules = RegistrationRules(world.limits, world.chance, enrolled_sites=frozenset({ADTECH}))
    assert [world.source({"by": WWW}), world.source({"by": RIVAL})] == [SUCCESS, "ignored"]
    assert world.stopped_at().rule == "enrolled"


def test_nothing_is_registered_while_the_api_is_switched_off(world: ReportingWorld) -> None:
    world.rules = RegistrationRules(world.limits, world.chance, enabled=False)
    assert [world.source(), world.trigger()] == ["ignored", "ignored"]
    assert sources.count(world.database.connection) == 0


def test_without_an_os_its_registrations_are_not_made_and_the_web_s_where_the_response_prefers_the_web(
    world: ReportingWorld,
) -> None:
    os = {REGISTER_OS_SOURCE: b'"https://adtech.test/os"'}
    assert world.respond(os).verdict == "ignored"
    assert world.stopped_at().rule == "platform"
    both = {**os, REGISTER_SOURCE: b'{"destination": "https://shop.test"}'}
    assert world.respond(both).verdict == "ignored"
    assert world.respond({**both, INFO: b"preferred-platform=os"}).verdict == SUCCESS
    assert world.respond({**both, INFO: b"preferred-platform=web"}).verdict == SUCCESS


def test_a_response_that_prefers_an_os_and_has_a_web_field_alone_registers_nothing(world: ReportingWorld) -> None:
    web = {REGISTER_SOURCE: b'{"destination": "https://shop.test"}', INFO: b"preferred-platform=os"}
    assert world.respond(web).verdict == "ignored"
    assert world.stopped_at().rule == "platform"


def test_a_response_with_nothing_to_register_leaves_no_event(world: ReportingWorld) -> None:
    assert world.respond({INFO: b"report-header-errors"}).events == ()
    assert world.scalar("SELECT count(*) FROM events") == 0


def clear(world: ReportingWorld, origin: str) -> None:
    world.database.transact("clear", lambda c: verbs.clear_reporting_origin(c, origin, now=world.now))


def test_clear_site_data_removes_an_origin_s_sources_and_pending_reports_and_keeps_what_limits_count(
    world: ReportingWorld,
) -> None:
    world.limit(rate_limit_max_attributions=1)
    for by in (ADTECH, RIVAL):
        world.source({"by": by})
        world.trigger({"by": by})
    clear(world, ADTECH)
    assert [source.registrant.reporting_origin for source in sources.read(world.database.connection)] == [RIVAL]
    assert [report.content.reporting_origin for report in world.reports()] == [RIVAL]  # type: ignore[union-attr]
    assert world.trigger() == "trigger-no-matching-source"
    world.source()
    assert world.trigger() == "trigger-event-attributions-per-source-destination-limit"


def test_what_was_delivered_stays_in_the_owner_s_record_when_an_origin_is_cleared(world: ReportingWorld) -> None:
    world.source()
    world.trigger()
    world.database.connection.execute("UPDATE reports SET state = 'sent'")
    clear(world, ADTECH)
    assert len(world.reports()) == 1


@pytest.mark.parametrize("host", ["adtech.test", "news.test"])
def test_clearing_the_history_of_a_site_takes_what_limits_count_as_well(world: ReportingWorld, host: str) -> None:
    world.limit(rate_limit_max_attributions=1)
    world.source()
    world.trigger()
    world.database.transact("clear", lambda c: verbs.clear_history(c, [host]))
    assert (sources.count(world.database.connection), world.reports()) == (0, [])
    world.source()
    assert world.trigger() == "stored"


def test_clearing_the_data_of_a_site_takes_what_its_origins_registered_and_keeps_what_limits_count(
    world: ReportingWorld,
) -> None:
    world.limit(rate_limit_max_attributions=1)
    for by in (WWW, RIVAL):
        world.source({"by": by})
        world.trigger({"by": by})
        world.trigger({"by": by}, trigger_context_id="null", **HISTOGRAM)
    world.database.transact("clear", lambda c: verbs.clear_site_data(c, ["adtech.test", "news.test"]))
    assert [source.registrant.reporting_origin for source in sources.read(world.database.connection)] == [RIVAL]
    assert {report.content.reporting_origin for report in world.reports()} == {RIVAL}  # type: ignore[union-attr]
    world.source({"by": WWW})
    assert world.trigger({"by": WWW}) == "trigger-event-attributions-per-source-destination-limit"


def test_clearing_everything_leaves_no_row(world: ReportingWorld) -> None:
    world.source(
        aggregation_keys={"a": "0x1"},
        attribution_scopes={"limit": 1, "values": ["a"]},
        aggregatable_debug_reporting={"budget": 100, "key_piece": "0x1", "debug_data": DEBUG_TYPES},
    )
    world.trigger(event_trigger_data=[{"deduplication_key": "1"}], **HISTOGRAM)
    world.database.connection.execute("DELETE FROM reports WHERE kind = 'aggregate-debug'")
    world.database.transact("clear", verbs.clear_all)
    tables = world.database.connection.execute(
        "SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite%'"
    ).fetchall()
    kept = {"migrations", "events", "attribution_state", "clock"}
    rows = {name: world.scalar(f"SELECT count(*) FROM {name}") for (name,) in tables if name not in kept}  # noqa: S608
    assert {name: count for name, count in rows.items() if count} == {}


def test_expiry_removes_sources_and_rows_that_no_window_reaches_and_tells_it(world: ReportingWorld) -> None:
    world.source(expiry=86_400)
    world.trigger()

    def expire() -> str:
        def work(connection: sqlite3.Connection) -> Any:
            return verbs.expire(connection, limits=world.limits, now=world.now)

        outcome = world.database.transact("expire", work)
        return outcome.events[0].summary if outcome.events else ""

    assert expire() == ""
    world.now += DAY
    assert expire() == "1 source of Attribution Reporting expired"
    assert len(world.reports()) == 1, "its reports are sent all the same"
    world.now += 29 * DAY
    assert expire() == ""
    for table in ("source_rate_limits", "destination_groups", "destination_sources", "attribution_rate_limits"):
        assert world.scalar(f"SELECT count(*) FROM {table}") == 0  # noqa: S608


def test_a_reporting_origin_has_one_set_of_scopes_in_a_navigation(world: ReportingWorld) -> None:
    world.rules = RegistrationRules(world.limits, world.chance)

    def source(scope: str | None, navigation: str = "1", by: str = ADTECH) -> str:
        scopes: dict[str, Any] = {"attribution_scopes": {"limit": 3, "values": [scope]}} if scope else {}
        return world.source({"navigation": navigation, "by": by}, **scopes)

    assert [source(scope) for scope in (None, "a", "b", None, "a")] == [SUCCESS, SUCCESS, "ignored", SUCCESS, SUCCESS]
    assert source("b", navigation="2") == SUCCESS
    assert source("b", by=RIVAL) == SUCCESS
    assert source("c", navigation="") == SUCCESS
    assert source("c") == "ignored"
    assert world.stopped_at().rule == "scopes of the navigation"


def test_a_field_that_was_understood_is_the_first_check_and_tells_its_warnings(world: ReportingWorld) -> None:
    assert world.source() == SUCCESS
    assert world.event().trace.checks[0] == Check("Attribution-Reporting-Register-Source", True, "parsed")
    world.source(expiry="3")
    first = world.event().trace.checks[0]
    assert first.passed
    assert first.detail.startswith("parsed, 1 warning: expiry ")

"""Batches complete, reports wait, budgets are kept, sites are cleared (private-aggregation sections 3 and 4)."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from agent.model.clock import MINUTE, format_instant
from agent.model.private_aggregation import BatchVerdict, ErrorEvent, PrivateAggregationContent
from agent.model.private_aggregation_limits import PrivateAggregationLimits
from agent.model.reports import ReportKind, ReportState
from agent.model.rng import Draw, Rng, SeededRng
from agent.model.settings import Settings
from agent.verbs import private_aggregation as verbs
from agent.verbs.private_aggregation import PrivateAggregationRules, rules_of
from storage.database import Database
from tests.engines.private_aggregation.contributing import (
    CONTEXT,
    DEBUG,
    LIMITS,
    NOON,
    ORIGIN,
    PROTECTED_AUDIENCE,
    PUBLISHER,
    SHARED_STORAGE,
    batch,
    on_events,
)
from tests.verbs.private_aggregation_world import NULL, REFUSED, SCHEDULED, World

WELL_KNOWN = "/.well-known/private-aggregation/"


class AlwaysTheSame(SeededRng):
    """Every draw of bytes gives the same."""

    def bytes(self, draw: Draw, count: int) -> bytes:
        del draw
        return bytes(count)


@pytest.fixture
def world() -> Iterator[World]:
    with Database.open(":memory:", now=NOON) as database:
        yield World(database)


# Reports.


def test_a_report_is_stored_until_its_time_and_names_the_event_that_made_it(world: World) -> None:
    assert world.contribute(128) is SCHEDULED
    (report,), (event,) = world.reports(), world.told()
    assert (report.kind, report.state, report.created) == (ReportKind.PRIVATE_AGGREGATION, ReportState.PENDING, NOON)
    assert report.delivered_to == f"{ORIGIN}{WELL_KNOWN}report-shared-storage"
    assert report.event_id == event.id
    assert report.next_attempt is not None
    assert 10 * MINUTE <= report.next_attempt - NOON - 100 < 60 * MINUTE
    assert event.data["scheduled_report_time"] == format_instant(report.next_attempt)


def test_the_event_tells_who_what_and_what_it_cost(world: World) -> None:
    world.complete(batch((2**128 - 1, 7, 2**64 - 1), config=CONTEXT, debug=DEBUG))
    (event,) = world.told()
    report, copy = sorted(world.reports(), key=lambda one: one.kind)
    assert (event.verdict, event.site, event.time) == ("report-scheduled", "news.test", NOON)
    assert event.data["reports"] == [f"{report.kind} {report.id}", f"{copy.kind} {report.id}"]
    assert (event.data["reporting_origin"], event.data["top_level_origin"]) == (ORIGIN, PUBLISHER)
    assert (event.data["api"], event.data["context_id"], event.data["spent"]) == ("shared-storage", "c", 7)
    assert event.data["contributions"] == [{"bucket": str(2**128 - 1), "value": 7, "filtering_id": str(2**64 - 1)}]


def test_the_event_names_20_contributions_and_counts_all(world: World) -> None:
    waiting = on_events([ErrorEvent.UNCAUGHT_ERROR])
    many = batch(*((bucket, 1) for bucket in range(25)), conditional=waiting)
    world.complete(replace(many, config=replace(CONTEXT, max_contributions=24)))
    (event,) = world.told()
    assert (event.data["calls"], event.data["count"], len(event.data["contributions"])) == (26, 24, 20)


def test_the_event_of_a_batch_that_was_dropped_tells_its_calls(world: World) -> None:
    world.complete(batch((1, 60_000), (1, 60_000), (2, 0)))
    (event,) = world.told()
    assert [(one["bucket"], one["value"]) for one in event.data["contributions"]] == [
        ("1", 60_000),
        ("1", 60_000),
        ("2", 0),
    ]
    assert (event.data["spent"], event.data["reports"]) == (0, [])
    assert "scheduled_report_time" not in event.data


def test_a_debug_copy_leaves_at_once_with_the_id_and_the_scheduled_time_of_its_report(world: World) -> None:
    world.contribute(debug=DEBUG)
    report, copy = sorted(world.reports(), key=lambda one: one.kind)
    assert copy.kind is ReportKind.PRIVATE_AGGREGATION_DEBUG
    assert copy.next_attempt == NOON
    assert copy.delivered_to == f"{ORIGIN}{WELL_KNOWN}debug/report-shared-storage"
    assert isinstance(report.content, PrivateAggregationContent)
    assert copy.content == replace(report.content, debug_copy=True)
    assert copy.id != report.id


def test_protected_audience_has_its_own_endpoint(world: World) -> None:
    world.contribute(api=PROTECTED_AUDIENCE)
    assert [one.delivered_to for one in world.reports()] == [f"{ORIGIN}{WELL_KNOWN}report-protected-audience"]


def test_scenario_28_a_second_run_that_contributes_nothing_sends_nothing_and_leaves_no_event(world: World) -> None:
    assert world.complete(batch((1234, 128))) is SCHEDULED
    assert world.complete(batch()) is BatchVerdict.EMPTY
    assert len(world.reports()) == len(world.told()) == 1


@pytest.mark.parametrize("changes", [{"contributions": batch((1, 0)).contributions}, {"debug": DEBUG}])
def test_an_operation_that_called_the_api_leaves_an_event_although_nothing_is_sent(
    world: World, changes: dict[str, Any]
) -> None:
    assert world.complete(batch(**changes)) is BatchVerdict.EMPTY
    assert [event.verdict for event in world.told()] == ["empty"]
    assert world.reports() == []


def test_scenario_33_a_deterministic_operation_that_does_nothing_sends_a_null_report(world: World) -> None:
    assert world.complete(batch(config=CONTEXT)) is NULL
    (report,) = world.reports()
    assert report.next_attempt == NOON + 5_100


def test_scenario_36_batches_with_different_debug_keys_do_not_mix(world: World) -> None:
    for key in (1, 2):
        world.complete(batch((key, 1), debug=replace(DEBUG, key=key)))
    contents = [one.content for one in world.reports() if isinstance(one.content, PrivateAggregationContent)]
    assert [(one.debug.key, one.contributions[0].bucket) for one in contents] == [(1, 1), (1, 1), (2, 2), (2, 2)]


def test_what_cannot_be_stored_whole_leaves_neither_event_nor_report_nor_cost(world: World) -> None:
    world.rules = replace(world.rules, rng=AlwaysTheSame(1))
    assert world.contribute(1) is SCHEDULED
    before = world.reports(), world.told(), world.left()
    with pytest.raises(sqlite3.IntegrityError):
        world.contribute(2, reporting_origin="https://other.test")
    assert (world.reports(), world.told(), world.left()) == before


def test_what_was_completed_survives_the_agents_end(tmp_path: Path) -> None:
    file = tmp_path / "profile.sqlite3"
    with Database.open(file, now=NOON) as database:
        world = World(database)
        world.contribute(60_000, debug=DEBUG, config=CONTEXT)
        before = world.reports()
    with Database.open(file, now=NOON + 1) as database:
        world = World(database, now=NOON + 1)
        assert world.reports() == before
        assert world.contribute(60_000) is REFUSED
        world.rules = replace(world.rules, limits=replace(LIMITS, max_reports_per_origin=1))
        assert world.contribute(1) is BatchVerdict.PENDING_REPORT_LIMIT_REACHED


# Limits and permissions.


def test_reports_that_wait_count_for_each_reporting_origin_and_those_that_were_sent_do_not(world: World) -> None:
    world.rules = replace(world.rules, limits=replace(LIMITS, max_reports_per_origin=2))
    assert [world.contribute(), world.contribute(api=PROTECTED_AUDIENCE)] == [SCHEDULED] * 2
    assert world.contribute() is BatchVerdict.PENDING_REPORT_LIMIT_REACHED
    assert world.contribute(reporting_origin="https://sub.adtech.test") is SCHEDULED
    world.database.connection.execute("UPDATE reports SET state = 'sent' WHERE position = 1")
    assert world.contribute() is SCHEDULED


def test_a_report_over_the_limit_is_paid_for_and_its_debug_copy_is_stored(world: World) -> None:
    world.rules = replace(world.rules, limits=replace(LIMITS, max_reports_per_origin=0))
    assert world.contribute(5, debug=DEBUG) is BatchVerdict.PENDING_REPORT_LIMIT_REACHED
    (copy,), (event,) = world.reports(), world.told()
    assert copy.kind is ReportKind.PRIVATE_AGGREGATION_DEBUG
    assert [name.partition(" ")[0] for name in event.data["reports"]] == [copy.kind]
    assert world.left()[ORIGIN, SHARED_STORAGE][0] == 65_531


@pytest.mark.parametrize("config", [batch().config, CONTEXT])
@pytest.mark.parametrize(
    ("rules", "origin", "verdict"),
    [
        ({"enabled": False}, ORIGIN, "disabled"),
        ({"enrolled_sites": frozenset({"https://other.test"})}, ORIGIN, "not-enrolled"),
        ({"enrolled_sites": frozenset({ORIGIN})}, "http://localhost", "not-enrolled"),
        ({}, "http://adtech.test", "not-trustworthy"),
        ({}, "null", "not-trustworthy"),
    ],
)
def test_scenario_37_where_the_api_is_not_allowed_all_is_dropped_with_an_event(
    world: World, rules: dict[str, Any], origin: str, verdict: str, config: Any
) -> None:
    world.rules = replace(world.rules, **rules)
    assert world.contribute(config=config, reporting_origin=origin, debug=DEBUG) == verdict
    assert world.reports() == []
    assert world.left() == {}
    (event,) = world.told()
    assert event.trace.stopped_at is not None


def test_enrolment_is_by_site(world: World) -> None:
    world.rules = replace(world.rules, enrolled_sites=frozenset({ORIGIN}))
    assert world.contribute(reporting_origin="https://www.adtech.test") is SCHEDULED


def test_an_opaque_page_is_told_without_a_site(world: World) -> None:
    world.contribute(top_level_origin="null")
    assert [event.site for event in world.told()] == [""]


def test_whether_debug_mode_takes_effect_is_asked_for_the_page_and_the_reporting_origin(world: World) -> None:
    asked: list[tuple[str, str]] = []

    def allowed(top_level: str, reporting: str) -> bool:
        asked.append((top_level, reporting))
        return top_level == PUBLISHER

    world.rules = replace(world.rules, debug_mode_allowed=allowed)
    world.contribute(debug=DEBUG)
    world.contribute(debug=DEBUG, top_level_origin="https://blocked.test")
    world.contribute()
    assert asked == [(PUBLISHER, ORIGIN), ("https://blocked.test", ORIGIN)]
    kinds = [report.kind for report in world.reports()]
    assert kinds.count(ReportKind.PRIVATE_AGGREGATION_DEBUG) == 1


# Rules from settings.


def rules(settings: Settings, *, enabled: bool = True) -> PrivateAggregationRules:
    rng: Rng = SeededRng(1)
    return rules_of(settings, rng, enabled=enabled)


@pytest.mark.parametrize("cookies", [True, False])
def test_debug_mode_is_allowed_where_third_party_cookies_are(cookies: bool) -> None:
    assert rules(Settings(third_party_cookies=cookies)).debug_mode_allowed(PUBLISHER, ORIGIN) is cookies


def test_debug_mode_is_a_setting() -> None:
    made = rules(Settings(debug_mode_allowed=lambda top, _reporting: top == PUBLISHER, third_party_cookies=False))
    assert made.debug_mode_allowed(PUBLISHER, ORIGIN)
    assert not made.debug_mode_allowed("https://else.test", ORIGIN)


@pytest.mark.parametrize(("switch", "enabled"), [(True, True), (True, False), (False, True), (False, False)])
def test_an_opted_out_profile_or_the_switch_turns_private_aggregation_off(switch: bool, enabled: bool) -> None:
    made = rules(Settings(private_aggregation=switch), enabled=enabled)
    assert made.enabled is (switch and enabled)


def test_limits_and_enrolment_are_those_of_the_settings() -> None:
    limits, enrolled = PrivateAggregationLimits(small_budget=1), frozenset({ORIGIN})
    made = rules(Settings(private_aggregation_limits=limits, enrolled_sites=enrolled))
    assert (made.limits, made.enrolled_sites) == (limits, enrolled)


# Clearing.


def test_clearing_a_site_removes_what_its_origins_would_send_and_gives_its_budget_back(world: World) -> None:
    world.contribute(60_000, debug=DEBUG)
    world.contribute(5_000, reporting_origin="https://sub.adtech.test")
    world.contribute(65_536, reporting_origin="https://other.test", top_level_origin=ORIGIN)
    world.database.transact("clear", lambda c: verbs.clear_site_data(c, ["adtech.test"]))
    assert [report.delivered_to for report in world.reports()] == [
        f"https://other.test{WELL_KNOWN}report-shared-storage"
    ]
    assert world.left() == {("https://other.test", SHARED_STORAGE): (0, 983_040)}
    assert world.contribute(65_536) is SCHEDULED


def test_clearing_another_site_changes_nothing(world: World) -> None:
    world.contribute(60_000)
    world.database.transact("clear", lambda c: verbs.clear_site_data(c, ["news.test", "test"]))
    assert len(world.reports()) == 1
    assert world.contribute(60_000) is REFUSED


def test_clearing_everything_leaves_no_budget_spent_and_nothing_to_send(world: World) -> None:
    world.contribute(60_000, debug=DEBUG)
    world.contribute(60_000, reporting_origin="https://other.test")
    world.database.connection.execute("UPDATE reports SET state = 'sent' WHERE position = 1")
    world.database.transact("clear", verbs.clear_all)
    assert [report.state for report in world.reports()] == [ReportState.SENT]
    assert world.left() == {}

"""Registering triggers: every limit and what is stored, through the real parser, engine and store."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest

from agent.model.attribution_reporting.reports import AggregatableContent, EventLevelContent, VerboseContent
from agent.model.clock import DAY
from agent.model.reports import ReportKind
from storage import sources
from storage.database import Database
from tests.engines.attribution_reporting.registration_world import ADTECH, NEWS, NOON, SHOP
from tests.verbs.reporting_world import DEBUG_TYPES, HISTOGRAM, OTHER, RIVAL, WELL_KNOWN, ReportingWorld


@pytest.fixture
def world() -> Iterator[ReportingWorld]:
    with Database.open(":memory:", now=NOON) as database:
        yield ReportingWorld(database)


@pytest.mark.parametrize(
    ("fields", "verdict"),
    [
        ({"event_trigger_data": [{}], **HISTOGRAM}, "stored"),
        ({"event_trigger_data": [{}]}, "stored"),
        ({"event_trigger_data": [{"filters": {"x": ["1"]}}], **HISTOGRAM}, "stored"),
        (
            {"event_trigger_data": [{"not_filters": {"source_type": ["navigation"]}}], **HISTOGRAM},
            "aggregatable-stored",
        ),
        ({"event_trigger_data": [{}], "aggregatable_values": {"b": 1}}, "event-level-stored"),
        ({"aggregatable_values": {"b": 1}}, "trigger-aggregate-no-contributions"),
        ({"filters": {"source_type": ["event"]}, "event_trigger_data": [{}]}, "trigger-no-matching-filter-data"),
        ({"trigger_context_id": "x"}, "nothing-registered"),
    ],
)
def test_a_trigger_s_verdict_says_which_of_what_it_registers_for_was_stored(
    world: ReportingWorld, fields: dict[str, Any], verdict: str
) -> None:
    world.source(aggregation_keys={"a": "0x5"})
    assert world.trigger(**fields) == verdict


def test_a_trigger_attributes_to_the_source_of_highest_priority_and_the_others_attribute_no_more(
    world: ReportingWorld,
) -> None:
    for number, priority in enumerate(["0", "9", "9", "1"], start=1):
        world.source(source_event_id=str(number), priority=priority)
    for _ in range(2):
        world.trigger()
    assert [report.content.source_event_id for report in world.reports()] == [3, 3]  # type: ignore[union-attr]
    assert sources.inactive(world.database.connection) == {1, 2, 4}


def test_counters_of_the_source_move(world: ReportingWorld) -> None:
    world.source(aggregation_keys={"a": "0x5"}, named_budgets={"n": 250}, max_event_level_reports=2)
    for _ in range(2):
        world.trigger(event_trigger_data=[{}], named_budgets=[{"name": "n"}], **HISTOGRAM)
    source = sources.get(world.database.connection, 1)
    assert source is not None
    assert (source.num_attributions, source.num_aggregatable_reports) == (2, 2)
    assert (source.remaining_aggregatable_budget, source.remaining_named_budgets) == (65_536 - 200, {"n": 50})
    verdict = world.trigger(event_trigger_data=[{}], named_budgets=[{"name": "n"}], **HISTOGRAM)
    assert verdict == "trigger-event-low-priority"
    assert world.event().data["aggregatable"] == "trigger-aggregate-insufficient-named-budget"


def test_a_deduplication_key_counts_once_for_each_branch(world: ReportingWorld) -> None:
    world.source(aggregation_keys={"a": "0x5"})
    largest = str(2**64 - 1)
    fields: dict[str, Any] = {
        "event_trigger_data": [{"deduplication_key": largest}],
        "aggregatable_deduplication_keys": [{"deduplication_key": largest}],
        **HISTOGRAM,
    }
    assert world.trigger(**fields) == "stored"
    assert world.trigger(**fields) == "trigger-event-deduplicated"
    assert world.event().data["aggregatable"] == "trigger-aggregate-deduplicated"


def test_a_report_of_higher_priority_replaces_the_lowest_of_its_window_with_its_attribution(
    world: ReportingWorld,
) -> None:
    world.source(max_event_level_reports=2)
    for data, priority in [("1", "5"), ("2", "1"), ("3", "3")]:
        assert world.trigger(event_trigger_data=[{"trigger_data": data, "priority": priority}]) == "stored"
    assert [report.content.trigger_data for report in world.reports()] == [1, 3]  # type: ignore[union-attr]
    assert world.scalar("SELECT count(*) FROM attribution_rate_limits") == 2
    verdict = world.trigger(event_trigger_data=[{"priority": "3"}])
    assert verdict == "trigger-event-low-priority"


def test_a_source_that_never_reports_stores_its_keys_and_no_report(world: ReportingWorld) -> None:
    world.chance.response = ()
    assert world.source() == "source-noised"
    for verdict in ("trigger-event-noise", "trigger-event-deduplicated"):
        assert world.trigger(event_trigger_data=[{"deduplication_key": "1"}]) == verdict
    assert world.reports() == []
    assert world.scalar("SELECT count(*) FROM attribution_rate_limits") == 1, "the one that stands for noise"


def test_null_reports_wait_as_real_ones_do_and_count_for_no_limit(world: ReportingWorld) -> None:
    world.limit(max_aggregatable_reports_per_destination=1)
    for _ in range(3):
        assert world.trigger(trigger_context_id="x", **HISTOGRAM) == "trigger-no-matching-source"
    assert [report.next_attempt for report in world.reports(ReportKind.AGGREGATABLE)] == [NOON] * 3
    world.source(aggregation_keys={"a": "0x5"})
    assert world.trigger(**HISTOGRAM) == "stored"


def test_copies_of_successful_reports_are_sent_at_once_under_ids_of_their_own(world: ReportingWorld) -> None:
    world.source(aggregation_keys={"a": "0x5"}, debug_key="1")
    world.trigger(event_trigger_data=[{}], debug_key="2", **HISTOGRAM)
    event, histogram, event_copy, histogram_copy = world.reports()
    assert event_copy.kind is ReportKind.EVENT_LEVEL_DEBUG
    assert histogram_copy.kind is ReportKind.AGGREGATABLE_DEBUG
    assert len({report.id for report in world.reports()}) == 4
    for one, copy in [(event, event_copy), (histogram, histogram_copy)]:
        assert isinstance(one.content, EventLevelContent | AggregatableContent)
        assert replace(one.content, debug_copy=True) == copy.content
        assert copy.next_attempt == NOON
    assert event_copy.delivered_to == f"{WELL_KNOWN}debug/report-event-attribution"


def test_what_is_not_stored_is_told_at_once_where_debug_reporting_asks_for_it(world: ReportingWorld) -> None:
    world.trigger(event_trigger_data=[{}], debug_reporting=True)
    (report,) = world.reports()
    assert (report.kind, report.next_attempt) == (ReportKind.VERBOSE_DEBUG, NOON)
    assert isinstance(report.content, VerboseContent)
    assert [item.type for item in report.content.items] == ["trigger-no-matching-source"]
    assert report.delivered_to == f"{WELL_KNOWN}debug/verbose"


def test_aggregatable_debug_reports_are_charged_to_the_source_and_to_the_day(world: ReportingWorld) -> None:
    config: dict[str, Any] = {"key_piece": "0x1", "debug_data": DEBUG_TYPES}
    world.source(aggregatable_debug_reporting={**config, "budget": 35})
    for _ in range(3):
        world.trigger(aggregatable_values={"b": 1}, aggregatable_debug_reporting=config)
    source = sources.get(world.database.connection, 1)
    assert source is not None
    assert source.remaining_aggregatable_debug_budget == 35 - 3 * 10
    assert source.num_aggregatable_debug_reports == 3
    spent = world.database.connection.execute("SELECT * FROM aggregatable_debug_budgets WHERE reporting_site = ''")
    assert {site: need for site, _, need in spent} == {NEWS: 10, SHOP: 20}
    contributed = [len(report.content.contributions) for report in world.reports(ReportKind.AGGREGATE_DEBUG)]  # type: ignore[union-attr]
    assert contributed == [1, 1, 1, 0], "5 are left of the source's budget, 10 needed: a null report"


def test_reporting_origins_that_attribute_are_limited_for_both_branches(world: ReportingWorld) -> None:
    world.limit(rate_limit_max_attribution_reporting_origins=1)
    for by in (ADTECH, RIVAL):
        world.source({"by": by}, aggregation_keys={"a": "0x5"})
    assert world.trigger(**HISTOGRAM) == "stored"
    assert world.trigger({"by": RIVAL}, event_trigger_data=[{}], **HISTOGRAM) == "trigger-reporting-origin-limit"
    assert world.event().data["aggregatable"] == "trigger-reporting-origin-limit"
    assert world.trigger() == "stored"


def test_attributions_are_limited_for_each_branch_apart_by_the_time_of_their_source(world: ReportingWorld) -> None:
    world.limit(rate_limit_max_attributions=1)
    world.source(aggregation_keys={"a": "0x5"})
    fields: dict[str, Any] = {"event_trigger_data": [{}], **HISTOGRAM}
    assert world.trigger() == "stored"
    assert world.trigger(**fields) == "aggregatable-stored"
    assert world.event().data["event_level"] == "trigger-event-attributions-per-source-destination-limit"
    assert world.trigger(**fields) == "trigger-event-attributions-per-source-destination-limit"
    assert world.event().data["aggregatable"] == "trigger-aggregate-attributions-per-source-destination-limit"
    world.now += 30 * DAY
    world.source(aggregation_keys={"a": "0x5"})
    assert world.trigger(**fields) == "stored"


@pytest.mark.parametrize(
    ("limit", "fields", "verdict"),
    [
        ("max_event_level_reports_per_destination", {"event_trigger_data": [{}]}, "trigger-event-storage-limit"),
        ("max_aggregatable_reports_per_destination", HISTOGRAM, "trigger-aggregate-storage-limit"),
    ],
)
def test_pending_reports_of_a_destination_are_limited_whoever_earned_them(
    world: ReportingWorld, limit: str, fields: dict[str, Any], verdict: str
) -> None:
    world.limit(**{limit: 1})
    world.source({"by": RIVAL, "on": "https://blog.test"}, destination=[OTHER, SHOP], aggregation_keys={"a": "0x5"})
    world.source(aggregation_keys={"a": "0x5"})
    assert world.trigger({"by": RIVAL, "on": OTHER}, **fields) == "stored"
    assert world.trigger(**fields) == verdict
    world.database.connection.execute("UPDATE reports SET state = 'sent'")
    assert world.trigger(**fields) == "stored"


def test_aggregatable_reports_of_a_source_are_limited(world: ReportingWorld) -> None:
    world.limit(max_aggregatable_reports_per_source=1)
    world.source(aggregation_keys={"a": "0x5"})
    assert world.trigger(trigger_context_id="x", **HISTOGRAM) == "stored", "it does not count"
    assert world.trigger(**HISTOGRAM) == "stored"
    assert world.trigger(**HISTOGRAM) == "trigger-aggregate-excessive-reports"

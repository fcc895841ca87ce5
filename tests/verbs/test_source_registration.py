"""Registering sources: every limit, eviction and scopes, through the real parser, engine and store."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from agent.model.attribution_reporting.facts import FakeReport
from agent.model.clock import DAY, HOUR, MINUTE
from agent.model.reports import ReportKind
from storage import sources
from storage.database import Database
from tests.engines.attribution_reporting.registration_world import NOON, SHOP
from tests.verbs.reporting_world import HISTOGRAM, OTHER, RIVAL, SUCCESS, WWW, ReportingWorld


@pytest.fixture
def world() -> Iterator[ReportingWorld]:
    with Database.open(":memory:", now=NOON) as database:
        yield ReportingWorld(database)


def test_made_up_reports_are_stored_with_their_source_and_count_as_attributions(world: ReportingWorld) -> None:
    world.chance.response = (FakeReport(5, 0), FakeReport(2, 2))
    assert world.source(destination=[OTHER, SHOP]) == "source-noised"
    assert [(one.content.trigger_data, one.next_attempt) for one in world.reports()] == [  # type: ignore[union-attr]
        (5, NOON + 2 * DAY),
        (2, NOON + 30 * DAY),
    ]
    assert world.scalar("SELECT count(DISTINCT destination) FROM attribution_rate_limits") == 2
    assert world.trigger() == "trigger-event-noise"


def test_sources_of_a_source_origin_are_limited_until_they_expire(world: ReportingWorld) -> None:
    world.limit(max_sources_per_origin=2)
    verdicts = [world.source(expiry=day) for day in (86_400, 172_800, 86_400)]
    assert verdicts == [SUCCESS, SUCCESS, "source-storage-limit"]
    assert world.source({"on": "https://blog.news.test"}) == SUCCESS, "the limit is the origin's, not the site's"
    world.now += DAY
    assert [world.source(), world.source()] == [SUCCESS, "source-storage-limit"]


def test_sources_that_gave_way_make_room_for_others_of_their_origin(world: ReportingWorld) -> None:
    world.limit(max_sources_per_origin=2)
    world.source()
    world.source()
    world.trigger()
    assert world.source() == SUCCESS


def test_one_reporting_origin_of_a_reporting_site_registers_on_a_source_site_within_a_day(
    world: ReportingWorld,
) -> None:
    assert [world.source(), world.source({"by": WWW}), world.source()] == [
        SUCCESS,
        "source-reporting-origin-per-site-limit",
        SUCCESS,
    ]
    assert world.source({"by": WWW, "on": "https://blog.test"}) == SUCCESS
    world.now += DAY
    assert world.source({"by": WWW}) == SUCCESS


def test_destinations_of_a_minute_are_limited_for_a_reporting_site_and_told(world: ReportingWorld) -> None:
    world.limit(max_destinations_per_rate_limit_window_reporting_site=2)
    verdicts = [world.source(destination=f"https://d{number}.test") for number in (1, 2, 3, 1)]
    assert verdicts == [SUCCESS, SUCCESS, "source-destination-rate-limit", SUCCESS]
    world.now += MINUTE
    assert world.source(destination="https://d3.test") == SUCCESS


def test_destinations_of_a_minute_are_limited_for_all_reporting_sites_and_nobody_is_told(
    world: ReportingWorld,
) -> None:
    world.limit(max_destinations_per_rate_limit_window=2)
    world.source(destination="https://d1.test")
    world.source({"by": RIVAL}, destination="https://d2.test")
    assert world.source(destination="https://d3.test", debug_reporting=True) == "source-destination-global-rate-limit"
    (report,) = world.reports()
    assert [item.type for item in report.content.items] == [SUCCESS]  # type: ignore[union-attr]
    assert sources.count(world.database.connection) == 2
    world.now += MINUTE
    assert world.source(destination="https://d3.test") == SUCCESS


def test_destinations_of_a_day_are_limited_for_a_reporting_site(world: ReportingWorld) -> None:
    world.limit(max_destinations_per_reporting_site_per_day=2)
    for number, verdict in [(1, SUCCESS), (2, SUCCESS), (3, "source-destination-per-day-rate-limit"), (2, SUCCESS)]:
        assert world.source(destination=f"https://d{number}.test") == verdict
        world.now += HOUR
    assert world.source({"by": RIVAL}, destination="https://d3.test") == SUCCESS
    world.now = NOON + DAY
    assert world.source(destination="https://d3.test") == SUCCESS


def test_the_newest_destination_evicts_the_oldest_with_what_it_had_to_come(world: ReportingWorld) -> None:
    world.limit(max_destinations_per_source_site_reporting_site=2)
    world.chance.response = (FakeReport(0, 1),)
    world.source(destination=OTHER)
    world.chance.response = None
    world.source(destination=SHOP, aggregation_keys={"a": "0x1"})
    world.trigger(event_trigger_data=[{}], **HISTOGRAM)
    assert len(world.reports()) == 3
    world.now += HOUR
    assert world.source(destination="https://third.test") == SUCCESS
    assert world.event().data["evicted_destinations"] == [OTHER]
    assert [source.id for source in sources.read(world.database.connection)] == [2, 3]
    assert len(world.reports()) == 2, "the made-up report of the evicted source is gone"
    world.now += HOUR
    assert world.source(destination="https://fourth.test") == SUCCESS
    assert [report.kind for report in world.reports()] == [ReportKind.EVENT_LEVEL], "what was triggered before stays"
    assert world.scalar("SELECT count(*) FROM attribution_rate_limits WHERE kind = 'aggregatable'") == 0
    assert world.trigger() == "trigger-no-matching-source"


def test_a_destination_of_low_priority_is_refused_instead(world: ReportingWorld) -> None:
    world.limit(max_destinations_per_source_site_reporting_site=1)
    world.source(destination_limit_priority="1")
    assert world.source(destination=OTHER) == "source-destination-limit"
    assert world.source(destination=OTHER, destination_limit_priority="2") == SUCCESS
    assert [source.id for source in sources.read(world.database.connection)] == [2]


def test_reporting_origins_of_a_source_site_and_a_destination_are_limited_and_nobody_is_told(
    world: ReportingWorld,
) -> None:
    world.limit(rate_limit_max_source_registration_reporting_origins=1)
    world.source()
    assert world.source({"by": RIVAL}) == "source-reporting-origin-limit"
    assert world.source({"by": RIVAL}, destination=OTHER) == SUCCESS
    world.now += 30 * DAY
    assert world.source({"by": RIVAL}) == SUCCESS


def test_evictions_stay_done_when_a_later_limit_refuses_the_source(world: ReportingWorld) -> None:
    world.limit(max_destinations_per_source_site_reporting_site=1, max_destinations_per_rate_limit_window=1)
    world.source()
    world.now += 1
    assert world.source(destination=OTHER) == "source-destination-global-rate-limit"
    assert sources.count(world.database.connection) == 0


def test_a_source_without_scopes_takes_them_from_the_others_of_its_destination(world: ReportingWorld) -> None:
    scopes: dict[str, Any] = {"attribution_scopes": {"limit": 2, "values": ["a"]}}
    world.source(**scopes)
    world.source(destination=OTHER, **scopes)
    world.source()
    fields: dict[str, Any] = {"event_trigger_data": [{}], "attribution_scopes": ["a"]}
    assert world.trigger(**fields) == "trigger-no-matching-source"
    assert world.trigger({"on": OTHER}, **fields) == "stored"


def test_a_new_scope_beyond_the_limit_removes_the_sources_of_the_oldest(world: ReportingWorld) -> None:
    for scope in ("a", "b", "c"):
        world.source(attribution_scopes={"limit": 2, "values": [scope]})
        world.now += HOUR
    fields: dict[str, Any] = {"event_trigger_data": [{}]}
    assert world.trigger(**fields, attribution_scopes=["a"]) == "trigger-no-matching-source"
    assert [source.id for source in sources.read(world.database.connection)] == [2, 3]
    assert world.trigger(**fields, attribution_scopes=["b"]) == "stored"


def test_a_scope_of_a_source_that_the_destination_limit_evicts_takes_no_room(world: ReportingWorld) -> None:
    world.limit(max_destinations_per_source_site_reporting_site=2)
    world.source(attribution_scopes={"limit": 2, "values": ["a"]})
    world.now += HOUR
    world.source(destination=[SHOP, OTHER], attribution_scopes={"limit": 2, "values": ["b"]})
    world.now += HOUR
    world.source(destination=[SHOP, "https://third.test"], attribution_scopes={"limit": 2, "values": ["c"]})
    assert [source.id for source in sources.read(world.database.connection)] == [1, 3]


@pytest.mark.parametrize(
    "unlike",
    [
        {},
        {"attribution_scopes": {"limit": 1, "values": ["a"]}},
        {"attribution_scopes": {"limit": 2, "values": ["a"], "max_event_states": 4}},
    ],
)
def test_a_source_with_scopes_removes_those_that_are_unlike_it_and_keeps_their_destinations_counted(
    world: ReportingWorld, unlike: dict[str, Any]
) -> None:
    world.limit(max_destinations_per_source_site_reporting_site=1)
    world.chance.response = (FakeReport(0, 1),)
    world.source(**unlike)
    world.chance.response = None
    world.source(attribution_scopes={"limit": 2, "values": ["b"]})
    assert [source.id for source in sources.read(world.database.connection)] == [2]
    assert world.reports() == [], "what it had made up was still to come"
    world.database.transact("clear", lambda c: sources.remove(c, [2]))
    assert world.source(destination=OTHER, destination_limit_priority="-1") == "source-destination-limit"

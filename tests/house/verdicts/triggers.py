"""How the branches of a trigger end that stores no report."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from agent.model.attribution_reporting.facts import FakeReport
from agent.model.attribution_reporting.verdicts import TriggerVerdict
from agent.model.clock import DAY, HOUR
from agent.model.events import Event
from storage.database import Database
from tests.engines.attribution_reporting.registration_world import NOON, SHOP
from tests.house.verdicts.scene import Scene, Scenes
from tests.verbs.reporting_world import HISTOGRAM, RIVAL, ReportingWorld

V = TriggerVerdict
KEYS = {"aggregation_keys": {"a": "0x159"}}
ONE = [{"trigger_data": "1"}]
TWICE = [{"trigger_data": "1", "deduplication_key": "5"}]


def trigger(
    header: dict[str, Any] | None = None,
    *,
    source: dict[str, Any] | None = None,
    before: Sequence[dict[str, Any]] = (),
    after: int = HOUR,
    by: str | None = None,
    response: tuple[FakeReport, ...] | None = None,
    **limits: Any,
) -> Callable[[Path], Event]:
    """What a trigger comes to, ``after`` milliseconds after a source, and behind the triggers ``before``.

    It comes ``by`` another reporting origin that has a source of its own, where that is given.
    """

    def made(_: Path) -> Event:
        with Database.open(":memory:", now=NOON) as database:
            world = ReportingWorld(database)
            world.limit(**limits)
            world.chance.response = response
            world.source(**KEYS, **(source or {}))
            if by is not None:
                world.source({"by": by}, **KEYS)
            world.now += after
            for earlier in before:
                world.trigger(**earlier)
            world.trigger({"by": by} if by else None, **(header or {"event_trigger_data": ONE}))
            return world.event()

    return made


def nothing_stored(_: Path) -> Event:
    with Database.open(":memory:", now=NOON) as database:
        world = ReportingWorld(database)
        world.trigger()
        return world.event()


EVENT = {"event_trigger_data": ONE}
COUNTED = [EVENT] * 3
"""As many reports as a navigation source makes."""
CAMPAIGN: dict[str, Any] = {"source": {"filter_data": {"campaign": ["21"]}}}
OTHER_CAMPAIGN = {"filters": {"campaign": ["12"]}}
COMPARED = ('"campaign" is ["21"] in the source', 'wanted is ["12"]')
MADE_UP = (FakeReport(trigger_data=1, window=0),)


def histogram(value: int = 100, **changes: Any) -> dict[str, Any]:
    return HISTOGRAM | {"aggregatable_values": {"a": value}} | changes


TRIGGERS: Scenes = {
    V.NO_MATCHING_SOURCE: Scene(nothing_stored, "matching source", ("https://adtech.test", SHOP)),
    V.NO_MATCHING_FILTER_DATA: Scene(trigger(EVENT | OTHER_CAMPAIGN, **CAMPAIGN), "filters", COMPARED),
    V.REPORTING_ORIGIN_LIMIT: Scene(
        trigger(before=[EVENT], by=RIVAL, rate_limit_max_attribution_reporting_origins=1),
        "reporting origins of source site and destination",
        (f"{RIVAL} is new beside 1", "within 30d, at most 1"),
    ),
    V.EVENT_NOISE: Scene(trigger(response=MADE_UP), "event-level noise", ("made its reports up", "0.002")),
    V.EVENT_NO_MATCHING_CONFIGURATIONS: Scene(
        trigger({"event_trigger_data": [OTHER_CAMPAIGN]}, **CAMPAIGN),
        "event-level filters",
        ("event_trigger_data[0]", *COMPARED),
    ),
    V.EVENT_DEDUPLICATED: Scene(
        trigger({"event_trigger_data": TWICE}, before=[{"event_trigger_data": TWICE}]),
        "event-level deduplication",
        ("deduplication_key 5",),
    ),
    V.EVENT_NO_MATCHING_TRIGGER_DATA: Scene(
        trigger({"event_trigger_data": [{"trigger_data": "9"}]}, source={"trigger_data_matching": "exact"}),
        "event-level trigger data",
        ("9 is not in [0, 1, 2, 3, 4, 5, 6, 7]",),
    ),
    V.EVENT_REPORT_WINDOW_NOT_STARTED: Scene(
        trigger(source={"event_report_windows": {"start_time": 7200, "end_times": [86400]}}),
        "event-level report window",
        ("1h after the source", "starts at 2h"),
    ),
    V.EVENT_REPORT_WINDOW_PASSED: Scene(
        trigger(source={"event_report_window": 86400}, after=2 * DAY),
        "event-level report window",
        ("2d after the source", "ends at 1d"),
    ),
    V.EVENT_ATTRIBUTIONS_PER_SOURCE_DESTINATION_LIMIT: Scene(
        trigger(before=[EVENT], rate_limit_max_attributions=1),
        "event-level attributions of source site and destination",
        ("1 of https://news.test and https://shop.test within 30d, room for 1",),
    ),
    V.EVENT_STORAGE_LIMIT: Scene(
        trigger(before=[EVENT], max_event_level_reports_per_destination=1),
        "event-level reports of the destination",
        ("1 pending for https://shop.test, room for 1",),
    ),
    V.EVENT_LOW_PRIORITY: Scene(
        trigger(before=COUNTED), "event-level priority", ("0 is not above 0, the lowest of the pending reports",)
    ),
    V.EVENT_EXCESSIVE_REPORTS: Scene(
        trigger(source={"max_event_level_reports": 0}), "event-level reports of the source", ("0 of 0 made",)
    ),
    V.AGGREGATE_REPORT_WINDOW_PASSED: Scene(
        trigger(histogram(), source={"aggregatable_report_window": 86400}, after=2 * DAY),
        "aggregatable report window",
        ("until 2026-01-06T12:00:00+00:00, which is 1d ago",),
    ),
    V.AGGREGATE_DEDUPLICATED: Scene(
        trigger(
            histogram(aggregatable_deduplication_keys=[{"deduplication_key": "6"}]),
            before=[histogram(aggregatable_deduplication_keys=[{"deduplication_key": "6"}])],
        ),
        "aggregatable deduplication",
        ("deduplication_key 6",),
    ),
    V.AGGREGATE_NO_CONTRIBUTIONS: Scene(
        trigger(HISTOGRAM | {"aggregatable_values": {"b": 1}}), "aggregatable contributions", ('["b"]', '["a"]')
    ),
    V.AGGREGATE_STORAGE_LIMIT: Scene(
        trigger(histogram(), before=[histogram()], max_aggregatable_reports_per_destination=1),
        "aggregatable reports of the destination",
        ("1 pending for https://shop.test, room for 1",),
    ),
    V.AGGREGATE_ATTRIBUTIONS_PER_SOURCE_DESTINATION_LIMIT: Scene(
        trigger(histogram(), before=[histogram()], rate_limit_max_attributions=1),
        "aggregatable attributions of source site and destination",
        ("1 of https://news.test and https://shop.test within 30d, room for 1",),
    ),
    V.AGGREGATE_EXCESSIVE_REPORTS: Scene(
        trigger(histogram(), before=[histogram()], max_aggregatable_reports_per_source=1),
        "aggregatable reports of the source",
        ("1 made, at most 1",),
    ),
    V.AGGREGATE_INSUFFICIENT_BUDGET: Scene(
        trigger(histogram(6_000), before=[histogram(60_000)]),
        "aggregatable budget",
        ("65,536 - 60,000 = 5,536 left, 6,000 wanted: 464 too many",),
    ),
    V.AGGREGATE_INSUFFICIENT_NAMED_BUDGET: Scene(
        trigger(histogram(101, named_budgets=[{"name": "ads"}]), source={"named_budgets": {"ads": 100}}),
        "named budget ads",
        ("100 - 0 = 100 left, 101 wanted: 1 too many",),
    ),
}
"""By verdict; an event tells it of the branch that ended so."""

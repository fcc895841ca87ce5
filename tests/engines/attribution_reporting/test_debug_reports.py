from dataclasses import replace
from typing import Any

import pytest

from agent.model.attribution_reporting.facts import DestinationGroup, PendingEventReport, Registrant, SourceFacts
from agent.model.attribution_reporting.registrations import (
    NamedBudget,
    SourceRegistration,
    SourceType,
    TriggerRegistration,
)
from agent.model.attribution_reporting.reports import VerboseContent
from agent.model.clock import DAY
from tests.engines.attribution_reporting.registration_world import (
    ADTECH,
    NEWS,
    NOON,
    SHOP,
    a_histogram_trigger,
    a_source,
    an_event_source,
    an_event_trigger,
    on_news,
    on_shop,
    source_outcome,
    stored,
    trigger_outcome,
)

SOURCE_BODY = {"attribution_destination": SHOP, "source_event_id": "7", "source_site": NEWS}
TRIGGER_BODY = {"attribution_destination": SHOP}


def of_source(
    registration: SourceRegistration, facts: SourceFacts | None = None, who: Registrant | None = None
) -> tuple[str, dict[str, Any]] | None:
    """The type and body of the one item; None where there is no report."""
    reports = source_outcome(replace(registration, debug_reporting=True), facts, who=who).debug_reports
    if not reports:
        return None
    (report,) = reports
    assert isinstance(report, VerboseContent)
    assert report.reporting_origin == ADTECH
    (item,) = report.items
    return item.type, item.body


def of_trigger(source: Any = None, *, trigger: Any = None, **facts: Any) -> tuple[str, dict[str, Any]]:
    registration = replace(trigger or an_event_trigger(), debug_reporting=True)
    (report,) = trigger_outcome(registration, source, **facts).debug_reports
    assert isinstance(report, VerboseContent)
    (item,) = report.items
    return item.type, item.body


def test_a_stored_source_is_told() -> None:
    assert of_source(a_source()) == ("source-success", SOURCE_BODY)


def test_a_source_of_several_destinations_tells_a_list() -> None:
    told = of_source(a_source(destinations=(SHOP, "https://store.test"), debug_key=2**64 - 1))
    assert told is not None
    assert told[1] == SOURCE_BODY | {
        "attribution_destination": [SHOP, "https://store.test"],
        "source_debug_key": str(2**64 - 1),
    }
    assert list(told[1]) == sorted(told[1])


def test_without_being_asked_or_permitted_or_in_a_fenced_frame_nothing_is_told() -> None:
    assert source_outcome(a_source()).debug_reports == ()
    assert of_source(a_source(), who=on_news(debug_permission=False)) is None
    assert of_source(a_source(), who=on_news(fenced=True)) is None


def test_a_channel_capacity_is_told_as_a_number() -> None:
    outcome = source_outcome(
        an_event_source(max_event_level_reports=20, debug_reporting=True),
        source_type=SourceType.EVENT,
    )
    (report,) = outcome.debug_reports
    assert isinstance(report, VerboseContent)
    assert report.items[0].type == "source-channel-capacity-limit"
    assert report.items[0].body["limit"] == 6.5


def test_an_eviction_is_told_beside_any_later_outcome() -> None:
    older = tuple(DestinationGroup(f"https://site{one}.test", 0, NOON - 1) for one in range(100))
    evicting = SourceFacts(destination_groups=older)
    assert of_source(a_source(), evicting) == ("source-success", SOURCE_BODY | {"source_destination_limit": "100"})
    refused = replace(
        evicting, reporting_origins_of_destinations={SHOP: frozenset(f"https://r{one}.test" for one in range(100))}
    )
    assert of_source(a_source(), refused) == ("source-success", SOURCE_BODY | {"source_destination_limit": "100"})


def test_a_trigger_without_source_tells_the_context_site_alone() -> None:
    assert of_trigger() == ("trigger-no-matching-source", TRIGGER_BODY)
    assert of_trigger(trigger=replace(an_event_trigger(), debug_key=3)) == (
        "trigger-no-matching-source",
        TRIGGER_BODY | {"trigger_debug_key": "3"},
    )


def test_a_trigger_with_a_source_tells_about_the_source_too() -> None:
    source = stored(a_source(destinations=(SHOP, "https://store.test"), debug_key=2, trigger_data=()))
    assert of_trigger(source) == (
        "trigger-event-no-matching-trigger-data",
        TRIGGER_BODY | {"source_event_id": "7", "source_site": NEWS, "source_debug_key": "2"},
    )


@pytest.mark.parametrize(
    ("facts", "name", "limit"),
    [
        ({"event_attributions": 100}, "trigger-event-attributions-per-source-destination-limit", "100"),
        ({"pending_event_reports_of_destination": 1024}, "trigger-event-storage-limit", "1024"),
        (
            {"attribution_reporting_origins": frozenset(f"https://r{one}.test" for one in range(10))},
            "trigger-reporting-origin-limit",
            "10",
        ),
    ],
)
def test_a_limit_is_told_as_text(facts: dict[str, Any], name: str, limit: str) -> None:
    told, body = of_trigger(stored(), **facts)
    assert told == name
    assert body["limit"] == limit
    assert list(body) == sorted(body)


@pytest.mark.parametrize(
    ("changes", "facts", "name", "limit"),
    [
        ({"num_aggregatable_reports": 20}, {}, "trigger-aggregate-excessive-reports", "20"),
        ({"remaining_aggregatable_budget": 0}, {}, "trigger-aggregate-insufficient-budget", "65536"),
        ({}, {"pending_aggregatable_reports_of_destination": 1024}, "trigger-aggregate-storage-limit", "1024"),
        (
            {},
            {"aggregatable_attributions": 100},
            "trigger-aggregate-attributions-per-source-destination-limit",
            "100",
        ),
    ],
)
def test_an_aggregatable_limit_is_told_as_text(
    changes: dict[str, Any], facts: dict[str, Any], name: str, limit: str
) -> None:
    source = stored(a_source(aggregation_keys={"a": 1}), **changes)
    told, body = of_trigger(source, trigger=a_histogram_trigger(), **facts)
    assert (told, body["limit"]) == (name, limit)


def test_a_named_budget_is_told_by_name_and_original_value() -> None:
    source = stored(a_source(aggregation_keys={"a": 1}, named_budgets={"n": 150}), remaining_named_budgets={"n": 99})
    told, body = of_trigger(source, trigger=a_histogram_trigger(named_budgets=(NamedBudget("n"),)))
    assert told == "trigger-aggregate-insufficient-named-budget"
    assert (body["name"], body["limit"]) == ("n", "150")


@pytest.mark.parametrize(
    ("facts", "name"),
    [
        ({}, "trigger-event-excessive-reports"),
        ({"pending_event_reports": (PendingEventReport(1, NOON + 2 * DAY, 0),)}, "trigger-event-low-priority"),
    ],
)
def test_a_report_that_found_no_room_is_told_whole(facts: dict[str, Any], name: str) -> None:
    source = stored(a_source(debug_key=2), num_attributions=3)
    trigger = replace(an_event_trigger(trigger_data=5), debug_key=3)
    assert of_trigger(source, trigger=trigger, **facts) == (
        name,
        {
            "attribution_destination": SHOP,
            "randomized_trigger_rate": 0.0024263,
            "report_id": "report-1",
            "scheduled_report_time": str((NOON + 2 * DAY) // 1000),
            "source_debug_key": "2",
            "source_event_id": "7",
            "source_type": "navigation",
            "trigger_data": "5",
            "trigger_debug_key": "3",
        },
    )


@pytest.mark.parametrize(
    ("who", "told"),
    [
        (on_shop(), None),
        (on_shop(debug_permission=False), "https://adtech.test may not use cookies on https://shop.test: allow it to"),
        (on_shop(fenced=True), "it is in a fenced frame"),
    ],
)
def test_a_trigger_that_may_not_debug_is_told_that_its_debug_fields_count_for_nothing(
    who: Registrant, told: str | None
) -> None:
    for asked in ({"debug_key": 3}, {"debug_reporting": True}):
        checks = {check.rule: check for check in trigger_outcome(an_event_trigger_with(**asked), who=who).trace.checks}
        assert ("debug permission" in checks) is (told is not None)
        if told is not None:
            assert checks["debug permission"].passed, "it stops nothing"
            assert checks["debug permission"].detail.endswith(told)
    without = trigger_outcome(an_event_trigger_with(), who=who).trace.checks
    assert "debug permission" not in {check.rule for check in without}


def an_event_trigger_with(**changes: Any) -> TriggerRegistration:
    return replace(an_event_trigger(), **changes)

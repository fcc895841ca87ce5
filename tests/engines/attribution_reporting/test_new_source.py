from typing import Any

from agent.model.attribution_reporting.facts import FakeReport, NewSource
from agent.model.attribution_reporting.registrations import (
    AggregatableDebugReporting,
    EventReportWindows,
    SourceRegistration,
    SourceType,
)
from agent.model.attribution_reporting.reports import EventLevelContent
from agent.model.clock import DAY, HOUR
from tests.engines.attribution_reporting.registration_world import (
    ADTECH,
    NOON,
    SHOP,
    FedChance,
    a_source,
    source_outcome,
)


def made(registration: SourceRegistration, response: tuple[FakeReport, ...] | None = None) -> NewSource:
    new = source_outcome(registration, chance=FedChance(response)).new_source
    assert new is not None
    return new


def test_budgets_are_whole_and_the_debug_budget_is_taken_off() -> None:
    debug = AggregatableDebugReporting(key_piece=1, budget=1024)
    source = made(a_source(named_budgets={"b": 100}, aggregatable_debug_reporting=debug)).source
    assert source.remaining_aggregatable_budget == 65_536 - 1024
    assert source.remaining_aggregatable_debug_budget == 1024
    assert source.remaining_named_budgets == {"b": 100}
    assert made(a_source()).source.remaining_aggregatable_budget == 65_536


def test_a_truthful_source_has_made_no_report() -> None:
    new = made(a_source())
    assert new.fake_reports == ()
    assert new.source.num_attributions == 0
    assert new.source.event_level_active


def test_made_up_reports_fill_the_windows_they_name() -> None:
    windows = EventReportWindows(HOUR, (2 * DAY, 7 * DAY))
    registration = a_source(event_report_windows=windows, debug_key=5, destinations=(SHOP, "https://store.test"))
    new = made(registration, (FakeReport(3, 0), FakeReport(4, 1)))
    assert new.source.num_attributions == 2
    common: dict[str, Any] = {
        "reporting_origin": ADTECH,
        "destinations": (SHOP, "https://store.test"),
        "randomized_trigger_rate": new.source.randomized_trigger_rate,
        "source_event_id": 7,
        "source_type": SourceType.NAVIGATION,
    }
    assert new.fake_reports == (
        EventLevelContent(
            report_id="report-1", trigger_data=3, trigger_time=NOON + HOUR, report_time=NOON + 2 * DAY, **common
        ),
        EventLevelContent(
            report_id="report-2", trigger_data=4, trigger_time=NOON + 2 * DAY, report_time=NOON + 7 * DAY, **common
        ),
    )

from dataclasses import dataclass, field, replace
from itertools import combinations
from typing import Any

import pytest

from agent.model.attribution_reporting.facts import (
    AttributionLogic,
    EventLevelStored,
    PendingEventReport,
    StoredSource,
    TriggerOutcome,
)
from agent.model.attribution_reporting.registrations import (
    EventReportWindows,
    EventTriggerData,
    FilterConfig,
    Filters,
    SourceType,
    TriggerDataMatching,
    TriggerRegistration,
)
from agent.model.attribution_reporting.reports import EventLevelContent
from agent.model.attribution_reporting.verdicts import TriggerVerdict
from agent.model.clock import DAY, HOUR
from tests.engines.attribution_reporting.registration_world import (
    ADTECH,
    LIMITS,
    NOON,
    SHOP,
    a_source,
    an_event_trigger,
    on_shop,
    stored,
    trigger_outcome,
)

DUE = NOON + 2 * DAY
"""The end of the first window of the common source."""
NO_MATCH = Filters((FilterConfig({"source_type": frozenset({"event"})}),))


def attribute(
    source: StoredSource | None = None, *, after: int = HOUR, facts: dict[str, Any] | None = None, **entry: Any
) -> TriggerOutcome:
    """What one entry of event_trigger_data does, ``after`` milliseconds after the source."""
    return trigger_outcome(
        an_event_trigger(**entry), source or stored(), who=on_shop(now=NOON + after), **(facts or {})
    )


def stored_part(outcome: TriggerOutcome) -> EventLevelStored:
    assert outcome.event_level_stored is not None
    return outcome.event_level_stored


def report(outcome: TriggerOutcome) -> EventLevelContent:
    found = stored_part(outcome).report
    assert found is not None
    return found


def test_a_report_says_what_source_and_trigger_say() -> None:
    source = stored(a_source(destinations=(SHOP, "https://store.test"), source_event_id=2**64 - 1))
    assert report(attribute(source, trigger_data=5, priority=-9)) == EventLevelContent(
        reporting_origin=ADTECH,
        report_id="report-1",
        destinations=(SHOP, "https://store.test"),
        randomized_trigger_rate=0.0024263,
        source_event_id=2**64 - 1,
        source_type=SourceType.NAVIGATION,
        trigger_data=5,
        trigger_time=NOON + HOUR,
        report_time=DUE,
        priority=-9,
    )


# The order of checks.


@dataclass(frozen=True)
class Obstacle:
    """What makes a trigger fail one check: fields of the source, its registration, the facts and the entry."""

    source: dict[str, Any] = field(default_factory=dict)
    registration: dict[str, Any] = field(default_factory=dict)
    facts: dict[str, Any] = field(default_factory=dict)
    trigger: dict[str, Any] = field(default_factory=dict)


OBSTACLES = {
    TriggerVerdict.EVENT_NOISE: Obstacle({"attribution_logic": AttributionLogic.FALSELY}),
    TriggerVerdict.EVENT_NO_MATCHING_CONFIGURATIONS: Obstacle(trigger={"filters": NO_MATCH}),
    TriggerVerdict.EVENT_DEDUPLICATED: Obstacle(facts={"event_deduplication_keys": frozenset({4})}),
    TriggerVerdict.EVENT_NO_MATCHING_TRIGGER_DATA: Obstacle(registration={"trigger_data": ()}),
    TriggerVerdict.EVENT_REPORT_WINDOW_NOT_STARTED: Obstacle(
        registration={"event_report_windows": EventReportWindows(HOUR + 1, (2 * DAY,))}
    ),
    TriggerVerdict.REPORTING_ORIGIN_LIMIT: Obstacle(
        facts={"attribution_reporting_origins": frozenset(f"https://r{one}.test" for one in range(10))}
    ),
    TriggerVerdict.EVENT_EXCESSIVE_REPORTS: Obstacle({"event_level_active": False}),
    TriggerVerdict.EVENT_ATTRIBUTIONS_PER_SOURCE_DESTINATION_LIMIT: Obstacle(facts={"event_attributions": 100}),
    TriggerVerdict.EVENT_STORAGE_LIMIT: Obstacle(facts={"pending_event_reports_of_destination": 1024}),
}


def outcome_of(*obstacles: Obstacle) -> TriggerOutcome:
    source: dict[str, Any] = {}
    registration: dict[str, Any] = {}
    facts: dict[str, Any] = {}
    trigger: dict[str, Any] = {"deduplication_key": 4}
    for one in obstacles:
        source |= one.source
        registration |= one.registration
        facts |= one.facts
        trigger |= one.trigger
    return attribute(stored(a_source(**registration), **source), facts=facts, **trigger)


@pytest.mark.parametrize("verdict", OBSTACLES, ids=str)
def test_each_refusal_has_its_name(verdict: TriggerVerdict) -> None:
    outcome = outcome_of(OBSTACLES[verdict])
    assert outcome.event_level is verdict
    assert outcome.event_level_stored is None


@pytest.mark.parametrize(("first", "second"), list(combinations(OBSTACLES, 2)), ids=str)
def test_of_two_refusals_the_first_in_order_decides(first: TriggerVerdict, second: TriggerVerdict) -> None:
    assert outcome_of(OBSTACLES[second], OBSTACLES[first]).event_level is first


@pytest.mark.parametrize(
    "facts",
    [
        {"event_deduplication_keys": frozenset({5})},
        {"event_attributions": 99},
        {"pending_event_reports_of_destination": 1023},
    ],
)
def test_up_to_the_limit_nothing_refuses(facts: dict[str, Any]) -> None:
    assert attribute(facts=facts, deduplication_key=4).event_level is None


# Create.


def test_the_first_entry_that_matches_is_taken() -> None:
    entries = (EventTriggerData(1, filters=NO_MATCH), EventTriggerData(2), EventTriggerData(3))
    assert report(trigger_outcome(TriggerRegistration(entries), stored())).trigger_data == 2


def test_an_entry_without_deduplication_key_is_never_deduplicated() -> None:
    assert attribute(facts={"event_deduplication_keys": frozenset({4})}).event_level is None


@pytest.mark.parametrize(
    ("known", "matching", "asked", "found"),
    [
        (tuple(range(8)), TriggerDataMatching.MODULUS, 13, 5),
        (tuple(range(8)), TriggerDataMatching.MODULUS, 2**64 - 1, 7),
        ((0, 1), TriggerDataMatching.MODULUS, 2, 0),
        ((3, 9), TriggerDataMatching.EXACT, 9, 9),
        ((3, 9), TriggerDataMatching.EXACT, 4, None),
        ((), TriggerDataMatching.MODULUS, 0, None),
        ((), TriggerDataMatching.EXACT, 0, None),
    ],
)
def test_trigger_data_match_as_the_source_says(
    known: tuple[int, ...], matching: TriggerDataMatching, asked: int, found: int | None
) -> None:
    outcome = attribute(stored(a_source(trigger_data=known, trigger_data_matching=matching)), trigger_data=asked)
    if found is None:
        assert outcome.event_level is TriggerVerdict.EVENT_NO_MATCHING_TRIGGER_DATA
    else:
        assert report(outcome).trigger_data == found


@pytest.mark.parametrize(
    ("after", "due"),
    [
        (-HOUR, TriggerVerdict.EVENT_REPORT_WINDOW_NOT_STARTED),
        (HOUR - 1, TriggerVerdict.EVENT_REPORT_WINDOW_NOT_STARTED),
        (HOUR, 2 * DAY),
        (2 * DAY - 1, 2 * DAY),
        (2 * DAY, 7 * DAY),
        (7 * DAY - 1, 7 * DAY),
        (7 * DAY, TriggerVerdict.EVENT_REPORT_WINDOW_PASSED),
    ],
)
def test_windows_hold_their_start_and_not_their_end(after: int, due: int | TriggerVerdict) -> None:
    source = stored(a_source(event_report_windows=EventReportWindows(HOUR, (2 * DAY, 7 * DAY))))
    outcome = attribute(source, after=after)
    if isinstance(due, TriggerVerdict):
        assert outcome.event_level is due
    else:
        assert report(outcome).report_time == NOON + due


def test_in_debug_mode_the_report_is_due_at_once() -> None:
    outcome = trigger_outcome(an_event_trigger(), stored(), limits=replace(LIMITS, debug_mode=True))
    assert report(outcome).report_time == NOON + HOUR


# Store.


def full(made: int = 3) -> StoredSource:
    return stored(num_attributions=made)


def pending(*reports: tuple[int, int], due: int = DUE) -> dict[str, Any]:
    return {"pending_event_reports": tuple(PendingEventReport(place, due, priority) for place, priority in reports)}


def test_a_stored_report_counts_and_leaves_its_deduplication_key() -> None:
    part = stored_part(attribute(full(2), deduplication_key=4))
    assert (part.num_attributions, part.deduplication_key, part.replaced) == (3, 4, None)


def test_beyond_its_reports_a_source_with_none_pending_becomes_inactive() -> None:
    outcome = attribute(full())
    assert outcome.event_level is TriggerVerdict.EVENT_EXCESSIVE_REPORTS
    assert outcome.deactivate_event_level
    assert outcome.event_level_stored is None


def test_a_source_that_is_inactive_already_is_not_deactivated_again() -> None:
    assert not attribute(stored(event_level_active=False)).deactivate_event_level


def test_only_reports_of_the_same_window_can_be_replaced() -> None:
    outcome = attribute(full(), facts=pending((1, 0), due=NOON + 7 * DAY), priority=9)
    assert outcome.event_level is TriggerVerdict.EVENT_EXCESSIVE_REPORTS


@pytest.mark.parametrize("priority", [4, 5])
def test_a_priority_that_is_not_above_the_lowest_replaces_nothing(priority: int) -> None:
    outcome = attribute(full(), facts=pending((1, 9), (2, 5)), priority=priority)
    assert outcome.event_level is TriggerVerdict.EVENT_LOW_PRIORITY
    assert outcome.event_level_stored is None
    assert not outcome.deactivate_event_level


def test_a_higher_priority_replaces_the_lowest_and_the_count_stays() -> None:
    part = stored_part(attribute(full(), facts=pending((1, 9), (2, 5), (3, 7)), priority=6))
    assert part.replaced == 2
    assert part.num_attributions == 3


def test_of_several_lowest_the_one_stored_last_is_replaced() -> None:
    assert stored_part(attribute(full(), facts=pending((1, 5), (2, 5), (3, 7)), priority=6)).replaced == 2


def test_a_replacing_report_is_bound_by_no_limit() -> None:
    facts = pending((1, 0)) | {"event_attributions": 100, "pending_event_reports_of_destination": 1024}
    assert stored_part(attribute(full(), facts=facts, priority=1)).replaced == 1


# Noise.


def test_a_source_that_never_reports_counts_and_deduplicates_like_a_true_one() -> None:
    outcome = attribute(stored(attribution_logic=AttributionLogic.NEVER), deduplication_key=4)
    assert outcome.event_level is TriggerVerdict.EVENT_NOISE
    assert outcome.event_level_stored == EventLevelStored(1, 4, None)


@pytest.mark.parametrize("verdict", list(OBSTACLES)[1:], ids=str)
def test_a_source_that_never_reports_is_refused_like_a_true_one(verdict: TriggerVerdict) -> None:
    never = Obstacle({"attribution_logic": AttributionLogic.NEVER})
    assert outcome_of(OBSTACLES[verdict], never).event_level is verdict


def test_a_source_that_never_reports_has_no_success_debug_report() -> None:
    source = stored(a_source(debug_key=1), attribution_logic=AttributionLogic.NEVER)
    registration = replace(an_event_trigger(), debug_key=2)
    assert trigger_outcome(registration, source).debug_reports == ()

from dataclasses import dataclass, field, replace
from itertools import combinations
from typing import Any

import pytest

from agent.model.attribution_reporting.facts import AggregatableStored, StoredSource, TriggerOutcome
from agent.model.attribution_reporting.registrations import (
    AggregatableDeduplicationKey,
    AggregatableTriggerData,
    AggregatableValue,
    AggregatableValues,
    FilterConfig,
    Filters,
    NamedBudget,
    SourceRegistrationTime,
)
from agent.model.attribution_reporting.reports import AggregatableContent, Contribution
from agent.model.attribution_reporting.verdicts import TriggerVerdict
from agent.model.clock import DAY, HOUR, MINUTE
from tests.engines.attribution_reporting.registration_world import (
    ADTECH,
    LIMITS,
    NOON,
    SHOP,
    a_histogram_trigger,
    a_source,
    on_shop,
    stored,
    trigger_outcome,
)

NO_MATCH = Filters((FilterConfig({"source_type": frozenset({"event"})}),))
COORDINATOR = "https://publickeyservice.msmt.aws.privacysandboxservices.com"


def attribute(
    registration: dict[str, Any] | None = None,
    *,
    source: dict[str, Any] | None = None,
    trigger: dict[str, Any] | None = None,
    after: int = HOUR,
    facts: dict[str, Any] | None = None,
    limits: dict[str, Any] | None = None,
) -> TriggerOutcome:
    """What a trigger of 100 for the key ``a`` does, each part changed as told."""
    return trigger_outcome(
        a_histogram_trigger(**(trigger or {})),
        one_with_key(registration, **(source or {})),
        who=on_shop(now=NOON + after),
        limits=replace(LIMITS, **(limits or {})),
        **(facts or {}),
    )


def one_with_key(registration: dict[str, Any] | None = None, **changes: Any) -> StoredSource:
    return stored(a_source(**({"aggregation_keys": {"a": 0x5}} | (registration or {}))), **changes)


def stored_part(outcome: TriggerOutcome) -> AggregatableStored:
    assert outcome.aggregatable_stored is not None
    return outcome.aggregatable_stored


def histogram(outcome: TriggerOutcome) -> list[tuple[int, int, int]]:
    return [(one.bucket, one.value, one.filtering_id) for one in stored_part(outcome).report.contributions]


def test_a_report_says_what_source_and_trigger_say() -> None:
    assert stored_part(attribute()).report == AggregatableContent(
        reporting_origin=ADTECH,
        report_id="report-1",
        attribution_destination=SHOP,
        report_time=NOON + HOUR + 5 * MINUTE,
        coordinator=COORDINATOR,
        contributions=(Contribution(0x405, 100),),
    )


# The order of checks.


@dataclass(frozen=True)
class Obstacle:
    """What makes a trigger fail one check."""

    registration: dict[str, Any] = field(default_factory=dict)
    source: dict[str, Any] = field(default_factory=dict)
    facts: dict[str, Any] = field(default_factory=dict)


OBSTACLES = {
    TriggerVerdict.AGGREGATE_REPORT_WINDOW_PASSED: Obstacle({"aggregatable_report_window": HOUR}),
    TriggerVerdict.AGGREGATE_DEDUPLICATED: Obstacle(facts={"aggregatable_deduplication_keys": frozenset({4})}),
    TriggerVerdict.AGGREGATE_NO_CONTRIBUTIONS: Obstacle({"aggregation_keys": {"b": 1}}),
    TriggerVerdict.AGGREGATE_STORAGE_LIMIT: Obstacle(facts={"pending_aggregatable_reports_of_destination": 1024}),
    TriggerVerdict.AGGREGATE_ATTRIBUTIONS_PER_SOURCE_DESTINATION_LIMIT: Obstacle(
        facts={"aggregatable_attributions": 100}
    ),
    TriggerVerdict.REPORTING_ORIGIN_LIMIT: Obstacle(
        facts={"attribution_reporting_origins": frozenset(f"https://r{one}.test" for one in range(10))}
    ),
    TriggerVerdict.AGGREGATE_EXCESSIVE_REPORTS: Obstacle(source={"num_aggregatable_reports": 20}),
    TriggerVerdict.AGGREGATE_INSUFFICIENT_BUDGET: Obstacle(source={"remaining_aggregatable_budget": 99}),
    TriggerVerdict.AGGREGATE_INSUFFICIENT_NAMED_BUDGET: Obstacle(source={"remaining_named_budgets": {"n": 99}}),
}
"""In Chromium's order."""


def outcome_of(*obstacles: Obstacle) -> TriggerOutcome:
    registration: dict[str, Any] = {"named_budgets": {"n": 500}}
    source: dict[str, Any] = {}
    facts: dict[str, Any] = {}
    for one in obstacles:
        registration |= one.registration
        source |= one.source
        facts |= one.facts
    trigger = {
        "aggregatable_deduplication_keys": (AggregatableDeduplicationKey(4),),
        "named_budgets": (NamedBudget("n"),),
    }
    return attribute(registration, source=source, facts=facts, trigger=trigger)


@pytest.mark.parametrize("verdict", OBSTACLES, ids=str)
def test_each_refusal_has_its_name(verdict: TriggerVerdict) -> None:
    outcome = outcome_of(OBSTACLES[verdict])
    assert outcome.aggregatable is verdict
    assert outcome.aggregatable_stored is None


@pytest.mark.parametrize(("first", "second"), list(combinations(OBSTACLES, 2)), ids=str)
def test_of_two_refusals_the_first_in_order_decides(first: TriggerVerdict, second: TriggerVerdict) -> None:
    assert outcome_of(OBSTACLES[second], OBSTACLES[first]).aggregatable is first


@pytest.mark.parametrize(
    "near",
    [
        Obstacle({"aggregatable_report_window": HOUR + 1}),
        Obstacle(facts={"aggregatable_deduplication_keys": frozenset({5})}),
        Obstacle(facts={"pending_aggregatable_reports_of_destination": 1023}),
        Obstacle(facts={"aggregatable_attributions": 99}),
        Obstacle(source={"num_aggregatable_reports": 19}),
        Obstacle(source={"remaining_aggregatable_budget": 100}),
        Obstacle(source={"remaining_named_budgets": {"n": 100}}),
    ],
)
def test_up_to_the_limit_nothing_refuses(near: Obstacle) -> None:
    assert outcome_of(near).aggregatable is None


# Contributions.


def test_key_pieces_of_source_and_trigger_are_ored_in_the_order_of_the_sources_keys() -> None:
    outcome = attribute(
        {"aggregation_keys": {"a": 0x1, "b": 0x2, "c": 0x4}},
        trigger={
            "aggregatable_trigger_data": (
                AggregatableTriggerData(0x10, frozenset({"a", "b"})),
                AggregatableTriggerData(0x20, frozenset({"b", "unknown"})),
                AggregatableTriggerData(0x40, frozenset({"b"}), NO_MATCH),
            ),
            "aggregatable_values": (
                AggregatableValues(
                    {"c": AggregatableValue(3), "b": AggregatableValue(2, 9), "z": AggregatableValue(5)}
                ),
            ),
        },
    )
    assert histogram(outcome) == [(0x32, 2, 9), (0x4, 3, 0)]
    assert stored_part(outcome).spent == 5


def test_the_greatest_bucket_is_128_bits() -> None:
    outcome = attribute({"aggregation_keys": {"a": 2**128 - 1}})
    assert histogram(outcome) == [(2**128 - 1, 100, 0)]


def test_the_first_values_that_match_count_even_if_they_are_empty() -> None:
    values = (
        AggregatableValues({"a": AggregatableValue(1)}, NO_MATCH),
        AggregatableValues({"a": AggregatableValue(2)}),
        AggregatableValues({"a": AggregatableValue(3)}),
    )
    assert histogram(attribute(trigger={"aggregatable_values": values})) == [(0x405, 2, 0)]
    empty = (AggregatableValues({}), *values[1:])
    refused = attribute(trigger={"aggregatable_values": empty})
    assert refused.aggregatable is TriggerVerdict.AGGREGATE_NO_CONTRIBUTIONS
    none = attribute(trigger={"aggregatable_values": values[:1]})
    assert none.aggregatable is TriggerVerdict.AGGREGATE_NO_CONTRIBUTIONS


def test_the_first_deduplication_key_that_matches_counts_even_if_it_is_none() -> None:
    keys = (AggregatableDeduplicationKey(1, NO_MATCH), AggregatableDeduplicationKey(2), AggregatableDeduplicationKey(3))
    known = {"aggregatable_deduplication_keys": frozenset({1, 3})}
    outcome = attribute(trigger={"aggregatable_deduplication_keys": keys}, facts=known)
    assert stored_part(outcome).deduplication_key == 2
    without = (AggregatableDeduplicationKey(), *keys)
    outcome = attribute(trigger={"aggregatable_deduplication_keys": without}, facts=known)
    assert stored_part(outcome).deduplication_key is None


# Budgets.


def test_the_whole_budget_can_be_spent_at_once() -> None:
    values = (AggregatableValues({"a": AggregatableValue(65_536)}),)
    assert stored_part(attribute(trigger={"aggregatable_values": values})).spent == 65_536


@pytest.mark.parametrize(
    ("named", "charged"),
    [
        ((NamedBudget("n"),), "n"),
        ((NamedBudget("n", NO_MATCH), NamedBudget("m")), "m"),
        ((NamedBudget("unknown"), NamedBudget("n")), None),
        ((NamedBudget(), NamedBudget("n")), None),
        ((NamedBudget("n", NO_MATCH),), None),
        ((), None),
    ],
    ids=["known", "first that matches", "unknown name", "no name", "no match", "none"],
)
def test_the_first_named_budget_that_matches_is_charged(named: tuple[NamedBudget, ...], charged: str | None) -> None:
    outcome = attribute({"named_budgets": {"n": 500, "m": 500}}, trigger={"named_budgets": named})
    assert stored_part(outcome).named_budget == charged


def test_a_named_budget_of_0_blocks_everything() -> None:
    outcome = attribute({"named_budgets": {"n": 0}}, trigger={"named_budgets": (NamedBudget("n"),)})
    assert outcome.aggregatable is TriggerVerdict.AGGREGATE_INSUFFICIENT_NAMED_BUDGET


# What makes a report unconditional, and its consequences.


def test_a_trigger_context_id_is_carried_not_counted_and_sent_at_once() -> None:
    outcome = attribute(trigger={"trigger_context_id": "c"}, source={"num_aggregatable_reports": 20})
    part = stored_part(outcome)
    assert part.report.trigger_context_id == "c"
    assert part.report.report_time == NOON + HOUR
    assert not part.counts
    assert stored_part(attribute()).counts


def test_wider_filtering_ids_send_the_report_at_once_and_it_counts() -> None:
    part = stored_part(attribute(trigger={"aggregatable_filtering_id_max_bytes": 2}))
    assert part.report.report_time == NOON + HOUR
    assert part.report.filtering_id_max_bytes == 2
    assert part.counts


def test_the_delay_lies_between_its_settings() -> None:
    limits = {"aggregatable_report_min_delay": 10 * MINUTE, "aggregatable_report_delay_span": 50 * MINUTE}
    assert stored_part(attribute(limits=limits)).report.report_time == NOON + HOUR + 35 * MINUTE


def test_in_debug_mode_the_report_is_due_at_once() -> None:
    assert stored_part(attribute(limits={"debug_mode": True})).report.report_time == NOON + HOUR


def test_the_source_registration_time_is_told_by_the_day_where_it_is_included() -> None:
    include = {"aggregatable_source_registration_time": SourceRegistrationTime.INCLUDE}
    assert stored_part(attribute(trigger=include, after=DAY)).report.source_registration_time == NOON - 12 * HOUR
    assert stored_part(attribute()).report.source_registration_time is None


def test_the_trigger_names_the_coordinator() -> None:
    outcome = attribute(trigger={"aggregation_coordinator_origin": "https://coordinator.test"})
    assert stored_part(outcome).report.coordinator == "https://coordinator.test"

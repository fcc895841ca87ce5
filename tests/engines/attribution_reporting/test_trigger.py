from dataclasses import replace
from typing import Any

import pytest

from agent.model.attribution_reporting.facts import AttributionLogic, TriggerOutcome
from agent.model.attribution_reporting.registrations import (
    AggregatableTriggerData,
    AggregatableValue,
    AggregatableValues,
    EventTriggerData,
    FilterConfig,
    Filters,
    TriggerRegistration,
)
from agent.model.attribution_reporting.reports import AggregatableContent, EventLevelContent
from agent.model.attribution_reporting.verdicts import TriggerVerdict
from agent.model.clock import DAY
from tests.engines.attribution_reporting.registration_world import (
    ADTECH,
    NOON,
    FedChance,
    a_histogram_trigger,
    a_source,
    an_event_trigger,
    on_news,
    on_shop,
    stored,
    trigger_outcome,
)

SOURCE = stored(a_source(aggregation_keys={"a": 0x5}))
BOTH = a_histogram_trigger(event_trigger_data=(EventTriggerData(1),))
NO_MATCH = Filters((FilterConfig({"source_type": frozenset({"event"})}),))
TEN_ORIGINS = frozenset(f"https://r{one}.test" for one in range(10))


def verdicts(outcome: TriggerOutcome) -> tuple[TriggerVerdict | None, TriggerVerdict | None]:
    return outcome.event_level, outcome.aggregatable


def test_a_trigger_for_both_makes_both_reports() -> None:
    outcome = trigger_outcome(BOTH, SOURCE)
    assert verdicts(outcome) == (None, None)
    assert outcome.event_level_stored is not None
    assert outcome.aggregatable_stored is not None
    assert all(check.passed for check in outcome.trace.checks)


def test_a_trigger_that_registers_nothing_does_nothing_at_all() -> None:
    chance = FedChance(null_days=frozenset({0}))
    registration = TriggerRegistration(trigger_context_id="c", debug_reporting=True)
    outcome = trigger_outcome(registration, SOURCE, chance=chance)
    assert outcome == TriggerOutcome(outcome.trace)
    assert chance.ids == 0


@pytest.mark.parametrize(
    ("registration", "expected"),
    [
        (BOTH, (TriggerVerdict.NO_MATCHING_SOURCE, TriggerVerdict.NO_MATCHING_SOURCE)),
        (an_event_trigger(), (TriggerVerdict.NO_MATCHING_SOURCE, None)),
        (a_histogram_trigger(), (None, TriggerVerdict.NO_MATCHING_SOURCE)),
        (
            TriggerRegistration(aggregatable_trigger_data=(AggregatableTriggerData(1),)),
            (None, TriggerVerdict.NO_MATCHING_SOURCE),
        ),
    ],
    ids=["both", "event-level alone", "aggregatable alone", "aggregatable data without values"],
)
def test_without_a_source_each_branch_that_is_registered_has_no_match(
    registration: TriggerRegistration, expected: tuple[TriggerVerdict | None, TriggerVerdict | None]
) -> None:
    outcome = trigger_outcome(registration)
    assert verdicts(outcome) == expected
    assert not outcome.deactivate_others


def test_top_level_filters_refuse_both_branches_and_the_other_sources_stay() -> None:
    outcome = trigger_outcome(replace(BOTH, filters=NO_MATCH), SOURCE)
    assert verdicts(outcome) == (TriggerVerdict.NO_MATCHING_FILTER_DATA,) * 2
    assert not outcome.deactivate_others


def test_once_the_filters_match_the_other_sources_are_deactivated_whatever_follows() -> None:
    refused = trigger_outcome(an_event_trigger(filters=NO_MATCH), SOURCE)
    assert refused.event_level is TriggerVerdict.EVENT_NO_MATCHING_CONFIGURATIONS
    assert refused.deactivate_others
    assert trigger_outcome(BOTH, SOURCE).deactivate_others


# The limit on reporting origins stands between the two halves of each branch.


def test_a_new_reporting_origin_beyond_the_limit_fails_both_branches() -> None:
    outcome = trigger_outcome(BOTH, SOURCE, attribution_reporting_origins=TEN_ORIGINS)
    assert verdicts(outcome) == (TriggerVerdict.REPORTING_ORIGIN_LIMIT,) * 2
    assert outcome.event_level_stored is None
    assert outcome.aggregatable_stored is None


@pytest.mark.parametrize(
    "origins", [frozenset(sorted(TEN_ORIGINS)[:9]), TEN_ORIGINS | {ADTECH}], ids=["room for one", "known"]
)
def test_a_reporting_origin_within_the_limit_or_known_attributes(origins: frozenset[str]) -> None:
    assert verdicts(trigger_outcome(BOTH, SOURCE, attribution_reporting_origins=origins)) == (None, None)


def test_a_branch_that_failed_before_keeps_its_reason() -> None:
    early = replace(BOTH, event_trigger_data=(EventTriggerData(1, filters=NO_MATCH),))
    outcome = trigger_outcome(early, SOURCE, attribution_reporting_origins=TEN_ORIGINS)
    assert verdicts(outcome) == (
        TriggerVerdict.EVENT_NO_MATCHING_CONFIGURATIONS,
        TriggerVerdict.REPORTING_ORIGIN_LIMIT,
    )
    late = trigger_outcome(BOTH, stored(a_source()), attribution_reporting_origins=TEN_ORIGINS, event_attributions=100)
    assert verdicts(late) == (TriggerVerdict.REPORTING_ORIGIN_LIMIT, TriggerVerdict.AGGREGATE_NO_CONTRIBUTIONS)


def test_where_both_branches_failed_before_the_limit_is_not_looked_at() -> None:
    outcome = trigger_outcome(
        replace(BOTH, event_trigger_data=(EventTriggerData(1, filters=NO_MATCH),)),
        stored(a_source()),
        attribution_reporting_origins=TEN_ORIGINS,
    )
    assert verdicts(outcome) == (
        TriggerVerdict.EVENT_NO_MATCHING_CONFIGURATIONS,
        TriggerVerdict.AGGREGATE_NO_CONTRIBUTIONS,
    )


def test_the_branches_do_not_depend_on_each_other() -> None:
    noised = replace(SOURCE, attribution_logic=AttributionLogic.FALSELY)
    outcome = trigger_outcome(BOTH, noised)
    assert outcome.event_level is TriggerVerdict.EVENT_NOISE
    assert outcome.aggregatable_stored is not None
    poor = replace(SOURCE, remaining_aggregatable_budget=0)
    outcome = trigger_outcome(BOTH, poor)
    assert outcome.event_level_stored is not None
    assert outcome.aggregatable is TriggerVerdict.AGGREGATE_INSUFFICIENT_BUDGET


# Debug keys and success debug reports.


@pytest.mark.parametrize(
    ("source_key", "trigger_key", "permission", "shown"),
    [
        (11, 22, True, (11, 22)),
        (None, 22, True, (None, None)),
        (11, None, True, (None, None)),
        (11, 22, False, (None, None)),
        (0, 0, True, (0, 0)),
    ],
    ids=["both", "no source key", "no trigger key", "not permitted at the trigger", "both zero"],
)
def test_reports_have_both_debug_keys_or_neither(
    source_key: int | None, trigger_key: int | None, permission: bool, shown: tuple[int | None, int | None]
) -> None:
    source = stored(a_source(aggregation_keys={"a": 0x5}, debug_key=source_key))
    outcome = trigger_outcome(replace(BOTH, debug_key=trigger_key), source, who=on_shop(debug_permission=permission))
    assert outcome.event_level_stored is not None
    assert outcome.event_level_stored.report is not None
    assert outcome.aggregatable_stored is not None
    for report in (outcome.event_level_stored.report, outcome.aggregatable_stored.report):
        assert (report.source_debug_key, report.trigger_debug_key) == shown
    copies = 2 if shown[0] is not None else 0
    assert len(outcome.debug_reports) == copies


def test_a_copy_with_the_same_id_and_time_goes_out_at_once() -> None:
    source = stored(a_source(aggregation_keys={"a": 0x5}, debug_key=1))
    outcome = trigger_outcome(replace(BOTH, debug_key=2), source, who=on_shop(fenced=True))
    assert outcome.event_level_stored is not None
    assert outcome.event_level_stored.report is not None
    assert outcome.aggregatable_stored is not None
    assert outcome.debug_reports == (
        replace(outcome.event_level_stored.report, debug_copy=True),
        replace(outcome.aggregatable_stored.report, debug_copy=True),
    )


def test_null_reports_have_neither_debug_keys_nor_copies() -> None:
    registration = replace(a_histogram_trigger(), debug_key=2, trigger_context_id="c")
    outcome = trigger_outcome(registration)
    (null,) = outcome.null_reports
    assert null.source_debug_key is None
    assert null.trigger_debug_key is None
    assert outcome.debug_reports == ()


# The worked example of the explainer.


def test_the_explainers_example_makes_0x559_of_32768_and_0xa85_of_1664() -> None:
    source = stored(
        a_source(
            aggregation_keys={"campaignCounts": 0x159, "geoValue": 0x5},
            aggregatable_report_window=DAY,
        )
    )
    registration = TriggerRegistration(
        aggregatable_trigger_data=(
            AggregatableTriggerData(0x400, frozenset({"campaignCounts"})),
            AggregatableTriggerData(0xA80, frozenset({"geoValue", "nonMatchingKeyIdsIgnored"})),
        ),
        aggregatable_values=(
            AggregatableValues({"campaignCounts": AggregatableValue(32768), "geoValue": AggregatableValue(1664)}),
        ),
    )
    outcome = trigger_outcome(registration, source)
    assert outcome.aggregatable_stored is not None
    histogram = [(one.bucket, one.value) for one in outcome.aggregatable_stored.report.contributions]
    assert histogram == [(0x559, 32768), (0xA85, 1664)]
    assert outcome.aggregatable_stored.spent == 34432


# Verbose debug reports.


def told(registration: TriggerRegistration, source: Any = None, **facts: Any) -> list[tuple[str, dict[str, Any]]]:
    outcome = trigger_outcome(replace(registration, debug_reporting=True), source, **facts)
    reports = [one for one in outcome.debug_reports if not isinstance(one, EventLevelContent | AggregatableContent)]
    return [(item.type, item.body) for report in reports for item in report.items]


def test_success_is_not_told() -> None:
    assert told(BOTH, SOURCE) == []


def test_one_reason_of_both_branches_is_told_once() -> None:
    assert [name for name, _ in told(BOTH)] == ["trigger-no-matching-source"]


def test_two_reasons_are_told_event_level_first() -> None:
    source = replace(SOURCE, event_level_active=False, remaining_aggregatable_budget=0)
    assert [name for name, _ in told(BOTH, source)] == [
        "trigger-event-excessive-reports",
        "trigger-aggregate-insufficient-budget",
    ]


def test_both_source_and_trigger_must_have_been_permitted() -> None:
    no_match = replace(BOTH, filters=NO_MATCH)
    assert told(no_match, SOURCE)
    assert not told(no_match, replace(SOURCE, registrant=on_news(debug_permission=False)))
    assert not told(no_match, SOURCE, who=on_shop(debug_permission=False))
    assert not told(no_match, SOURCE, who=on_shop(fenced=True))


def test_nothing_is_told_unasked() -> None:
    assert trigger_outcome(replace(BOTH, filters=NO_MATCH), SOURCE).debug_reports == ()


# The trace.


def test_the_trace_ends_a_branch_where_it_failed() -> None:
    outcome = trigger_outcome(an_event_trigger(), replace(SOURCE, event_level_active=False))
    stopped = outcome.trace.stopped_at
    assert stopped is not None
    assert stopped is outcome.trace.checks[-1]
    assert stopped.rule == "event-level reports of the source"
    assert stopped.fix


def test_the_trace_of_no_match_names_origin_destination_and_scopes() -> None:
    registration = replace(BOTH, attribution_scopes=("blue", "red"))
    stopped = trigger_outcome(registration, who=on_shop(now=NOON)).trace.stopped_at
    assert stopped is not None
    assert "https://adtech.test" in stopped.detail
    assert "https://shop.test" in stopped.detail
    assert "blue, red" in stopped.detail

"""Conditional contributions, where errors are reported (private-aggregation section 3, real Chromium with the flag)."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from agent.engines.private_aggregation.batches import BatchFacts, Decision, decide
from agent.model.private_aggregation import BatchVerdict, DebugDetails, ErrorEvent, PrivateAggregationConfig
from agent.model.rng import SeededRng
from tests.engines.private_aggregation.contributing import (
    CONTEXT,
    DEBUG,
    LIMITS,
    NOON,
    WITH_EVENTS,
    batch,
    calls,
    on_events,
)

SUCCESS, TOO_MANY, EMPTY, PENDING, BUDGET, TIMEOUT, UNCAUGHT = (1001, 1002, 1003, 1004, 1005, 1006, 1007)
"""The buckets of the contributions that wait for each event."""
ALL = on_events()


def decided(*entries: tuple[int, int], facts: BatchFacts | None = None, **changes: Any) -> Decision:
    asked = batch(*entries, **{"conditional": ALL, **changes})
    return decide(asked, facts or BatchFacts(), WITH_EVENTS, now=NOON, rng=SeededRng(1))


def buckets(decision: Decision) -> list[int]:
    assert decision.report is not None
    return [one.bucket for one in decision.report.contributions]


def test_the_events_stand_in_the_order_of_the_explainer() -> None:
    assert [event.removeprefix("reserved.") for event in ErrorEvent] == [
        "report-success",
        "too-many-contributions",
        "empty-report-dropped",
        "pending-report-limit-reached",
        "insufficient-budget",
        "contribution-timeout-reached",
        "uncaught-error",
    ]


def test_a_report_that_lost_nothing_is_a_success() -> None:
    decision = decided((1, 1))
    assert buckets(decision) == [SUCCESS, 1]
    assert decision.spent == 2
    assert decision.trace.stopped_at is None
    rules = {check.rule: check.detail for check in decision.trace.checks}
    assert rules["error events"] == "reserved.report-success; 1 contribution for them"
    assert "what the budgets afford" not in rules


def test_an_uncaught_error_without_contributions_reports_the_error_and_that_the_report_was_empty() -> None:
    assert buckets(decided(uncaught_error=True)) == [EMPTY, UNCAUGHT]


def test_an_uncaught_error_after_a_contribution_is_no_failure_of_the_report() -> None:
    assert buckets(decided((1, 1), uncaught_error=True)) == [SUCCESS, UNCAUGHT, 1]


def test_of_30_buckets_the_events_contribution_and_the_first_19_are_left() -> None:
    decision = decided(*((bucket, 1) for bucket in range(1, 31)))
    assert buckets(decision) == [TOO_MANY, *range(1, 20)]
    assert decision.spent == 2 + 19


def test_entries_stand_in_call_order_and_not_sorted() -> None:
    assert buckets(decided((9, 1), (3, 1), (9, 1), (5, 1), conditional=())) == [9, 3, 5]


def test_a_conditional_contribution_merges_with_calls_of_its_bucket_at_its_own_place() -> None:
    report = decided((7, 1), (SUCCESS, 5)).report
    assert report is not None
    assert report.contributions == calls((SUCCESS, 6), (7, 1))


def test_an_operation_without_contributions_reports_that_alone() -> None:
    assert buckets(decided()) == [EMPTY]


def test_without_conditional_contributions_an_empty_report_is_dropped() -> None:
    decision = decided(conditional=on_events([ErrorEvent.UNCAUGHT_ERROR]))
    assert (decision.verdict, decision.report) == (BatchVerdict.EMPTY, None)


def test_where_a_report_leaves_in_any_case_it_is_not_dropped_for_being_empty() -> None:
    assert buckets(decided(config=CONTEXT)) == [SUCCESS]


def test_too_little_budget_for_all_is_also_an_empty_report() -> None:
    decision = decided((1, 65_536), facts=BatchFacts(use={NOON: 100}))
    assert buckets(decision) == [EMPTY, BUDGET]


def test_the_budget_is_applied_contribution_by_contribution() -> None:
    decision = decided((1, 40_000), (2, 40_000), (3, 20_000))
    assert buckets(decision) == [BUDGET, 1, 3]
    assert decision.spent == 5 + 60_000
    (told,) = [check for check in decision.trace.checks if check.rule == "what the budgets afford"]
    assert told.detail == "3 of 4 pairs, each by itself"


def test_conditional_contributions_take_the_budget_first() -> None:
    decision = decided((1, 65_536))
    assert buckets(decision) == [SUCCESS]
    assert decision.spent == 1


def test_too_little_budget_for_any_contribution_drops_the_report() -> None:
    decision = decided((1, 5), facts=BatchFacts(use={NOON: 65_536}))
    assert (decision.verdict, decision.report, decision.spent) == (BatchVerdict.INSUFFICIENT_BUDGET, None, 0)


def test_a_null_report_keeps_debug_mode() -> None:
    for entries in ((), ((1, 65_537),)):
        decision = decided(*entries, conditional=(), config=CONTEXT, debug=DEBUG)
        assert decision.verdict is BatchVerdict.NULL_REPORT
        assert decision.report is not None
        assert decision.report.debug == DEBUG
        assert decision.debug_copy is not None


@pytest.mark.parametrize(("pending", "reached"), [(998, False), (999, True)])
def test_the_limit_of_pending_reports_is_reached_with_the_last_that_is_stored(pending: int, reached: bool) -> None:
    decision = decided((1, 1), facts=BatchFacts(pending_reports=pending))
    assert buckets(decision) == [PENDING if reached else SUCCESS, 1]


def test_a_timeout_is_told_beside_success() -> None:
    assert buckets(decided((1, 1), config=CONTEXT, timed_out=True)) == [SUCCESS, TIMEOUT, 1]


def test_a_conditional_value_of_0_is_dropped() -> None:
    zero = replace(ALL[0], contribution=calls((SUCCESS, 0))[0])
    assert buckets(decided((1, 1), conditional=(zero,))) == [1]


def test_conditional_contributions_count_for_the_length_of_a_report() -> None:
    config = PrivateAggregationConfig(max_contributions=2)
    assert buckets(decided((1, 1), (2, 1), config=config)) == [SUCCESS, 1]


def test_without_the_switch_conditional_contributions_come_to_nothing() -> None:
    asked = batch((9, 1), (3, 1), conditional=ALL, uncaught_error=True)
    decision = decide(asked, BatchFacts(), LIMITS, now=NOON, rng=SeededRng(1))
    assert buckets(decision) == [3, 9]
    empty = decide(
        batch(conditional=ALL, config=CONTEXT, debug=DEBUG), BatchFacts(), LIMITS, now=NOON, rng=SeededRng(1)
    )
    assert empty.report is not None
    assert (empty.report.contributions, empty.report.debug) == ((), DebugDetails())

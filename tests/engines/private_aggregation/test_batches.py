"""What becomes of a batch (private-aggregation section 3, scenarios 28 to 37)."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import Any

import pytest

from agent.engines.private_aggregation.batches import BatchFacts, Decision, decide
from agent.model.attribution_reporting.reports import Contribution
from agent.model.clock import DAY, MINUTE
from agent.model.events import Check
from agent.model.private_aggregation import Batch, BatchVerdict, DebugDetails, PrivateAggregationConfig
from agent.model.private_aggregation_limits import PrivateAggregationLimits
from agent.model.rng import SeededRng
from tests.engines.private_aggregation.contributing import (
    CONTEXT,
    COORDINATOR,
    DEBUG,
    LIMITS,
    NOON,
    ORIGIN,
    PROTECTED_AUDIENCE,
    PUBLISHER,
    batch,
    calls,
)

UUID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}")


def decided(
    of: Batch, facts: BatchFacts | None = None, *, limits: PrivateAggregationLimits = LIMITS, now: int = NOON
) -> Decision:
    return decide(of, facts or BatchFacts(), limits, now=now, rng=SeededRng(1))


def sent(decision: Decision) -> tuple[Contribution, ...]:
    assert decision.report is not None
    return decision.report.contributions


def stop(decision: Decision) -> Check:
    check = decision.trace.stopped_at
    assert check is not None
    return check


def check(decision: Decision, rule: str) -> Check:
    (found,) = [one for one in decision.trace.checks if one.rule == rule]
    return found


def left_nothing(decision: Decision) -> bool:
    return (decision.report, decision.debug_copy, decision.spent) == (None, None, 0)


# Reports.


def test_a_batch_becomes_one_report_of_its_reporting_origin() -> None:
    decision = decided(batch((1234, 128)))
    report = decision.report
    assert report is not None
    assert decision.verdict is BatchVerdict.REPORT_SCHEDULED
    assert decision.spent == 128
    assert (report.reporting_origin, report.coordinator) == (ORIGIN, COORDINATOR)
    assert report.contributions == calls((1234, 128))
    assert (report.max_contributions, report.filtering_id_max_bytes, report.context_id) == (20, 1, None)
    assert (report.debug, report.debug_copy, decision.debug_copy) == (DebugDetails(), False, None)
    assert UUID.fullmatch(report.report_id)
    assert decision.trace.stopped_at is None


def test_every_report_has_an_id_of_its_own() -> None:
    rng = SeededRng(1)
    reports = [decide(batch((1, 1)), BatchFacts(), LIMITS, now=NOON, rng=rng).report for _ in range(20)]
    assert len({report.report_id for report in reports if report is not None}) == 20


def test_scenario_30_contributions_are_merged_and_sorted_by_bucket_and_id() -> None:
    tens = [(bucket, 10) for bucket in (9, 3, 7, 3, 2**100, 5, 9)]
    assert sent(decided(batch(*tens, (3, 1, 2), (3, 1, 1)))) == calls(
        (3, 20), (3, 1, 1), (3, 1, 2), (5, 10), (7, 10), (9, 20), (2**100, 10)
    )


def test_scenario_31_the_first_20_buckets_made_are_reported_and_the_others_told() -> None:
    decision = decided(batch(*((bucket, 1) for bucket in range(30, 0, -1))))
    assert sent(decision) == calls(*((bucket, 1) for bucket in range(11, 31)))
    assert decision.spent == 20
    dropped = check(decision, "at most 20 contributions")
    assert (dropped.passed, dropped.detail) == (
        False,
        "10 calls after the first 20 pairs dropped: buckets 10, 9, 8, 7, 6, ...",
    )


@pytest.mark.parametrize(
    ("made", "told"),
    [(21, "1 call after the first 20 pairs dropped: buckets 20"), (25, "buckets 20, 21, 22, 23, 24")],
)
def test_as_many_dropped_buckets_are_named_as_are_worth_a_line(made: int, told: str) -> None:
    decision = decided(batch(*((bucket, 1) for bucket in range(made))))
    assert check(decision, "at most 20 contributions").detail.endswith(told)


@pytest.mark.parametrize(
    ("made", "told"),
    [
        ([(1, 5)], "1 call: 1 pair of bucket and filteringId, sum 5"),
        ([(1, 5), (1, 2_000), (2, 0)], "3 calls, 1 of them with value 0: 1 pair of bucket and filteringId, sum 2,005"),
        ([(1, 0)], "1 call, 1 of them with value 0"),
    ],
)
def test_what_was_contributed_is_told(made: list[tuple[int, int]], told: str) -> None:
    assert check(decided(batch(*made)), "contributions").detail == told


def test_max_contributions_sets_how_many_are_kept_and_padded_to() -> None:
    made = [(bucket, 1) for bucket in range(25)]
    for number, kept in ((30, 25), (5, 5)):
        report = decided(batch(*made, config=PrivateAggregationConfig(max_contributions=number))).report
        assert report is not None
        assert (len(report.contributions), report.max_contributions) == (kept, number)


def test_protected_audience_reports_100() -> None:
    report = decided(batch(*((bucket, 1) for bucket in range(120)), api=PROTECTED_AUDIENCE)).report
    assert report is not None
    assert (len(report.contributions), report.max_contributions) == (100, 100)


def test_a_coordinator_that_was_named_is_the_reports() -> None:
    report = decided(batch((1, 1), config=PrivateAggregationConfig(coordinator="https://second.test"))).report
    assert report is not None
    assert report.coordinator == "https://second.test"


# Nothing to report.


@pytest.mark.parametrize("made", [[], [(8, 0)], [(8, 0), (9, 0)]])
def test_without_a_value_above_0_nothing_is_sent(made: list[tuple[int, int]]) -> None:
    decision = decided(batch(*made, debug=DEBUG))
    assert decision.verdict is BatchVerdict.EMPTY
    assert left_nothing(decision)
    assert stop(decision).rule == "contributions"
    assert decision.trace.checks[-1] == check(decision, "null report")
    assert not check(decision, "null report").passed
    assert f"{len(made)} call" in stop(decision).detail


@pytest.mark.parametrize(
    "config", [CONTEXT, PrivateAggregationConfig(filtering_id_max_bytes=3), PrivateAggregationConfig(None, 1, None, 30)]
)
def test_scenarios_33_and_34_a_null_report_without_debug_mode_is_sent_where_one_leaves_in_any_case(
    config: PrivateAggregationConfig,
) -> None:
    decision = decided(batch((8, 0), config=config, debug=DEBUG))
    assert (decision.verdict, decision.spent, decision.debug_copy) == (BatchVerdict.NULL_REPORT, 0, None)
    report = decision.report
    assert report is not None
    assert (report.contributions, report.debug) == ((), DebugDetails())
    assert (report.context_id, report.filtering_id_max_bytes) == (config.context_id, config.filtering_id_max_bytes)
    assert report.scheduled_report_time == NOON + 5_100


def test_protected_audience_sends_no_null_report() -> None:
    decision = decided(batch(api=PROTECTED_AUDIENCE, config=CONTEXT))
    assert decision.verdict is BatchVerdict.EMPTY
    assert check(decision, "null report").detail == "never with protected-audience"


# Budgets.


@pytest.mark.parametrize("value", [65_535, 65_536])
def test_exactly_65536_passes(value: int) -> None:
    decision = decided(batch((1, value)))
    assert (decision.verdict, decision.spent) == (BatchVerdict.REPORT_SCHEDULED, value)
    assert check(decision, "budget of 10 minutes").detail == f"65,536 - 0 = 65,536 left, {value:,} wanted"


def test_what_would_fit_into_an_untouched_budget_is_advised_to_wait() -> None:
    decision = decided(batch((1, 65_536)), BatchFacts(use={NOON: 1}))
    assert stop(decision).fix == "contribute smaller values, or wait: what was spent counts for 10 minutes"


@pytest.mark.parametrize("made", [[(1, 65_537)], [(1, 40_000), (2, 40_000)], [(1, 2**31 - 1)]])
def test_more_than_65536_is_never_sent_and_nothing_of_it_is_spent(made: list[tuple[int, int]]) -> None:
    decision = decided(batch(*made, debug=DEBUG))
    assert decision.verdict is BatchVerdict.INSUFFICIENT_BUDGET
    assert left_nothing(decision)
    over = sum(value for _, value in made) - 65_536
    assert f"{over:,} too many" in check(decision, "budget of 10 minutes").detail
    assert check(decision, "budget of 10 minutes").fix == "contribute at most 65,536 in all"


def test_scenario_35_a_batch_that_does_not_fit_is_dropped_whole_and_told_by_how_far() -> None:
    decision = decided(batch((1, 1), (2, 10_999)), BatchFacts(use={NOON - 9 * MINUTE: 60_000}))
    assert decision.verdict is BatchVerdict.INSUFFICIENT_BUDGET
    assert left_nothing(decision)
    assert stop(decision).detail == "65,536 - 60,000 = 5,536 left, 11,000 wanted: 5,464 too many"
    assert "10 minutes" in stop(decision).fix
    assert decision.trace.checks[-1] == check(decision, "null report")


def test_scenario_35_ten_minutes_later_the_budget_is_back() -> None:
    facts = BatchFacts(use={NOON: 65_536})
    assert decided(batch((1, 1)), facts, now=NOON + 10 * MINUTE - 1).verdict is BatchVerdict.INSUFFICIENT_BUDGET
    assert decided(batch((1, 1)), facts, now=NOON + 10 * MINUTE).verdict is BatchVerdict.REPORT_SCHEDULED


def test_the_budget_of_a_day_refuses_what_that_of_10_minutes_affords() -> None:
    facts = BatchFacts(use={NOON - number * 10 * MINUTE: 65_536 for number in range(1, 17)})
    decision = decided(batch((1, 1)), facts)
    assert decision.verdict is BatchVerdict.INSUFFICIENT_BUDGET
    assert check(decision, "budget of 10 minutes").passed
    assert check(decision, "budget of 1 day").detail == "1,048,576 - 1,048,576 = 0 left, 1 wanted: 1 too many"
    assert decided(batch((1, 1)), facts, now=NOON + DAY).verdict is BatchVerdict.REPORT_SCHEDULED


def test_what_was_dropped_for_want_of_room_in_the_report_is_not_paid_for() -> None:
    decision = decided(batch((1, 65_536), (2, 1), config=PrivateAggregationConfig(max_contributions=1)))
    assert (decision.verdict, decision.spent) == (BatchVerdict.REPORT_SCHEDULED, 65_536)


def test_scenario_35_a_refused_batch_becomes_a_null_report_in_debug_mode_where_one_leaves_in_any_case() -> None:
    decision = decided(batch((1, 65_537), config=CONTEXT, debug=DEBUG))
    assert (decision.verdict, decision.spent) == (BatchVerdict.NULL_REPORT, 0)
    assert decision.report is not None
    assert (decision.report.contributions, decision.report.debug) == ((), DEBUG)
    assert decision.debug_copy == replace(decision.report, debug_copy=True)
    assert not check(decision, "budget of 10 minutes").passed
    assert check(decision, "null report").detail == "one leaves in any case, for its contextId"


# Debug mode.


def test_a_debug_copy_is_its_report_with_the_same_id_and_scheduled_time() -> None:
    decision = decided(batch((1, 2), debug=DEBUG))
    assert decision.report is not None
    assert decision.report.debug == DEBUG
    assert decision.debug_copy == replace(decision.report, debug_copy=True)
    assert decision.spent == 2


@pytest.mark.parametrize("config", [PrivateAggregationConfig(), CONTEXT])
def test_debug_mode_that_is_not_allowed_is_as_if_it_had_not_been_enabled(config: PrivateAggregationConfig) -> None:
    facts = BatchFacts(debug_mode_allowed=False)
    asked, plain = decided(batch((1, 2), config=config, debug=DEBUG), facts), decided(batch((1, 2), config=config))
    assert (asked.report, asked.debug_copy, asked.spent) == (plain.report, None, plain.spent)
    assert PUBLISHER in stop(asked).detail


def test_debug_mode_that_is_not_allowed_goes_before_a_refused_batch_becomes_a_null_report() -> None:
    decision = decided(batch((1, 65_537), config=CONTEXT, debug=DEBUG), BatchFacts(debug_mode_allowed=False))
    assert decision.report is not None
    assert (decision.report.debug, decision.debug_copy) == (DebugDetails(), None)


def test_whether_debug_mode_is_allowed_is_not_told_where_it_was_not_enabled() -> None:
    decision = decided(batch((1, 2)), BatchFacts(debug_mode_allowed=False))
    assert decision.trace.stopped_at is None


# Limits and permissions.


@pytest.mark.parametrize(("pending", "stored"), [(0, True), (999, True), (1000, False), (1001, False)])
def test_at_most_1000_reports_of_an_origin_are_stored_and_not_sent(pending: int, stored: bool) -> None:
    decision = decided(batch((1, 2)), BatchFacts(pending_reports=pending))
    assert (decision.report is not None) is stored
    assert (decision.verdict is BatchVerdict.PENDING_REPORT_LIMIT_REACHED) is not stored
    assert check(decision, "pending reports").detail == f"{pending:,} of at most 1,000 wait for {ORIGIN}"


def test_a_report_that_is_not_stored_any_more_was_paid_for_and_its_debug_copy_leaves() -> None:
    decision = decided(batch((1, 2), debug=DEBUG), BatchFacts(pending_reports=1000))
    assert decision.spent == 2
    assert decision.debug_copy is not None


@pytest.mark.parametrize(
    ("facts", "verdict", "rule"),
    [
        (BatchFacts(enabled=False), BatchVerdict.DISABLED, "enabled"),
        (BatchFacts(trustworthy=False), BatchVerdict.NOT_TRUSTWORTHY, "trustworthy reporting origin"),
        (BatchFacts(enrolled=False), BatchVerdict.NOT_ENROLLED, "enrolled"),
        (BatchFacts(trustworthy=False, enabled=False, enrolled=False), BatchVerdict.DISABLED, "enabled"),
    ],
)
@pytest.mark.parametrize("changes", [{}, {"config": CONTEXT}, {"debug": DEBUG}])
def test_scenario_37_where_the_api_is_not_allowed_nothing_leaves_and_no_null_report_either(
    facts: BatchFacts, verdict: BatchVerdict, rule: str, changes: dict[str, Any]
) -> None:
    decision = decided(batch((1, 2), **changes), facts)
    assert decision.verdict is verdict
    assert left_nothing(decision)
    assert stop(decision).rule == rule
    assert stop(decision).detail
    assert stop(decision).fix


# Chance.


class NoChance(SeededRng):
    """Nothing may be drawn."""

    def bytes(self, *_: object) -> bytes:
        raise AssertionError

    def below(self, *_: object) -> int:
        raise AssertionError


@pytest.mark.parametrize(
    ("of", "facts"),
    [
        (batch(), BatchFacts()),
        (batch((1, 65_537)), BatchFacts()),
        (batch((1, 1)), BatchFacts(enabled=False)),
    ],
)
def test_what_makes_no_report_draws_nothing(of: Batch, facts: BatchFacts) -> None:
    assert left_nothing(decide(of, facts, LIMITS, now=NOON, rng=NoChance(1)))

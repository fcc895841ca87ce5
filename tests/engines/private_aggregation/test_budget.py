"""The two budgets of a site: sums over 10 and over 1440 whole UTC minutes (private-aggregation section 3)."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.engines.private_aggregation.budget import afforded, counted_after, minute_of, room, windows
from agent.model.clock import DAY, MINUTE
from agent.model.private_aggregation_limits import PrivateAggregationLimits
from tests.engines.private_aggregation.contributing import NOON, calls

LIMITS = PrivateAggregationLimits()


def left(use: dict[int, int], now: int, limits: PrivateAggregationLimits = LIMITS) -> tuple[int, int]:
    small, large = windows(use, limits, now)
    return small.left, large.left


def test_who_spent_nothing_has_65536_in_10_minutes_and_1048576_a_day() -> None:
    assert left({}, NOON) == (65_536, 1_048_576)
    assert room(windows({}, LIMITS, NOON)) == 65_536


@pytest.mark.parametrize(
    ("minutes_ago", "counts"), [(0, True), (1, True), (9, True), (10, False), (11, False), (1439, False)]
)
def test_the_current_minute_and_the_nine_before_count_in_the_small_window(minutes_ago: int, counts: bool) -> None:
    use = {NOON - minutes_ago * MINUTE: 100}
    assert windows(use, LIMITS, NOON)[0].spent == (100 if counts else 0)


@pytest.mark.parametrize(("minutes_ago", "counts"), [(0, True), (10, True), (1439, True), (1440, False)])
def test_the_current_minute_and_the_1439_before_count_in_the_large_window(minutes_ago: int, counts: bool) -> None:
    use = {NOON - minutes_ago * MINUTE: 100}
    assert windows(use, LIMITS, NOON)[1].spent == (100 if counts else 0)


@pytest.mark.parametrize(("second", "counts"), [(0, True), (59_999, True), (60_000, False)])
def test_windows_slide_with_the_minute_and_not_within_it(second: int, counts: bool) -> None:
    use = {NOON - 9 * MINUTE: 100}
    assert windows(use, LIMITS, NOON + second)[0].spent == (100 if counts else 0)


def test_the_minute_of_an_instant_is_its_start() -> None:
    assert [minute_of(NOON + one) for one in (-1, 0, 59_999, 60_000)] == [NOON - MINUTE, NOON, NOON, NOON + MINUTE]


def test_what_no_window_reaches_need_not_be_kept() -> None:
    assert counted_after(LIMITS, NOON + 59_999) == NOON - DAY
    longer = replace(LIMITS, small_budget_window=2 * DAY)
    assert counted_after(longer, NOON) == NOON - 2 * DAY


def test_a_budget_that_was_lowered_may_be_overdrawn() -> None:
    limits = replace(LIMITS, small_budget=50)
    assert room(windows({NOON: 100}, limits, NOON)) == -50


@pytest.mark.parametrize(
    ("length", "name"),
    [(10 * MINUTE, "10 minutes"), (MINUTE, "1 minute"), (DAY, "1 day"), (7_200_000, "2 hours"), (61_000, "61000 ms")],
)
def test_a_window_is_named_by_its_length(length: int, name: str) -> None:
    assert windows({}, replace(LIMITS, small_budget_window=length), NOON)[0].name == name


def test_of_contributions_one_by_one_those_that_fit_are_kept_also_after_one_that_does_not() -> None:
    assert afforded(calls((1, 40_000), (2, 40_000), (3, 25_536), (4, 1)), 65_536) == calls((1, 40_000), (3, 25_536))
    assert afforded(calls((1, 1)), 0) == ()
    assert afforded(calls((1, 1)), -5) == ()


@given(st.dictionaries(st.integers(-1500, 0), st.integers(1, 70_000), max_size=30), st.integers(0, 59_999))
def test_each_window_is_the_sum_over_its_minutes_listed_one_by_one(spent: dict[int, int], within: int) -> None:
    use = {NOON + number * MINUTE: amount for number, amount in spent.items()}
    small, large = windows(use, LIMITS, NOON + within)
    assert small.spent == sum(use.get(NOON - number * MINUTE, 0) for number in range(10))
    assert large.spent == sum(use.get(NOON - number * MINUTE, 0) for number in range(1440))

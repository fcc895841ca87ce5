from __future__ import annotations

import pytest

from agent.engines.attribution.epochs import bounds, choose_start, epoch_of, first_usable
from agent.model.clock import DAY, HOUR, MINUTE, WEEK
from agent.model.limits import AttributionLimits

LIMITS = AttributionLimits()


@pytest.mark.parametrize(
    ("moment", "phase", "start"),
    [
        (10 * WEEK, 0.0, 10 * WEEK),
        (10 * WEEK + 59 * MINUTE, 0.0, 10 * WEEK),
        (10 * WEEK, 0.5, 9 * WEEK + WEEK // 2),
        (0, 1 / 1024, -HOUR),  # 9.84 minutes before 1970 round down, not toward zero
        (1_000, 0.5, -WEEK // 2),
    ],
)
def test_the_first_epoch_starts_at_a_whole_hour_up_to_a_period_earlier(moment: int, phase: float, start: int) -> None:
    assert choose_start(moment, phase, LIMITS) == start


def test_epochs_are_counted_from_the_start_and_negative_before_it() -> None:
    start = 5 * HOUR
    instants = [start - 1, start, start + WEEK - 1, start + WEEK, start - WEEK - 1]
    assert [epoch_of(moment, start, LIMITS) for moment in instants] == [-1, 0, 0, 1, -2]


def test_an_epoch_ends_a_millisecond_before_the_next_begins() -> None:
    start = 5 * HOUR
    assert bounds(-1, start, LIMITS) == (start - WEEK, start - 1)
    assert bounds(2, start, LIMITS) == (start + 2 * WEEK, start + 3 * WEEK - 1)


def test_the_length_of_an_epoch_is_a_limit() -> None:
    assert epoch_of(5 * DAY, 0, AttributionLimits(privacy_budget_epoch_days=2)) == 2


def test_the_maximum_lookback_bounds_the_epochs() -> None:
    # 30 days before the start of week 10 lie in the fifth week before.
    assert first_usable(10 * WEEK, 0, None, LIMITS) == 5


def test_a_clear_closes_its_own_epoch_and_all_before() -> None:
    now = 10 * WEEK + DAY
    assert first_usable(now, 0, 10 * WEEK, LIMITS) == 11
    assert first_usable(now, 0, 10 * WEEK - 1, LIMITS) == 10
    assert first_usable(now, 0, 2 * WEEK, LIMITS) == 5

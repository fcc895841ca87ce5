from __future__ import annotations

import math
from fractions import Fraction
from statistics import fmean

import pytest

from agent.engines.aggregation.noise_preview import preview
from agent.model.aggregation import L1_SENSITIVITY
from agent.model.rng import SeededRng

HALF = Fraction(105, 2)


def test_noise_is_drawn_for_a_sum_and_told_in_the_unit_of_the_amount() -> None:
    # At scale 128 noise of scale 65,536 / 10 is one of 51.2 units.
    draws = [preview([HALF], [10], scale=128, rng=SeededRng(seed))[0][0] for seed in range(400)]
    assert fmean(draw.noised for draw in draws) == pytest.approx(52.5, abs=4 * 51.2 * math.sqrt(2) / 20)
    assert fmean(abs(draw.noised - 52.5) for draw in draws) == pytest.approx(51.2, rel=0.2)
    assert all((draw.noised * 128).is_integer() for draw in draws), "sums are whole numbers"


def test_nine_draws_in_ten_are_within_the_interval() -> None:
    rows = preview([Fraction(120)] * 2_000, [1], scale=L1_SENSITIVITY, rng=SeededRng(7))
    within = sum(abs(cell.noised - 120) <= cell.interval for (cell,) in rows)
    # Four standard deviations of a share of 0.9 among 2,000.
    assert within / 2_000 == pytest.approx(0.9, abs=4 * math.sqrt(0.09 / 2_000))
    # P(|X| > w) = exp(-w) at scale 1, as the steps of 1/65,536 go to zero.
    assert rows[0][0].interval == pytest.approx(math.log(10), abs=0.001)


def test_ten_times_the_epsilon_is_a_tenth_of_the_interval() -> None:
    ((small, large),) = preview([Fraction(45)], [1, 10], scale=L1_SENSITIVITY, rng=SeededRng(7))
    assert small.interval == pytest.approx(10 * large.interval, rel=0.001)
    assert small.share == pytest.approx(math.log(10) / 45, rel=0.001)


def test_nothing_is_a_share_of_zero() -> None:
    assert preview([Fraction(0)], [1], scale=1, rng=SeededRng(7))[0][0].share is None


def test_each_bucket_and_epsilon_has_a_draw_of_its_own() -> None:
    rows = preview([Fraction(0)] * 3, [1, 1], scale=1, rng=SeededRng(7))
    assert len({cell.noised for row in rows for cell in row}) == 6

from __future__ import annotations

import math
from collections import Counter
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.engines.attribution.credit import allocate
from agent.model.rng import SeededRng
from tests.attribution_world import GivenRng

CREDITS = st.lists(st.floats(min_value=1e-3, max_value=1e3), min_size=1, max_size=10)


@pytest.mark.parametrize(
    ("credit", "value"), [([3.0], 7), ([1.0, 1.0], 8), ([1.0, 3.0], 4), ([0.25, 0.25, 0.5], 4), ([5.0], 0)]
)
def test_whole_parts_draw_nothing(credit: list[float], value: int) -> None:
    rng = GivenRng()
    total = sum(credit)
    assert allocate(credit, value, rng) == [value * share / total for share in credit]
    assert rng.draws == []


def test_the_last_whole_step_draws_nothing() -> None:
    # 1.5, 1.5, 3: the first two settle with one draw, the third is whole by itself.
    rng = GivenRng(fractions=[0.9])
    assert allocate([1.0, 1.0, 2.0], 6, rng) == [2, 1, 3]
    assert len(rng.draws) == 1


@pytest.mark.parametrize(("fraction", "parts"), [(0.0, [0, 1]), (0.4999, [0, 1]), (0.5, [1, 0]), (0.9999, [1, 0])])
def test_halves_go_to_the_second_when_the_draw_is_strictly_below_the_chance(fraction: float, parts: list[int]) -> None:
    assert allocate([1.0, 1.0], 1, GivenRng(fractions=[fraction])) == parts


@pytest.mark.parametrize(
    ("fractions", "parts"),
    [
        ([0.39, 0.49], [2, 2, 1]),
        ([0.39, 0.51], [2, 3, 0]),
        ([0.41, 0.49], [1, 3, 1]),
        ([0.41, 0.51], [2, 3, 0]),
    ],
)
def test_fractions_that_sum_above_one_move_up(fractions: list[float], parts: list[int]) -> None:
    # 1.7, 2.8, 0.5: .7 + .8 > 1, so one of the two moves up, the first with chance .2 / (.3 + .2) = .4;
    # then two halves are left, of which the earlier settles down with chance one half.
    assert allocate([17.0, 28.0, 5.0], 5, GivenRng(fractions=fractions)) == parts


@given(CREDITS, st.integers(min_value=1, max_value=2**32 - 1), st.integers(min_value=0, max_value=2**32))
def test_parts_sum_to_the_value_and_each_is_off_by_less_than_one(credit: list[float], value: int, seed: int) -> None:
    parts = allocate(credit, value, SeededRng(seed))
    assert sum(parts) == value
    total = sum(map(Fraction, credit))
    slack = Fraction(value) * Fraction(1, 2**40)  # what doubles lose
    assert all(
        abs(part - value * Fraction(share) / total) < 1 + slack for part, share in zip(parts, credit, strict=True)
    )


def test_parts_are_not_biased() -> None:
    rng, rounds = SeededRng(1), 20_000
    sums = Counter[int]()
    for _ in range(rounds):
        sums.update(dict(enumerate(allocate([1.0, 2.0, 4.0], 5, rng))))
    for index, share in enumerate((1, 2, 4)):
        exact = 5 * share / 7
        # A part is exact rounded up or down: its variance is at most 1/4; five standard deviations of the mean.
        assert abs(sums[index] / rounds - exact) < 5 * math.sqrt(0.25 / rounds)


@pytest.mark.parametrize("credit", [[1e308, 1e308], [1.7e308] * 10, [1.7e308, 5e-324]])
def test_credits_beyond_doubles_still_divide(credit: list[float]) -> None:
    parts = allocate(credit, 100, GivenRng())
    assert sum(parts) == 100
    assert parts[0] == (100 if credit[1] < 1 else 100 // len(credit))


def test_the_total_is_added_from_left_to_right() -> None:
    # 1e16 + 1 + 1 is 1e16 when added from the left, 1e16 + 2 when compensated; at this value the part differs.
    credit, value = [1e16, 1.0, 1.0], 2**32 - 1
    left_to_right = (credit[0] + credit[1]) + credit[2]
    assert left_to_right == 1e16
    assert allocate(credit, value, GivenRng(fractions=[0.999]))[0] == math.floor(value * credit[0] / left_to_right)

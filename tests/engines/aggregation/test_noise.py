"""agent.engines.aggregation.noise, judged by its exact distribution and by OpenDP.

Draws come from fixed seeds, so what passes once passes always. OpenDP draws from the operating system: there the
bound is one that a fair sample exceeds once in 10^9 runs.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterator
from fractions import Fraction
from typing import Any

import opendp.prelude as dp
import pytest

from agent.aggregation.batch import noise_scale
from agent.engines.aggregation.noise import discrete_laplace, interval, standard_deviation
from agent.model.attribution import Dialect
from agent.model.rng import Draw, SeededRng

dp.enable_features("contrib")
SCALES = [Fraction(1, 3), Fraction(1), Fraction(5, 2), Fraction(20)]
SAMPLES = 20_000


class ScriptedRng:
    """Gives the values of a script, each of which must be one that was asked for."""

    def __init__(self, *script: tuple[int, int]) -> None:
        self._script: Iterator[tuple[int, int]] = iter(script)

    def fraction(self, draw: Draw) -> float:
        raise AssertionError(f"{draw}: noise is made of integers")

    def bytes(self, draw: Draw, count: int) -> bytes:
        raise AssertionError(f"{draw}, {count} bytes: noise is made of integers below a bound")

    def below(self, draw: Draw, bound: int) -> int:
        assert draw is Draw.NOISE
        expected_bound, value = next(self._script)
        assert bound == expected_bound
        return value

    @property
    def used_up(self) -> bool:
        return next(self._script, None) is None


def probability(k: int, scale: Fraction) -> float:
    p = math.exp(-1 / scale)
    return (1 - p) / (1 + p) * p ** abs(k)


def samples(scale: Fraction, seed: int = 1) -> list[int]:
    rng = SeededRng(seed)
    return [discrete_laplace(scale, rng) for _ in range(SAMPLES)]


def chi_square(drawn: list[int], scale: Fraction) -> tuple[float, int]:
    """Pearson's statistic over cells that expect at least 20 draws each, and its degrees of freedom."""
    reach = max(k for k in range(1_000) if SAMPLES * probability(k, scale) >= 20)
    counts = Counter(max(-reach - 1, min(reach + 1, value)) for value in drawn)
    inner = {k: SAMPLES * probability(k, scale) for k in range(-reach, reach + 1)}
    tail = (SAMPLES - sum(inner.values())) / 2
    expected = inner if tail < 5 else inner | {-reach - 1: tail, reach + 1: tail}
    return sum((counts[k] - wanted) ** 2 / wanted for k, wanted in expected.items()), len(expected) - 1


@pytest.mark.parametrize("scale", SCALES)
def test_draws_follow_the_two_sided_geometric_distribution(scale: Fraction) -> None:
    statistic, freedom = chi_square(samples(scale), scale)
    assert statistic < freedom + 4 * math.sqrt(2 * freedom)


@pytest.mark.parametrize("scale", SCALES)
def test_the_same_draws_are_told_from_a_scale_a_tenth_larger(scale: Fraction) -> None:
    statistic, freedom = chi_square(samples(scale), scale * Fraction(11, 10))
    assert statistic > freedom + 6 * math.sqrt(2 * freedom)


@pytest.mark.parametrize("scale", [*SCALES, Fraction(131_072), Fraction(655_360, 7)])
def test_draws_have_mean_zero_and_the_documented_standard_deviation(scale: Fraction) -> None:
    drawn, deviation = samples(scale, seed=2), standard_deviation(scale)
    assert abs(sum(drawn) / SAMPLES) < 4 * deviation / math.sqrt(SAMPLES)
    # The fourth moment of a Laplace variable is 6 variances squared at large scales, more at small ones: of its
    # estimated variance the relative standard error is sqrt((kurtosis - 1) / n).
    fourth = sum(k**4 * probability(k, scale) for k in range(-400, 401)) if scale <= 20 else 6 * deviation**4
    error = math.sqrt((fourth / deviation**4 - 1) / SAMPLES)
    assert abs(sum(value**2 for value in drawn) / SAMPLES / deviation**2 - 1) < 4 * error


@pytest.mark.parametrize("scale", [Fraction(1, 20), *SCALES])
def test_the_standard_deviation_is_that_of_the_distribution(scale: Fraction) -> None:
    variance = math.fsum(k * k * probability(k, scale) for k in range(-2_000, 2_001))
    assert standard_deviation(scale) == pytest.approx(math.sqrt(variance), rel=1e-12)


def test_the_standard_deviation_of_extreme_scales_neither_overflows_nor_fails() -> None:
    assert standard_deviation(Fraction(1, 4294)) == 0.0
    assert standard_deviation(Fraction(2**33) * 10**9) == pytest.approx(2**33 * 1e9 * math.sqrt(2), rel=1e-12)


@pytest.mark.parametrize("scale", [Fraction(1, 20), *SCALES])
def test_the_interval_is_the_smallest_that_holds_nine_draws_of_ten(scale: Fraction) -> None:
    width = interval(scale)
    inside = math.fsum(probability(k, scale) for k in range(-width, width + 1))
    assert inside >= 0.9
    assert width == 0 or inside - 2 * probability(width, scale) < 0.9


@pytest.mark.parametrize("scale", [0.5, 1.0, 2.5, 20.0, 65_536.0, 131_072.0])
def test_opendp_gives_the_same_interval(scale: float) -> None:
    # OpenDP's accuracy a is real and has P(|X| >= a) = 0.1; the largest integer below it is the last one inside.
    assert interval(Fraction(scale)) == math.ceil(dp.discrete_laplacian_scale_to_accuracy(scale, 0.1)) - 1


@pytest.mark.parametrize(
    ("dialect", "sensitivity"),
    [(Dialect.LEVEL1_2024, 10), (Dialect.CURRENT, 20)],  # maxValue, and twice maxValue
)
@pytest.mark.parametrize("epsilon", [0.1, 0.5, 1, 3.0])
def test_opendp_finds_that_the_scale_spends_epsilon(dialect: Dialect, sensitivity: int, epsilon: float) -> None:
    scale = noise_scale(dialect, 10, epsilon)
    domain, metric = dp.atom_domain(T="i64"), dp.absolute_distance(T="i64")
    mechanism: Any = dp.m.make_laplace(domain, metric, scale=float(scale))
    assert mechanism.map(sensitivity) == pytest.approx(epsilon, rel=1e-12)


def test_the_scale_takes_epsilon_as_the_decimal_that_was_written() -> None:
    assert noise_scale(Dialect.LEVEL1_2024, 65_536, 0.1) == 655_360
    assert noise_scale(Dialect.CURRENT, 3, 0.3) == 20
    assert noise_scale(Dialect.CURRENT, 1, 1e-9) == 2_000_000_000


@pytest.mark.parametrize("scale", [Fraction(1), Fraction(20)])
def test_draws_are_distributed_as_those_of_opendp(scale: Fraction) -> None:
    domain, metric = dp.vector_domain(dp.atom_domain(T="i64")), dp.l1_distance(T="i64")
    theirs: list[int] = dp.m.make_laplace(domain, metric, scale=float(scale))([0] * SAMPLES)
    ours = samples(scale)
    our_counts, their_counts = Counter(ours), Counter(theirs)
    difference, largest = 0, 0
    for value in range(min(ours + theirs), max(ours + theirs) + 1):
        difference += our_counts[value] - their_counts[value]
        largest = max(largest, abs(difference))
    # Kolmogorov-Smirnov for two samples of n: P(D > c) <= 2 exp(-n c^2).
    assert largest / SAMPLES < math.sqrt(math.log(2 / 1e-9) / SAMPLES)


def test_the_algorithm_takes_uniform_integers_alone() -> None:
    # Scale 5/2: a remainder below 5; exp(-4/5) by trials below 5, 10; exp(-1) by trials below 1, 2, 3, then below 1, 2;
    # one period of 5; (4 + 5) // 2; a sign.
    rng = ScriptedRng((5, 4), (5, 0), (10, 3), (15, 9), (1, 0), (2, 0), (3, 1), (1, 0), (2, 1), (2, 1))
    assert discrete_laplace(Fraction(5, 2), rng) == -4
    assert rng.used_up


def test_a_remainder_that_fails_its_trial_is_drawn_anew() -> None:
    # exp(-1/2) fails where the first trial holds and the second does not.
    rng = ScriptedRng((2, 1), (2, 0), (4, 1), (2, 0), (2, 1), (1, 0), (2, 1), (2, 0))
    assert discrete_laplace(Fraction(2), rng) == 0
    assert rng.used_up


def test_a_negative_zero_is_drawn_anew() -> None:
    nothing_then_sign = [(1, 0), (1, 0), (1, 0), (2, 1)]
    rng = ScriptedRng(*nothing_then_sign, (2, 1), *nothing_then_sign, (2, 0))
    assert discrete_laplace(Fraction(1), rng) == 0
    assert rng.used_up


@pytest.mark.parametrize("scale", [Fraction(0), Fraction(-1)])
def test_a_scale_that_is_not_positive_is_our_bug(scale: Fraction) -> None:
    with pytest.raises(ValueError, match="not positive"):
        discrete_laplace(scale, SeededRng(1))


def test_the_same_seed_gives_the_same_noise() -> None:
    assert samples(Fraction(20), seed=3) == samples(Fraction(20), seed=3)
    assert samples(Fraction(20), seed=3) != samples(Fraction(20), seed=4)

"""The noise at the scales that the services use: against the exact distribution, and with OpenDP as judge.

L1 / epsilon for Attribution Reporting and Private Aggregation, maxValue / epsilon and 2 * maxValue / epsilon for
privateAttribution. Draws come from fixed seeds; those of OpenDP and of the operating system are judged by a bound that
a fair sample exceeds once in 10^9 runs.
"""

from __future__ import annotations

import math
from bisect import bisect_left
from collections.abc import Callable
from fractions import Fraction
from functools import cache
from itertools import islice, pairwise
from typing import Any

import opendp.prelude as dp
import pytest

from agent.aggregation.batch import noise_scale as private_attribution_scale
from agent.engines.aggregation.noise import discrete_laplace, discrete_laplace_draws, interval, standard_deviation
from agent.engines.aggregation.summary import noise_scale
from agent.model.aggregation import L1_SENSITIVITY
from agent.model.attribution import Dialect
from agent.model.rng import Draw, SeededRng, SystemRng

dp.enable_features("contrib")
SAMPLES = 20_000
CELLS = 50
EPSILONS = [64.0, 10.0, 1.0, 0.1]
SCALES = [
    *(pytest.param(noise_scale(epsilon), id=f"L1/{epsilon:g}") for epsilon in EPSILONS),
    *(
        pytest.param(private_attribution_scale(dialect, max_value, epsilon), id=f"{dialect}-{max_value}/{epsilon:g}")
        for dialect in (Dialect.LEVEL1_2024, Dialect.CURRENT)
        for max_value, epsilon in ((10, 3.0), (65_536, 0.5))
    ),
]
Sampler = Callable[[Fraction], list[int]]


@cache
def one_by_one(scale: Fraction) -> list[int]:
    rng = SeededRng(11)
    return [discrete_laplace(scale, rng) for _ in range(SAMPLES)]


@cache
def many_at_once(scale: Fraction) -> list[int]:
    return list(islice(discrete_laplace_draws(scale, SeededRng(11)), SAMPLES))


SAMPLERS = pytest.mark.parametrize("sampler", [one_by_one, many_at_once])


def cumulative(k: int, scale: Fraction) -> float:
    """P(X <= k) of the two-sided geometric distribution with p = exp(-1/b)."""
    below = math.exp((k if k < 0 else -k - 1) / scale) / (1 + math.exp(-1 / scale))
    return below if k < 0 else 1 - below


def quantile(probability: float, scale: Fraction) -> int:
    """The smallest k with P(X <= k) >= probability."""
    reach = math.ceil(60 * scale)
    return bisect_left(range(-reach, reach), probability, key=lambda k: cumulative(k, scale)) - reach


def chi_square(drawn: list[int], scale: Fraction) -> tuple[float, int]:
    """Pearson's statistic over cells of about equal probability, and its degrees of freedom."""
    ends = sorted({quantile(cell / CELLS, scale) for cell in range(1, CELLS)})
    counts = [0] * (len(ends) + 1)
    for value in drawn:
        counts[bisect_left(ends, value)] += 1
    bounds = [0.0, *(cumulative(end, scale) for end in ends), 1.0]
    expected = [SAMPLES * (upper - lower) for lower, upper in pairwise(bounds)]
    return sum((got - want) ** 2 / want for got, want in zip(counts, expected, strict=True)), len(ends)


def kolmogorov_smirnov(one: list[int], other: list[int]) -> float:
    """The largest distance between the cumulative distributions of two samples of the same size."""
    one, other = sorted(one), sorted(other)
    ahead = largest = at_one = at_other = 0
    while at_one < len(one) and at_other < len(other):
        value = min(one[at_one], other[at_other])
        while at_one < len(one) and one[at_one] == value:
            at_one, ahead = at_one + 1, ahead + 1
        while at_other < len(other) and other[at_other] == value:
            at_other, ahead = at_other + 1, ahead - 1
        largest = max(largest, abs(ahead))
    return largest / len(one)


@SAMPLERS
@pytest.mark.parametrize("scale", SCALES)
def test_draws_follow_the_exact_distribution(scale: Fraction, sampler: Sampler) -> None:
    statistic, freedom = chi_square(sampler(scale), scale)
    assert statistic < freedom + 4 * math.sqrt(2 * freedom)


@SAMPLERS
@pytest.mark.parametrize("scale", SCALES)
def test_the_same_draws_are_told_from_a_scale_a_tenth_larger(scale: Fraction, sampler: Sampler) -> None:
    statistic, freedom = chi_square(sampler(scale), scale * Fraction(11, 10))
    assert statistic > freedom + 6 * math.sqrt(2 * freedom)


@SAMPLERS
@pytest.mark.parametrize("scale", SCALES)
def test_draws_are_distributed_as_those_of_opendp(scale: Fraction, sampler: Sampler) -> None:
    domain, metric = dp.vector_domain(dp.atom_domain(T="i64")), dp.l1_distance(T="i64")
    theirs: list[int] = dp.m.make_laplace(domain, metric, scale=float(scale))([0] * SAMPLES)
    # For two samples of n: P(D > c) <= 2 exp(-n c^2).
    bound = math.sqrt(math.log(2 / 1e-9) / SAMPLES)
    assert kolmogorov_smirnov(sampler(scale), theirs) < bound
    assert kolmogorov_smirnov([3 * value // 2 for value in sampler(scale)], theirs) > bound


@SAMPLERS
@pytest.mark.parametrize("scale", SCALES)
def test_mean_and_standard_deviation_are_those_of_the_distribution(scale: Fraction, sampler: Sampler) -> None:
    drawn, deviation = sampler(scale), standard_deviation(scale)
    assert abs(sum(drawn) / SAMPLES) < 4 * deviation / math.sqrt(SAMPLES)
    # A Laplace variable has kurtosis 6, so its estimated variance a relative standard error of sqrt(5 / n).
    assert abs(sum(value**2 for value in drawn) / SAMPLES / deviation**2 - 1) < 4 * math.sqrt(5 / SAMPLES)


@pytest.mark.parametrize("scale", SCALES)
def test_opendp_gives_the_same_interval(scale: Fraction) -> None:
    assert interval(scale) == math.ceil(dp.discrete_laplacian_scale_to_accuracy(float(scale), 0.1)) - 1


@pytest.mark.parametrize("epsilon", EPSILONS)
def test_opendp_finds_that_the_scale_spends_epsilon_for_a_whole_report(epsilon: float) -> None:
    domain, metric = dp.atom_domain(T="i64"), dp.absolute_distance(T="i64")
    mechanism: Any = dp.m.make_laplace(domain, metric, scale=float(noise_scale(epsilon)))
    assert mechanism.map(L1_SENSITIVITY) == pytest.approx(epsilon, rel=1e-12)


@pytest.mark.parametrize(("epsilon", "deviation"), [(64.0, 1_448.2), (10.0, 9_268.2), (1.0, 92_681.9)])
def test_the_standard_deviation_is_the_documented_one(epsilon: float, deviation: float) -> None:
    assert standard_deviation(noise_scale(epsilon)) == pytest.approx(deviation, abs=0.05)


@pytest.mark.parametrize("scale", SCALES)
def test_draws_of_the_operating_system_follow_the_exact_distribution(scale: Fraction) -> None:
    drawn = sorted(islice(discrete_laplace_draws(scale, SystemRng()), SAMPLES))
    steps = [abs(bisect_left(drawn, k + 1) / SAMPLES - cumulative(k, scale)) for k in set(drawn)]
    # Dvoretzky, Kiefer and Wolfowitz: P(D > c) <= 2 exp(-2 n c^2).
    assert max(steps) < math.sqrt(math.log(2 / 1e-9) / (2 * SAMPLES))


# How many draws at once become of bytes.


class ScriptedBytes(SeededRng):
    """Gives the bytes of a script, whatever number is asked for, and nothing else."""

    def __init__(self, *script: int) -> None:
        super().__init__(0)
        self._script = bytes(script)

    def bytes(self, draw: Draw, count: int) -> bytes:
        assert draw is Draw.NOISE
        assert count >= len(self._script)
        return self._script

    def below(self, draw: Draw, bound: int) -> int:
        raise AssertionError(f"{draw} below {bound}: many draws at once are made of bytes")


def test_integers_are_the_upper_bits_of_bytes_and_drawn_anew_where_they_are_too_large() -> None:
    # Scale 3: a remainder below 3 of two bits, 0b11 drawn anew, 0b01; exp(-1/3) by a trial below 3, 0b10, which ends it
    # at once; exp(-1) by trials below 1 (no byte), below 2 (0b0), below 3 (0b00), below 4 (0b11), which ends it at an
    # even trial; a sign, 0b1.
    rng = ScriptedBytes(0b1101_1111, 0b0111_1111, 0b1011_1111, 0, 0, 0b1100_0000, 0b1000_0000)
    assert next(discrete_laplace_draws(Fraction(3), rng)) == -1


def test_large_bounds_take_as_many_bytes_as_they_have() -> None:
    # Scale 2^16 - 1: a remainder of two bytes, 0x0102; a trial below the same, 0xfffe, which ends it at once; exp(-1)
    # by a trial below 1 and one below 2, which ends it; a sign.
    rng = ScriptedBytes(0x01, 0x02, 0xFF, 0xFE, 0x80, 0x00)
    assert next(discrete_laplace_draws(Fraction(2**16 - 1), rng)) == 0x0102


def test_many_draws_repeat_with_a_seed_and_differ_from_one_another() -> None:
    one, same, other = (
        list(islice(discrete_laplace_draws(Fraction(65_536), SeededRng(seed)), 5_000)) for seed in (5, 5, 6)
    )
    assert one == same != other
    assert len(set(one)) > 4_000


def test_many_draws_of_a_scale_that_is_not_positive_are_our_bug() -> None:
    with pytest.raises(ValueError, match="not positive"):
        next(discrete_laplace_draws(Fraction(0), SeededRng(1)))

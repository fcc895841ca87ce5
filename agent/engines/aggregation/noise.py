"""Discrete Laplace noise in exact integers.

P(X = k) = (1 - p) / (1 + p) * p^|k| with p = exp(-1/b): the two-sided geometric distribution of scale b. Sampling
follows algorithms 1 and 2 of Canonne, Kamath and Steinke, "The Discrete Gaussian for Differential Privacy" (2020):
every decision compares uniform integers, so no rounding of a floating-point number weakens the guarantee.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from fractions import Fraction
from functools import partial

from agent.model.rng import Draw, Rng

OUTSIDE_INTERVAL = 0.1
"""At most this share of draws lies outside :func:`interval`: below the 5th or above the 95th percentile."""
_BYTES_AHEAD = 4096


def discrete_laplace(scale: Fraction, rng: Rng) -> int:
    """One draw of ``Draw.NOISE`` of the given scale b > 0. Raises ValueError for another scale."""
    return _draw(scale, partial(rng.below, Draw.NOISE))


def discrete_laplace_draws(scale: Fraction, rng: Rng) -> Iterator[int]:
    """Draws without end, distributed as those of :func:`discrete_laplace`, independent and for many at once faster.

    Takes bytes of ``Draw.NOISE`` ahead, thousands at a time, where single integers ask the operating system for each.
    """
    below = _BytesAhead(rng).below
    while True:
        yield _draw(scale, below)


class _BytesAhead:
    """Uniform integers made of an Rng's bytes."""

    def __init__(self, rng: Rng) -> None:
        self._rng = rng
        self._bytes = b""
        self._taken = 0

    def below(self, bound: int) -> int:
        """An integer, uniform in 0 .. bound-1: as many bits as the largest has, drawn anew until they are below."""
        bits = (bound - 1).bit_length()
        size = (bits + 7) // 8
        while True:
            start, end = self._taken, self._taken + size
            if end > len(self._bytes):
                self._bytes = self._rng.bytes(Draw.NOISE, max(_BYTES_AHEAD, size))
                start, end = 0, size
            self._taken = end
            value = int.from_bytes(self._bytes[start:end], "big") >> (8 * size - bits)
            if value < bound:
                return value


def standard_deviation(scale: Fraction) -> float:
    """The exact standard deviation sqrt(2p) / (1 - p) with p = exp(-1/b); about b * sqrt(2) for a large scale b."""
    return math.sqrt(2) * math.exp(-1 / (2 * scale)) / -math.expm1(-1 / scale)


def interval(scale: Fraction) -> int:
    """The smallest w for which -w .. w holds at least 90 % of draws: p5 is -w, p95 is w."""
    # P(|X| > w) = 2 p^(w+1) / (1 + p) <= 0.1, solved for w.
    steps = -scale * math.log(OUTSIDE_INTERVAL * (1 + math.exp(-1 / scale)) / 2)
    return max(0, math.ceil(steps) - 1)


def _draw(scale: Fraction, below: Callable[[int], int]) -> int:
    if scale <= 0:
        raise ValueError(f"scale {scale} is not positive")
    period, divisor = scale.numerator, scale.denominator
    while True:
        remainder = below(period)
        if not _bernoulli_exp(remainder, period, below):
            continue
        periods = 0
        while _bernoulli_exp(1, 1, below):
            periods += 1
        # remainder + period * periods is geometric of scale `period`; dividing makes it one of scale b.
        magnitude = (remainder + period * periods) // divisor
        negative = below(2) == 1
        if negative and magnitude == 0:
            continue  # else zero would be drawn twice as often as it should
        return -magnitude if negative else magnitude


def _bernoulli_exp(numerator: int, denominator: int, below: Callable[[int], int]) -> bool:
    """True with probability exp(-numerator/denominator), for 0 <= numerator <= denominator."""
    trial = 1
    while below(denominator * trial) < numerator:
        trial += 1
    return trial % 2 == 1

"""Whether two groups of samples differ: a permutation test, and the size of the difference with its uncertainty."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median

from agent.model.rng import Draw, SeededRng
from benchmarks.rounds import shuffled


@dataclass(frozen=True, slots=True)
class Comparison:
    """How the medians of two groups differ."""

    difference: float
    """Median of the first group less that of the second."""
    interval: tuple[float, float]
    """95% of bootstrap resamples differ by no less and no more."""
    p_value: float
    """Chance of so large a difference, either way, where labels mean nothing; two-sided."""


def compare(one: Sequence[float], other: Sequence[float], *, resamples: int, seed: int = 1) -> Comparison:
    """Compare the medians of ``one`` and ``other``; ``resamples`` permutations, and as many bootstrap resamples.

    The p-value counts the observed labelling among the permutations, so it is never 0.
    """
    rng = SeededRng(seed)
    observed = median(one) - median(other)
    pooled = [*one, *other]
    as_large = 0
    for _ in range(resamples):
        permuted = shuffled(pooled, rng)
        as_large += abs(median(permuted[: len(one)]) - median(permuted[len(one) :])) >= abs(observed)
    drawn = sorted(median(_resample(one, rng)) - median(_resample(other, rng)) for _ in range(resamples))
    tail = round(0.025 * resamples)
    return Comparison(observed, (drawn[tail], drawn[-1 - tail]), (1 + as_large) / (1 + resamples))


def _resample(samples: Sequence[float], rng: SeededRng) -> list[float]:
    return [samples[rng.below(Draw.VISITOR, len(samples))] for _ in samples]

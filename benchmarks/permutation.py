"""Whether two subjects that took turns differ: a permutation test, and the difference with its uncertainty."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import chain
from statistics import median

from agent.model.rng import Draw, SeededRng

Rounds = Sequence[Sequence[float]]
"""Samples of one subject, by round."""


@dataclass(frozen=True, slots=True)
class Comparison:
    """How the medians of two subjects differ."""

    difference: float
    """Median of all samples of the first less that of the second."""
    interval: tuple[float, float]
    """Holds the difference in 95% of bootstrap resamples of the rounds."""
    p_value: float
    """Chance of a difference as large, either way, where the labels mean nothing."""


def compare(one: Rounds, other: Rounds, *, resamples: int, seed: int = 1) -> Comparison:
    """Compare two subjects with as many permutations as bootstrap resamples.

    A round is permuted and resampled as a whole: its samples share a page and a moment of the machine, so they are
    not independent. The labelling that was observed is one of the permutations, so the p-value is never 0.
    """
    rng = SeededRng(seed)
    observed = _difference(one, other)
    rounds = list(zip(one, other, strict=True))
    as_large = 0
    for _ in range(resamples):
        permuted = [(b, a) if rng.below(Draw.VISITOR, 2) else (a, b) for a, b in rounds]
        as_large += abs(_difference(*zip(*permuted, strict=True))) >= abs(observed)
    drawn = []
    for _ in range(resamples):
        resampled = [rounds[rng.below(Draw.VISITOR, len(rounds))] for _ in rounds]
        drawn.append(_difference(*zip(*resampled, strict=True)))
    drawn.sort()
    tail = round(0.025 * resamples)
    return Comparison(observed, (drawn[tail], drawn[-1 - tail]), (1 + as_large) / (1 + resamples))


def _difference(one: Rounds, other: Rounds) -> float:
    return median(chain.from_iterable(one)) - median(chain.from_iterable(other))

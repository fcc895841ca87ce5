"""What noise would make of sums that somebody expects: epsilon and scale can be chosen before there are reports."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from fractions import Fraction

from agent.engines.aggregation.noise import discrete_laplace_draws, interval
from agent.engines.aggregation.summary import noise_scale
from agent.model.rng import Rng


@dataclass(frozen=True, slots=True)
class PreviewedSum:
    """One expected amount as it may come out at one epsilon, in the unit in which it was given."""

    noised: float
    interval: float
    """Nine draws in ten are no further than this from the true amount."""
    share: float | None
    """The interval over the amount; None for an amount of 0."""


def preview(
    amounts: Iterable[Fraction], epsilons: Sequence[float], *, scale: int, rng: Rng
) -> list[list[PreviewedSum]]:
    """For each amount, what it may come out as at each of ``epsilons``, each in (0, 64].

    ``scale``: the sum that stands for an amount of 1, as in a key structure. Each cell has one draw of its own.
    """
    noises = [
        (discrete_laplace_draws(noise_scale(epsilon), rng), interval(noise_scale(epsilon))) for epsilon in epsilons
    ]
    return [
        [_previewed(round(amount * scale), next(draws), width, scale) for draws, width in noises] for amount in amounts
    ]


def _previewed(total: int, noise: int, width: int, scale: int) -> PreviewedSum:
    return PreviewedSum((total + noise) / scale, width / scale, width / total if total else None)

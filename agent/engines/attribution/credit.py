"""Credit: dividing a conversion's value between impressions without bias (current draft, section 5)."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from operator import attrgetter

from agent.model.attribution import Candidate, ConversionRequest
from agent.model.rng import Draw, Rng

_ORDER = attrgetter("priority", "timestamp")


@dataclass(frozen=True, slots=True)
class Share:
    """What one impression got."""

    impression: Candidate
    amount: int
    in_range: bool
    """Whether its bucket lies inside the histogram; where not, the amount is dropped."""


def divide(impressions: Sequence[Candidate], request: ConversionRequest, rng: Rng) -> tuple[Share, ...]:
    """The shares of the last impressions: by priority, then by time, the first saved first where both are equal.

    Credits beyond the impressions are cut before the rest is divided.
    """
    chosen = sorted(impressions, key=_ORDER, reverse=True)[: len(request.credit)]  # stable, reversed or not
    amounts = allocate(request.credit[: len(chosen)], request.value, rng)
    return tuple(
        Share(one, amount, one.histogram_index < request.histogram_size)
        for one, amount in zip(chosen, amounts, strict=True)
    )


def attributed(shares: Sequence[Share]) -> int:
    """The sum of what lies inside the histogram."""
    return sum(share.amount for share in shares if share.in_range)


def histogram(shares: Sequence[Share], size: int) -> tuple[int, ...]:
    """The histogram of ``size`` buckets that the shares fill."""
    buckets = [0] * size
    for share in shares:
        if share.in_range:
            buckets[share.impression.histogram_index] += share.amount
    return tuple(buckets)


def allocate(credit: Sequence[float], value: int, rng: Rng) -> list[int]:
    """Whole amounts in proportion to ``credit`` that sum to ``value``, each off by less than 1, none biased.

    Each step makes one of two parts whole and draws once, unless both are whole. The order of the floating-point
    operations is the draft's.
    """
    parts = _parts(credit, value)
    a = 0
    for b in range(1, len(parts)):
        fraction_a = parts[a] - math.floor(parts[a])
        fraction_b = parts[b] - math.floor(parts[b])
        if fraction_a == 0 and fraction_b == 0:
            continue
        up = fraction_a + fraction_b > 1
        delta_a, delta_b = (1 - fraction_a, 1 - fraction_b) if up else (-fraction_a, -fraction_b)
        both = delta_a + delta_b
        settled, open_, delta = b, a, delta_b
        # `both` is 0 only where rounding made both fractions 1: nothing is left to move.
        if rng.fraction(Draw.CREDIT_FRACTION) < (delta_b / both if both else 0.0):
            settled, open_, delta = a, b, delta_a
        parts[settled] += delta
        parts[open_] -= delta
        a = open_
    return [_round_half_up(part) for part in parts]


def _parts(credit: Sequence[float], value: int) -> list[float]:
    total = 0.0
    for share in credit:  # sum() compensates since Python 3.12; the draft adds from left to right
        total += share
    parts = [value * share / total for share in credit]
    if all(math.isfinite(part) for part in parts) and math.isfinite(total):
        return parts
    # The draft does not say what happens where doubles overflow; smaller credits in the same proportion do not.
    largest = max(credit)
    return _parts([share / largest for share in credit], value)


def _round_half_up(number: float) -> int:
    whole = math.floor(number)
    return whole + 1 if number - whole >= 0.5 else whole

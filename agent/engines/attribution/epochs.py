"""Epochs: the weeks that budgets belong to, counted from one start per profile (current draft, section 6)."""

from __future__ import annotations

import math

from agent.model.clock import DAY, HOUR
from agent.model.limits import AttributionLimits


def choose_start(moment: int, phase: float, limits: AttributionLimits) -> int:
    """The start of epoch 0 when it is first needed at ``moment``: a whole hour, up to one period earlier.

    ``phase`` is the draw in [0, 1). Hours round down also before 1970.
    """
    return math.floor((moment - phase * period(limits)) / HOUR) * HOUR


def period(limits: AttributionLimits) -> int:
    """Length of an epoch in milliseconds."""
    return limits.privacy_budget_epoch_days * DAY


def epoch_of(moment: int, start: int, limits: AttributionLimits) -> int:
    """The number of the epoch that contains ``moment``; negative before the start."""
    return (moment - start) // period(limits)


def bounds(epoch: int, start: int, limits: AttributionLimits) -> tuple[int, int]:
    """The first and the last millisecond of an epoch."""
    first = start + epoch * period(limits)
    return first, first + period(limits) - 1


def first_usable(now: int, start: int, last_clear: int | None, limits: AttributionLimits) -> int:
    """The oldest epoch that still counts at ``now``.

    A clearing of the history makes its own epoch and everything before it unusable, so this may be a coming epoch.
    """
    oldest = epoch_of(now - limits.max_lookback_days * DAY, start, limits)
    return oldest if last_clear is None else max(oldest, epoch_of(last_clear, start, limits) + 1)

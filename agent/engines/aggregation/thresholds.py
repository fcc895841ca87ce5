"""Thresholds: how many reports may fail, and above which value a bucket that no domain names may be published."""

from __future__ import annotations

import math
from fractions import Fraction
from functools import lru_cache
from typing import Final

from agent.model.aggregation import L1_SENSITIVITY, JobParameters

DELTA: Final = 1e-5
"""Chance that a bucket of one report passes :func:`key_threshold`."""


def exceeds(failed: int, total: int, percentage: float) -> bool:
    """Whether more than ``percentage`` % of ``total`` reports failed, duplicates counted (section 5)."""
    return failed * 100 > total * exact(percentage)


def stops_early(failed: int, parameters: JobParameters) -> bool:
    """Whether reading on is pointless, for too many reports failed already (section 5).

    Known with ``input_report_count``; where nothing may fail, the first failure says so without one.
    """
    allowed = _allowed(parameters.input_report_count, parameters.report_error_threshold_percentage)
    return allowed is not None and failed > allowed


def key_threshold(epsilon: float, delta: float = DELTA, l1: int = L1_SENSITIVITY) -> float:
    """The least noised value that is published outside the domain: l1 / epsilon * (epsilon + ln(1 / delta))."""
    return l1 / epsilon * (epsilon + math.log(1 / delta))


@lru_cache(maxsize=256)
def exact(number: float) -> Fraction:
    """A number as the decimal that it is written as: 0.1 is a tenth."""
    return Fraction(repr(number))


@lru_cache(maxsize=256)
def _allowed(count: int | None, percentage: float) -> int | None:
    """How many reports may fail while there are more to read; None where that is not known."""
    if percentage == 0:
        return 0
    if count is None:
        return None
    return math.floor(count * exact(percentage) / 100 + Fraction(1, 2))  # rounds a half up

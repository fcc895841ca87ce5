"""The conversion report in clear text, and the refusals of one that cannot be read."""

from __future__ import annotations

import math
from dataclasses import dataclass
from enum import StrEnum

from agent.model.attribution import ConversionRequest, Dialect
from agent.model.limits import MICRO

REPORT_TIME_PRECISION = 5_000
"""Milliseconds to which a report's time is rounded down (the task's time precision of both dialects)."""
REPORT_ID_BYTES = 16


@dataclass(frozen=True, slots=True)
class ConversionReport:
    """What one ``measureConversion`` tells the aggregation service (seed dialect, section 8; draft, section 10)."""

    dialect: Dialect
    service: str
    """The aggregation service as the page named it; it may be read by anyone who holds the sealed report."""
    report_id: bytes
    """16 random bytes."""
    time: int
    """Milliseconds since 1970, a multiple of :data:`REPORT_TIME_PRECISION`."""
    micro_epsilon: int
    """What was asked of the privacy budget, 1 .. 2^32-1."""
    max_value: int
    """``maxValue`` of the call, 1 .. 2^32-1; the seed dialect has none and puts the configured value cap."""
    budget_source: str
    """Host of the conversion site, whose budget paid."""
    collector: str
    """Host of the site that called: the intermediary, else the conversion site."""
    histogram: tuple[int, ...]
    """One count for each bucket, each 0 .. 2^64-1."""

    @property
    def histogram_size(self) -> int:
        """The number of buckets, which everyone may know."""
        return len(self.histogram)


class ReportRefusalCode(StrEnum):
    """Why a report could not be read."""

    MALFORMED = "malformed-report"
    """The bytes are no conversion report of this version."""
    UNKNOWN_KEY = "unknown-key"
    """It was sealed to a key that the reader does not hold."""
    UNDECRYPTABLE = "undecryptable-report"
    """Its ciphertext or its header was changed, or it was sealed to another key of the same id."""


@dataclass(frozen=True, slots=True)
class ReportRefusal:
    """A report that could not be read, and why."""

    code: ReportRefusalCode
    detail: str


def micro_epsilon(epsilon: float) -> int:
    """Micro-epsilon that a call with ``epsilon`` pays for: multiply, then round up (seed dialect, section 5)."""
    return math.ceil(epsilon * MICRO)


def report_time(now: int) -> int:
    """``now`` in milliseconds, rounded down to what a report may tell."""
    return now - now % REPORT_TIME_PRECISION


def clear_report(
    request: ConversionRequest, histogram: tuple[int, ...], *, report_id: bytes, now: int
) -> ConversionReport:
    """What the conversion ``request``, measured at ``now`` (milliseconds), tells the aggregation service."""
    return ConversionReport(
        dialect=request.dialect,
        service=request.service.name if request.dialect is Dialect.LEVEL1_2024 else request.service.url,
        report_id=report_id,
        time=report_time(now),
        micro_epsilon=micro_epsilon(request.epsilon),
        max_value=request.max_value,
        budget_source=request.conversion_site,
        collector=request.caller,
        histogram=histogram,
    )

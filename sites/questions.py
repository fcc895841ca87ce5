"""What adtech.test asks the aggregation service: about which reports, with which epsilon, for which buckets."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from sites import reach, registrations


@dataclass(frozen=True, slots=True)
class Question:
    """What is asked about the sealed reports of one API."""

    api: str
    """Names the question in addresses and files."""
    name: str
    kind: str
    """Of the reports, as the collector calls it."""
    epsilon: float
    meanings: Mapping[str, Mapping[str, Any]]
    """Every bucket that is asked for and what its sum stands for: ``{"0x559": {"text", "scale", "unit", ...}}``."""


ATTRIBUTION_REPORTING = Question(
    "attribution-reporting",
    "Attribution Reporting",
    "aggregatable",
    registrations.EPSILON,
    registrations.bucket_meanings(),
)
PRIVATE_AGGREGATION = Question(
    "private-aggregation", "Private Aggregation", "private-aggregation", reach.EPSILON, reach.bucket_meanings()
)
QUESTIONS = {question.api: question for question in (ATTRIBUTION_REPORTING, PRIVATE_AGGREGATION)}

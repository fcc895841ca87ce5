"""What a job of the aggregation service answered, beside the truth: in purchases, euros and browsers."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from fractions import Fraction
from itertools import groupby
from typing import Any

from agent.engines.aggregation.noise import interval, standard_deviation
from agent.engines.aggregation.summary import noise_scale
from agent.journeys.measurement import Answer
from agent.model.attribution_reporting.reports import AggregatableContent
from agent.model.reports import Report
from agent.reporting.model import BROWSERS, EUROS, PURCHASES, ApiSummary, SummaryPart, SummaryRow

_UNITS = {"bought": (PURCHASES, 1), "€": (EUROS, 0), "browser": (BROWSERS, 1)}
"""What is counted, and with how many decimals, by the unit of the sites' meanings."""


def job_summary(answer: Answer, true: Mapping[int, int], *, units: int) -> ApiSummary:
    """The summary of a job that spent ``units``, each bucket scaled to what it stands for, beside the ``true`` sums."""
    question = answer.batch.question
    scale = noise_scale(question.epsilon)
    parts = [
        _part(answer.metrics, true, list(meanings), scale)
        for _, meanings in groupby(question.meanings.items(), key=lambda item: str(item[1]["unit"]))
    ]
    return ApiSummary(question.name, tuple(parts), answer.batch.reports, question.epsilon, units=units)


def sums_of(reports: Iterable[Report]) -> Counter[int]:
    """What aggregatable reports add to each bucket, as the owners of the browsers see them: in clear."""
    sums: Counter[int] = Counter()
    for report in reports:
        assert isinstance(report.content, AggregatableContent)
        for contribution in report.content.contributions:
            sums[contribution.bucket] += contribution.value
    return sums


def _part(
    metrics: Mapping[int, int], true: Mapping[int, int], meanings: list[tuple[str, Mapping[str, Any]]], scale: Fraction
) -> SummaryPart:
    """Buckets of one unit, whose values all have the same scale."""
    unit, decimals = _UNITS[meanings[0][1]["unit"]]
    value, width = meanings[0][1]["scale"], interval(scale)
    rows = []
    for text, meaning in meanings:
        bucket = int(text, 16)
        noised = metrics[bucket]
        ends = (noised - width) / value, (noised + width) / value
        rows.append(SummaryRow(meaning["text"], true.get(bucket, 0) / value, noised / value, *ends, bucket=text))
    return SummaryPart(unit, float(scale / value), standard_deviation(scale) / value, tuple(rows), decimals)

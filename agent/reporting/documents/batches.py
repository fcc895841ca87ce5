"""What was sent and can be aggregated, as JSON values: batches, and what noise would do to their sums."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from agent.engines.aggregation.noise import interval, standard_deviation
from agent.engines.aggregation.summary import noise_scale
from agent.model.attribution_reporting.reports import AggregatableContent
from agent.model.private_aggregation import PrivateAggregationContent
from agent.model.reports import Report, ReportKind

if TYPE_CHECKING:
    from agent.runtime import Agent

Document = dict[str, Any]
AGGREGATABLE = (ReportKind.AGGREGATABLE, ReportKind.PRIVATE_AGGREGATION)
"""Kinds of reports whose batches spend budget."""
MOST_REPORTS, MOST_SUMS = 2_000, 1_000
"""Reports whose clear text a preview adds up, and buckets of which it tells."""


async def batch_documents(agent: Agent) -> list[Document]:
    """What was sent, by kind and collector."""
    return [
        {"kind": kind.value, "url": url, "origin": _origin(url), "reports": count}
        for kind, url, count in await agent.reports.sent_batches(AGGREGATABLE)
    ]


async def preview_document(agent: Agent, kind: ReportKind, url: str, epsilon: float) -> Document:
    """The sums of a batch in clear, of its first reports where it has many, and the noise that ``epsilon`` stands for.

    ``reports``: those that were added up. ``p5`` and ``p95`` are where 90 % of noised sums lie; ``left_out``: how many
    more sums there are. Nothing is spent: only the browsers' owner can see this.
    """
    reports = await agent.reports.sent(kind, url, limit=MOST_REPORTS)
    scale = noise_scale(epsilon)
    width = interval(scale)
    sums = sorted(_sums(reports).items())
    return {
        "kind": kind.value,
        "origin": _origin(url),
        "epsilon": epsilon,
        "scale": float(scale),
        "standard_deviation": standard_deviation(scale),
        "interval": width,
        "reports": len(reports),
        "sums": [
            {"bucket": f"{bucket:#x}", "true": value, "p5": value - width, "p95": value + width}
            for bucket, value in sums[:MOST_SUMS]
        ],
        "left_out": len(sums[MOST_SUMS:]),
    }


def _sums(reports: list[Report]) -> Counter[int]:
    sums: Counter[int] = Counter()
    for report in reports:
        content = report.content
        if isinstance(content, AggregatableContent | PrivateAggregationContent):
            for contribution in content.contributions:
                sums[contribution.bucket] += contribution.value
    return sums


def _origin(url: str) -> str:
    scheme, host, *_ = urlsplit(url)
    return f"{scheme}://{host}"

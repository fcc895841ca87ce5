"""Jobs of the local aggregation service as JSON values: what each published, and what it stands on."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from agent.aggregation.job_documents import read_outcome
from agent.model.aggregation import AggregatedFact, SpentUnit, StoredJob, Summary
from agent.model.clock import format_instant
from agent.reporting.aggregation_view import MEANINGS

Document = dict[str, Any]
MOST_FACTS = 1_000
"""Buckets of a summary that are told; ``left_out`` counts the others."""


def summary_job_document(job: StoredJob, spent: Sequence[SpentUnit]) -> Document:
    """A job with its summary, None where it has none. Buckets are text: JSON's readers do not hold 128 bits."""
    outcome = None if job.outcome is None else read_outcome(job.outcome)
    result = job.result_info
    return {
        "id": job.id,
        "job_request_id": job.job_request_id,
        "created": format_instant(job.created),
        "status": job.status.value,
        "parameters": dict(job.request.get("job_parameters", {})),
        "return_code": None if result is None else result.return_code.value,
        "meaning": None if result is None else MEANINGS[result.return_code],
        "error_counts": {} if result is None else {one.value: count for one, count in result.error_counts.items()},
        "finished": None if result is None else format_instant(result.finished_at),
        "budget_units_spent": len(spent),
        "reports": None if outcome is None or outcome.partial is None else outcome.partial.reports,
        "event": job.event,
        "summary": None if outcome is None or outcome.summary is None else _summary(outcome.summary),
    }


def _summary(summary: Summary) -> Document:
    shown = summary.facts[:MOST_FACTS]
    return {
        "epsilon": summary.epsilon,
        "scale": summary.scale,
        "standard_deviation": summary.standard_deviation,
        "interval": summary.interval,
        "facts": [_fact(fact, summary.interval) for fact in shown],
        "left_out": len(summary.facts) - len(shown),
    }


def _fact(fact: AggregatedFact, interval: int) -> Document:
    return {
        "bucket": f"{fact.bucket:#x}",
        "metric": fact.metric,
        "p5": fact.metric - interval,
        "p95": fact.metric + interval,
        "true": fact.unnoised_metric,
    }

"""Jobs of the local aggregation service: what each published, what was hidden, what was refused and why."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from agent.dashboard.queries import Document, Query, paged, whole_number
from agent.model.aggregation import DEFAULT_EPSILON, MAX_EPSILON
from agent.model.errors import UsageError
from agent.model.reports import ReportKind
from agent.reporting.documents.batches import batch_documents, preview_document
from agent.reporting.documents.jobs import summary_job_document

if TYPE_CHECKING:
    from agent.runtime import Agent

LENGTH = 10
"""Jobs of a page; each may have many buckets."""
_NUMBER = re.compile(r"\d{1,2}(\.\d{1,6})?", re.ASCII)


async def aggregation(agent: Agent, query: Query) -> Document:
    """The newest jobs below the position ``before``, what could be aggregated, and a preview of one batch.

    The preview is of ``batch``, a kind and an origin with a space between, else of the first, under the noise of
    ``epsilon``; ``of``: how many reports the batch has, of which it may show the first.
    """
    epsilon = _epsilon(query.get("epsilon", ""))
    batches = await batch_documents(agent)
    asked = query.get("batch", "")
    chosen = [one for one in batches if asked in {"", f"{one['kind']} {one['origin']}"}]
    preview = None
    if chosen:
        summed = await preview_document(agent, ReportKind(chosen[0]["kind"]), chosen[0]["url"], epsilon)
        preview = {**summed, "of": chosen[0]["reports"]}
    jobs = await agent.aggregation.newest(before=whole_number(query, "before"), limit=LENGTH + 1)
    rows = [summary_job_document(job, await agent.aggregation.spent(job.job_request_id)) for job in jobs]
    return {
        "batches": batches,
        "preview": preview,
        "epsilon": epsilon,
        "most_epsilon": MAX_EPSILON,
        **paged("jobs", rows, LENGTH, "id"),
    }


def _epsilon(text: str) -> float:
    """The epsilon that is asked for. Raises UsageError."""
    if not text:
        return DEFAULT_EPSILON
    epsilon = float(text) if _NUMBER.fullmatch(text) else 0.0
    if not 0 < epsilon <= MAX_EPSILON:
        raise UsageError(f"{text!r} is no epsilon", where="epsilon", rule=f"above 0, at most {MAX_EPSILON:g}")
    return epsilon

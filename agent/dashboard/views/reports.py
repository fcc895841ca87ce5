"""Reports on their way and after it: sealed, beside what is in them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from agent.dashboard.queries import Document, Query, one_of, page_length, paged, whole_number
from agent.model.reports import ReportKind, ReportState
from agent.reporting.documents.stored import report_body, report_document
from agent.reporting.explanation import explanation_document

if TYPE_CHECKING:
    from agent.runtime import Agent


async def reports(agent: Agent, query: Query) -> Document:
    """The newest reports below the position ``before``, of one ``state`` and one ``kind`` where they are given."""
    state, kind = one_of(query, "state", tuple(ReportState)), one_of(query, "kind", tuple(ReportKind))
    length, before = page_length(query), whole_number(query, "before")
    found = await agent.reports.newest(
        before=before,
        limit=length + 1,
        states=[ReportState(state)] if state else list(ReportState),
        kinds=[ReportKind(kind)] if kind else list(ReportKind),
    )
    rows = [{**report_document(report), "position": report.position} for report in found]
    counts = await agent.reports.count_by_state()
    return {
        "state": state,
        "kind": kind,
        "before": before,
        "counts": {one.value: counts.get(one, 0) for one in ReportState},
        "kinds": [one.value for one in ReportKind],
        **paged("reports", rows, length, "position"),
    }


async def report(agent: Agent, query: Query) -> Document:
    """One report whose id begins with ``id``, or the ``latest``: its body, what is in it, and why it was made.

    Raises UsageError where there is none, or several.
    """
    wanted = query["id"]
    if wanted == "latest":
        newest = await agent.reports.newest(limit=1)
        wanted = newest[0].id if newest else wanted
    one = await agent.reports.get(wanted)
    why = await agent.explain(f"report:{one.id}")
    return {
        "report": {**report_document(one), "position": one.position},
        "body": report_body(one),
        "explanation": explanation_document(why),
    }

"""Sources of Attribution Reporting and impressions of W3C Attribution, the newest first."""

from __future__ import annotations

from typing import TYPE_CHECKING

from agent.dashboard.queries import Document, Query, page_length, paged, whole_number
from agent.reporting.documents.stored import impression_document, source_budget_document, source_document

if TYPE_CHECKING:
    from agent.runtime import Agent


async def sources(agent: Agent, query: Query) -> Document:
    """A page of each: below ``before_source`` and ``before_impression``; ``budgets`` of a source beside it."""
    length = page_length(query)
    found = await agent.state.newest_sources(before=whole_number(query, "before_source"), limit=length + 1)
    inactive = await agent.state.inactive_sources(found[-1].id, found[0].id) if found else frozenset[int]()
    limit = agent.settings.attribution_reporting_limits.aggregatable_budget_per_source
    rows = [
        {
            **source_document(source, active=source.id not in inactive),
            "budgets": {**source_budget_document(source), "limit": limit},
        }
        for source in found
    ]
    seen = await agent.state.newest_impressions(before=whole_number(query, "before_impression"), limit=length + 1)
    own, other = (
        paged("sources", rows, length, "id"),
        paged("impressions", [impression_document(one) for one in seen], length, "id"),
    )
    return {
        "sources": own["sources"],
        "older_sources": own["older"],
        "impressions": other["impressions"],
        "older_impressions": other["older"],
    }

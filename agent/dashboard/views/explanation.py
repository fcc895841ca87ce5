"""Why: the tree of checks behind one decision, report or job."""

from __future__ import annotations

from typing import TYPE_CHECKING

from agent.dashboard.queries import Document, Query
from agent.reporting.explanation import explanation_document

if TYPE_CHECKING:
    from agent.runtime import Agent


async def explanation(agent: Agent, query: Query) -> Document:
    """The explanation of ``id``, as ``tallyhost explain`` takes it. Raises UsageError where it is nothing."""
    wanted = query["id"]
    return {"wanted": wanted, "explanation": explanation_document(await agent.explain(wanted))}

"""The timeline: every event, the newest first, with where its decision stopped."""

from __future__ import annotations

from typing import TYPE_CHECKING

from agent.dashboard.event_filter import read_filter
from agent.dashboard.queries import Document, Query, page_length, paged, whole_number
from agent.model.events import Event
from agent.model.explanation import explained
from agent.reporting.documents.events import event_document

if TYPE_CHECKING:
    from agent.runtime import Agent

WHOLE = frozenset({"asked", "drawn", "http", "options"})
"""What an event keeps so that it can be exported and played again: no row needs it."""


async def timeline(agent: Agent, query: Query) -> Document:
    """The newest events that fit ``filter``, below the number ``before`` and above ``after``; ``limit`` of them.

    ``sites``: those that have one of them, by name.
    """
    wanted, length = read_filter(query.get("filter", "")), page_length(query)
    before, after = whole_number(query, "before"), whole_number(query, "after", 0) or 0
    found = await agent.events.newest(wanted, before=before, after=after, limit=length + 1)
    page = paged("events", [event_row(event) for event in found], length, "id")
    sites = sorted({event["site"] for event in page["events"] if event["site"]})
    return {"filter": query.get("filter", ""), "before": before, **page, "sites": sites}


def event_row(event: Event) -> Document:
    """An event; whether a check failed, at which one its decision ended, and whether a report came of it.

    Of its data without :data:`WHOLE`, which the event itself has at ``/api/v1/events/NUMBER``.
    """
    why = explained(event)
    data = {name: value for name, value in event.data.items() if name not in WHOLE}
    failed = any(not check.passed for check in event.trace.checks)
    shown = {**event_document(event), "data": data}
    return {**shown, "failed": failed, "stopped_at": why.stopped_at, "outcome": why.outcome}

"""Shared Storage, its worklets and interest groups as their owner sees them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from agent.dashboard.queries import Document, Query
from agent.dashboard.views.timeline import event_row
from agent.model.shared_storage import StorageEvent
from agent.reporting.documents.interest_groups import interest_group_documents
from agent.reporting.documents.shared_storage import shared_storage_documents

if TYPE_CHECKING:
    from agent.runtime import Agent

MOST = 500
"""Origins, entries and groups that the page shows."""
WORKLETS = ("shared-storage", *StorageEvent)
"""The kinds of events that tell of worklets and writes."""
LATEST = 20
"""Of these events, how many it shows."""


async def shared_storage(agent: Agent, query: Query) -> Document:
    """Origins with their entries, what worklets did lately, and interest groups.

    ``origin`` and ``key`` name the entry that is to be edited; ``value`` is what it holds.
    """
    stored, groups = await shared_storage_documents(agent, MOST), await interest_group_documents(agent, MOST)
    origin, key = query.get("origin", ""), query.get("key", "")
    edited = [one["value"] for one in stored["entries"] if (one["origin"], one["key"]) == (origin, key)]
    return {
        **stored,
        "interest_groups": groups["interest_groups"],
        "left_out": {**stored["left_out"], **groups["left_out"]},
        "worklets": [event_row(event) for event in await agent.events.newest_of(WORKLETS, limit=LATEST)],
        "origin": origin,
        "key": key,
        "value": edited[0] if edited else "",
    }

"""What passed between pages and servers that measures something: registrations, writes, and reports on their way."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from agent.dashboard.queries import Document, Query, page_length, paged, whole_number
from agent.dashboard.views.timeline import event_row
from agent.model.event_filter import EventFilter
from agent.model.events import Event
from agent.reporting.har import har_document
from agent.version import version

if TYPE_CHECKING:
    from agent.runtime import Agent


async def network(agent: Agent, query: Query) -> Document:
    """The newest events below ``before`` that tell of a URL, each with its ``exchanges``, as far as they are known.

    They are those of the export as HAR, redirects one by one; cookies and credentials are in neither.
    """
    length, before = page_length(query), whole_number(query, "before")
    found = await agent.events.newest(EventFilter(about_url=True), before=before, limit=length + 1)
    return {"before": before, **paged("requests", [_request(event) for event in found], length, "id")}


def _request(event: Event) -> Document:
    asked: Mapping[str, Any] = event.data.get("asked", {})
    entries = har_document([event], (), version=version())["log"]["entries"]
    return {
        **event_row(event),
        "url": event.data.get("url") or asked.get("url") or event.data["http"]["url"],
        "eligibility": asked.get("eligibility"),
        "navigation": asked.get("navigation"),
        "exchanges": [_exchange(entry) for entry in entries],
    }


def _exchange(entry: Mapping[str, Any]) -> Document:
    request, response = entry["request"], entry["response"]
    return {
        "method": request["method"],
        "url": request["url"],
        "status": response["status"],
        "milliseconds": entry["time"],
        "request": [[field["name"], field["value"]] for field in request["headers"]],
        "response": [[field["name"], field["value"]] for field in response["headers"]],
        "comment": entry.get("comment", ""),
    }

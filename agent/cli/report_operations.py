"""What is asked of an agent's events and reports one by one; part of :mod:`agent.cli.operations`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from agent.dashboard.event_filter import read_filter
from agent.model.clock import format_instant
from agent.reporting.documents.events import event_document
from agent.reporting.documents.stored import report_document

if TYPE_CHECKING:
    from agent.runtime import Agent

Document = dict[str, Any]
_LIMIT = 50


async def ready(agent: Agent, _: Mapping[str, Any]) -> Document:
    """That the agent answers."""
    return {"ready": True, "now": format_instant(agent.clock.now())}


async def list_events(agent: Agent, asked: Mapping[str, Any]) -> Document:
    """The events that fit ``filter``: oldest first behind ``after``, or newest first, those ``before`` a number."""
    limit = asked.get("limit", _LIMIT)
    wanted = read_filter(asked.get("filter", ""))
    if "after" in asked and "before" not in asked and not asked.get("filter"):
        events = await agent.events.read(after=asked["after"], limit=limit)
    else:
        events = await agent.events.newest(wanted, before=asked.get("before"), after=asked.get("after", 0), limit=limit)
    return {"events": [event_document(event) for event in events]}


async def show_event(agent: Agent, asked: Mapping[str, Any]) -> Document:
    """One event."""
    return {"event": event_document(await agent.events.get(asked["id"]))}


async def send_report(agent: Agent, asked: Mapping[str, Any]) -> Document:
    """Send a report now; it is told as it is after the attempt."""
    return {"report": report_document(await agent.reports.send(asked["id"]))}


async def drop_report(agent: Agent, asked: Mapping[str, Any]) -> Document:
    """Forget a report, and tell it once more."""
    return {"dropped": report_document(await agent.reports.drop(asked["id"]))}


async def send_pending(agent: Agent, _: Mapping[str, Any]) -> Document:
    """Send every pending report now."""
    return {"sent": await agent.reports.send_pending()}


REPORT_OPERATIONS = {
    "ready": ready,
    "events.list": list_events,
    "events.show": show_event,
    "reports.send": send_report,
    "reports.drop": drop_report,
    "reports.send-pending": send_pending,
}
"""Merged into the operations of :mod:`agent.cli.operations`."""

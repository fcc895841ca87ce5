"""What the agent remembers of Shared Storage and Private Aggregation, as JSON values; the rest is counted."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from agent.engines.private_aggregation.budget import Window
from agent.model.clock import format_instant
from agent.model.reports import ReportKind, ReportState
from agent.model.shared_storage import Entry
from agent.reporting.documents.stored import joined, listed, report_document

if TYPE_CHECKING:
    from agent.runtime import Agent

Document = dict[str, Any]
_WAITING = {ReportState.PENDING, ReportState.SENDING, ReportState.NOT_SENT}


async def shared_storage_documents(agent: Agent, limit: int | None) -> Document:
    """Origins with what they use, their entries, and the bits that selectURL spent; the first ``limit`` of each."""
    return joined(
        await _origins(agent, limit), await _entries(agent, limit), await navigation_budget_documents(agent, limit)
    )


async def private_aggregation_documents(agent: Agent, limit: int | None) -> Document:
    """What sites spent lately, the first ``limit`` by site and API, and the ``limit`` latest reports that wait."""
    waiting = [one for one in await agent.reports.all(kind=ReportKind.PRIVATE_AGGREGATION) if one.state in _WAITING]
    latest = waiting if limit is None else waiting[-limit:]
    return joined(
        await contribution_budget_documents(agent, limit),
        listed("pending_reports", map(report_document, latest), len(waiting) - len(latest)),
    )


async def contribution_budget_documents(agent: Agent, limit: int | None) -> Document:
    """What sites spent lately, the first ``limit`` by site and API."""
    budgets = await agent.private_aggregation.budgets()
    shown = [
        {"site": one.site, "api": one.api, "windows": [_window(one.small), _window(one.large)]}
        for one in budgets[:limit]
    ]
    return listed("contribution_budgets", shown, len(budgets) - len(shown))


async def _origins(agent: Agent, limit: int | None) -> Document:
    origins = await agent.shared_storage.origins(limit)
    documents = (
        {
            **asdict(metadata),
            "origin": origin,
            "creation_time": None if metadata.creation_time is None else format_instant(metadata.creation_time),
            "bytes_left": agent.settings.shared_storage_limits.max_bytes_per_origin - metadata.bytes_used,
        }
        for origin, metadata in origins
    )
    return listed("origins", documents, await agent.shared_storage.count_origins() - len(origins))


async def _entries(agent: Agent, limit: int | None) -> Document:
    documents: list[Document] = []
    stored = 0
    for origin, metadata in await agent.shared_storage.origins():
        stored += metadata.length
        left = None if limit is None else limit - len(documents)
        if left != 0:
            entries = await agent.shared_storage.entries(origin, left)
            documents += (_entry(agent, origin, entry) for entry in entries)
    return listed("entries", documents, stored - len(documents))


def _entry(agent: Agent, origin: str, entry: Entry) -> Document:
    return {
        "origin": origin,
        "key": entry.key,
        "value": entry.value,
        "bytes": entry.bytes_used,
        "written": format_instant(entry.written),
        "age": agent.clock.now() - entry.written,
        "expires": format_instant(entry.written + agent.settings.shared_storage_limits.entry_lifetime),
    }


async def navigation_budget_documents(agent: Agent, limit: int | None) -> Document:
    """The bits that selectURL spent on navigations, the first ``limit`` by site."""
    budget = agent.settings.shared_storage_limits.navigation_bits
    spent = await agent.shared_storage.navigation_budgets()
    documents = [
        {
            "site": site,
            "budget": budget,
            "left": left,
            "spent": [{"time": format_instant(time), "bits": bits} for time, bits in debits],
        }
        for site, left, debits in spent[:limit]
    ]
    return listed("navigation_budgets", documents, len(spent) - len(documents))


def _window(window: Window) -> Document:
    return {"length": window.length, "budget": window.budget, "spent": window.spent, "left": max(0, window.left)}

"""What every page shows around its own content: the clock, what is due, and which agent this is."""

from __future__ import annotations

from typing import TYPE_CHECKING

from agent.dashboard.queries import Document
from agent.model.clock import format_instant
from agent.model.reports import ReportState
from agent.version import version
from storage.database import MEMORY

if TYPE_CHECKING:
    from agent.runtime import Agent


async def frame(agent: Agent) -> Document:
    """The agent in a few words. ``milliseconds``: of its clock; ``speed``: how fast that runs, 0 for a frozen one."""
    now, due = agent.clock.now(), await agent.reports.next_due()
    counts = await agent.reports.count_by_state()
    last = await agent.events.last()
    return {
        "now": format_instant(now),
        "milliseconds": now,
        "speed": agent.clock.speed,
        "next_due": None if due is None else format_instant(due),
        "due_in": None if due is None else max(0, due - now),
        "pending": counts.get(ReportState.PENDING, 0),
        "latest_event": 0 if last is None else last.id,
        "profile": str(agent.profile.database if agent.profile.database == MEMORY else agent.profile.folder),
        "seed": agent.seed,
        "version": version(),
    }

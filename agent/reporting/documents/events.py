"""Events as JSON values."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from agent.model.clock import format_instant
from agent.model.events import Event


def event_document(event: Event) -> dict[str, Any]:
    """An event with its checks; its time as ISO 8601."""
    return {
        "id": event.id,
        "kind": event.kind,
        "time": format_instant(event.time),
        "verdict": event.verdict,
        "summary": event.summary,
        "site": event.site,
        "data": dict(event.data),
        "checks": [asdict(check) for check in event.trace.checks],
    }

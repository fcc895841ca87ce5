"""The header lab: a header, every problem that it has, and what it means in full."""

from __future__ import annotations

from typing import TYPE_CHECKING

from agent.dashboard.queries import Document, Query, one_of
from agent.engines.attribution_reporting.header_check import HeaderKind
from agent.model.attribution_reporting.registrations import SourceType
from agent.reporting.documents.header import checked_header
from agent.reporting.documents.write_header import WRITE_HEADER

if TYPE_CHECKING:
    from agent.runtime import Agent

KINDS = (*HeaderKind, WRITE_HEADER)
EXAMPLES = {
    HeaderKind.SOURCE: '{"destination": "https://shop.test", "source_event_id": "12", "expiry": "3"}',
    HeaderKind.TRIGGER: '{"event_trigger_data": [{"trigger_data": "9"}]}',
    WRITE_HEADER: 'set;key="creative";value="2"',
}


async def header_lab(agent: Agent, query: Query) -> Document:
    """What comes of the field ``value`` of a ``kind``; ``checked`` is None where no value is given."""
    kind = one_of(query, "kind", KINDS) or HeaderKind.SOURCE
    source_type = SourceType(one_of(query, "source_type", tuple(SourceType)) or SourceType.NAVIGATION)
    value = query.get("value", "")
    checked = None
    if value.strip():
        checked = checked_header(kind, value.encode("utf-8", "surrogatepass"), source_type, agent.settings)
    return {
        "kinds": [str(one) for one in KINDS],
        "source_types": [one.value for one in SourceType],
        "kind": str(kind),
        "source_type": source_type.value,
        "value": value,
        "example": EXAMPLES.get(kind, ""),
        "checked": checked,
    }

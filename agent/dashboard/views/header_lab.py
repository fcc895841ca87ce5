"""The header lab: a header, every problem that it has, what it means in full, and how a trigger meets a source."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING

from agent.dashboard.queries import PAGE_LENGTH, Document, Query, one_of, whole_number
from agent.engines.attribution_reporting.against_source import checks_against
from agent.engines.attribution_reporting.header_check import HeaderKind, check_header
from agent.model.attribution_reporting.facts import StoredSource
from agent.model.attribution_reporting.registrations import SourceType
from agent.model.errors import UsageError
from agent.reporting.documents.header import checked_header
from agent.reporting.documents.stored import source_document
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
    """What comes of the field ``value`` of a ``kind``; ``checked`` is None where no value is given.

    ``against``: a trigger is held against the source of this id; ``met`` are the checks then, None without it.
    """
    kind = one_of(query, "kind", KINDS) or HeaderKind.SOURCE
    source_type = SourceType(one_of(query, "source_type", tuple(SourceType)) or SourceType.NAVIGATION)
    value = query.get("value", "")
    checked = met = None
    source = await _source(agent, whole_number(query, "against"))
    if value.strip():
        checked = checked_header(kind, value.encode("utf-8", "surrogatepass"), source_type, agent.settings)
        if source is not None and kind == HeaderKind.TRIGGER:
            met = _met(agent, source, value)
    newest = await agent.state.newest_sources(limit=PAGE_LENGTH)
    return {
        "kinds": [str(one) for one in KINDS],
        "source_types": [one.value for one in SourceType],
        "kind": str(kind),
        "source_type": source_type.value,
        "value": value,
        "example": EXAMPLES.get(kind, ""),
        "checked": checked,
        "sources": [source_document(one, active=True) for one in newest],
        "against": None if source is None else source.id,
        "met": met,
    }


async def _source(agent: Agent, wanted: int | None) -> StoredSource | None:
    if wanted is None:
        return None
    found = await agent.state.newest_sources(before=wanted + 1, limit=1)
    if not found or found[0].id != wanted:
        raise UsageError(f"there is no source {wanted}", where="against", fix="choose one that is stored")
    return found[0]


def _met(agent: Agent, source: StoredSource, value: str) -> list[Document] | None:
    """The checks of the trigger ``value`` against ``source`` now; None where it is refused as it stands."""
    encoded, limits = value.encode("utf-8", "surrogatepass"), agent.settings.attribution_reporting_limits
    trigger = check_header(HeaderKind.TRIGGER, encoded, SourceType.NAVIGATION, limits).trigger
    if trigger is None:
        return None
    return [asdict(check) for check in checks_against(source, trigger, agent.clock.now())]

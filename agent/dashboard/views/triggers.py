"""Triggers of Attribution Reporting and conversions of W3C Attribution, each with what it came to."""

from __future__ import annotations

from typing import TYPE_CHECKING

from agent.dashboard.queries import Document, Query, page_length, paged, whole_number
from agent.dashboard.views.timeline import event_row
from agent.model.attribution_reporting.verdicts import TRIGGER_REGISTRATION
from agent.reporting.documents.stored import trigger_document

if TYPE_CHECKING:
    from agent.runtime import Agent

CONVERSION = "conversion"


async def triggers(agent: Agent, query: Query) -> Document:
    """A page of each: below the events ``before_trigger`` and ``before_conversion``."""
    length = page_length(query)
    found = await agent.events.newest_of(
        [TRIGGER_REGISTRATION], before=whole_number(query, "before_trigger"), limit=length + 1
    )
    rows = [{**trigger_document(event), **event_row(event)} for event in found]
    own = paged("triggers", rows, length, "id")
    measured = await agent.events.newest_of(
        [CONVERSION], before=whole_number(query, "before_conversion"), limit=length + 1
    )
    other = paged("conversions", [event_row(event) for event in measured], length, "id")
    return {
        "triggers": own["triggers"],
        "older_triggers": own["older"],
        "conversions": other["conversions"],
        "older_conversions": other["older"],
    }

"""What the agent remembers of Attribution Reporting, as JSON values."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from agent.model.attribution_reporting.facts import StoredSource
from agent.model.attribution_reporting.verdicts import TRIGGER_REGISTRATION
from agent.model.clock import format_instant
from agent.model.events import Event

if TYPE_CHECKING:
    from agent.runtime import Agent

Document = dict[str, Any]


async def source_documents(agent: Agent) -> list[Document]:
    """Every source that has not expired, in the order stored. Numbers that may exceed 53 bits are text."""
    sources = await agent.state.sources()
    inactive = await agent.state.inactive_sources()
    return [_source(source, active=source.id not in inactive) for source in sources]


async def trigger_documents(agent: Agent) -> list[Document]:
    """Every trigger that was registered, or refused, in the order received."""
    return [_trigger(event) for event in await agent.events.all(kind=TRIGGER_REGISTRATION)]


async def source_budget_documents(agent: Agent) -> list[Document]:
    """What is left of the budgets of each source."""
    return [_budgets(source) for source in await agent.state.sources()]


def _source(source: StoredSource, *, active: bool) -> Document:
    who, what, scopes = source.registrant, source.registration, source.registration.attribution_scopes
    return {
        "id": source.id,
        "time": format_instant(source.time),
        "expires": format_instant(source.expiry_time),
        "type": source.source_type.value,
        "source_origin": who.context_origin,
        "reporting_origin": who.reporting_origin,
        "destinations": list(what.destinations),
        "source_event_id": str(what.source_event_id),
        "priority": str(what.priority),
        "attribution_scopes": None if scopes is None else list(scopes.values),
        "randomized_trigger_rate": source.randomized_trigger_rate,
        "attribution_logic": source.attribution_logic.value,
        "active": active,
        "event_level_active": source.event_level_active,
        "num_attributions": source.num_attributions,
        "num_aggregatable_reports": source.num_aggregatable_reports,
        "num_aggregatable_debug_reports": source.num_aggregatable_debug_reports,
    }


def _trigger(event: Event) -> Document:
    return {
        "event": event.id,
        "time": format_instant(event.time),
        "reporting_origin": event.data["reporting_origin"],
        "site": event.site,
        "verdict": event.verdict,
        "source": event.data.get("source"),
        "event_level": event.data.get("event_level"),
        "aggregatable": event.data.get("aggregatable"),
        "reports": event.data.get("reports", []),
    }


def _budgets(source: StoredSource) -> Document:
    return {
        "source": source.id,
        "reporting_origin": source.registrant.reporting_origin,
        "aggregatable": source.remaining_aggregatable_budget,
        "aggregatable_debug": source.remaining_aggregatable_debug_budget,
        "named": dict(source.remaining_named_budgets),
    }

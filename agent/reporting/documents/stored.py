"""What the agent remembers, as JSON values: the latest of each list, and how many more there are."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterable
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from agent.model.attribution import Budget, Impression
from agent.model.attribution_reporting.facts import StoredSource
from agent.model.attribution_reporting.verdicts import TRIGGER_REGISTRATION
from agent.model.clock import DAY, format_instant
from agent.model.events import Event
from agent.model.reports import Report

if TYPE_CHECKING:
    from agent.runtime import Agent

Document = dict[str, Any]


async def impression_documents(agent: Agent, limit: int | None) -> Document:
    """The ``limit`` impressions saved last, in the order saved; None: all, as everywhere here."""
    latest = await agent.state.latest_impressions(limit)
    return listed("impressions", map(impression_document, latest.rows), latest.left_out)


async def budget_documents(agent: Agent, limit: int | None) -> Document:
    """What is left of the privacy budgets that were ever charged, the first ``limit`` by kind, site and epoch."""
    summary = await agent.state.summary()
    start, length = summary.epoch_start or 0, agent.settings.limits.privacy_budget_epoch_days * DAY
    budgets = await agent.state.budgets(limit)
    return listed(
        "budgets",
        [{**_budget(one), "epoch_start": format_instant(start + one.key.epoch * length)} for one in budgets],
        summary.budgets - len(budgets),
    )


async def source_documents(agent: Agent, limit: int | None) -> Document:
    """The sources that have not expired, in the order stored. Numbers that may exceed 53 bits are text."""
    latest = await agent.state.latest_sources(limit)
    inactive = await agent.state.inactive_sources(since=latest.rows[0].id if latest.rows else 0)
    sources = (source_document(source, active=source.id not in inactive) for source in latest.rows)
    return listed("sources", sources, latest.left_out)


async def trigger_documents(agent: Agent, limit: int | None) -> Document:
    """The triggers that were registered, or refused, in the order received."""
    latest = await agent.events.latest(limit, kind=TRIGGER_REGISTRATION)
    return listed("triggers", map(trigger_document, latest.rows), latest.left_out)


async def source_budget_documents(agent: Agent, limit: int | None) -> Document:
    """What is left of the budgets of each source."""
    latest = await agent.state.latest_sources(limit)
    return listed("source_budgets", map(source_budget_document, latest.rows), latest.left_out)


async def report_documents(agent: Agent, limit: int | None) -> Document:
    """The reports, without their bodies, in the order they were made."""
    latest = await agent.reports.latest(limit)
    return listed("reports", map(report_document, latest.rows), latest.left_out)


def listed(name: str, documents: Iterable[Document], left_out: int) -> Document:
    """A list under its ``name``, and how many more there are than it tells of."""
    return {name: list(documents), "left_out": {name: left_out}}


def joined(*parts: Document) -> Document:
    """The lists of ``parts`` in one document."""
    left_out = {name: count for part in parts for name, count in part["left_out"].items()}
    return {name: value for part in parts for name, value in part.items()} | {"left_out": left_out}


def report_document(report: Report) -> Document:
    """A report but for its body."""
    values = asdict(report)
    del values["body"], values["position"]
    values["site"] = report.site
    values["bytes"] = len(report.body)
    values["created"] = format_instant(report.created)
    values["next_attempt"] = None if report.next_attempt is None else format_instant(report.next_attempt)
    return values


def report_body(report: Report) -> Document:
    """What the page or the collector got: ``json`` where it is that, else ``base64``; both None before it is made.

    What is in it is in :func:`report_document`'s ``content``.
    """
    if not report.body:
        return {"json": None, "base64": None}
    try:
        return {"json": json.loads(report.body), "base64": None}
    except ValueError:
        return {"json": None, "base64": base64.b64encode(report.body).decode()}


def impression_document(impression: Impression) -> Document:
    """An impression."""
    return {**asdict(impression), "timestamp": format_instant(impression.timestamp)}


def _budget(budget: Budget) -> Document:
    key = budget.key
    return {"kind": key.kind, "site": key.site, "epoch": key.epoch, "remaining": budget.remaining}


def source_document(source: StoredSource, *, active: bool) -> Document:
    """A source; ``active``: whether it can still be attributed. Numbers that may exceed 53 bits are text."""
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


def trigger_document(event: Event) -> Document:
    """What became of a trigger."""
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


def source_budget_document(source: StoredSource) -> Document:
    """What is left of the budgets of a source."""
    return {
        "source": source.id,
        "reporting_origin": source.registrant.reporting_origin,
        "aggregatable": source.remaining_aggregatable_budget,
        "aggregatable_debug": source.remaining_aggregatable_debug_budget,
        "named": dict(source.remaining_named_budgets),
    }

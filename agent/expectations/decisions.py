"""Decisions as candidates: each with the members that tests compare, beside what the store still has of it."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

from agent.expectations.matching import Candidate
from agent.model.attribution import Impression
from agent.model.attribution_reporting.facts import StoredSource
from agent.model.attribution_reporting.verdicts import SOURCE_REGISTRATION, TRIGGER_REGISTRATION
from agent.model.clock import format_instant
from agent.model.events import Event
from agent.model.explanation import CONVERSION, IMPRESSION
from agent.model.private_aggregation import PRIVATE_AGGREGATION

if TYPE_CHECKING:
    from agent.runtime import Agent

_HUMP = re.compile(r"(?<=[a-z0-9])(?=[A-Z])")


async def sources(agent: Agent) -> list[Candidate]:
    """Every registration of a source; what is stored now has the stored one's members."""
    # The store first: what it lacks then and has an event is gone, what comes between is seen at the next look.
    stored = {source.id: source for source in await agent.state.sources()}
    candidates = [
        _source(source, event) if source else _no_source(event)
        for event in await agent.events.all(SOURCE_REGISTRATION)
        for source in [stored.pop(event.data.get("source", 0), None)]
    ]
    return [_source(source, None) for source in stored.values()] + candidates


async def impressions(agent: Agent) -> list[Candidate]:
    """Every impression that was saved or refused."""
    stored = {impression.id: impression for impression in await agent.state.impressions()}
    candidates = [
        _impression(impression, event) if impression else _no_impression(event)
        for event in await agent.events.all(IMPRESSION)
        for impression in [stored.pop(event.data.get("impression", 0), None)]
    ]
    return [_impression(impression, None) for impression in stored.values()] + candidates


async def triggers(agent: Agent) -> list[Candidate]:
    """Every registration of a trigger."""
    return [_decision(event) for event in await agent.events.all(TRIGGER_REGISTRATION)]


async def conversions(agent: Agent) -> list[Candidate]:
    """Every conversion that was measured or refused."""
    return [_decision(event) for event in await agent.events.all(CONVERSION)]


async def contributions(agent: Agent) -> list[Candidate]:
    """Every contribution of every batch; a batch without any is there all the same."""
    return [
        candidate for event in await agent.events.all(PRIVATE_AGGREGATION) for candidate in _contributions_of(event)
    ]


async def events(agent: Agent) -> list[Candidate]:
    """Every event."""
    return [
        Candidate(
            event, event_members(event) | {"kind": event.kind, "summary": event.summary}, _told(event), _of(event)
        )
        for event in await agent.events.all()
    ]


def event_members(event: Event) -> dict[str, Any]:
    """Verdict, site, and what the event's data say, in snake_case."""
    return {_HUMP.sub("_", name).lower(): value for name, value in event.data.items()} | {
        "verdict": event.verdict,
        "site": event.site,
    }


def _source(source: StoredSource, event: Event | None) -> Candidate:
    registration, registrant = source.registration, source.registrant
    members: dict[str, Any] = {
        "site": registrant.context_site,
        "reporting_origin": registrant.reporting_origin,
        "event_id": registration.source_event_id,
        "type": source.source_type.value,
        "destination": registration.destinations,
        "priority": registration.priority,
        "debug_key": registration.debug_key,
        "filter_data": registration.filter_data,
        "aggregation_keys": registration.aggregation_keys,
        "attributions": source.num_attributions,
        "remaining_budget": source.remaining_aggregatable_budget,
        "logic": source.attribution_logic.value,
        "stored": True,
    }
    if event is not None:
        members["verdict"] = event.verdict
    told = f"the source of {registrant.reporting_origin} on {_host(registrant.context_site)}"
    return Candidate(source, members, f"{told} at {format_instant(source.time)}", _of(event))


def _no_source(event: Event) -> Candidate:
    members = event_members(event) | {"stored": False}
    for name, of_event in (("event_id", "source_event_id"), ("type", "source_type"), ("destination", "destinations")):
        if of_event in members:
            members[name] = members[of_event]
    return Candidate(event, members, _gone(event), _of(event))


def _impression(impression: Impression, event: Event | None) -> Candidate:
    members: dict[str, Any] = {
        "site": impression.impression_site,
        "intermediary_site": impression.intermediary_site,
        "histogram_index": impression.histogram_index,
        "conversion_sites": impression.conversion_sites,
        "conversion_callers": impression.conversion_callers,
        "match_value": impression.key,
        "lifetime_days": impression.lifetime_days,
        "priority": impression.priority,
        "dialect": impression.dialect.value,
        "stored": True,
    }
    if event is not None:
        members["verdict"] = event.verdict
    told = f"the impression on {impression.impression_site}, index {impression.histogram_index},"
    return Candidate(impression, members, f"{told} at {format_instant(impression.timestamp)}", _of(event))


def _no_impression(event: Event) -> Candidate:
    members = event_members(event) | {"stored": False}
    if "key" in members:
        members["match_value"] = members["key"]
    return Candidate(event, members, _gone(event), _of(event))


def _gone(event: Event) -> str:
    """What is not in the store: refused, or there no more."""
    since = ", and gone since," if event.verdict in {"stored", "source-success", "source-noised"} else ""
    return f"{_told(event)}{since}"


def _decision(event: Event) -> Candidate:
    return Candidate(event, event_members(event), _told(event), _of(event))


def _contributions_of(event: Event) -> Iterator[Candidate]:
    batch = event_members(event)
    batch["reporting_origin"] = event.data.get("reporting_origin", "")
    entries: list[Mapping[str, Any]] = event.data.get("contributions", [])
    for entry in entries or [{}]:
        members = batch | {name: int(value) for name, value in entry.items()}
        what = f"bucket {entry['bucket']}, value {entry['value']} in the " if entry else "the "
        yield Candidate(event, members, what + _told(event), _of(event))


def _told(event: Event) -> str:
    return f"{event.summary!r} at {format_instant(event.time)}"


def _of(event: Event | None) -> str:
    return "" if event is None else f"event:{event.id}"


def _host(site: str) -> str:
    return site.partition("://")[2] or site

"""Registering a trigger: gather the facts, let the engine decide, apply the changes.

The function takes the connection of a running transaction. The event of its outcome is in the store already, as the
reports that the decision made name it.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any

from agent.engines.attribution_reporting import trigger as engine
from agent.model.attribution_reporting.facts import (
    AggregatableStored,
    Chance,
    Registrant,
    StoredSource,
    TriggerFacts,
    TriggerOutcome,
)
from agent.model.attribution_reporting.limits import AttributionReportingLimits
from agent.model.attribution_reporting.registrations import (
    AggregatableDeduplicationKey,
    EventTriggerData,
    TriggerRegistration,
)
from agent.model.attribution_reporting.verdicts import TRIGGER_REGISTRATION
from agent.model.events import Check, Event, Trace
from agent.model.reports import ReportKind
from agent.verbs.attribution import Outcome
from agent.verbs.attribution_reports import (
    ReportWriter,
    append_event,
    debug_budget_use,
    host_of,
    report_names,
    spend_debug_budget,
    with_own_ids,
)
from storage import attribution_rate_limits, pending_attribution_reports, source_rate_limits, sources

STORED = "stored"
NOTHING_REGISTERED = "nothing-registered"


def register_trigger(
    connection: sqlite3.Connection,
    registrant: Registrant,
    registration: TriggerRegistration,
    *,
    limits: AttributionReportingLimits,
    chance: Chance,
    before: Sequence[Check] = (),
    told: Callable[[], Mapping[str, Any]] = dict,
) -> Outcome:
    """Register a trigger.

    The verdict is ``stored`` where every kind of report that it registers for was, ``event-level-stored`` or
    ``aggregatable-stored`` where one of the two was, else the first :class:`TriggerVerdict`, or ``nothing-registered``.
    ``before`` are checks that came first. ``told``, asked once that is decided, is what its event tells beside the
    decision.
    """
    source_rate_limits.expire(connection, registrant.now)
    facts = _facts(connection, registrant, registration, limits)
    outcome = engine.register_trigger(registrant, registration, facts, limits=limits, chance=chance)
    scopes, debug_reports = registration.attribution_scopes, with_own_ids(outcome.debug_reports, chance)
    data = {**({"attribution_scopes": list(scopes)} if scopes else {}), **told()}
    event = append_event(connection, _event(registrant, facts, outcome, before, data))
    writer = ReportWriter(connection, registrant.now, event.id)
    source = facts.source
    if source is not None:
        if outcome.deactivate_others:
            sources.deactivate_others(connection, registrant.reporting_origin, registrant.context_site, kept=source.id)
        source = _attribute(writer, source, registrant.context_site, outcome)
    for report in outcome.null_reports:
        writer.aggregatable(report)
    writer.at_once(debug_reports)
    if outcome.debug_charge is not None:
        paying = source if outcome.debug_charge.source_id is not None else None
        spend_debug_budget(connection, registrant, outcome.debug_charge.need, paying)
    return Outcome(event.verdict, (event,))


def _facts(
    connection: sqlite3.Connection,
    registrant: Registrant,
    registration: TriggerRegistration,
    limits: AttributionReportingLimits,
) -> TriggerFacts:
    destination = registrant.context_site
    use = debug_budget_use(connection, registrant, registration.aggregatable_debug_reporting)
    source = sources.pick(connection, registrant.reporting_origin, destination, registration.attribution_scopes)
    if source is None:
        return TriggerFacts(debug_budget_use=use)
    since = registrant.now - limits.rate_limit_time_window
    event_attributions, aggregatable_attributions = attribution_rate_limits.counts(
        connection, source.registrant, destination, since=since, limit=limits.rate_limit_max_attributions
    )
    pending_event, pending_aggregatable = pending_attribution_reports.counts(
        connection,
        destination,
        event_level_limit=limits.max_event_level_reports_per_destination,
        aggregatable_limit=limits.max_aggregatable_reports_per_destination,
    )
    return TriggerFacts(
        source=source,
        event_deduplication_keys=_known_keys(
            connection, source, ReportKind.EVENT_LEVEL, registration.event_trigger_data
        ),
        aggregatable_deduplication_keys=_known_keys(
            connection, source, ReportKind.AGGREGATABLE, registration.aggregatable_deduplication_keys
        ),
        attribution_reporting_origins=attribution_rate_limits.reporting_origins(
            connection, source.registrant.context_site, destination, since
        ),
        event_attributions=event_attributions,
        aggregatable_attributions=aggregatable_attributions,
        pending_event_reports_of_destination=pending_event,
        pending_aggregatable_reports_of_destination=pending_aggregatable,
        pending_event_reports=pending_attribution_reports.of_source(connection, source.id),
        debug_budget_use=use,
    )


def _known_keys(
    connection: sqlite3.Connection,
    source: StoredSource,
    kind: ReportKind,
    entries: Iterable[EventTriggerData | AggregatableDeduplicationKey],
) -> frozenset[int]:
    """The deduplication keys of the trigger's entries that the source has stored."""
    keys = [entry.deduplication_key for entry in entries if entry.deduplication_key is not None]
    return sources.known_deduplication_keys(connection, source.id, kind, keys) if keys else frozenset()


def _attribute(writer: ReportWriter, source: StoredSource, destination: str, outcome: TriggerOutcome) -> StoredSource:
    """Store the reports of an attribution, and what it changes in the picked ``source``; gives that source."""
    connection = writer.connection
    changes: dict[str, Any] = {"event_level_active": False} if outcome.deactivate_event_level else {}
    if (event := outcome.event_level_stored) is not None:
        changes["num_attributions"] = event.num_attributions
        if event.replaced is not None:
            attribution_rate_limits.remove_of_reports(connection, [event.replaced])
            pending_attribution_reports.remove(connection, [event.replaced])
        if event.deduplication_key is not None:
            sources.add_deduplication_key(connection, source.id, ReportKind.EVENT_LEVEL, event.deduplication_key)
        if event.report is not None:
            position = writer.event_level(event.report, source.id)
            attribution_rate_limits.record(connection, ReportKind.EVENT_LEVEL, source.registrant, destination, position)
    if (summed := outcome.aggregatable_stored) is not None:
        changes |= _charges(source, summed)
        if summed.deduplication_key is not None:
            sources.add_deduplication_key(connection, source.id, ReportKind.AGGREGATABLE, summed.deduplication_key)
        position = writer.aggregatable(summed.report, source.id, source.registration.destinations)
        attribution_rate_limits.record(connection, ReportKind.AGGREGATABLE, source.registrant, destination, position)
    if not changes:
        return source
    changed = replace(source, **changes)
    sources.update(connection, changed)
    return changed


def _charges(source: StoredSource, stored: AggregatableStored) -> dict[str, Any]:
    """What an aggregatable report changes in ``source``."""
    named = dict(source.remaining_named_budgets)
    if stored.named_budget is not None:
        named[stored.named_budget] -= stored.spent
    return {
        "num_aggregatable_reports": source.num_aggregatable_reports + stored.counts,
        "remaining_aggregatable_budget": source.remaining_aggregatable_budget - stored.spent,
        "remaining_named_budgets": named,
    }


def _verdict(outcome: TriggerOutcome) -> str:
    event = outcome.event_level or (STORED if outcome.event_level_stored else None)
    summed = outcome.aggregatable or (STORED if outcome.aggregatable_stored else None)
    endings = [ending for ending in (event, summed) if ending is not None]
    if STORED not in endings:
        return endings[0] if endings else NOTHING_REGISTERED
    if set(endings) == {STORED}:
        return STORED
    return "event-level-stored" if event == STORED else "aggregatable-stored"


def _event(
    registrant: Registrant,
    facts: TriggerFacts,
    outcome: TriggerOutcome,
    before: Sequence[Check],
    told: Mapping[str, Any],
) -> Event:
    host, verdict = host_of(registrant.context_site), _verdict(outcome)
    event, summed = outcome.event_level_stored, outcome.aggregatable_stored
    stored = (event.report if event else None, summed.report if summed else None)
    return Event(
        kind=TRIGGER_REGISTRATION,
        time=registrant.now,
        verdict=verdict,
        summary=f"trigger of {registrant.reporting_origin} on {host}: {verdict}",
        site=host,
        data={
            "source": facts.source.id if facts.source else None,
            "reporting_origin": registrant.reporting_origin,
            "destination": registrant.context_site,
            "event_level": outcome.event_level or (STORED if event else None),
            "aggregatable": outcome.aggregatable or (STORED if summed else None),
            "reports": report_names((*(one for one in stored if one), *outcome.null_reports, *outcome.debug_reports)),
            **told,
        },
        trace=Trace((*before, *outcome.trace.checks)),
    )

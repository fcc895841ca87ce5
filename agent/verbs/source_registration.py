"""Registering a source: gather the facts, let the engine decide, apply the changes.

The function takes the connection of a running transaction. The event of its outcome is in the store already, as the
reports that the decision made name it.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any

from agent.engines.attribution_reporting import source as engine
from agent.engines.attribution_reporting.destination_limit import dropped_destinations
from agent.model.attribution_reporting.facts import (
    AttributionLogic,
    Chance,
    DestinationGroup,
    Registrant,
    SourceFacts,
    SourceOutcome,
)
from agent.model.attribution_reporting.limits import AttributionReportingLimits
from agent.model.attribution_reporting.registrations import SourceRegistration, SourceType
from agent.model.attribution_reporting.verdicts import SOURCE_REGISTRATION
from agent.model.clock import DAY
from agent.model.events import Check, Event, Trace
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


def register_source(
    connection: sqlite3.Connection,
    registrant: Registrant,
    source_type: SourceType,
    registration: SourceRegistration,
    *,
    limits: AttributionReportingLimits,
    chance: Chance,
    before: Sequence[Check] = (),
    told: Callable[[], Mapping[str, Any]] = dict,
) -> Outcome:
    """Register a source; the verdict is a :class:`SourceVerdict`. ``before`` are checks that came first.

    ``told``, asked once that is decided, is what its event tells beside the decision.
    """
    source_rate_limits.expire(connection, registrant.now)
    facts = _source_facts(connection, registrant, registration, limits)
    outcome = engine.register_source(registrant, source_type, registration, facts, limits=limits, chance=chance)
    _make_room(connection, registrant, registration, outcome)
    new, source_id = outcome.new_source, 0
    if new is not None:
        source_id = sources.insert(connection, new.source)
        source_rate_limits.record(connection, new.source)
        if new.source.attribution_logic is not AttributionLogic.TRUTHFULLY:
            attribution_rate_limits.record_noise(connection, replace(new.source, id=source_id))
    debug_reports = with_own_ids(outcome.debug_reports, chance)
    event = append_event(connection, _event(registrant, source_type, registration, outcome, source_id, before, told()))
    writer = ReportWriter(connection, registrant.now, event.id)
    for report in new.fake_reports if new else ():
        writer.event_level(report, source_id)
    writer.at_once(debug_reports)
    if outcome.debug_charge is not None:
        paying = replace(new.source, id=source_id) if new and outcome.debug_charge.source_id is not None else None
        spend_debug_budget(connection, registrant, outcome.debug_charge.need, paying)
    return Outcome(outcome.verdict, (event,))


def _source_facts(
    connection: sqlite3.Connection,
    registrant: Registrant,
    registration: SourceRegistration,
    limits: AttributionReportingLimits,
) -> SourceFacts:
    now = registrant.now
    seen = source_rate_limits.seen(
        connection,
        registrant.context_site,
        registrant.reporting_site,
        registration.destinations,
        origins_since=now - limits.rate_limit_origins_per_site_window,
        destinations_since=now - limits.destination_rate_limit_window,
        day_since=now - DAY,
        origins_of_destinations_since=now - limits.rate_limit_time_window,
    )
    return SourceFacts(
        active_sources_of_origin=sources.active_count(connection, registrant.context_origin),
        reporting_origins_of_sites=seen.reporting_origins,
        destinations_in_window_of_reporting_site=seen.own_destinations,
        destinations_in_window=seen.destinations,
        destinations_of_day=seen.own_destinations_of_day,
        destination_groups=seen.destination_groups,
        reporting_origins_of_destinations=seen.reporting_origins_of_destinations,
        scopes=_scopes(connection, registrant, registration, seen.destination_groups, limits),
        debug_budget_use=debug_budget_use(connection, registrant, registration.aggregatable_debug_reporting),
    )


def _scopes(
    connection: sqlite3.Connection,
    registrant: Registrant,
    registration: SourceRegistration,
    groups: Sequence[DestinationGroup],
    limits: AttributionReportingLimits,
) -> Mapping[str, tuple[tuple[str, int], ...]]:
    """The scopes that are left after the evictions of the destination limit, which come first (step 10)."""
    scopes, destinations = registration.attribution_scopes, registration.destinations
    if scopes is None:
        return {}
    limit = limits.max_destinations_per_source_site_reporting_site
    evicted = dropped_destinations(groups, destinations, registration.destination_limit_priority, registrant.now, limit)
    without = (
        source_rate_limits.of_destinations(connection, registrant.context_site, registrant.reporting_site, evicted)
        if evicted
        else ()
    )
    return sources.scopes_of(connection, registrant.reporting_origin, destinations, scopes, without=without)


def _make_room(
    connection: sqlite3.Connection, registrant: Registrant, registration: SourceRegistration, outcome: SourceOutcome
) -> None:
    """Evict what the destination limit and the scopes of the new source leave no room for (sections 2.2 and 2.4)."""
    if outcome.evict_destinations:
        ids = source_rate_limits.evict_destinations(
            connection, registrant.context_site, registrant.reporting_site, outcome.evict_destinations
        )
        _remove_sources(connection, ids, registrant.now, aggregatable=True)
    change = outcome.scopes_change
    if change is None:
        return
    origin, destinations = registrant.reporting_origin, registration.destinations
    if change.clear:
        sources.clear_scopes(connection, origin, destinations)
    if change.remove_unlike is not None:
        ids = sources.unlike_scopes(connection, origin, destinations, change.remove_unlike)
        _remove_sources(connection, ids, registrant.now, aggregatable=False)
    if change.remove_scopes:
        ids = sources.with_scopes(connection, origin, change.remove_scopes)
        _remove_sources(connection, ids, registrant.now, aggregatable=False)


def _remove_sources(connection: sqlite3.Connection, ids: list[int], now: int, *, aggregatable: bool) -> None:
    """Remove sources with their made-up reports that are still to come, and their ``aggregatable`` ones if said so."""
    if not ids:
        return
    positions = pending_attribution_reports.positions_of_sources(connection, ids, since=now, aggregatable=aggregatable)
    attribution_rate_limits.remove_of_reports(connection, positions)
    pending_attribution_reports.remove(connection, positions)
    sources.remove(connection, ids)


def _scopes_told(registration: SourceRegistration) -> Mapping[str, Any]:
    scopes = registration.attribution_scopes
    return {} if scopes is None else {"attribution_scopes": list(scopes.values)}


def _event(
    registrant: Registrant,
    source_type: SourceType,
    registration: SourceRegistration,
    outcome: SourceOutcome,
    source_id: int,
    before: Sequence[Check],
    told: Mapping[str, Any],
) -> Event:
    host = host_of(registrant.context_site)
    return Event(
        kind=SOURCE_REGISTRATION,
        time=registrant.now,
        verdict=outcome.verdict,
        summary=f"source of {registrant.reporting_origin} on {host}: {outcome.verdict}",
        site=host,
        data={
            "source": source_id,
            "reporting_origin": registrant.reporting_origin,
            "source_type": source_type.value,
            "destinations": list(registration.destinations),
            "source_event_id": str(registration.source_event_id),
            "expires": registrant.now + registration.expiry,
            **_scopes_told(registration),
            "evicted_destinations": list(outcome.evict_destinations),
            "reports": report_names(
                (*(outcome.new_source.fake_reports if outcome.new_source else ()), *outcome.debug_reports)
            ),
            **told,
        },
        trace=Trace((*before, *outcome.trace.checks)),
    )

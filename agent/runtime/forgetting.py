"""What a user, and a site, make the agent forget: every API's data together, in one transaction each."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from dataclasses import replace

from agent.model.limits import AttributionLimits
from agent.model.rng import Rng
from agent.verbs import attribution, attribution_reporting, private_aggregation, protected_audience, shared_storage
from agent.verbs.attribution import Outcome
from storage import pending_private_aggregation_reports as pending


def clear_origin(connection: sqlite3.Connection, origin: str, *, now: int) -> Outcome:
    """``Clear-Site-Data: "storage"`` from ``origin``: what it stored and would report goes, what limits count stays."""
    outcome = attribution_reporting.clear_reporting_origin(connection, origin, now=now)
    entries = shared_storage.clear_origin(connection, origin)
    protected_audience.clear_origin(connection, origin)
    batches = [url for url in pending.urls(connection) if url.startswith(f"{origin}/")]
    pending.remove(connection, batches)
    (event,) = outcome.events
    data = {**event.data, "shared_storage_entries": entries, "private_aggregation_endpoints": len(batches)}
    summary = f"{event.summary}, {entries} entries of Shared Storage"
    return replace(outcome, events=(replace(event, summary=summary, data=data),))


def clear_site_data(
    connection: sqlite3.Connection, sites: Sequence[str], *, limits: AttributionLimits, rng: Rng, now: int
) -> Outcome:
    """The user clears the data of ``sites``, hosts; budgets of Attribution are used up rather than made whole."""
    attribution_reporting.clear_site_data(connection, sites)
    shared_storage.clear_site_data(connection, sites)
    private_aggregation.clear_site_data(connection, sites)
    protected_audience.clear_site_data(connection, sites)
    return attribution.clear_site_data(connection, sites, limits=limits, rng=rng, now=now)


def clear_history(connection: sqlite3.Connection, sites: Sequence[str] | None, *, now: int) -> Outcome:
    """The user clears the history of ``sites``, hosts, or of all where it is None."""
    if sites is None:
        clear_registrations_and_storage(connection)
    else:
        attribution_reporting.clear_history(connection, sites)
        shared_storage.clear_history(connection, sites)
        private_aggregation.clear_site_data(connection, sites)
        protected_audience.clear_site_data(connection, sites)
    return attribution.clear_history(connection, sites, now=now)


def clear_registrations_and_storage(connection: sqlite3.Connection) -> None:
    """Forget everything of the APIs but Attribution."""
    attribution_reporting.clear_all(connection)
    shared_storage.clear_all(connection)
    private_aggregation.clear_all(connection)
    protected_audience.clear_all(connection)

"""Attribution reports that are on their way, as far as limits and evictions are concerned with them.

Functions take the connection of a running transaction. A report leaves this store by itself when it has been
delivered or given up; one whose host is not mapped stays.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Collection, Sequence

from agent.model.attribution_reporting.facts import PendingEventReport
from agent.model.reports import ReportKind
from storage.source_registrations import PLACES, places

_COUNT = """
    (SELECT count(*) FROM (
        SELECT 1 FROM pending_attribution_reports WHERE kind = '{}' AND destination_1 = ?1
        UNION ALL SELECT 1 FROM pending_attribution_reports WHERE kind = '{}' AND destination_2 = ?1
        UNION ALL SELECT 1 FROM pending_attribution_reports WHERE kind = '{}' AND destination_3 = ?1
        LIMIT ?{}
    ))
"""
_EVENT_LEVEL = _COUNT.format(*[ReportKind.EVENT_LEVEL] * PLACES, 2)
_AGGREGATABLE = _COUNT.format(*[ReportKind.AGGREGATABLE] * PLACES, 3)
_COUNTS = f"SELECT {_EVENT_LEVEL}, {_AGGREGATABLE}"


def add(
    connection: sqlite3.Connection,
    position: int,
    *,
    kind: ReportKind,
    reporting_origin: str,
    source_id: int | None,
    destinations: Sequence[str],
    trigger_time: int,
    report_time: int,
    priority: int = 0,
) -> None:
    """The report at ``position`` is pending; ``destinations`` are its source's, none for a null report."""
    values = (position, kind, reporting_origin, source_id, trigger_time, report_time, priority)
    connection.execute(
        "INSERT INTO pending_attribution_reports VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
        (*values, *places(destinations)),
    )


def counts(
    connection: sqlite3.Connection, destination: str, *, event_level_limit: int, aggregatable_limit: int
) -> tuple[int, int]:
    """How many reports, event-level and aggregatable, are pending for ``destination``; a limit stands for more."""
    values = (destination, event_level_limit, aggregatable_limit)
    row: tuple[int, int] = connection.execute(_COUNTS, values).fetchone()
    return row


def of_source(connection: sqlite3.Connection, source_id: int) -> tuple[PendingEventReport, ...]:
    """The pending event-level reports of a source in the order stored."""
    rows = connection.execute(
        "SELECT position, report_time, priority FROM pending_attribution_reports"
        " WHERE source_id = ? AND kind = 'event-level' ORDER BY position",
        (source_id,),
    )
    return tuple(PendingEventReport(*row) for row in rows)


def positions_of_sources(
    connection: sqlite3.Connection, source_ids: Collection[int], *, since: int, aggregatable: bool
) -> list[int]:
    """The event-level reports of these sources triggered at ``since`` or later, and all ``aggregatable`` ones."""
    rows = connection.execute(
        "SELECT position FROM pending_attribution_reports WHERE source_id IN (SELECT value FROM json_each(?))"
        " AND iif(kind = 'event-level', trigger_time >= ?, ?)",
        (json.dumps(list(source_ids)), since, aggregatable),
    )
    return [position for (position,) in rows]


def remove(connection: sqlite3.Connection, positions: Collection[int]) -> None:
    """Remove these reports: they will never be sent."""
    connection.execute(
        "DELETE FROM reports WHERE position IN (SELECT value FROM json_each(?))", (json.dumps(list(positions)),)
    )


def reporting_origins(connection: sqlite3.Connection) -> list[str]:
    """Whose reports are pending; reads them all."""
    rows = connection.execute("SELECT DISTINCT reporting_origin FROM pending_attribution_reports")
    return [origin for (origin,) in rows]


def remove_of_reporting_origin(connection: sqlite3.Connection, reporting_origin: str) -> int:
    """Remove what is pending of ``reporting_origin``; gives how many reports that were."""
    return connection.execute(
        "DELETE FROM reports WHERE position IN"
        " (SELECT position FROM pending_attribution_reports WHERE reporting_origin = ?)",
        (reporting_origin,),
    ).rowcount


def remove_of_sources(connection: sqlite3.Connection, source_ids: Collection[int]) -> None:
    """Remove what is pending of these sources."""
    connection.execute(
        "DELETE FROM reports WHERE position IN (SELECT position FROM pending_attribution_reports"
        " WHERE source_id IN (SELECT value FROM json_each(?)))",
        (json.dumps(list(source_ids)),),
    )


def remove_all(connection: sqlite3.Connection) -> int:
    """Remove everything that is pending; gives how many reports that were."""
    return connection.execute(
        "DELETE FROM reports WHERE position IN (SELECT position FROM pending_attribution_reports)"
    ).rowcount

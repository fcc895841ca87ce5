"""What limits on attributions count. The time of an attribution is that of its source.

Functions take the connection of a running transaction.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Collection

from agent.model.attribution_reporting.facts import Registrant, StoredSource
from agent.model.reports import ReportKind

_ORIGIN_BELOW = """
    SELECT reporting_origin, time FROM attribution_rate_limits
        WHERE source_site = ? AND destination = ? AND reporting_origin < ?
        ORDER BY reporting_origin DESC, time DESC LIMIT 1
"""
_ABOVE_ORIGINS = "~"
"""An origin begins with a letter."""
_COUNT = """
    (SELECT count(*) FROM (SELECT 1 FROM attribution_rate_limits WHERE source_site = ?1 AND destination = ?2
        AND reporting_site = ?3 AND kind = '{}' AND time > ?4 LIMIT ?5))
"""
_COUNTS = f"SELECT {_COUNT.format(ReportKind.EVENT_LEVEL)}, {_COUNT.format(ReportKind.AGGREGATABLE)}"


def record(
    connection: sqlite3.Connection, kind: ReportKind, source: Registrant, destination: str, report_position: int
) -> None:
    """Count an attribution of a source that ``source`` registered, by a trigger on ``destination``."""
    _insert(connection, report_position, kind, source, destination)


def record_noise(connection: sqlite3.Connection, source: StoredSource) -> None:
    """Count an event-level attribution for each destination of a source with a randomised response."""
    for number, destination in enumerate(source.registration.destinations):
        _insert(connection, -(3 * source.id + number), ReportKind.EVENT_LEVEL, source.registrant, destination)


def _insert(
    connection: sqlite3.Connection, row_id: int, kind: ReportKind, source: Registrant, destination: str
) -> None:
    connection.execute(
        "INSERT INTO attribution_rate_limits VALUES (?, ?, ?, ?, ?, ?, ?)",
        (
            row_id,
            kind,
            source.context_site,
            destination,
            source.reporting_site,
            source.reporting_origin,
            source.now,
        ),
    )


def reporting_origins(connection: sqlite3.Connection, source_site: str, destination: str, since: int) -> frozenset[str]:
    """Reporting origins of attributions of either kind, of sources later than ``since``."""
    found, below = [], _ABOVE_ORIGINS
    # A seek for each: there are none or few, and their attributions may be many.
    while row := connection.execute(_ORIGIN_BELOW, (source_site, destination, below)).fetchone():
        below, latest = row
        if latest > since:
            found.append(below)
    return frozenset(found)


def counts(
    connection: sqlite3.Connection, source: Registrant, destination: str, *, since: int, limit: int
) -> tuple[int, int]:
    """How many attributions there are of these sites, event-level and aggregatable, of sources later than ``since``.

    ``limit`` stands for more.
    """
    row: tuple[int, int] = connection.execute(
        _COUNTS, (source.context_site, destination, source.reporting_site, since, limit)
    ).fetchone()
    return row


def remove_of_reports(connection: sqlite3.Connection, positions: Collection[int]) -> None:
    """Forget the attributions whose reports, at these positions, gave way."""
    connection.execute(
        "DELETE FROM attribution_rate_limits WHERE id IN (SELECT value FROM json_each(?))",
        (json.dumps(list(positions)),),
    )


def sweep(connection: sqlite3.Connection, until: int) -> None:
    """Forget what no window that ends after ``until`` reaches; reads every attribution."""
    connection.execute("DELETE FROM attribution_rate_limits WHERE time <= ?", (until,))


def remove_sites(connection: sqlite3.Connection, sites: Collection[str]) -> None:
    """Forget the attributions that one of ``sites`` has to do with."""
    connection.execute(
        "DELETE FROM attribution_rate_limits WHERE source_site IN (SELECT value FROM json_each(?1))"
        " OR destination IN (SELECT value FROM json_each(?1)) OR reporting_site IN (SELECT value FROM json_each(?1))",
        (json.dumps(list(sites)),),
    )


def remove_all(connection: sqlite3.Connection) -> None:
    """Forget every attribution."""
    connection.execute("DELETE FROM attribution_rate_limits")

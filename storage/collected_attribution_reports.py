"""A reporting origin's shelf: reports of Attribution Reporting as they came, each once."""

from __future__ import annotations

import sqlite3

from agent.model.attribution_reporting.collected import CollectedAttributionReport
from agent.model.reports import ReportKind
from storage.database import AsyncDatabase


def add(connection: sqlite3.Connection, kind: ReportKind, body: bytes, *, report_id: str | None, received: int) -> int:
    """Keep ``body`` (``received``: milliseconds) and give its id; a name that is known gives the id it has."""
    # Without a name, that is NULL, nothing is ever known.
    known = connection.execute(
        "SELECT id FROM collected_attribution_reports WHERE kind = ? AND report_id = ?", (kind, report_id)
    ).fetchone()
    if known:
        return int(known[0])
    sql = "INSERT INTO collected_attribution_reports (received, kind, report_id, body) VALUES (?, ?, ?, ?) RETURNING id"
    return int(connection.execute(sql, (received, kind, report_id, body)).fetchone()[0])


def page(connection: sqlite3.Connection, *, after: int, limit: int) -> list[CollectedAttributionReport]:
    """At most ``limit`` reports with an id above ``after``, oldest first."""
    sql = "SELECT id, received, kind, body FROM collected_attribution_reports WHERE id > ? ORDER BY id LIMIT ?"
    return [
        CollectedAttributionReport(number, received, ReportKind(kind), body)
        for number, received, kind, body in connection.execute(sql, (after, limit))
    ]


class DatabaseAttributionCollection:
    """The :class:`agent.model.attribution_reporting.collected.CollectedAttributionReports` of a database."""

    def __init__(self, database: AsyncDatabase) -> None:
        self._database = database

    async def add(self, kind: ReportKind, body: bytes, *, report_id: str | None, received: int) -> int:
        """See the protocol."""
        return await self._database.transact(
            "collect attribution report",
            lambda connection: add(connection, kind, body, report_id=report_id, received=received),
        )

    async def page(self, *, after: int, limit: int) -> list[CollectedAttributionReport]:
        """See the protocol."""
        return await self._database.transact(
            "collected attribution reports", lambda connection: page(connection, after=after, limit=limit)
        )

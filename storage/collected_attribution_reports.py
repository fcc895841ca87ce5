"""A reporting origin's shelf: reports of Attribution Reporting and Private Aggregation as they came, each once."""

from __future__ import annotations

import hashlib
import sqlite3

from agent.model.attribution_reporting.collected import CollectedAttributionReport, ReceivedReport, Selection
from agent.model.reports import ReportKind
from storage.database import AsyncDatabase

_INSERT = """
INSERT INTO collected_attribution_reports
  (received, kind, report_id, api, destination, scheduled_report_time, sha256, body)
VALUES (?, ?, ?, ?, ?, ?, ?, ?) RETURNING id
"""


def add(connection: sqlite3.Connection, report: ReceivedReport) -> int:
    """Keep ``report`` and give its id; the same bytes under the same name give the id they have."""
    sha256 = hashlib.sha256(report.body).digest()
    # Without a name, that is NULL, nothing is ever known.
    known = connection.execute(
        "SELECT id FROM collected_attribution_reports WHERE kind = ? AND report_id = ? AND sha256 = ?",
        (report.kind, report.report_id, sha256),
    ).fetchone()
    if known:
        return int(known[0])
    said = (report.report_id, report.api, report.destination, report.scheduled_report_time)
    row = connection.execute(_INSERT, (report.received, report.kind, *said, sha256, report.body)).fetchone()
    return int(row[0])


def page(
    connection: sqlite3.Connection, *, after: int, limit: int, selection: Selection | None = None
) -> list[CollectedAttributionReport]:
    """At most ``limit`` reports of ``selection`` with an id above ``after``, oldest first."""
    conditions = _conditions(selection) if selection is not None else {}
    where = " AND ".join(["id > ?", *conditions])
    sql = f"SELECT id, received, kind, body FROM collected_attribution_reports WHERE {where} ORDER BY id LIMIT ?"  # noqa: S608 - conditions are this module's own texts
    return [
        CollectedAttributionReport(number, received, ReportKind(kind), body)
        for number, received, kind, body in connection.execute(sql, (after, *conditions.values(), limit))
    ]


def _conditions(selection: Selection) -> dict[str, str | int]:
    wanted = {
        "kind = ?": selection.kind,
        "api = ?": selection.api,
        "destination = ?": selection.destination,
        "scheduled_report_time >= ?": selection.from_time,
        "scheduled_report_time < ?": selection.until_time,
    }
    return {condition: value for condition, value in wanted.items() if value is not None}


class DatabaseAttributionCollection:
    """The :class:`agent.model.attribution_reporting.collected.CollectedAttributionReports` of a database."""

    def __init__(self, database: AsyncDatabase) -> None:
        self._database = database

    async def add(self, report: ReceivedReport) -> int:
        """See the protocol."""
        return await self._database.transact("collect attribution report", lambda connection: add(connection, report))

    async def page(
        self, *, after: int, limit: int, selection: Selection | None = None
    ) -> list[CollectedAttributionReport]:
        """See the protocol."""
        return await self._database.transact(
            "collected attribution reports",
            lambda connection: page(connection, after=after, limit=limit, selection=selection),
        )

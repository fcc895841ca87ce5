"""Conversion reports: kept for inspection, and queued where they are to be sent.

A report to be sent goes ``pending`` -> ``sending`` -> ``sent``, back to ``pending`` (a retry), ``failed`` or
``not-sent``. The step to ``sending``, with the attempt counted, is committed before the first byte leaves, so
that no attempt is ever made twice; one whose result was never recorded is found by :func:`interrupted`.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Sequence
from dataclasses import dataclass, replace
from urllib.parse import urlsplit

from agent.model.attribution import Dialect
from agent.model.events import Event
from agent.model.interfaces import DeliveryResult
from agent.model.reports import Report, ReportKind, ReportState
from storage import events
from storage.database import AsyncDatabase

_COLUMNS = (
    "id, dialect, created, service, conversion_site, collector, histogram_size, micro_epsilon, body, histogram,"
    " kind, event_id, delivered_to, state, attempts, next_attempt, last_result, position"
)
_Row = tuple[
    str, str, int, str, str, str, int, int, bytes, str, str, int, str | None, str, int, int | None, str, int
]  # fmt: skip


def insert(connection: sqlite3.Connection, report: Report) -> None:
    """Add ``report`` in one statement. Raises sqlite3.IntegrityError when its id is known already."""
    host = (urlsplit(report.delivered_to).hostname or "").rstrip(".") if report.delivered_to else None
    values = (
        *(report.id, report.dialect, report.created, report.service, report.conversion_site, report.collector),
        *(report.histogram_size, report.micro_epsilon, report.body, json.dumps(report.histogram), report.kind),
        *(report.event_id, report.delivered_to, host, report.state, report.attempts, report.next_attempt),
        report.last_result,
    )
    connection.execute(
        "INSERT INTO reports (id, dialect, created, service, conversion_site, collector, histogram_size,"
        " micro_epsilon, body, histogram, kind, event_id, delivered_to, host, state, attempts, next_attempt,"
        " last_result) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
        values,
    )


def claim_due(connection: sqlite3.Connection, now: int, limit: int) -> list[Report]:
    """Take at most ``limit`` pending reports due at ``now``, first due first: ``sending``, their attempt counted."""
    sql = (
        f"SELECT {_COLUMNS} FROM reports WHERE state = 'pending' AND next_attempt <= ?"  # noqa: S608
        " ORDER BY next_attempt, position LIMIT ?"
    )
    due = [_report(row) for row in connection.execute(sql, (now, limit))]
    connection.execute(
        "UPDATE reports SET state = 'sending', attempts = attempts + 1, next_attempt = NULL"
        " WHERE position IN (SELECT value FROM json_each(?))",
        (json.dumps([report.position for report in due]),),
    )
    return [
        replace(report, state=ReportState.SENDING, attempts=report.attempts + 1, next_attempt=None) for report in due
    ]


def interrupted(connection: sqlite3.Connection) -> list[Report]:
    """Every report that is ``sending``: a few at most, as only that many attempts run at one time."""
    sql = f"SELECT {_COLUMNS} FROM reports WHERE state = 'sending' ORDER BY position"  # noqa: S608
    return [_report(row) for row in connection.execute(sql)]


def record(connection: sqlite3.Connection, result: DeliveryResult) -> None:
    """Record what an attempt came to."""
    connection.execute(
        "UPDATE reports SET state = ?, attempts = ?, next_attempt = ?, last_result = ?"
        " WHERE id = ? AND state = 'sending'",
        (result.state, result.attempts, result.next_attempt, result.last_result, result.report_id),
    )


def next_due(connection: sqlite3.Connection) -> int | None:
    """When the next pending report is due, in milliseconds; None when none is pending."""
    row = connection.execute(
        "SELECT next_attempt FROM reports WHERE state = 'pending' ORDER BY next_attempt LIMIT 1"
    ).fetchone()
    return row[0] if row else None


def release(connection: sqlite3.Connection, host: str, now: int) -> int:
    """Make what was not sent to ``host`` pending at ``now``; gives how many reports that were.

    ``*.shop.test`` stands for every host below shop.test, ``*`` for every host.
    """
    same = "GLOB" if host.startswith("*") else "="
    sql = f"UPDATE reports SET state = 'pending', next_attempt = ? WHERE state = 'not-sent' AND host {same} ?"  # noqa: S608
    return connection.execute(sql, (now, host)).rowcount


def read(
    connection: sqlite3.Connection, *, after: int = 0, limit: int = 100, state: ReportState | None = None
) -> list[Report]:
    """At most ``limit`` reports at positions greater than ``after``, oldest first, in ``state`` if one is given."""
    where = "" if state is None else "AND state = :state"
    sql = f"SELECT {_COLUMNS} FROM reports WHERE position > :after {where} ORDER BY position LIMIT :limit"  # noqa: S608
    return [_report(row) for row in connection.execute(sql, {"after": after, "state": state, "limit": limit})]


def find(connection: sqlite3.Connection, prefix: str, limit: int = 2) -> list[Report]:
    """At most ``limit`` reports whose id begins with ``prefix`` (hex): one when the prefix is unique."""
    sql = f"SELECT {_COLUMNS} FROM reports WHERE id >= ? AND id < ? ORDER BY id LIMIT ?"  # noqa: S608
    begin = prefix.lower()
    # "g" follows the last hex digit.
    return [_report(row) for row in connection.execute(sql, (begin, begin + "g", limit))]


def remove_all(connection: sqlite3.Connection) -> None:
    """Forget every report."""
    connection.execute("DELETE FROM reports")


def _report(row: _Row) -> Report:
    return Report(
        id=row[0],
        dialect=Dialect(row[1]),
        created=row[2],
        service=row[3],
        conversion_site=row[4],
        collector=row[5],
        histogram_size=row[6],
        micro_epsilon=row[7],
        body=row[8],
        histogram=tuple(json.loads(row[9])),
        kind=ReportKind(row[10]),
        event_id=row[11],
        delivered_to=row[12],
        state=ReportState(row[13]),
        attempts=row[14],
        next_attempt=row[15],
        last_result=row[16],
        position=row[17],
    )


@dataclass(frozen=True, slots=True)
class StoredReportQueue:
    """The ReportQueue of a database."""

    database: AsyncDatabase

    async def claim_due(self, now: int, limit: int) -> Sequence[Report]:
        """See :func:`claim_due`."""
        return await self.database.transact("claim due reports", lambda c: claim_due(c, now, limit))

    async def interrupted(self) -> Sequence[Report]:
        """See :func:`interrupted`."""
        return await self.database.transact("interrupted reports", interrupted)

    async def record(self, results: Sequence[DeliveryResult]) -> Sequence[Event]:
        """Record ``results`` and append their events; gives the events as stored."""

        def work(connection: sqlite3.Connection) -> list[Event]:
            for result in results:
                record(connection, result)
            ids = events.append(connection, [result.event for result in results])
            return [replace(result.event, id=event_id) for result, event_id in zip(results, ids, strict=True)]

        return await self.database.transact("record deliveries", work)

    async def next_due(self) -> int | None:
        """See :func:`next_due`."""
        return await self.database.transact("next due report", next_due)

    async def release(self, host: str, now: int) -> int:
        """See :func:`release`."""
        return await self.database.transact("release reports", lambda c: release(c, host, now))

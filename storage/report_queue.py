"""The queue of the reports that are to be sent.

A report goes ``pending`` -> ``sending`` -> ``sent``, back to ``pending`` (a retry), ``failed`` or ``not-sent``. The
step to ``sending``, with the attempt counted, is committed before the first byte leaves; an attempt whose result was
never recorded is found by :func:`interrupted`. A pending report without a time waits for a navigation.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace

from agent.model.events import Event
from agent.model.interfaces import DeliveryResult, DueReport
from agent.model.reports import Report, ReportKind, ReportState
from storage import events
from storage.database import AsyncDatabase
from storage.reports import COLUMNS, report_of

# Whoever clears what is pending must find a report that had been given up. Nobody else is to: no limit counts it,
# and no report of higher priority takes its place, as its time is that of no window.
_PENDING_AGAIN = """
    INSERT OR IGNORE INTO pending_attribution_reports
    SELECT position, kind, json_extract(content, '$.reporting_origin'),
        (SELECT json_extract(data, '$.source') FROM events WHERE events.id = event_id), created, ?1, 0, NULL, NULL, NULL
    FROM reports WHERE position IN (SELECT value FROM json_each(?2)) AND state = 'pending'
        AND kind IN ('event-level', 'aggregatable')
"""


def due(connection: sqlite3.Connection, kinds: Iterable[ReportKind], now: int, limit: int) -> list[DueReport]:
    """The first ``limit`` pending reports of ``kinds`` that are due at ``now``, first due first."""
    sql = (
        "SELECT next_attempt, position FROM reports WHERE state = 'pending' AND kind = ? AND next_attempt <= ?"
        " ORDER BY next_attempt, position LIMIT ?"
    )
    # One seek for each kind: the reports of a kind whose coordinator is slow are not in the way of others.
    found = sorted((*row, kind) for kind in kinds for row in connection.execute(sql, (kind, now, limit)))
    return [DueReport(position, kind) for _, position, kind in found[:limit]]


def claim(connection: sqlite3.Connection, positions: Sequence[int], now: int) -> list[Report]:
    """Take the reports at ``positions`` that are pending and due at ``now``, in this order: ``sending``, counted."""
    listed = json.dumps(list(positions))
    sql = (
        f"SELECT {COLUMNS} FROM reports WHERE position IN (SELECT value FROM json_each(?))"  # noqa: S608
        " AND +state = 'pending' AND next_attempt <= ?"
    )
    found = {report.position: report for report in map(report_of, connection.execute(sql, (listed, now)))}
    connection.execute(
        "UPDATE reports SET state = 'sending', attempts = attempts + 1, next_attempt = NULL"
        " WHERE position IN (SELECT value FROM json_each(?))",
        (json.dumps(list(found)),),
    )
    claimed = [found[position] for position in positions if position in found]
    return [
        replace(report, state=ReportState.SENDING, attempts=report.attempts + 1, next_attempt=None)
        for report in claimed
    ]


def interrupted(connection: sqlite3.Connection) -> list[Report]:
    """Every report that is ``sending``: only so many as attempts run at one time."""
    sql = f"SELECT {COLUMNS} FROM reports WHERE state = 'sending' ORDER BY position"  # noqa: S608
    return [report_of(row) for row in connection.execute(sql)]


def record(connection: sqlite3.Connection, result: DeliveryResult) -> None:
    """Record what an attempt came to."""
    connection.execute(
        "UPDATE reports SET state = ?, attempts = ?, next_attempt = ?, last_result = ?, body = coalesce(?, body),"
        " host = coalesce(?, host) WHERE id = ? AND state = 'sending'",
        (
            *(result.state, result.attempts, result.next_attempt, result.last_result, result.body, result.waits_for),
            result.report_id,
        ),
    )


def next_due(connection: sqlite3.Connection) -> int | None:
    """When the next pending report is due, in milliseconds; None when none is."""
    # Those that wait for a navigation have no time, and NULL comes first.
    sql = (
        "SELECT next_attempt FROM reports WHERE state = 'pending' AND kind = ? AND next_attempt > 0"
        " ORDER BY next_attempt LIMIT 1"
    )
    return min((row[0] for kind in ReportKind for row in connection.execute(sql, (kind,))), default=None)


def release(connection: sqlite3.Connection, host: str, now: int) -> int:
    """Make what was not sent for want of ``host`` pending at ``now``; gives how many reports that were.

    ``*.shop.test`` stands for every host below shop.test, ``*`` for every host.
    """
    same = "GLOB" if host.startswith("*") else "="
    sql = f"UPDATE reports SET state = 'pending', next_attempt = ? WHERE state = 'not-sent' AND host {same} ?"  # noqa: S608
    return connection.execute(sql, (now, host)).rowcount


def hasten(connection: sqlite3.Connection, positions: Sequence[int] | None, now: int) -> int:
    """Make reports due at ``now`` that wait, were given up or had nowhere to go; gives how many.

    ``positions``: which ones; None for all that are pending.
    """
    if positions is None:
        sql = "UPDATE reports SET next_attempt = ? WHERE state = 'pending' AND kind = ?"
        return sum(connection.execute(sql, (now, kind)).rowcount for kind in ReportKind)
    sql = (
        "UPDATE reports SET state = 'pending', next_attempt = ? WHERE position IN (SELECT value FROM json_each(?))"
        " AND state IN ('pending', 'failed', 'not-sent')"
    )
    listed = json.dumps(list(positions))
    hastened = connection.execute(sql, (now, listed)).rowcount
    connection.execute(_PENDING_AGAIN, (now, listed))
    return hastened


def drop(connection: sqlite3.Connection, position: int) -> bool:
    """Forget the report at ``position``; one that is just being sent stays, and gives False."""
    sql = "DELETE FROM reports WHERE position = ? AND state <> 'sending'"
    return connection.execute(sql, (position,)).rowcount > 0


def postpone(
    connection: sqlite3.Connection, kinds: Iterable[ReportKind], before: int, delay: Callable[[], int], limit: int
) -> int:
    """Put pending reports of ``kinds`` that were due before ``before`` behind it, each by a ``delay()`` of its own.

    ``delay`` gives milliseconds, and is called once for each report. At most ``limit`` reports of each kind; gives how
    many there were in all.
    """
    connection.create_function("drawn_delay", 0, delay)
    sql = (
        "UPDATE reports SET next_attempt = ? + drawn_delay() WHERE position IN"
        " (SELECT position FROM reports WHERE state = 'pending' AND kind = ? AND next_attempt < ? LIMIT ?)"
    )
    try:
        return sum(connection.execute(sql, (before, kind, before, limit)).rowcount for kind in kinds)
    finally:
        connection.create_function("drawn_delay", 0, None)


def after_navigation(connection: sqlite3.Connection, due_then: int) -> int:
    """Make the pending reports that wait for a navigation due at ``due_then``; gives how many."""
    sql = "UPDATE reports SET next_attempt = ? WHERE state = 'pending' AND kind = ? AND next_attempt IS NULL"
    return sum(connection.execute(sql, (due_then, kind)).rowcount for kind in ReportKind)


@dataclass(frozen=True, slots=True)
class StoredReportQueue:
    """The ReportQueue of a database."""

    database: AsyncDatabase

    async def due(self, kinds: Iterable[ReportKind], now: int, limit: int) -> Sequence[DueReport]:
        """See :func:`due`."""
        return await self.database.transact("due reports", lambda c: due(c, kinds, now, limit))

    async def claim(self, positions: Sequence[int], now: int) -> Sequence[Report]:
        """See :func:`claim`."""
        return await self.database.transact("claim reports", lambda c: claim(c, positions, now))

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

    async def postpone(self, kinds: Iterable[ReportKind], before: int, delay: Callable[[], int], limit: int) -> int:
        """See :func:`postpone`."""
        return await self.database.transact("postpone reports", lambda c: postpone(c, kinds, before, delay, limit))

    async def after_navigation(self, due: int) -> int:
        """See :func:`after_navigation`."""
        return await self.database.transact("reports after a navigation", lambda c: after_navigation(c, due))

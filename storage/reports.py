"""Reports, kept for inspection; those that are to be sent queue in storage/report_queue.py."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Collection
from urllib.parse import urlsplit

from agent.model.caching import remember_short
from agent.model.reports import Report, ReportKind, ReportState
from storage import report_contents

COLUMNS = (
    "id, kind, created, content, event_id, body, delivered_to, state, attempts, next_attempt, last_result, position"
)
_Row = tuple[str, str, int, str, int, bytes, str | None, str, int, int | None, str, int]


def insert(connection: sqlite3.Connection, report: Report) -> int:
    """Add ``report`` in one statement; gives its position. Raises sqlite3.IntegrityError when its id is known."""
    host = _host(report.delivered_to) if report.delivered_to else None
    values = (
        *(report.id, report.kind, report.created, report_contents.dumps(report.content), report.event_id, report.body),
        *(report.delivered_to, host, report.state, report.attempts, report.next_attempt, report.last_result),
    )
    cursor = connection.execute(
        "INSERT INTO reports (id, kind, created, content, event_id, body, delivered_to, host, state, attempts,"
        " next_attempt, last_result) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
        values,
    )
    return cursor.lastrowid or 0


@remember_short
def _host(url: str) -> str:
    return (urlsplit(url).hostname or "").rstrip(".")


def read(
    connection: sqlite3.Connection, *, after: int = 0, limit: int = 100, state: ReportState | None = None
) -> list[Report]:
    """At most ``limit`` reports at positions greater than ``after``, oldest first, in ``state`` if one is given."""
    where = "" if state is None else "AND state = :state"
    sql = f"SELECT {COLUMNS} FROM reports WHERE position > :after {where} ORDER BY position LIMIT :limit"  # noqa: S608
    return [report_of(row) for row in connection.execute(sql, {"after": after, "state": state, "limit": limit})]


def newest(
    connection: sqlite3.Connection,
    *,
    before: int | None = None,
    limit: int = 100,
    states: Collection[ReportState] = tuple(ReportState),
    kinds: Collection[ReportKind] = tuple(ReportKind),
) -> list[Report]:
    """At most ``limit`` reports of ``states`` and ``kinds`` at positions below ``before``, newest first."""
    # One state has its reports in their order; several have them in the order of the table.
    of_state = "state = ?2" if len(states) == 1 else "+state IN (SELECT value FROM json_each(?2))"
    sql = (
        f"SELECT {COLUMNS} FROM reports WHERE position < ifnull(?1, 0x7fffffffffffffff) AND {of_state}"  # noqa: S608 - constants
        " AND +kind IN (SELECT value FROM json_each(?3)) ORDER BY position DESC LIMIT ?4"
    )
    wanted = next(iter(states)) if len(states) == 1 else json.dumps(list(states))
    rows = connection.execute(sql, (before, wanted, json.dumps(list(kinds)), limit))
    return [report_of(row) for row in rows]


def sent_batches(connection: sqlite3.Connection, kinds: Collection[ReportKind]) -> list[tuple[ReportKind, str, int]]:
    """What was sent of ``kinds``: kind, URL and how many reports, by kind and URL."""
    sql = (
        "SELECT kind, delivered_to, count(*) FROM reports WHERE state = 'sent' AND kind = ?"
        " GROUP BY delivered_to ORDER BY delivered_to"
    )
    return [(ReportKind(one), url, count) for kind in kinds for one, url, count in connection.execute(sql, (kind,))]


def sent(
    connection: sqlite3.Connection, kind: ReportKind, url: str, *, after: int = 0, limit: int = 100
) -> list[Report]:
    """At most ``limit`` reports of ``kind`` that were sent to ``url``, behind the position ``after``, oldest first."""
    sql = (
        f"SELECT {COLUMNS} FROM reports WHERE state = 'sent' AND kind = ? AND delivered_to = ?"  # noqa: S608
        " AND position > ? ORDER BY position LIMIT ?"
    )
    return [report_of(row) for row in connection.execute(sql, (kind, url, after, limit))]


def count_by_state(connection: sqlite3.Connection) -> dict[ReportState, int]:
    """How many reports there are in each state; a state without any is left out."""
    rows = connection.execute("SELECT state, count(*) FROM reports GROUP BY state")
    return {ReportState(state): count for state, count in rows}


def find(connection: sqlite3.Connection, prefix: str, limit: int = 2) -> list[Report]:
    """At most ``limit`` reports whose id begins with ``prefix`` (hex): one when the prefix is unique."""
    sql = f"SELECT {COLUMNS} FROM reports WHERE id >= ? AND id < ? ORDER BY id LIMIT ?"  # noqa: S608
    begin = prefix.lower()
    # "g" follows the last hex digit.
    return [report_of(row) for row in connection.execute(sql, (begin, begin + "g", limit))]


def of_event(connection: sqlite3.Connection, event_id: int, *, limit: int = 100) -> list[Report]:
    """At most ``limit`` reports that the decision of that event made, oldest first."""
    sql = f"SELECT {COLUMNS} FROM reports WHERE event_id = ? ORDER BY position LIMIT ?"  # noqa: S608
    return [report_of(row) for row in connection.execute(sql, (event_id, limit))]


def remove_all(connection: sqlite3.Connection) -> None:
    """Forget every report."""
    connection.execute("DELETE FROM reports")


def report_of(row: _Row) -> Report:
    """The report of a row of :data:`COLUMNS`."""
    kind = ReportKind(row[1])
    return Report(
        id=row[0],
        kind=kind,
        created=row[2],
        content=report_contents.loads(kind, row[3]),
        event_id=row[4],
        body=row[5],
        delivered_to=row[6],
        state=ReportState(row[7]),
        attempts=row[8],
        next_attempt=row[9],
        last_result=row[10],
        position=row[11],
    )

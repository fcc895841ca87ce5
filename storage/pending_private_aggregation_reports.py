"""Reports of Private Aggregation that are stored and not sent yet, by the URL that they are sent to.

Functions take the connection of a running transaction. Debug copies do not count, but are removed with their reports.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Collection

from agent.model.reports import ReportKind

_WAITING = "state IN ('pending', 'sending', 'not-sent')"
# The index is named: without statistics SQLite would rather read every report of the kind that waits.
_REPORTS = "reports INDEXED BY reports_pending_private_aggregation"
_ARE_REPORTS = f"kind = '{ReportKind.PRIVATE_AGGREGATION}' AND {_WAITING}"
_ARE_COPIES = f"kind = '{ReportKind.PRIVATE_AGGREGATION_DEBUG}' AND {_WAITING}"
_LISTED = "delivered_to IN (SELECT value FROM json_each(?))"


def count(connection: sqlite3.Connection, urls: Collection[str]) -> int:
    """How many are to be sent to one of ``urls``."""
    sql = f"SELECT count(*) FROM {_REPORTS} WHERE {_ARE_REPORTS} AND {_LISTED}"  # noqa: S608
    row: tuple[int] = connection.execute(sql, (json.dumps(list(urls)),)).fetchone()
    return row[0]


def urls(connection: sqlite3.Connection) -> list[str]:
    """Where those that wait, and debug copies, are sent to; reads them all."""
    sql = (
        f"SELECT delivered_to FROM {_REPORTS} WHERE {_ARE_REPORTS}"  # noqa: S608
        f" UNION SELECT delivered_to FROM reports WHERE {_ARE_COPIES}"
    )
    return [url for (url,) in connection.execute(sql)]


def remove(connection: sqlite3.Connection, urls: Collection[str]) -> int:
    """Remove what is to be sent to one of ``urls``, debug copies too; gives how many that were."""
    listed = (json.dumps(list(urls)),)
    reports = connection.execute(f"DELETE FROM {_REPORTS} WHERE {_ARE_REPORTS} AND {_LISTED}", listed)  # noqa: S608
    copies = connection.execute(f"DELETE FROM reports WHERE {_ARE_COPIES} AND {_LISTED}", listed)  # noqa: S608
    return reports.rowcount + copies.rowcount

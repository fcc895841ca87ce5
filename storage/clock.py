"""How far a profile's clock stands ahead of the wall clock; kept, because the clock never goes back."""

from __future__ import annotations

import sqlite3

from agent.model.aggregation import AGGREGATION_JOB


def read_ahead(connection: sqlite3.Connection) -> int:
    """Milliseconds by which the profile's clock was moved ahead."""
    return int(connection.execute("SELECT ahead FROM clock").fetchone()[0])


def lead(connection: sqlite3.Connection, source: int) -> int:
    """Milliseconds by which the profile's clock is to stand ahead of one that shows ``source``.

    As far as it was moved, and not before the last event: that may have come while another clock was the source. The
    events of aggregation jobs do not count, whose time is the one that was asked for.
    """
    sql = "SELECT time FROM events WHERE kind <> ? ORDER BY id DESC LIMIT 1"
    last = connection.execute(sql, (AGGREGATION_JOB,)).fetchone()
    ahead = read_ahead(connection)
    return ahead if last is None else max(ahead, last[0] - source)


def write_ahead(connection: sqlite3.Connection, ahead: int) -> None:
    """Remember that the clock stands ``ahead`` milliseconds ahead."""
    connection.execute("UPDATE clock SET ahead = ?", (ahead,))

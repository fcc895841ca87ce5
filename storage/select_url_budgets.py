"""What selectURL spent of each site's budget for navigations (shared-storage section 6).

Functions take the connection of a running transaction. Sites are schemeful; what was spent at ``ended`` or before
lies outside of the window and counts no more.
"""

from __future__ import annotations

import sqlite3


def spent(connection: sqlite3.Connection, site: str, *, ended: int) -> float:
    """The bits that ``site`` spent within the window."""
    sql = "SELECT coalesce(sum(bits), 0.0) FROM select_url_navigations WHERE site = ? AND time > ?"
    return float(connection.execute(sql, (site, ended)).fetchone()[0])


def spend(connection: sqlite3.Connection, site: str, *, bits: float, now: int) -> None:
    """Count ``bits`` as spent at ``now``."""
    connection.execute("INSERT INTO select_url_navigations (site, time, bits) VALUES (?, ?, ?)", (site, now, bits))


def reset(connection: sqlite3.Connection, site: str) -> None:
    """Forget what ``site`` spent."""
    connection.execute("DELETE FROM select_url_navigations WHERE site = ?", (site,))


def sweep(connection: sqlite3.Connection, *, ended: int) -> None:
    """Forget what counts no more."""
    connection.execute("DELETE FROM select_url_navigations WHERE time <= ?", (ended,))


def remove_all(connection: sqlite3.Connection) -> None:
    """Forget what every site spent."""
    connection.execute("DELETE FROM select_url_navigations")


def read(connection: sqlite3.Connection, *, offset: int = 0, limit: int = 1000) -> list[tuple[str, int, float]]:
    """A page of what was spent, by site and time: (site, milliseconds since 1970, bits)."""
    return connection.execute(
        "SELECT site, time, bits FROM select_url_navigations ORDER BY site, time, id LIMIT ? OFFSET ?", (limit, offset)
    ).fetchall()

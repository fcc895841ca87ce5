"""How far a profile's clock stands ahead of the wall clock; kept, because the clock never goes back."""

from __future__ import annotations

import sqlite3


def read_ahead(connection: sqlite3.Connection) -> int:
    """Milliseconds by which the profile's clock was moved ahead."""
    return int(connection.execute("SELECT ahead FROM clock").fetchone()[0])


def write_ahead(connection: sqlite3.Connection, ahead: int) -> None:
    """Remember that the clock stands ``ahead`` milliseconds ahead."""
    connection.execute("UPDATE clock SET ahead = ?", (ahead,))

"""The store of Shared Storage's entries.

Functions take the connection of a running transaction. Entries that were last written at ``expired`` or before are
expired: reads treat them as missing until they are removed. Keys and values have no lone surrogates.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable
from dataclasses import dataclass

from agent.model.shared_storage import Entry


@dataclass(frozen=True, slots=True)
class OriginTotals:
    """What the unexpired entries of one origin come to."""

    creation_time: int | None
    """Milliseconds since 1970 of the first write since there was no entry; None where there is none."""
    length: int
    bytes_used: int


def get(connection: sqlite3.Connection, origin: str, key: str, *, expired: int) -> Entry | None:
    """The unexpired entry of that key, or None."""
    sql = "SELECT value, written FROM shared_storage_entries WHERE origin = ? AND key = ? AND written > ?"
    row = connection.execute(sql, (origin, _blob(key), expired)).fetchone()
    return Entry(key, *row) if row else None


def entries(connection: sqlite3.Connection, origin: str, *, expired: int, limit: int = -1) -> list[Entry]:
    """The unexpired entries of ``origin``, in the order of their keys' UTF-16 code units; not more than ``limit``."""
    rows = connection.execute(
        "SELECT key, value, written FROM shared_storage_entries WHERE origin = ? AND written > ? ORDER BY key LIMIT ?",
        (origin, expired, limit),
    )
    return [Entry(_text(key), value, written) for key, value, written in rows]


def totals(connection: sqlite3.Connection, origin: str, *, expired: int) -> OriginTotals:
    """What the unexpired entries of ``origin`` come to, without reading them."""
    row = connection.execute(
        "SELECT creation_time, length, bytes_used FROM shared_storage_origins WHERE origin = ?", (origin,)
    ).fetchone()
    if row is None:
        return OriginTotals(None, 0, 0)
    creation_time, length, bytes_used = row
    gone, gone_bytes = connection.execute(
        "SELECT count(*), coalesce(sum(bytes), 0) FROM shared_storage_entries WHERE origin = ? AND written <= ?",
        (origin, expired),
    ).fetchone()
    return OriginTotals(creation_time if length > gone else None, length - gone, bytes_used - gone_bytes)


def write(connection: sqlite3.Connection, origin: str, written: Iterable[Entry]) -> None:
    """Store entries in the place of those with the same keys."""
    connection.executemany(
        "INSERT INTO shared_storage_entries (origin, key, value, bytes, written) VALUES (?, ?, ?, ?, ?)"
        " ON CONFLICT (origin, key) DO UPDATE"
        " SET value = excluded.value, bytes = excluded.bytes, written = excluded.written",
        [(origin, _blob(one.key), one.value, one.bytes_used, one.written) for one in written],
    )


def remove(connection: sqlite3.Connection, origin: str, keys: Iterable[str]) -> None:
    """Remove the entries of those keys that there are."""
    connection.executemany(
        "DELETE FROM shared_storage_entries WHERE origin = ? AND key = ?", [(origin, _blob(key)) for key in keys]
    )


def clear(connection: sqlite3.Connection, origin: str) -> int:
    """Remove every entry of ``origin``; gives how many there were."""
    return connection.execute("DELETE FROM shared_storage_entries WHERE origin = ?", (origin,)).rowcount


def remove_expired(connection: sqlite3.Connection, origin: str, *, expired: int) -> int:
    """Remove the expired entries of ``origin``; gives how many there were."""
    sql = "DELETE FROM shared_storage_entries WHERE origin = ? AND written <= ?"
    return connection.execute(sql, (origin, expired)).rowcount


def remove_all(connection: sqlite3.Connection) -> int:
    """Remove every entry; gives how many there were."""
    return connection.execute("DELETE FROM shared_storage_entries").rowcount


def origins(connection: sqlite3.Connection, *, offset: int = 0, limit: int = -1) -> list[str]:
    """The origins that have entries, expired ones included, in order; all of them without ``limit``."""
    rows = connection.execute(
        "SELECT origin FROM shared_storage_origins ORDER BY origin LIMIT ? OFFSET ?", (limit, offset)
    )
    return [origin for (origin,) in rows]


def count_origins(connection: sqlite3.Connection) -> int:
    """How many origins have entries, expired ones included."""
    return int(connection.execute("SELECT count(*) FROM shared_storage_origins").fetchone()[0])


def _blob(key: str) -> bytes:
    return key.encode("utf-16-be")


def _text(key: bytes) -> str:
    return key.decode("utf-16-be")

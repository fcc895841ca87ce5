"""Where the latest rows of a store begin, so that they can be read forward from there."""

from __future__ import annotations

import sqlite3
from typing import Literal

StoreName = Literal["events", "impressions", "reports", "sources"]
_KEYS: dict[StoreName, str] = {"events": "id", "impressions": "id", "reports": "position", "sources": "id"}


def begin(connection: sqlite3.Connection, store: StoreName, limit: int, *, kind: str | None = None) -> tuple[int, int]:
    """The key after which the ``limit`` latest rows come, of ``kind`` if one is given, and how many rows it leaves out.

    Both are 0 where the store has no more rows than that. ``kind`` is for stores that have one.
    """
    key, where = _KEYS[store], "" if kind is None else "WHERE kind = :kind"
    sql = (
        f"SELECT {key}, (SELECT count(*) FROM {store} {where}) FROM {store} {where}"  # noqa: S608 - constants
        f" ORDER BY {key} DESC LIMIT 1 OFFSET :limit"
    )
    row = connection.execute(sql, {"limit": limit, "kind": kind}).fetchone()
    return (row[0], row[1] - limit) if row else (0, 0)

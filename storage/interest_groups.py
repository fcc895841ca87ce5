"""The store of interest groups, one for each owner and name.

Functions take the connection of a running transaction. Owners and joining origins are serialised.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Collection, Iterable
from dataclasses import asdict
from typing import Any

from agent.model.protected_audience import Ad, InterestGroup, JoinedGroup

_COLUMNS = "owner, name, joining_origin, joined, join_count, bid_count, content"


def get(connection: sqlite3.Connection, owner: str, name: str, *, now: int) -> JoinedGroup | None:
    """The unexpired group of that owner and name."""
    sql = f"SELECT {_COLUMNS} FROM interest_groups WHERE owner = ? AND name = ? AND expires > ?"  # noqa: S608
    row = connection.execute(sql, (owner, name, now)).fetchone()
    return None if row is None else _group(connection, row)


def of_owners(connection: sqlite3.Connection, owners: Collection[str], *, now: int) -> list[JoinedGroup]:
    """The unexpired groups of ``owners``, by owner and name."""
    sql = (
        f"SELECT {_COLUMNS} FROM interest_groups"  # noqa: S608
        " WHERE owner IN (SELECT value FROM json_each(?)) AND expires > ? ORDER BY owner, name"
    )
    return [_group(connection, row) for row in connection.execute(sql, (json.dumps(list(owners)), now)).fetchall()]


def read(connection: sqlite3.Connection, *, now: int, limit: int = -1) -> list[JoinedGroup]:
    """Every unexpired group, or the first ``limit`` of them, by owner and name."""
    sql = f"SELECT {_COLUMNS} FROM interest_groups WHERE expires > ? ORDER BY owner, name LIMIT ?"  # noqa: S608
    return [_group(connection, row) for row in connection.execute(sql, (now, limit)).fetchall()]


def count(connection: sqlite3.Connection, *, now: int) -> int:
    """How many groups have not expired."""
    row = connection.execute("SELECT count(*) FROM interest_groups WHERE expires > ?", (now,)).fetchone()
    return int(row[0])


def put(connection: sqlite3.Connection, joined: JoinedGroup) -> None:
    """Store a group in the place of one with the same owner and name; its bids and wins stay as they are."""
    group = joined.group
    content = json.dumps(asdict(group))
    connection.execute(
        "INSERT INTO interest_groups (owner, name, joining_origin, joined, expires, join_count, content, bytes)"
        " VALUES (?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT (owner, name) DO UPDATE"
        " SET joining_origin = excluded.joining_origin, joined = excluded.joined, expires = excluded.expires,"
        " join_count = excluded.join_count, content = excluded.content, bytes = excluded.bytes",
        (
            group.owner,
            group.name,
            joined.joining_origin,
            joined.joined,
            joined.expires,
            joined.join_count,
            content,
            len(content),
        ),
    )


def remove(connection: sqlite3.Connection, owner: str, name: str) -> bool:
    """Remove a group; tells whether there was one."""
    cursor = connection.execute("DELETE FROM interest_groups WHERE owner = ? AND name = ?", (owner, name))
    return cursor.rowcount > 0


def make_room(connection: sqlite3.Connection, owner: str, *, groups: int, size: int, owners: int) -> list[str]:
    """Keep ``groups`` of ``owner`` that come to ``size`` bytes, and ``owners`` in all: those that expire last.

    Gives the names of the groups of ``owner`` that had to go.
    """
    rows = connection.execute(
        "SELECT name FROM (SELECT name, row_number() OVER last AS place, sum(bytes) OVER last AS total"
        " FROM interest_groups WHERE owner = ? WINDOW last AS (ORDER BY expires DESC, name))"
        " WHERE place > ? OR total > ?",
        (owner, groups, size),
    ).fetchall()
    connection.executemany("DELETE FROM interest_groups WHERE owner = ? AND name = ?", [(owner, *row) for row in rows])
    connection.execute(
        "DELETE FROM interest_groups WHERE owner IN (SELECT owner FROM interest_groups GROUP BY owner"
        " ORDER BY max(expires) DESC LIMIT -1 OFFSET ?)",
        (owners,),
    )
    return [name for (name,) in rows]


def remove_joined(connection: sqlite3.Connection, owner: str, joining_origin: str, kept: Collection[str]) -> list[str]:
    """Remove the groups of ``owner`` that were joined on ``joining_origin``, but those named; gives their names."""
    rows = connection.execute(
        "DELETE FROM interest_groups WHERE owner = ? AND joining_origin = ?"
        " AND name NOT IN (SELECT value FROM json_each(?)) RETURNING name",
        (owner, joining_origin, json.dumps(list(kept))),
    )
    return sorted(name for (name,) in rows)


def count_bids(connection: sqlite3.Connection, bidding: Iterable[InterestGroup]) -> None:
    """Count one bid for each group that is still there."""
    connection.executemany(
        "UPDATE interest_groups SET bid_count = bid_count + 1 WHERE owner = ? AND name = ?",
        [(group.owner, group.name) for group in bidding],
    )


def add_win(connection: sqlite3.Connection, winner: InterestGroup, ad: str, *, now: int) -> None:
    """Record at ``now`` that a group won with ``ad``, JSON, where it is still there."""
    connection.execute(
        "INSERT INTO interest_group_wins SELECT owner, name, ?, ? FROM interest_groups WHERE owner = ? AND name = ?",
        (now, ad, winner.owner, winner.name),
    )


def origins(connection: sqlite3.Connection) -> list[tuple[str, str]]:
    """The owners, and the origins on which groups of theirs were joined."""
    return list(connection.execute("SELECT DISTINCT owner, joining_origin FROM interest_groups").fetchall())


def remove_pairs(connection: sqlite3.Connection, pairs: Iterable[tuple[str, str]]) -> None:
    """Remove the groups of these owners that were joined on these origins."""
    connection.executemany("DELETE FROM interest_groups WHERE owner = ? AND joining_origin = ?", list(pairs))


def remove_expired(connection: sqlite3.Connection, *, now: int) -> None:
    """Remove the groups whose time is over."""
    connection.execute("DELETE FROM interest_groups WHERE expires <= ?", (now,))


def _group(connection: sqlite3.Connection, row: tuple[Any, ...]) -> JoinedGroup:
    owner, name, joining_origin, joined, join_count, bid_count, content = row
    wins = connection.execute(
        "SELECT time, ad FROM interest_group_wins WHERE owner = ? AND name = ? ORDER BY time", (owner, name)
    )
    return JoinedGroup(_content(json.loads(content)), joining_origin, joined, join_count, bid_count, tuple(wins))


def _content(content: dict[str, Any]) -> InterestGroup:
    for name in ("ads", "ad_components"):
        content[name] = tuple(Ad(**ad) for ad in content[name])
    content["trusted_bidding_signals_keys"] = tuple(content["trusted_bidding_signals_keys"])
    return InterestGroup(**content)

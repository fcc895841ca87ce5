"""The impression store.

Functions take the connection of a running transaction. Each runs a fixed number of statements, whatever it finds.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Collection, Iterable, Sequence
from functools import lru_cache
from typing import Any

from agent.model.attribution import Candidate, Dialect, Impression
from agent.model.caching import remember_short

_COLUMNS = (
    "dialect, key, impression_site, intermediary_site, conversion_sites, conversion_callers,"
    " timestamp, lifetime_days, histogram_index, priority, id"
)
_AUDIENCE = (
    "conversion_site, conversion_caller, dialect, timestamp, impression_id, key, impression_site, intermediary_site,"
    " expires, histogram_index, priority"
)
_CANDIDATE = (
    "i.id, i.key, i.impression_site, i.intermediary_site, i.conversion_sites, i.conversion_callers,"
    " i.timestamp, i.expires, i.histogram_index, i.priority"
)
_FOUND = (
    "a.impression_id, a.key, a.impression_site, a.intermediary_site, a.timestamp, a.expires, a.histogram_index,"
    " a.priority, q.remaining"
)
_encode = json.JSONEncoder(separators=(",", ":")).encode  # json.dumps makes an encoder for each call that has options
_ANY = '[""]'
_BY_SITE = " AND a.impression_site IN (SELECT value FROM json_each(?5))"
_BY_KEY = " AND a.key IN (SELECT value FROM json_each(?6))"


def save(connection: sqlite3.Connection, impression: Impression, *, stored: bool) -> int:
    """Store ``impression`` and give its id; with ``stored`` false run the same statements, change nothing, give 0."""
    sites, callers = _dump(impression.conversion_sites), _dump(impression.conversion_callers)
    key = _stored_key(impression.key)
    cursor = connection.execute(
        "INSERT INTO impressions (dialect, key, impression_site, intermediary_site, conversion_sites,"
        " conversion_callers, timestamp, lifetime_days, expires, histogram_index, priority)"
        " SELECT ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ? WHERE ?",
        (
            impression.dialect, key, impression.impression_site, impression.intermediary_site, sites, callers,
            impression.timestamp, impression.lifetime_days, impression.expires, impression.histogram_index,
            impression.priority, stored,
        ),
    )  # fmt: skip
    identifier = (cursor.lastrowid or 0) if stored else 0
    connection.execute(
        f"INSERT INTO impression_audiences ({_AUDIENCE})"  # noqa: S608 - constants of this module
        " SELECT s.value, c.value, ?, ?, ?, ?, ?, ?, ?, ?, ? FROM json_each(?) AS s, json_each(?) AS c WHERE ?",
        (
            impression.dialect, impression.timestamp, identifier, key, impression.impression_site,
            impression.intermediary_site, impression.expires, impression.histogram_index, impression.priority,
            sites if impression.conversion_sites else _ANY, callers if impression.conversion_callers else _ANY, stored,
        ),
    )  # fmt: skip
    return identifier


def candidates(
    connection: sqlite3.Connection,
    *,
    dialect: Dialect,
    conversion_site: str,
    caller: str,
    since: int,
    epoch_start: int,
    period: int,
    impression_sites: Sequence[str] = (),
    keys: Sequence[str] | Sequence[int] = (),
) -> list[Candidate]:
    """The impressions that a conversion may use, first saved first: found by index, not yet judged.

    An impression is found when ``conversion_site`` and ``caller`` are among those it names (or it names none), it
    was saved at ``since`` (milliseconds) or later, and its site and key are in the lists given, unless those are empty.
    Its quota is that of its epoch, counted from ``epoch_start`` in steps of ``period``; whom else it names is left out.
    """
    first = (since - epoch_start) // period  # of the found, none is older: in SQL, division then rounds down
    rows = connection.execute(
        _candidates_sql(bool(impression_sites), bool(keys)),
        (
            dialect, conversion_site, caller, since, _dump(impression_sites), _dump(map(_stored_key, keys)),
            first, epoch_start + first * period, period,
        ),
    )  # fmt: skip
    # A conversion may find many: tuple.__new__ makes a Candidate in half the time of its constructor.
    make = tuple.__new__
    found = sorted(
        [
            make(Candidate, (id_, key, site, intermediary, (), (), saved, expires, index, priority, quota))
            for id_, key, site, intermediary, saved, expires, index, priority, quota in rows
        ]
    )
    if dialect is Dialect.CURRENT:
        return found  # its keys are stored as they are
    return [one._replace(key=_loaded_key(one.key)) for one in found]


@lru_cache(maxsize=4)
def _candidates_sql(by_site: bool, by_key: bool) -> str:
    index = " INDEXED BY impression_audiences_by_site" if by_site else ""
    return (
        f"SELECT {_FOUND} FROM impression_audiences AS a{index}"  # noqa: S608 - constants of this module
        " LEFT JOIN impression_site_quotas AS q"
        " ON q.site = a.impression_site AND q.epoch = ?7 + (a.timestamp - ?8) / ?9"
        " WHERE a.dialect = ?1 AND a.conversion_site IN ('', ?2) AND a.conversion_caller IN ('', ?3)"
        " AND a.timestamp >= ?4 AND ?5 IS NOT NULL AND ?6 IS NOT NULL"
        + (_BY_SITE if by_site else "")
        + (_BY_KEY if by_key else "")
    )


def recent(connection: sqlite3.Connection, limit: int) -> list[Candidate]:
    """The ``limit`` impressions saved last, of both dialects, newest first: what a developer asks about."""
    rows = connection.execute(f"SELECT {_CANDIDATE} FROM impressions AS i ORDER BY id DESC LIMIT ?", (limit,))  # noqa: S608
    return _candidates(rows)


def touching_site(connection: sqlite3.Connection, site: str) -> list[Impression]:
    """The impressions that ``site`` saved, and those that name it as conversion site or caller."""
    rows = connection.execute(
        f"SELECT {_COLUMNS} FROM impressions WHERE id IN ("  # noqa: S608
        " SELECT id FROM impressions WHERE impression_site = ?1 AND intermediary_site IS NULL"
        " UNION SELECT id FROM impressions WHERE intermediary_site = ?1"
        " UNION SELECT impression_id FROM impression_audiences"
        " WHERE dialect IN (SELECT value FROM json_each(?2)) AND conversion_site = ?1"
        " UNION SELECT impression_id FROM impression_audiences"
        " WHERE conversion_caller != '' AND conversion_caller = ?1"
        ") ORDER BY id",
        (site, _dump(Dialect)),
    )
    return [_impression(row) for row in rows]


def remove(connection: sqlite3.Connection, ids: Collection[int]) -> None:
    """Remove the impressions with these ids."""
    connection.execute("DELETE FROM impressions WHERE id IN (SELECT value FROM json_each(?))", (_dump(ids),))


def narrow(connection: sqlite3.Connection, impressions: Iterable[Impression]) -> None:
    """Replace the conversion sites and callers of stored impressions by the ones given."""
    rows = _dump((one.id, _dump(one.conversion_sites), _dump(one.conversion_callers)) for one in impressions)
    connection.execute(
        "UPDATE impressions SET conversion_sites = json_extract(new.value, '$[1]'),"
        " conversion_callers = json_extract(new.value, '$[2]')"
        " FROM json_each(?) AS new WHERE impressions.id = json_extract(new.value, '$[0]')",
        (rows,),
    )
    connection.execute(
        "DELETE FROM impression_audiences WHERE impression_id IN"
        " (SELECT json_extract(value, '$[0]') FROM json_each(?))",
        (rows,),
    )
    connection.execute(
        f"INSERT INTO impression_audiences ({_AUDIENCE})"  # noqa: S608
        " SELECT s.value, c.value, i.dialect, i.timestamp, i.id, i.key, i.impression_site, i.intermediary_site,"
        " i.expires, i.histogram_index, i.priority"
        " FROM json_each(?) AS new CROSS JOIN impressions AS i ON i.id = json_extract(new.value, '$[0]'),"
        " json_each(iif(i.conversion_sites = '[]', ?2, i.conversion_sites)) AS s,"
        " json_each(iif(i.conversion_callers = '[]', ?2, i.conversion_callers)) AS c",
        (rows, _ANY),
    )


def remove_sites(connection: sqlite3.Connection, sites: Collection[str]) -> int:
    """Remove what was saved on these impression sites; gives how many."""
    return connection.execute(
        "DELETE FROM impressions WHERE impression_site IN (SELECT value FROM json_each(?))", (_dump(sites),)
    ).rowcount


def remove_all(connection: sqlite3.Connection) -> int:
    """Remove every impression; gives how many."""
    return connection.execute("DELETE FROM impressions").rowcount


def expired(connection: sqlite3.Connection, now: int, limit: int) -> list[Candidate]:
    """What can match no more at ``now``: at most ``limit`` impressions, the first to expire first."""
    rows = connection.execute(
        f"SELECT {_CANDIDATE} FROM impressions AS i WHERE i.expires < ? ORDER BY i.expires, i.id LIMIT ?",  # noqa: S608
        (now, limit),
    )
    return _candidates(rows)


def expire(connection: sqlite3.Connection, now: int) -> int:
    """Remove what can match no more at ``now`` (strictly later than its last millisecond); gives how many."""
    return connection.execute("DELETE FROM impressions WHERE expires < ?", (now,)).rowcount


def read(connection: sqlite3.Connection, *, after: int = 0, limit: int = 1000) -> list[Impression]:
    """A page of the store in the order saved: at most ``limit`` impressions with an id above ``after``."""
    rows = connection.execute(f"SELECT {_COLUMNS} FROM impressions WHERE id > ? ORDER BY id LIMIT ?", (after, limit))  # noqa: S608
    return [_impression(row) for row in rows]


def newest(connection: sqlite3.Connection, *, before: int | None = None, limit: int = 100) -> list[Impression]:
    """At most ``limit`` impressions with an id below ``before``, newest first."""
    sql = f"SELECT {_COLUMNS} FROM impressions WHERE id < ifnull(?, 0x7fffffffffffffff) ORDER BY id DESC LIMIT ?"  # noqa: S608
    return [_impression(row) for row in connection.execute(sql, (before, limit))]


def count(connection: sqlite3.Connection) -> int:
    """How many impressions are stored."""
    return int(connection.execute("SELECT count(*) FROM impressions").fetchone()[0])


def _dump(values: Iterable[Any]) -> str:
    # A generator and a StrEnum class are no sequences to json; a list is.
    return "[]" if values == () else _encode(list(values))


def _stored_key(key: str | int) -> str | int:
    # SQLite's text cannot hold a lone surrogate, which a DOMString can; its JSON text is one to one.
    return key if isinstance(key, int) else json.dumps(key)


def _loaded_key(stored: str | int) -> str | int:
    return stored if isinstance(stored, int) else _loaded_text(stored)


@remember_short
def _loaded_text(stored: str) -> str:
    return str(json.loads(stored))


@remember_short
def _names(stored: str) -> tuple[str, ...]:
    return tuple(json.loads(stored))


def _candidates(rows: Iterable[tuple[Any, ...]]) -> list[Candidate]:
    return [
        Candidate(
            id_,
            _loaded_key(key),
            site,
            intermediary,
            _names(sites),
            _names(callers),
            saved,
            expires,
            index,
            priority,
        )
        for id_, key, site, intermediary, sites, callers, saved, expires, index, priority in rows
    ]


def _impression(row: tuple[Any, ...]) -> Impression:
    dialect, key, impression_site, intermediary_site, sites, callers, timestamp, days, index, priority, identifier = row
    return Impression(
        dialect=Dialect(dialect),
        key=_loaded_key(key),
        impression_site=impression_site,
        intermediary_site=intermediary_site,
        conversion_sites=_names(sites),
        conversion_callers=_names(callers),
        timestamp=timestamp,
        lifetime_days=days,
        histogram_index=index,
        priority=priority,
        id=identifier,
    )

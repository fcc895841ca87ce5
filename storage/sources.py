"""The store of Attribution Reporting's sources.

Functions take the connection of a running transaction. What they find, they find by seeking. Expired sources are
removed first in a transaction (:func:`storage.source_rate_limits.expire`), so that nothing here meets one. Triggers of
the schema keep counts and candidates true to what is stored.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Collection, Iterable, Mapping
from dataclasses import replace
from typing import Any

from agent.model.attribution_reporting.facts import AttributionLogic, Registrant, StoredSource
from agent.model.attribution_reporting.registrations import AttributionScopes, SourceType
from storage import source_registrations

_COLUMNS = (
    "id, context_origin, context_site, reporting_origin, reporting_site, time, debug_permission, source_type,"
    " registration, scoped, randomized_trigger_rate, attribution_logic, event_level_active, num_attributions,"
    " num_aggregatable_reports, num_aggregatable_debug_reports, remaining_aggregatable_budget,"
    " remaining_aggregatable_debug_budget, remaining_named_budgets"
)
_INSERT = (
    f"INSERT INTO sources ({_COLUMNS}, expiry_time, destinations, priority, destination_limit_priority, active)"  # noqa: S608
    f" VALUES (NULL{', ?' * 22}, 1)"
)


def insert(connection: sqlite3.Connection, source: StoredSource) -> int:
    """Store ``source``, active, and give its id; the id that it carries does not count."""
    who, what, scopes = source.registrant, source.registration, source.registration.attribution_scopes
    cursor = connection.execute(
        _INSERT,
        (
            who.context_origin, who.context_site, who.reporting_origin, who.reporting_site, who.now,
            who.debug_permission, source.source_type, source_registrations.dumps(what), scopes is not None,
            source.randomized_trigger_rate, source.attribution_logic, source.event_level_active,
            source.num_attributions, source.num_aggregatable_reports, source.num_aggregatable_debug_reports,
            source.remaining_aggregatable_budget, source.remaining_aggregatable_debug_budget,
            _dump_budgets(source.remaining_named_budgets), source.expiry_time,
            source_registrations.sites(what.destinations), what.priority, what.destination_limit_priority,
        ),
    )  # fmt: skip
    source_id = cursor.lastrowid or 0
    if scopes is not None:
        connection.executemany(
            "INSERT INTO source_scopes VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
            [
                (who.reporting_origin, one, scope, what.priority, source_id, who.now, scopes.limit,
                 scopes.max_event_states)
                for one in what.destinations
                for scope in scopes.values
            ],
        )  # fmt: skip
    return source_id


def active_count(connection: sqlite3.Connection, context_origin: str) -> int:
    """How many active sources were registered on ``context_origin``."""
    sql = "SELECT count FROM active_sources WHERE context_origin = ?"
    row = connection.execute(sql, (context_origin,)).fetchone()
    return row[0] if row else 0


_GET = f"SELECT {_COLUMNS} FROM sources WHERE id = ?"  # noqa: S608
_GET_BEST = " UNION ALL ".join(
    f"SELECT {_COLUMNS} FROM sources WHERE id = (SELECT source_id FROM source_candidates"  # noqa: S608
    f" WHERE reporting_origin = ?1 AND destination = ?2 AND scoped = {scoped}"
    " ORDER BY priority DESC, source_id DESC LIMIT 1)"
    for scoped in (0, 1)
)
_BEST_WITH_SCOPE = """
    SELECT priority, source_id FROM source_scopes WHERE reporting_origin = ?1 AND destination = ?2 AND scope = ?3
        ORDER BY priority DESC, source_id DESC LIMIT 1
"""


def pick(
    connection: sqlite3.Connection, reporting_origin: str, destination: str, scopes: Collection[str] = ()
) -> StoredSource | None:
    """The active source of highest priority, of several the one stored last; with ``scopes`` one that has any of them.

    Section 3.1 of the engine, steps 1 and 2.
    """
    if scopes:
        wanted = [(reporting_origin, destination, scope) for scope in scopes]
        best = [row for values in wanted for row in connection.execute(_BEST_WITH_SCOPE, values)]
        return get(connection, max(best)[1]) if best else None
    found = [_source(row) for row in connection.execute(_GET_BEST, (reporting_origin, destination))]
    return max(found, key=lambda source: (source.registration.priority, source.id), default=None)


def get(connection: sqlite3.Connection, source_id: int) -> StoredSource | None:
    """The source of that id, or None."""
    row = connection.execute(_GET, (source_id,)).fetchone()
    return _source(row) if row else None


def is_active(connection: sqlite3.Connection, source_id: int) -> bool | None:
    """Whether the source of that id may still be attributed; None where it is not stored any more."""
    row = connection.execute("SELECT active FROM sources WHERE id = ?", (source_id,)).fetchone()
    return bool(row[0]) if row else None


def deactivate_others(connection: sqlite3.Connection, reporting_origin: str, destination: str, *, kept: int) -> int:
    """Make every other active source of ``reporting_origin`` and ``destination`` inactive; gives how many."""
    others = connection.execute(
        "SELECT source_id FROM source_candidates WHERE reporting_origin = ? AND destination = ? AND source_id != ?",
        (reporting_origin, destination, kept),
    ).fetchall()
    if others:
        connection.executemany("UPDATE sources SET active = 0 WHERE id = ?", others)
    return len(others)


def update(connection: sqlite3.Connection, source: StoredSource) -> None:
    """Write the counters and budgets of ``source``, and whether it is active for event-level reports."""
    connection.execute(
        "UPDATE sources SET event_level_active = ?, num_attributions = ?, num_aggregatable_reports = ?,"
        " num_aggregatable_debug_reports = ?, remaining_aggregatable_budget = ?,"
        " remaining_aggregatable_debug_budget = ?, remaining_named_budgets = ? WHERE id = ?",
        (
            source.event_level_active, source.num_attributions, source.num_aggregatable_reports,
            source.num_aggregatable_debug_reports, source.remaining_aggregatable_budget,
            source.remaining_aggregatable_debug_budget, _dump_budgets(source.remaining_named_budgets), source.id,
        ),
    )  # fmt: skip


def known_deduplication_keys(
    connection: sqlite3.Connection, source_id: int, kind: str, keys: Iterable[int]
) -> frozenset[int]:
    """Those of ``keys`` that the source has stored for ``kind`` of reports."""
    rows = connection.execute(
        "SELECT key FROM source_deduplication_keys WHERE source_id = ? AND kind = ?"
        " AND key IN (SELECT value FROM json_each(?))",
        (source_id, kind, json.dumps([str(key) for key in keys])),
    )
    return frozenset(int(key) for (key,) in rows)


def add_deduplication_key(connection: sqlite3.Connection, source_id: int, kind: str, key: int) -> None:
    """Store that the source was attributed with ``key`` for ``kind`` of reports."""
    connection.execute("INSERT INTO source_deduplication_keys VALUES (?, ?, ?)", (source_id, kind, str(key)))


# Attribution scopes (section 2.4).

_KNOWN_SCOPES = """
    WITH RECURSIVE known (scope) AS (
        SELECT min(scope) FROM source_scopes WHERE reporting_origin = ?1 AND destination = ?2
        UNION ALL
        SELECT (SELECT min(scope) FROM source_scopes
                WHERE reporting_origin = ?1 AND destination = ?2 AND scope > known.scope)
        FROM known WHERE known.scope IS NOT NULL
    ), dated (scope, time) AS (
        SELECT scope, (SELECT time FROM source_scopes AS s WHERE s.reporting_origin = ?1 AND s.destination = ?2
            AND s.scope = known.scope AND max_event_states = ?3 AND scopes_limit >= ?4
            AND source_id NOT IN (SELECT value FROM json_each(?5))
            ORDER BY scopes_limit, source_id DESC LIMIT 1)
        FROM known WHERE scope IS NOT NULL
    )
    SELECT scope, time FROM dated WHERE time IS NOT NULL
"""


def scopes_of(
    connection: sqlite3.Connection,
    reporting_origin: str,
    destinations: Iterable[str],
    like: AttributionScopes,
    *,
    without: Collection[int] = (),
) -> Mapping[str, tuple[tuple[str, int], ...]]:
    """By destination the distinct scopes of active sources, each with the time of the newest.

    Left out are the sources that :func:`unlike_scopes` finds for ``like``, and those ``without``.
    """
    left_out = json.dumps(list(without))
    return {
        destination: tuple(
            connection.execute(
                _KNOWN_SCOPES, (reporting_origin, destination, like.max_event_states, like.limit, left_out)
            )
        )
        for destination in destinations
    }


def clear_scopes(connection: sqlite3.Connection, reporting_origin: str, destinations: tuple[str, ...]) -> None:
    """Take the scopes from the active sources that share one of ``destinations``."""
    sql = "SELECT source_id FROM source_scopes WHERE reporting_origin = ? AND destination = ?"
    found = [row for one in destinations for row in connection.execute(sql, (reporting_origin, one))]
    if found:
        connection.executemany("UPDATE sources SET scoped = 0 WHERE id = ?", set(found))


def unlike_scopes(
    connection: sqlite3.Connection, reporting_origin: str, destinations: Collection[str], scopes: AttributionScopes
) -> list[int]:
    """Ids of active sources sharing a destination that have no scopes, other ``max_event_states`` or a lower limit."""
    found: set[int] = set()
    for destination in destinations:
        rows = connection.execute(
            "SELECT source_id FROM source_candidates WHERE reporting_origin = ?1 AND destination = ?2 AND scoped = 0"
            " UNION SELECT source_id FROM source_scopes WHERE reporting_origin = ?1 AND destination = ?2"
            " AND max_event_states < ?3"
            " UNION SELECT source_id FROM source_scopes WHERE reporting_origin = ?1 AND destination = ?2"
            " AND max_event_states > ?3"
            " UNION SELECT source_id FROM source_scopes WHERE reporting_origin = ?1 AND destination = ?2"
            " AND max_event_states = ?3 AND scopes_limit < ?4",
            (reporting_origin, destination, scopes.max_event_states, scopes.limit),
        )
        found.update(source_id for (source_id,) in rows)
    return sorted(found)


def with_scopes(
    connection: sqlite3.Connection, reporting_origin: str, scopes: Mapping[str, Collection[str]]
) -> list[int]:
    """Ids of active sources that carry, for one of these destinations, one of its scopes."""
    found: set[int] = set()
    for destination, names in scopes.items():
        rows = connection.execute(
            "SELECT source_id FROM source_scopes WHERE reporting_origin = ? AND destination = ?"
            " AND scope IN (SELECT value FROM json_each(?))",
            (reporting_origin, destination, json.dumps(list(names))),
        )
        found.update(source_id for (source_id,) in rows)
    return sorted(found)


# Removal.


def remove(connection: sqlite3.Connection, ids: Collection[int]) -> None:
    """Remove the sources with these ids."""
    if ids:
        connection.execute("DELETE FROM sources WHERE id IN (SELECT value FROM json_each(?))", (json.dumps(list(ids)),))


def remove_of_reporting_origin(connection: sqlite3.Connection, reporting_origin: str) -> int:
    """Remove what ``reporting_origin`` registered; gives how many."""
    return connection.execute(
        "DELETE FROM sources WHERE id IN (SELECT source_id FROM source_candidates WHERE reporting_origin = ?1"
        " UNION SELECT id FROM sources WHERE reporting_origin = ?1 AND active = 0)",
        (reporting_origin,),
    ).rowcount


def ids_of_reporting_sites(connection: sqlite3.Connection, sites: Collection[str]) -> list[int]:
    """The ids of what ``sites`` registered; reads every source."""
    rows = connection.execute(
        "SELECT id FROM sources WHERE reporting_site IN (SELECT value FROM json_each(?))", (json.dumps(list(sites)),)
    )
    return [source_id for (source_id,) in rows]


def ids_of_context_sites(connection: sqlite3.Connection, sites: Collection[str]) -> list[int]:
    """The ids of what was registered on ``sites``; reads every source."""
    rows = connection.execute(
        "SELECT id FROM sources WHERE context_site IN (SELECT value FROM json_each(?))", (json.dumps(list(sites)),)
    )
    return [source_id for (source_id,) in rows]


def remove_all(connection: sqlite3.Connection) -> int:
    """Remove every source; gives how many."""
    return connection.execute("DELETE FROM sources").rowcount


def read(connection: sqlite3.Connection, *, after: int = 0, limit: int = 1000) -> list[StoredSource]:
    """A page of the store in the order stored: at most ``limit`` sources with an id above ``after``."""
    sql = f"SELECT {_COLUMNS} FROM sources WHERE id > ? ORDER BY id LIMIT ?"  # noqa: S608
    return [_source(row) for row in connection.execute(sql, (after, limit))]


def newest(connection: sqlite3.Connection, *, before: int | None = None, limit: int = 100) -> list[StoredSource]:
    """At most ``limit`` sources with an id below ``before``, newest first."""
    sql = f"SELECT {_COLUMNS} FROM sources WHERE id < ifnull(?, 0x7fffffffffffffff) ORDER BY id DESC LIMIT ?"  # noqa: S608
    return [_source(row) for row in connection.execute(sql, (before, limit))]


def inactive(connection: sqlite3.Connection, since: int = 0, until: int | None = None) -> frozenset[int]:
    """The ids, from ``since`` to ``until``, of sources that attribute no more."""
    # The index of those that are inactive is by their origin, and would give all of them.
    sql = "SELECT id FROM sources WHERE id BETWEEN ? AND ifnull(?, 0x7fffffffffffffff) AND +active = 0"
    rows = connection.execute(sql, (since, until))
    return frozenset(source_id for (source_id,) in rows)


def count(connection: sqlite3.Connection) -> int:
    """How many sources are stored."""
    return int(connection.execute("SELECT count(*) FROM sources").fetchone()[0])


def _source(row: tuple[Any, ...]) -> StoredSource:
    (
        source_id, context_origin, context_site, reporting_origin, reporting_site, time, debug_permission, source_type,
        text, scoped, rate, logic, event_level_active, num_attributions, num_aggregatable, num_debug, remaining,
        remaining_debug, named,
    ) = row  # fmt: skip
    registration = source_registrations.loads(text)
    if not scoped and registration.attribution_scopes is not None:
        registration = replace(registration, attribution_scopes=None)
    return StoredSource(
        id=source_id,
        registrant=Registrant(
            context_origin,
            reporting_origin,
            time,
            debug_permission=bool(debug_permission),
            context_site=context_site,
            reporting_site=reporting_site,
        ),
        source_type=SourceType(source_type),
        registration=registration,
        randomized_trigger_rate=rate,
        attribution_logic=AttributionLogic(logic),
        event_level_active=bool(event_level_active),
        num_attributions=num_attributions,
        num_aggregatable_reports=num_aggregatable,
        num_aggregatable_debug_reports=num_debug,
        remaining_aggregatable_budget=remaining,
        remaining_aggregatable_debug_budget=remaining_debug,
        remaining_named_budgets=json.loads(named) if named != "{}" else {},
    )


def _dump_budgets(budgets: Mapping[str, int]) -> str:
    return json.dumps(dict(budgets)) if budgets else "{}"

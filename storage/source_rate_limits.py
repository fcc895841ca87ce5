"""What limits on new sources count: reporting origins and destinations that sources named within a window.

Functions take the connection of a running transaction. A limit asks for distinct names in a window, so one row for
each name with the time of the latest source that named it says as much as a log.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Collection, Mapping
from typing import NamedTuple

from agent.model.attribution_reporting.facts import DestinationGroup, StoredSource
from storage import json_texts
from storage.source_registrations import PLACES, places

_DESTINATIONS = "destinations"
"""Of a source site, whatever the reporting site."""
_ORIGINS_OF_REPORTING_SITE = "origins of reporting site"
_ORIGINS_OF_DESTINATION = "origins of destination"


def record(connection: sqlite3.Connection, source: StoredSource) -> None:
    """Count ``source``, which was stored."""
    who, what = source.registrant, source.registration
    site, now = who.context_site, who.now
    rows = [(_ORIGINS_OF_REPORTING_SITE, site, who.reporting_site, who.reporting_origin, now)]
    for destination in what.destinations:
        rows.append((_DESTINATIONS, site, "", destination, now))
        rows.append((_ORIGINS_OF_DESTINATION, site, destination, who.reporting_origin, now))
    connection.executemany(
        "INSERT INTO source_rate_limits VALUES (?, ?, ?, ?, ?) ON CONFLICT DO UPDATE SET time = excluded.time", rows
    )


class Seen(NamedTuple):
    """What counts for a new source."""

    reporting_origins: frozenset[str]
    """Of sources of the reporting site."""
    destinations: frozenset[str]
    """Of sources of any reporting site."""
    own_destinations: frozenset[str]
    """Of sources of the reporting site within the same window, and within a day."""
    own_destinations_of_day: frozenset[str]
    reporting_origins_of_destinations: Mapping[str, frozenset[str]]
    """By destination."""
    destination_groups: tuple[DestinationGroup, ...]
    """Of sources of the reporting site that have not expired."""


_MEMBERS = "(SELECT json_group_array(member) FROM source_rate_limits WHERE rule = '{}' AND source_site = ?1 AND {})"
_ORIGINS_BY_PLACE = ", ".join(
    _MEMBERS.format(_ORIGINS_OF_DESTINATION, f"scope = ?{6 + place} AND time > ?5") for place in range(PLACES)
)
# One row: rows cost more than what they say, and statements more than seeks.
_SEEN = f"""
    SELECT {_MEMBERS.format(_ORIGINS_OF_REPORTING_SITE, "scope = ?2 AND time > ?3")},
        {_MEMBERS.format(_DESTINATIONS, "time > ?4")},
        (SELECT json_group_array(json_array(destination, last_stored, priority, time)) FROM destination_groups
            WHERE source_site = ?1 AND reporting_site = ?2),
        {_ORIGINS_BY_PLACE}
"""  # noqa: S608 - constants


def seen(
    connection: sqlite3.Connection,
    source_site: str,
    reporting_site: str,
    destinations: tuple[str, ...],
    *,
    origins_since: int,
    destinations_since: int,
    day_since: int,
    origins_of_destinations_since: int,
) -> Seen:
    """What counts for a new source of these sites and ``destinations``: what was stored later than the instants."""
    since = (origins_since, destinations_since, origins_of_destinations_since)
    values = (source_site, reporting_site, *since, *places(destinations))
    origins, in_window, groups, *of_places = map(json_texts.loads, connection.execute(_SEEN, values).fetchone())
    return Seen(
        frozenset(origins),
        frozenset(in_window),
        frozenset([name for name, last_stored, _, _ in groups if last_stored > destinations_since]),
        frozenset([name for name, last_stored, _, _ in groups if last_stored > day_since]),
        {one: frozenset(names) for one, names in zip(destinations, of_places, strict=False)},
        tuple([DestinationGroup(name, priority, time) for name, _, priority, time in groups if time is not None]),
    )


def of_destinations(
    connection: sqlite3.Connection, source_site: str, reporting_site: str, destinations: Collection[str]
) -> list[int]:
    """Ids of the sources of these sites that count for any of ``destinations``."""
    rows = connection.execute(
        "SELECT DISTINCT source_id FROM destination_sources WHERE source_site = ? AND reporting_site = ?"
        " AND destination IN (SELECT value FROM json_each(?))",
        (source_site, reporting_site, json.dumps(list(destinations))),
    )
    return [source_id for (source_id,) in rows]


def evict_destinations(
    connection: sqlite3.Connection, source_site: str, reporting_site: str, destinations: Collection[str]
) -> list[int]:
    """Let the sources of these sites for any of ``destinations`` count no more; gives their ids."""
    of_destinations = (
        " FROM destination_sources AS evicted, json_each(evicted.destinations) AS sibling WHERE source_site = ?1"
        " AND reporting_site = ?2 AND destination IN (SELECT value FROM json_each(?3))"
    )
    parameters = (source_site, reporting_site, json.dumps(list(destinations)))
    ids = [one for (one,) in connection.execute(f"SELECT DISTINCT source_id{of_destinations}", parameters)]
    connection.execute(
        "DELETE FROM destination_sources WHERE source_site = ?1 AND reporting_site = ?2"  # noqa: S608
        f" AND (destination, priority, source_id) IN (SELECT sibling.value, priority, source_id{of_destinations})",
        parameters,
    )
    return ids


def expire(connection: sqlite3.Connection, now: int) -> int:
    """Remove the sources that have expired at ``now``, and let them count no more; gives how many."""
    # Each registration asks, and nearly always there is none.
    if not connection.execute("SELECT 1 FROM destination_sources WHERE expiry_time <= ? LIMIT 1", (now,)).fetchone():
        return 0
    found = connection.execute("SELECT DISTINCT source_id FROM destination_sources WHERE expiry_time <= ?", (now,))
    ids = json.dumps([one for (one,) in found])
    connection.execute("DELETE FROM destination_sources WHERE expiry_time <= ?", (now,))
    return connection.execute("DELETE FROM sources WHERE id IN (SELECT value FROM json_each(?))", (ids,)).rowcount


def sweep(
    connection: sqlite3.Connection, *, origins_until: int, destinations_until: int, origins_of_destinations_until: int
) -> None:
    """Forget what no source named later than these instants: no window reaches it. Reads all that is counted."""
    connection.executemany(
        "DELETE FROM source_rate_limits WHERE rule = ? AND time <= ?",
        [
            (_ORIGINS_OF_REPORTING_SITE, origins_until),
            (_DESTINATIONS, destinations_until),
            (_ORIGINS_OF_DESTINATION, origins_of_destinations_until),
        ],
    )
    connection.execute(
        "DELETE FROM destination_groups WHERE source_id IS NULL AND last_stored <= ?", (destinations_until,)
    )


def remove_sites(connection: sqlite3.Connection, sites: Collection[str]) -> None:
    """Forget what counts for sources that one of ``sites`` registered, or that were registered on one."""
    names = json.dumps(list(sites))
    for table, other in (
        ("destination_sources", "reporting_site"),
        ("destination_groups", "reporting_site"),
        ("source_rate_limits", "scope"),
    ):
        connection.execute(
            f"DELETE FROM {table} WHERE source_site IN (SELECT value FROM json_each(?1))"  # noqa: S608
            f" OR {other} IN (SELECT value FROM json_each(?1))",
            (names,),
        )


def remove_all(connection: sqlite3.Connection) -> None:
    """Forget everything that counts."""
    connection.execute("DELETE FROM destination_sources")
    connection.execute("DELETE FROM destination_groups")
    connection.execute("DELETE FROM source_rate_limits")

"""What reports of Private Aggregation spent in each minute, for each site and API.

Functions take the connection of a running transaction. Sites are serialised; a minute is known by its start.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Collection
from dataclasses import dataclass

from agent.model.private_aggregation import PrivateAggregationApi


@dataclass(frozen=True, slots=True)
class MinuteUse:
    """What a site spent in one minute."""

    site: str
    api: PrivateAggregationApi
    minute: int
    spent: int


def use(connection: sqlite3.Connection, site: str, api: PrivateAggregationApi, after: int) -> dict[int, int]:
    """What ``site`` spent with ``api`` in the minutes that begin later than ``after``."""
    rows = connection.execute(
        "SELECT minute, spent FROM private_aggregation_budget_uses WHERE site = ? AND api = ? AND minute > ?",
        (site, api, after),
    )
    return dict(rows)


def spend(connection: sqlite3.Connection, site: str, api: PrivateAggregationApi, minute: int, amount: int) -> None:
    """Count ``amount`` as spent in ``minute``."""
    connection.execute(
        "INSERT INTO private_aggregation_budget_uses VALUES (?, ?, ?, ?)"
        " ON CONFLICT DO UPDATE SET spent = spent + excluded.spent",
        (site, api, minute, amount),
    )


def expire(connection: sqlite3.Connection, until: int) -> None:
    """Forget the minutes that begin at ``until`` or before."""
    connection.execute("DELETE FROM private_aggregation_budget_uses WHERE minute <= ?", (until,))


def read(connection: sqlite3.Connection, after: int) -> list[MinuteUse]:
    """What everyone spent in the minutes that begin later than ``after``, by site, API and minute."""
    rows = connection.execute(
        "SELECT site, api, minute, spent FROM private_aggregation_budget_uses WHERE minute > ?"
        " ORDER BY site, api, minute",
        (after,),
    )
    return [MinuteUse(site, PrivateAggregationApi(api), minute, spent) for site, api, minute, spent in rows]


def remove_sites(connection: sqlite3.Connection, sites: Collection[str]) -> None:
    """Forget what ``sites`` spent."""
    connection.execute(
        "DELETE FROM private_aggregation_budget_uses WHERE site IN (SELECT value FROM json_each(?))",
        (json.dumps(list(sites)),),
    )


def remove_all(connection: sqlite3.Connection) -> None:
    """Forget what everyone spent."""
    connection.execute("DELETE FROM private_aggregation_budget_uses")

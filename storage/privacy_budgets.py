"""The privacy budget stores, and the state of attribution: epoch start and last clear.

Functions take the connection of a running transaction. Each runs a fixed number of statements, whatever it finds. The
quotas of impression sites are read with the impressions that a conversion finds (:func:`impressions.candidates`).
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Collection, Mapping

from agent.model.attribution import AttributionState, Budget, BudgetKey, BudgetKind

_KINDS = {kind.value: kind for kind in BudgetKind}  # half the price of BudgetKind(text); a conversion may ask often


def read_state(connection: sqlite3.Connection) -> AttributionState:
    """The epoch start and the last clear."""
    return AttributionState(*connection.execute("SELECT epoch_start, last_clear FROM attribution_state").fetchone())


def write_state(connection: sqlite3.Connection, state: AttributionState) -> None:
    """Replace the epoch start and the last clear."""
    connection.execute(
        "UPDATE attribution_state SET epoch_start = ?, last_clear = ?", (state.epoch_start, state.last_clear)
    )


def charged(connection: sqlite3.Connection, *, conversion_site: str, first: int, last: int) -> Mapping[BudgetKey, int]:
    """What is left of the site's and the global budget in epochs ``first`` to ``last``, where ever charged."""
    rows = connection.execute(
        "SELECT kind, epoch, site, remaining FROM privacy_budgets"
        " WHERE kind = 'per_site' AND site = ?1 AND epoch BETWEEN ?2 AND ?3"
        " UNION ALL SELECT kind, epoch, site, remaining FROM privacy_budgets"
        " WHERE kind = 'global' AND site = '' AND epoch BETWEEN ?2 AND ?3",
        (conversion_site, first, last),
    )
    return {BudgetKey(_KINDS[kind], epoch, site): remaining for kind, epoch, site, remaining in rows}


def write(connection: sqlite3.Connection, budgets: Mapping[BudgetKey, int]) -> None:
    """Set what is left of these per-site and global budgets, in micro-epsilon."""
    nested: dict[str, dict[str, dict[int, int]]] = {}
    for (kind, epoch, site), remaining in budgets.items():
        nested.setdefault(kind, {}).setdefault(site, {})[epoch] = remaining
    connection.execute(
        "INSERT INTO privacy_budgets (kind, site, epoch, remaining)"
        " SELECT kind.key, site.key, CAST(epoch.key AS INTEGER), epoch.value"
        " FROM json_each(?) AS kind, json_each(kind.value) AS site, json_each(site.value) AS epoch WHERE true"
        " ON CONFLICT (kind, site, epoch) DO UPDATE SET remaining = excluded.remaining",
        (json.dumps(nested),),
    )


def write_quotas(connection: sqlite3.Connection, quotas: Mapping[int, Mapping[str, int]]) -> None:
    """Set what is left of impression sites' quotas, by epoch and site, in micro-epsilon."""
    connection.execute(
        "INSERT INTO impression_site_quotas (site, epoch, remaining)"
        " SELECT site.key, CAST(epoch.key AS INTEGER), site.value"
        " FROM json_each(?) AS epoch, json_each(epoch.value) AS site WHERE true"
        " ON CONFLICT (site, epoch) DO UPDATE SET remaining = excluded.remaining",
        (json.dumps(quotas),),
    )


def remove_sites(connection: sqlite3.Connection, sites: Collection[str]) -> None:
    """Forget the per-site budgets and the impression-site quotas of these sites; the global budget stays."""
    wanted = (json.dumps(list(sites)),)
    connection.execute(
        "DELETE FROM privacy_budgets WHERE kind = 'per_site' AND site IN (SELECT value FROM json_each(?))", wanted
    )
    connection.execute("DELETE FROM impression_site_quotas WHERE site IN (SELECT value FROM json_each(?))", wanted)


def remove_all(connection: sqlite3.Connection) -> None:
    """Forget every budget of all three stores."""
    connection.execute("DELETE FROM privacy_budgets")
    connection.execute("DELETE FROM impression_site_quotas")


def read(connection: sqlite3.Connection, *, offset: int = 0, limit: int = 1000) -> list[Budget]:
    """A page of the budgets that were ever charged, by store, site and epoch."""
    rows = connection.execute(
        "SELECT kind, site, epoch, remaining FROM privacy_budgets UNION ALL"
        " SELECT 'impression_site_quota', site, epoch, remaining FROM impression_site_quotas"
        " ORDER BY kind, site, epoch LIMIT ? OFFSET ?",
        (limit, offset),
    )
    return [Budget(BudgetKey(_KINDS[kind], epoch, site), remaining) for kind, site, epoch, remaining in rows]


def count(connection: sqlite3.Connection) -> int:
    """How many budgets were ever charged."""
    both = "SELECT (SELECT count(*) FROM privacy_budgets) + (SELECT count(*) FROM impression_site_quotas)"
    return int(connection.execute(both).fetchone()[0])

"""The privacy budget stores, and the state of attribution: epoch start and last clear.

Functions take the connection of a running transaction. Each runs one statement, whatever it finds.
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


def charged(
    connection: sqlite3.Connection,
    *,
    conversion_site: str,
    impression_sites: Mapping[int, Collection[str]],
    first: int,
    last: int,
) -> Mapping[BudgetKey, int]:
    """What is left of the budgets that a conversion may pay from in epochs ``first`` to ``last``, if ever charged.

    ``impression_sites``: by epoch, the sites whose quota may be asked.
    """
    wanted = {epoch: list(sites) for epoch, sites in impression_sites.items()}
    rows = connection.execute(
        "SELECT kind, epoch, site, remaining FROM privacy_budgets"
        " WHERE kind = 'per_site' AND site = ?1 AND epoch BETWEEN ?2 AND ?3"
        " UNION ALL SELECT kind, epoch, site, remaining FROM privacy_budgets"
        " WHERE kind = 'global' AND site = '' AND epoch BETWEEN ?2 AND ?3"
        " UNION ALL SELECT kind, epoch, site, remaining FROM json_each(?4) AS wanted, json_each(wanted.value) AS one"
        " CROSS JOIN privacy_budgets"
        " WHERE kind = 'impression_site_quota' AND site = one.value AND epoch = CAST(wanted.key AS INTEGER)",
        (conversion_site, first, last, json.dumps(wanted)),
    )
    return {BudgetKey(_KINDS[kind], epoch, site): remaining for kind, epoch, site, remaining in rows}


def write(connection: sqlite3.Connection, budgets: Mapping[BudgetKey, int]) -> None:
    """Set what is left of these budgets, in micro-epsilon."""
    nested: dict[str, dict[int, dict[str, int]]] = {}
    for (kind, epoch, site), remaining in budgets.items():
        nested.setdefault(kind, {}).setdefault(epoch, {})[site] = remaining
    connection.execute(
        "INSERT INTO privacy_budgets (kind, site, epoch, remaining)"
        " SELECT kind.key, site.key, CAST(epoch.key AS INTEGER), site.value"
        " FROM json_each(?) AS kind, json_each(kind.value) AS epoch, json_each(epoch.value) AS site WHERE true"
        " ON CONFLICT (kind, site, epoch) DO UPDATE SET remaining = excluded.remaining",
        (json.dumps(nested),),
    )


def remove_sites(connection: sqlite3.Connection, sites: Collection[str]) -> None:
    """Forget the per-site budgets and the impression-site quotas of these sites; the global budget stays."""
    connection.execute(
        "DELETE FROM privacy_budgets WHERE kind IN ('per_site', 'impression_site_quota')"
        " AND site IN (SELECT value FROM json_each(?))",
        (json.dumps(list(sites)),),
    )


def remove_all(connection: sqlite3.Connection) -> None:
    """Forget every budget of all three stores."""
    connection.execute("DELETE FROM privacy_budgets")


def read(connection: sqlite3.Connection, *, offset: int = 0, limit: int = 1000) -> list[Budget]:
    """A page of the budgets that were ever charged, by store, site and epoch."""
    rows = connection.execute(
        "SELECT kind, site, epoch, remaining FROM privacy_budgets ORDER BY kind, site, epoch LIMIT ? OFFSET ?",
        (limit, offset),
    )
    return [Budget(BudgetKey(BudgetKind(kind), epoch, site), remaining) for kind, site, epoch, remaining in rows]


def count(connection: sqlite3.Connection) -> int:
    """How many budgets were ever charged."""
    return int(connection.execute("SELECT count(*) FROM privacy_budgets").fetchone()[0])

"""What aggregatable debug reports spent within a day, for each context site and reporting site.

Functions take the connection of a running transaction.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Collection

from agent.model.attribution_reporting.facts import DebugBudgetUse
from agent.model.clock import DAY


def use(connection: sqlite3.Connection, context_site: str, reporting_site: str, now: int) -> DebugBudgetUse:
    """What was spent in the day before ``now``."""
    # Sums are kept up to date by what goes: each use is counted once and taken off once.
    connection.execute("DELETE FROM aggregatable_debug_uses WHERE time <= ?", (now - DAY,))
    rows = connection.execute(
        "SELECT reporting_site, spent FROM aggregatable_debug_budgets"
        " WHERE context_site = ? AND reporting_site IN (?, '')",
        (context_site, reporting_site),
    )
    sums = dict(rows)
    return DebugBudgetUse(sums.get("", 0), sums.get(reporting_site, 0))


def spend(connection: sqlite3.Connection, context_site: str, reporting_site: str, now: int, need: int) -> None:
    """Count ``need`` as spent at ``now``."""
    connection.execute(
        "INSERT INTO aggregatable_debug_uses (context_site, reporting_site, time, spent) VALUES (?, ?, ?, ?)",
        (context_site, reporting_site, now, need),
    )


def remove_sites(connection: sqlite3.Connection, sites: Collection[str]) -> None:
    """Forget what was spent on, or by, one of ``sites``."""
    connection.execute(
        "DELETE FROM aggregatable_debug_uses WHERE context_site IN (SELECT value FROM json_each(?1))"
        " OR reporting_site IN (SELECT value FROM json_each(?1))",
        (json.dumps(list(sites)),),
    )


def remove_all(connection: sqlite3.Connection) -> None:
    """Forget what was spent."""
    connection.execute("DELETE FROM aggregatable_debug_uses")

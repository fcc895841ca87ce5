"""How SQLite finds what statements ask for."""

from __future__ import annotations

import re
import sqlite3
from collections.abc import Callable


def steps(connection: sqlite3.Connection, work: Callable[[sqlite3.Connection], object]) -> list[str]:
    """The steps of the query plans of every statement that ``work`` runs."""
    statements: list[str] = []
    connection.set_trace_callback(statements.append)
    work(connection)
    connection.set_trace_callback(None)
    ours = [statement for statement in statements if not statement.startswith("--")]
    assert ours
    return [step for statement in ours for step in _plan(connection, statement)]


def trigger_steps(connection: sqlite3.Connection) -> list[str]:
    """The steps of the query plans of every statement in the schema's triggers."""
    found = connection.execute("SELECT sql FROM sqlite_master WHERE type = 'trigger'").fetchall()
    bodies = [re.sub(r"\b(NEW|OLD)\.\w+", "'value'", re.split(r"\bBEGIN\b", sql)[1]) for (sql,) in found]
    statements = [one for body in bodies for one in body.rsplit("END", 1)[0].split(";") if one.strip()]
    return [step for statement in statements for step in _plan(connection, statement)]


def scans(plan: list[str]) -> list[str]:
    """The steps that read all of a table, be it through an index, or sort; lists of a statement's own are no tables."""
    own = re.compile(r"SCAN (json_each|new|sibling|known|dated|\d+ CONSTANT ROWS?|CONSTANT ROW|\(subquery-\d+\))")
    return [step for step in plan if (step.startswith("SCAN") and not own.match(step)) or step.endswith("FOR ORDER BY")]


def _plan(connection: sqlite3.Connection, statement: str) -> list[str]:
    return [row[3] for row in connection.execute(f"EXPLAIN QUERY PLAN {statement}")]

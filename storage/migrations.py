"""Migrations: ``migrations/NNNN_name.sql`` in their order, each applied once together with its record.

A database that holds a migration unknown to this version is newer and is refused; so is one whose
recorded text differs from ours, or a SQLite file of another program.
"""

from __future__ import annotations

import hashlib
import re
import sqlite3
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from importlib.resources import files

from agent.model.errors import HostEnvironmentError

_NAME = re.compile(r"\d{4}_[a-z0-9_]+\.sql")
_CREATE = "CREATE TABLE migrations (name TEXT PRIMARY KEY, sha256 TEXT NOT NULL, applied INTEGER NOT NULL) STRICT"


@dataclass(frozen=True, slots=True)
class Migration:
    """One step of the schema: its file's name and text."""

    name: str
    sql: str

    @property
    def sha256(self) -> str:
        """Digest of the text in hex, recorded when the migration is applied."""
        return hashlib.sha256(self.sql.encode()).hexdigest()

    def statements(self) -> Iterator[str]:
        """The statements of the text, in order. Raises ValueError when the last one has no end."""
        pending = ""
        for line in self.sql.splitlines(keepends=True):
            pending += line
            if sqlite3.complete_statement(pending):
                yield pending
                pending = ""
        if pending.strip():
            raise ValueError(f"{self.name}: the last statement has no semicolon")


@lru_cache(maxsize=1)
def shipped() -> tuple[Migration, ...]:
    """The migrations of this version, in the order of their numbers."""
    found = (entry for entry in files("storage").joinpath("migrations").iterdir() if _NAME.fullmatch(entry.name))
    return tuple(Migration(entry.name, entry.read_text("utf-8")) for entry in sorted(found, key=lambda e: e.name))


def applied(connection: sqlite3.Connection, where: str) -> list[tuple[str, str]]:
    """(name, sha256) of what the database at ``where`` holds; empty when it is new.

    Raises HostEnvironmentError when the file has tables but no record of migrations.
    """
    tables = {name for (name,) in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")}
    if "migrations" in tables:
        return connection.execute("SELECT name, sha256 FROM migrations ORDER BY name").fetchall()
    if tables:
        raise HostEnvironmentError(
            "this SQLite database was not made by tallyhost",
            where=where,
            rule="a file of another program is refused, not touched",
            fix="choose another profile folder",
        )
    return []


def schema(connection: sqlite3.Connection) -> frozenset[tuple[str, str, str | None]]:
    """Everything that a database's schema has: type, name and text."""
    return frozenset(connection.execute("SELECT type, name, sql FROM sqlite_schema"))


def check(recorded: Sequence[tuple[str, str]], where: str, migrations: Sequence[Migration]) -> None:
    """Refuse a database that is not a state of ``migrations``. Raises HostEnvironmentError."""
    for position, (name, sha256) in enumerate(recorded):
        if position >= len(migrations) or migrations[position].name != name:
            raise HostEnvironmentError(
                f"the profile was written by another, newer version of tallyhost (it holds {name})",
                where=where,
                rule="a profile written by a newer version is refused, not touched",
                fix="update tallyhost, or choose another profile folder",
            )
        if migrations[position].sha256 != sha256:
            raise HostEnvironmentError(
                f"the profile's schema step {name} is not the one of this version",
                where=where,
                rule="an applied migration never changes (compared by SHA-256); the file was not touched",
                fix="use the version of tallyhost that wrote the profile, or choose another profile folder",
            )


def apply(connection: sqlite3.Connection, migration: Migration, now: int) -> None:
    """Apply ``migration`` and record it at ``now``, unless it is recorded; runs inside the caller's transaction."""
    if not connection.execute("SELECT 1 FROM sqlite_master WHERE name = 'migrations'").fetchone():
        connection.execute(_CREATE)
    if connection.execute("SELECT 1 FROM migrations WHERE name = ?", (migration.name,)).fetchone():
        return
    for statement in migration.statements():
        connection.execute(statement)
    connection.execute("INSERT INTO migrations VALUES (?, ?, ?)", (migration.name, migration.sha256, now))

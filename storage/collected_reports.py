"""The collector's shelf: sealed reports as they came, each once."""

from __future__ import annotations

import hashlib
import sqlite3

from agent.model.ledger import CollectedReport
from storage.database import AsyncDatabase


def add(connection: sqlite3.Connection, body: bytes, *, service: str, received: int) -> int:
    """Keep ``body`` (``received``: milliseconds) and give its id; the same bytes again give the id they have."""
    digest = hashlib.sha256(body).digest()
    known = connection.execute("SELECT id FROM collected_reports WHERE sha256 = ?", (digest,)).fetchone()
    if known:
        return int(known[0])
    sql = "INSERT INTO collected_reports (sha256, received, service, body) VALUES (?, ?, ?, ?) RETURNING id"
    return int(connection.execute(sql, (digest, received, service, body)).fetchone()[0])


def page(connection: sqlite3.Connection, *, after: int, limit: int, service: str | None) -> list[CollectedReport]:
    """At most ``limit`` reports with an id above ``after``, oldest first, of ``service`` where it is given."""
    where, filters = ("", ()) if service is None else (" AND service = ?", (service,))
    sql = f"SELECT id, received, service, body FROM collected_reports WHERE id > ?{where} ORDER BY id LIMIT ?"  # noqa: S608
    return [CollectedReport(*row) for row in connection.execute(sql, (after, *filters, limit))]


class DatabaseCollection:
    """The :class:`agent.model.ledger.CollectedReports` of a database."""

    def __init__(self, database: AsyncDatabase) -> None:
        self._database = database

    async def add(self, body: bytes, *, service: str, received: int) -> int:
        """See :class:`agent.model.ledger.CollectedReports`."""
        return await self._database.transact(
            "collect", lambda connection: add(connection, body, service=service, received=received)
        )

    async def page(self, *, after: int, limit: int, service: str | None) -> list[CollectedReport]:
        """See :class:`agent.model.ledger.CollectedReports`."""
        return await self._database.transact(
            "collected", lambda connection: page(connection, after=after, limit=limit, service=service)
        )

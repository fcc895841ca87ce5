"""The aggregation service's ledger: report ids that were consumed, and the batches that consumed them."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Callable, Sequence
from typing import Any, TypeVar

from agent.model.attribution import Dialect
from agent.model.ledger import AggregatedBatch, Ledger
from storage import aggregation_jobs
from storage.database import AsyncDatabase

T = TypeVar("T")
_COLUMNS = (
    "time, dialect, service, collector, budget_source, reports, minimum_batch, epsilon, scale, standard_deviation,"
    " noise, histogram, p5, p95"
)


class AggregationLedger:
    """The :class:`agent.model.ledger.Ledger` of a connection; each method belongs inside a transaction."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection

    def aggregated(self, report_ids: Sequence[bytes]) -> frozenset[bytes]:
        """See :class:`agent.model.ledger.Ledger`."""
        rows = self._connection.execute(
            "SELECT report_id FROM json_each(?) JOIN aggregated_reports ON report_id = value", (_hex(report_ids),)
        )
        return frozenset(bytes.fromhex(report_id) for (report_id,) in rows)

    def record(self, batch: AggregatedBatch, report_ids: Sequence[bytes]) -> int:
        """See :class:`agent.model.ledger.Ledger`. Raises sqlite3.IntegrityError for an id that was consumed."""
        sql = f"INSERT INTO aggregated_batches ({_COLUMNS}) VALUES ({', '.join('?' * 14)}) RETURNING id"  # noqa: S608
        values = (
            batch.time,
            batch.dialect,
            batch.service,
            batch.collector,
            batch.budget_source,
            batch.reports,
            batch.minimum_batch,
            batch.epsilon,
            batch.scale,
            batch.standard_deviation,
            batch.noise,
            json.dumps(batch.histogram),
            json.dumps(batch.p5),
            json.dumps(batch.p95),
        )
        (batch_id,) = self._connection.execute(sql, values).fetchone()
        self._connection.execute(
            "INSERT INTO aggregated_reports (report_id, batch_id) SELECT value, ? FROM json_each(?)",
            (batch_id, _hex(report_ids)),
        )
        return int(batch_id)

    def batches(self, *, after: int, limit: int) -> list[AggregatedBatch]:
        """See :class:`agent.model.ledger.Ledger`."""
        sql = f"SELECT {_COLUMNS}, id FROM aggregated_batches WHERE id > ? ORDER BY id LIMIT ?"  # noqa: S608
        return [_batch(row) for row in self._connection.execute(sql, (after, limit))]


def batch_of(connection: sqlite3.Connection, report_id: str) -> AggregatedBatch | None:
    """The batch that consumed the report of that id, in hex."""
    sql = (
        f"SELECT {_COLUMNS}, id FROM aggregated_batches"  # noqa: S608
        " WHERE id = (SELECT batch_id FROM aggregated_reports WHERE report_id = ?)"
    )
    row = connection.execute(sql, (report_id,)).fetchone()
    return _batch(row) if row else None


class DatabaseLedger:
    """The :class:`agent.model.ledger.LedgerTransactions` of a database."""

    def __init__(self, database: AsyncDatabase) -> None:
        self._database = database

    async def transact(self, work: Callable[[Ledger], T]) -> T:
        """See :class:`agent.model.ledger.LedgerTransactions`."""
        return await self._database.transact("aggregate", lambda connection: work(AggregationLedger(connection)))


def remove_all(connection: sqlite3.Connection) -> None:
    """Forget every batch, which reports were consumed, and every job with what it spent."""
    aggregation_jobs.remove_all(connection)
    connection.execute("DELETE FROM aggregated_reports")
    connection.execute("DELETE FROM aggregated_batches")


def _hex(report_ids: Sequence[bytes]) -> str:
    return json.dumps([report_id.hex() for report_id in report_ids])


def _batch(row: tuple[Any, ...]) -> AggregatedBatch:
    time, dialect, service, collector, source, reports, minimum, epsilon, scale, deviation, noise, *lists, batch_id = (
        row
    )
    histogram, p5, p95 = (tuple(json.loads(text)) for text in lists)
    return AggregatedBatch(
        time=time,
        dialect=Dialect(dialect),
        service=service,
        collector=collector,
        budget_source=source,
        reports=reports,
        minimum_batch=minimum,
        epsilon=epsilon,
        scale=scale,
        standard_deviation=deviation,
        noise=bool(noise),
        histogram=histogram,
        p5=p5,
        p95=p95,
        id=batch_id,
    )

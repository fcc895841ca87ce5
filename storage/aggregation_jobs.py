"""Jobs of the aggregation service, and the budget units that they spent.

Functions take the connection of a running transaction; :class:`DatabaseJobLedger` runs each in one of its own.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from agent.model.aggregation import (
    BudgetUnit,
    JobStatus,
    ResultInfo,
    Settlement,
    SpentUnit,
    StoredJob,
)
from agent.model.aggregation_values import result_info_of, result_info_values, units_values
from agent.model.errors import UsageError
from agent.model.events import Event
from storage import events, json_texts
from storage.database import AsyncDatabase

_COLUMNS = "id, job_request_id, created, status, request, settled, outcome, result_info, event"
_UNIT = "json_extract(value, '$[0]'), json_extract(value, '$[1]'), json_extract(value, '$[2]')"
# CROSS JOIN keeps the order: SQLite, without statistics, might read the whole ledger for each job.
_EXHAUSTED = (
    "SELECT u.shared_id, u.hour, u.reporting_origin, j.job_request_id, u.time FROM json_each(?) AS asked"  # noqa: S608
    f" CROSS JOIN aggregation_budget_units AS u ON (u.shared_id, u.hour, u.reporting_origin) = ({_UNIT})"
    " CROSS JOIN aggregation_jobs AS j ON j.id = u.job ORDER BY asked.key"
)
_SPEND = (
    "INSERT INTO aggregation_budget_units (shared_id, hour, reporting_origin, job, time, reports)"  # noqa: S608
    f" SELECT {_UNIT}, ?, ?, json_extract(value, '$[3]') FROM json_each(?)"
)


def begin(connection: sqlite3.Connection, job: StoredJob) -> StoredJob:
    """See :meth:`agent.model.aggregation.JobLedger.begin`."""
    connection.execute(
        "INSERT INTO aggregation_jobs (job_request_id, created, status, request) VALUES (?, ?, ?, ?)"
        " ON CONFLICT (job_request_id) DO NOTHING",
        (job.job_request_id, job.created, job.status, json_texts.dumps(job.request)),
    )
    stored = find(connection, job.job_request_id)
    assert stored is not None
    return stored


def settle(
    connection: sqlite3.Connection,
    job_request_id: str,
    units: Mapping[BudgetUnit, int],
    outcome: Mapping[str, Any],
    *,
    now: int,
) -> Settlement:
    """See :meth:`agent.model.aggregation.JobLedger.settle`. The statements are as many whatever is asked and stored."""
    sql = "SELECT id, outcome, result_info IS NOT NULL FROM aggregation_jobs WHERE job_request_id = ?"
    job = connection.execute(sql, (job_request_id,)).fetchone()
    if job is None:
        raise _forgotten(job_request_id)
    position, stands, finished = job
    if stands is not None:
        return Settlement(outcome=json_texts.loads(stands))
    if finished:
        raise _finished(job_request_id)
    spent = spenders(connection, units)
    if spent:
        return Settlement(exhausted=tuple(spent))
    asked = json_texts.dumps(units_values(units))
    connection.execute(_SPEND, (position, now, asked))
    sql = "UPDATE aggregation_jobs SET settled = ?, outcome = ?, status = ? WHERE id = ?"
    connection.execute(sql, (now, json_texts.dumps(outcome), JobStatus.IN_PROGRESS, position))
    return Settlement(outcome=outcome)


def finish(connection: sqlite3.Connection, job_request_id: str, result_info: ResultInfo, event: Event) -> int:
    """See :meth:`agent.model.aggregation.JobLedger.finish`."""
    sql = "SELECT result_info IS NOT NULL, event FROM aggregation_jobs WHERE job_request_id = ?"
    job = connection.execute(sql, (job_request_id,)).fetchone()
    if job is None:
        raise _forgotten(job_request_id)
    finished, number = job
    if finished:
        return int(number)
    (number,) = events.append(connection, [event])
    sql = "UPDATE aggregation_jobs SET status = ?, result_info = ?, event = ? WHERE job_request_id = ?"
    values = (JobStatus.FINISHED, json_texts.dumps(result_info_values(result_info)), number, job_request_id)
    connection.execute(sql, values)
    return number


def find(connection: sqlite3.Connection, job_request_id: str) -> StoredJob | None:
    """See :meth:`agent.model.aggregation.JobLedger.find`."""
    sql = f"SELECT {_COLUMNS} FROM aggregation_jobs WHERE job_request_id = ?"  # noqa: S608
    row = connection.execute(sql, (job_request_id,)).fetchone()
    return _job(row) if row else None


def jobs(connection: sqlite3.Connection, *, after: int, limit: int) -> list[StoredJob]:
    """See :meth:`agent.model.aggregation.JobLedger.jobs`."""
    sql = f"SELECT {_COLUMNS} FROM aggregation_jobs WHERE id > ? ORDER BY id LIMIT ?"  # noqa: S608
    return [_job(row) for row in connection.execute(sql, (after, limit))]


def newest(connection: sqlite3.Connection, *, before: int | None = None, limit: int = 100) -> list[StoredJob]:
    """At most ``limit`` jobs with a position below ``before``, newest first."""
    sql = f"SELECT {_COLUMNS} FROM aggregation_jobs WHERE ?1 IS NULL OR id < ?1 ORDER BY id DESC LIMIT ?2"  # noqa: S608
    return [_job(row) for row in connection.execute(sql, (before, limit))]


def unfinished(connection: sqlite3.Connection) -> list[StoredJob]:
    """See :meth:`agent.model.aggregation.JobLedger.unfinished`."""
    sql = f"SELECT {_COLUMNS} FROM aggregation_jobs WHERE result_info IS NULL ORDER BY id"  # noqa: S608
    return [_job(row) for row in connection.execute(sql)]


def spent(connection: sqlite3.Connection, job_request_id: str) -> list[SpentUnit]:
    """See :meth:`agent.model.aggregation.JobLedger.spent`."""
    sql = (
        "SELECT shared_id, hour, reporting_origin, job_request_id, time FROM aggregation_jobs AS j"
        " CROSS JOIN aggregation_budget_units ON job = j.id WHERE job_request_id = ?"
        " ORDER BY shared_id, hour, reporting_origin"
    )
    return [_spent_unit(row) for row in connection.execute(sql, (job_request_id,))]


def spenders(connection: sqlite3.Connection, units: Iterable[BudgetUnit]) -> list[SpentUnit]:
    """Those of ``units`` that are gone, in their order, each with the job that spent it."""
    return [_spent_unit(row) for row in connection.execute(_EXHAUSTED, (json_texts.dumps([[*one] for one in units]),))]


def remove_all(connection: sqlite3.Connection) -> None:
    """Forget every job, and what they spent."""
    connection.execute("DELETE FROM aggregation_budget_units")
    connection.execute("DELETE FROM aggregation_jobs")


class DatabaseJobLedger:
    """The :class:`agent.model.aggregation.JobLedger` of a database.

    ``announce`` is called when the stream of events has a new one.
    """

    def __init__(self, database: AsyncDatabase, announce: Callable[[], None] = lambda: None) -> None:
        self._database, self._announce = database, announce

    async def begin(self, job: StoredJob) -> StoredJob:
        """See :class:`agent.model.aggregation.JobLedger`."""
        return await self._database.transact("begin job", lambda c: begin(c, job))

    async def settle(
        self, job_request_id: str, units: Mapping[BudgetUnit, int], outcome: Mapping[str, Any], *, now: int
    ) -> Settlement:
        """See :class:`agent.model.aggregation.JobLedger`."""
        return await self._database.transact("settle job", lambda c: settle(c, job_request_id, units, outcome, now=now))

    async def finish(self, job_request_id: str, result_info: ResultInfo, event: Event) -> int:
        """See :class:`agent.model.aggregation.JobLedger`."""
        number = await self._database.transact("finish job", lambda c: finish(c, job_request_id, result_info, event))
        self._announce()
        return number

    async def find(self, job_request_id: str) -> StoredJob | None:
        """See :class:`agent.model.aggregation.JobLedger`."""
        return await self._database.transact("find job", lambda c: find(c, job_request_id))

    async def jobs(self, *, after: int, limit: int) -> list[StoredJob]:
        """See :class:`agent.model.aggregation.JobLedger`."""
        return await self._database.transact("read jobs", lambda c: jobs(c, after=after, limit=limit))

    async def newest(self, *, before: int | None, limit: int) -> list[StoredJob]:
        """See :func:`newest`."""
        return await self._database.transact("read newest jobs", lambda c: newest(c, before=before, limit=limit))

    async def unfinished(self) -> list[StoredJob]:
        """See :class:`agent.model.aggregation.JobLedger`."""
        return await self._database.transact("read unfinished jobs", unfinished)

    async def spent(self, job_request_id: str) -> list[SpentUnit]:
        """See :class:`agent.model.aggregation.JobLedger`."""
        return await self._database.transact("read budget units", lambda c: spent(c, job_request_id))


def _forgotten(job_request_id: str) -> UsageError:
    return UsageError(
        f"job {job_request_id} is not known",
        rule="a job spends budget of the memory in which it began",
        fix="the profile was reset while it ran: run it again",
    )


def _finished(job_request_id: str) -> UsageError:
    return UsageError(
        f"job {job_request_id} is finished",
        rule="a finished job spends nothing",
        fix="another run of it ended before this one: choose another id",
    )


def _spent_unit(row: tuple[str, int, str, str, int]) -> SpentUnit:
    shared_id, hour, reporting_origin, job_request_id, time = row
    return SpentUnit(BudgetUnit(shared_id, hour, reporting_origin), job_request_id, time)


def _job(row: tuple[Any, ...]) -> StoredJob:
    position, job_request_id, created, status, request, settled, outcome, result_info, event = row
    return StoredJob(
        job_request_id=job_request_id,
        request=json_texts.loads(request),
        created=created,
        status=JobStatus(status),
        outcome=None if outcome is None else json_texts.loads(outcome),
        settled=settled,
        result_info=None if result_info is None else result_info_of(json_texts.loads(result_info)),
        event=event,
        id=position,
    )

"""What the agent's owner sees of its local aggregation service: jobs, and the budget that they spent."""

from __future__ import annotations

from collections.abc import Callable

from agent.model.aggregation import SpentUnit, StoredJob
from storage.aggregation_jobs import DatabaseJobLedger
from storage.database import AsyncDatabase


class Aggregation:
    """The memory of the profile's aggregation service."""

    def __init__(self, database: AsyncDatabase, announce: Callable[[], None]) -> None:
        self.ledger = DatabaseJobLedger(database, announce)
        """What jobs begin in, spend from and finish in; ``announce`` is called for the event of each that finishes."""

    async def find(self, job_request_id: str) -> StoredJob | None:
        """The job of that id."""
        return await self.ledger.find(job_request_id)

    async def jobs(self, *, after: int = 0, limit: int = 100) -> list[StoredJob]:
        """At most ``limit`` jobs with a position above ``after``, oldest first."""
        return await self.ledger.jobs(after=after, limit=limit)

    async def spent(self, job_request_id: str) -> list[SpentUnit]:
        """The budget units that a job spent."""
        return await self.ledger.spent(job_request_id)

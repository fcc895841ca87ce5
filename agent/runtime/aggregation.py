"""What the agent's owner sees of its local aggregation service: jobs, and the budget that they spent."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory

from agent.aggregation.job import FinishedJob, Job, run_job
from agent.aggregation.outputs import Output
from agent.crypto.keys import KeyRing
from agent.model.aggregation import SpentUnit, StoredJob
from agent.model.clock import Clock
from agent.model.reports import Report
from agent.model.rng import Rng, token
from agent.model.settings import Settings
from storage.aggregation_jobs import DatabaseJobLedger
from storage.database import AsyncDatabase


class Aggregation:
    """The memory of the profile's aggregation service."""

    def __init__(
        self,
        database: AsyncDatabase,
        announce: Callable[[], None],
        keys: KeyRing,
        clock: Clock,
        rng: Rng,
        settings: Settings,
    ) -> None:
        self._keys, self._clock, self._rng, self._settings = keys, clock, rng, settings
        self.ledger = DatabaseJobLedger(database, announce)
        """What jobs begin in, spend from and finish in; ``announce`` is called for the event of each that finishes."""

    async def find(self, job_request_id: str) -> StoredJob | None:
        """The job of that id."""
        return await self.ledger.find(job_request_id)

    async def jobs(self, *, after: int = 0, limit: int = 100) -> list[StoredJob]:
        """At most ``limit`` jobs with a position above ``after``, oldest first."""
        return await self.ledger.jobs(after=after, limit=limit)

    async def newest(self, *, before: int | None = None, limit: int = 100) -> list[StoredJob]:
        """At most ``limit`` jobs with a position below ``before``, newest first."""
        return await self.ledger.newest(before=before, limit=limit)

    async def spent(self, job_request_id: str) -> list[SpentUnit]:
        """The budget units that a job spent."""
        return await self.ledger.spent(job_request_id)

    async def run(
        self, reports: Sequence[Report], origin: str, *, epsilon: float, noise: bool | None = None
    ) -> FinishedJob:
        """Aggregate sent reports for the reporting ``origin`` as one job, without a domain; nothing is left in files.

        ``epsilon``: the job's ``debug_privacy_epsilon``. ``noise``: as the settings say by default. How it ended is in
        its ``result_info``.
        """
        with TemporaryDirectory(prefix="tallyhost-job-") as name:
            batch = Path(name) / "reports.jsonl"
            await asyncio.to_thread(batch.write_bytes, b"".join(report.body + b"\n" for report in reports))
            job = Job(
                job_request_id=f"job-{token(4)}",
                inputs=(batch,),
                output=Output(Path(name) / "summary"),
                parameters={"attribution_report_to": origin, "debug_privacy_epsilon": f"{epsilon:g}"},
            )
            keys = {key.id.hex(): key.private_key for key in self._keys}
            noise = self._settings.noise if noise is None else noise
            return await run_job(job, ledger=self.ledger, keys=keys, rng=self._rng, clock=self._clock, noise=noise)

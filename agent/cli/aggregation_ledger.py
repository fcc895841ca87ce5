"""The ledger of a profile, asked through its agent: the one that runs, else the profile at rest."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from contextlib import suppress
from typing import Any

from agent.cli.aggregation_documents import job_document, job_of, settlement_of
from agent.cli.config import Config
from agent.cli.output import Document
from agent.cli.reach import ask_agent
from agent.model.aggregation import BudgetUnit, ResultInfo, Settlement, SpentUnit, StoredJob
from agent.model.aggregation_values import event_values, result_info_values, spent_of, units_values
from agent.model.events import Event
from storage.profile import ProfileInUse

_TRIES, _PAUSE = 100, 0.1
"""Ten seconds, a hundred times what a question takes."""


async def ask_patiently(config: Config, name: str, asked: Mapping[str, Any]) -> Document:
    """The answer of the profile's agent; another command that holds the profile for a moment is waited for.

    A question that is asked twice must do no harm. Raises as :func:`agent.cli.reach.ask`.
    """
    for _ in range(_TRIES):
        with suppress(ProfileInUse):
            return await ask_agent(config, name, asked)
        await asyncio.sleep(_PAUSE)
    return await ask_agent(config, name, asked)


class AskedLedger:
    """A :class:`agent.model.aggregation.JobLedger`; each method is one question to the profile's agent.

    The profile is locked for the time of a question alone, so that other commands reach it while a long job runs. Each
    method says what stands, so that asking again does no harm.
    """

    def __init__(self, config: Config) -> None:
        self._config = config

    async def begin(self, job: StoredJob) -> StoredJob:
        """See :class:`agent.model.aggregation.JobLedger`."""
        answer = await ask_patiently(self._config, "aggregation.begin", {"job": job_document(job)})
        return job_of(answer["job"])

    async def settle(
        self, job_request_id: str, units: Mapping[BudgetUnit, int], outcome: Mapping[str, Any], *, now: int
    ) -> Settlement:
        """See :class:`agent.model.aggregation.JobLedger`."""
        asked = {
            "job_request_id": job_request_id,
            "units": units_values(units),
            "outcome": dict(outcome),
            "now": now,
        }
        return settlement_of(await ask_patiently(self._config, "aggregation.settle", asked))

    async def finish(self, job_request_id: str, result_info: ResultInfo, event: Event) -> int:
        """See :class:`agent.model.aggregation.JobLedger`."""
        asked = {
            "job_request_id": job_request_id,
            "result_info": result_info_values(result_info),
            "event": event_values(event),
        }
        answer = await ask_patiently(self._config, "aggregation.finish", asked)
        return int(answer["event"])

    async def find(self, job_request_id: str) -> StoredJob | None:
        """See :class:`agent.model.aggregation.JobLedger`."""
        answer = await ask_patiently(self._config, "aggregation.find", {"job_request_id": job_request_id})
        return None if answer["job"] is None else job_of(answer["job"])

    async def jobs(self, *, after: int, limit: int) -> list[StoredJob]:
        """See :class:`agent.model.aggregation.JobLedger`."""
        answer = await ask_patiently(self._config, "aggregation.jobs", {"after": after, "limit": limit})
        return [job_of(job) for job in answer["jobs"]]

    async def unfinished(self) -> list[StoredJob]:
        """See :class:`agent.model.aggregation.JobLedger`."""
        answer = await ask_patiently(self._config, "aggregation.unfinished", {})
        return [job_of(job) for job in answer["jobs"]]

    async def spent(self, job_request_id: str) -> list[SpentUnit]:
        """See :class:`agent.model.aggregation.JobLedger`."""
        answer = await ask_patiently(self._config, "aggregation.spent", {"job_request_id": job_request_id})
        return list(spent_of(answer["units"]))

"""The ledger that is asked is the profile's, whether an agent runs on it or not."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from agent.cli.aggregation_ledger import AskedLedger
from agent.cli.config import Config
from agent.cli.control import control_endpoint
from agent.model.aggregation import BudgetUnit, JobLedger, JobStatus, SpentUnit, StoredJob
from agent.model.clock import Clock
from agent.model.errors import UsageError
from agent.model.events import Event
from agent.runtime import Agent
from tests.cli.test_aggregation_documents import RESULT

UNIT = BudgetUnit("ab" * 32, 3_600_000, "https://adtech.test")
BEGUN = StoredJob("monday", {"inputs": ["a"]}, 1, status=JobStatus.IN_PROGRESS)
EVENT = Event("aggregation-job", 5, "SUCCESS", "done")


@pytest.fixture(params=["at rest", "running"])
async def ledger(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[JobLedger]:
    """The ledger of a profile folder."""
    folder = tmp_path / "profile"
    async with Agent.open_profile(folder, clock=Clock.frozen()) as agent:
        if request.param == "running":
            async with control_endpoint(agent, str(folder)):
                yield AskedLedger(Config(profile=str(folder)))
            return
    yield AskedLedger(Config(profile=str(folder)))


async def test_a_job_goes_its_way_through_the_questions(ledger: JobLedger) -> None:
    assert await ledger.find("monday") is None
    stored = await ledger.begin(BEGUN)
    assert (stored.job_request_id, stored.request, stored.id) == ("monday", {"inputs": ["a"]}, 1)
    assert [job.job_request_id for job in await ledger.unfinished()] == ["monday"]
    settlement = await ledger.settle("monday", {UNIT: 2}, {"facts": []}, now=4)
    assert (settlement.exhausted, settlement.outcome) == ((), {"facts": []})
    assert await ledger.spent("monday") == [SpentUnit(UNIT, "monday", 4)]
    number = await ledger.finish("monday", RESULT, EVENT)
    found = await ledger.find("monday")
    assert found is not None
    assert (found.status, found.result_info, found.event) == (JobStatus.FINISHED, RESULT, number)
    assert [job.job_request_id for job in await ledger.jobs(after=0, limit=5)] == ["monday"]
    assert await ledger.unfinished() == []


async def test_what_is_spent_is_refused_to_another_job(ledger: JobLedger) -> None:
    await ledger.begin(BEGUN)
    await ledger.settle("monday", {UNIT: 2}, {}, now=4)
    await ledger.begin(StoredJob("tuesday", {}, 5))
    settlement = await ledger.settle("tuesday", {UNIT: 1}, {}, now=6)
    assert settlement.exhausted == (SpentUnit(UNIT, "monday", 4),)
    assert await ledger.spent("tuesday") == []


async def test_what_the_ledger_refuses_is_raised_here(ledger: JobLedger) -> None:
    with pytest.raises(UsageError):
        await ledger.settle("nobody", {}, {}, now=1)


async def test_commands_that_ask_at_the_same_time_wait_for_each_other(tmp_path: Path) -> None:
    folder = tmp_path / "profile"
    async with Agent.open_profile(folder):
        pass
    jobs = [StoredJob(f"job-{number}", {}, 1) for number in range(5)]
    ledgers = [AskedLedger(Config(profile=str(folder))) for _ in jobs]
    await asyncio.gather(*(ledger.begin(job) for ledger, job in zip(ledgers, jobs, strict=True)))
    settled = await asyncio.gather(
        *(ledger.settle(job.job_request_id, {UNIT: 1}, {}, now=2) for ledger, job in zip(ledgers, jobs, strict=True))
    )
    assert sorted(len(settlement.exhausted) for settlement in settled) == [0, 1, 1, 1, 1]

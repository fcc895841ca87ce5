"""The local aggregation service of an agent: its memory, its events, and what a reset forgets."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from pathlib import Path

import pytest

from agent.aggregation.outcome import AggregationResult
from agent.model.aggregation import BudgetUnit, ReturnCode
from agent.model.attribution import CallContext, Dialect
from agent.model.presets import settings_for
from agent.runtime.agent import Agent
from tests.aggregation.jobs import NOW, batch, job, record, run

CONVERSION = {"aggregationService": "https://aggregator.test", "histogramSize": 4, "value": 5, "maxValue": 10}


async def test_a_job_is_remembered_by_its_profile_with_what_it_spent(tmp_path: Path) -> None:
    batch(tmp_path, [record(0)])
    async with Agent.open_profile(tmp_path / "profile") as agent:
        finished = await run(job(tmp_path), agent.aggregation.ledger)
    async with Agent.open_profile(tmp_path / "profile") as agent:
        assert await agent.aggregation.find("job-1") == finished.job
        assert await agent.aggregation.jobs() == [finished.job]
        assert await agent.aggregation.jobs(after=finished.job.id) == []
        assert tuple(await agent.aggregation.spent("job-1")) == finished.spent
        again = await run(job(tmp_path, "job-2"), agent.aggregation.ledger)
    assert again.result_info.return_code is ReturnCode.PRIVACY_BUDGET_EXHAUSTED


async def test_who_follows_the_events_is_told_of_a_finished_job(tmp_path: Path) -> None:
    batch(tmp_path, [record(0)])
    async with Agent.open_profile(":memory:") as agent:
        following = asyncio.gather(anext(aiter(agent.events)))
        await asyncio.sleep(0)
        finished = await run(job(tmp_path), agent.aggregation.ledger)
        (event,) = await asyncio.wait_for(following, 5)
    assert event == finished.event


async def test_a_reset_forgets_jobs_and_what_they_spent(tmp_path: Path) -> None:
    batch(tmp_path, [record(0)])
    async with Agent.open_profile(":memory:") as agent:
        await run(job(tmp_path), agent.aggregation.ledger)
        await agent.state.reset()
        assert await agent.aggregation.find("job-1") is None
        again = await run(job(tmp_path), agent.aggregation.ledger)
    assert again.result_info.return_code is ReturnCode.SUCCESS


async def test_sites_cannot_clear_what_was_spent(tmp_path: Path) -> None:
    batch(tmp_path, [record(0)])
    async with Agent.open_profile(":memory:") as agent:
        await run(job(tmp_path), agent.aggregation.ledger)
        await agent.clear_reporting_origin("https://adtech.test")
        (spent,) = await agent.aggregation.spent("job-1")
    assert spent.unit == BudgetUnit(spent.unit.shared_id, NOW - 3_600_000, "https://adtech.test")


@pytest.mark.parametrize("settled", [True, False])
@pytest.mark.parametrize("asked", [None, True, False])
async def test_sums_of_conversions_have_noise_as_the_settings_say_unless_it_is_asked_for(
    *, settled: bool, asked: bool | None
) -> None:
    settings = replace(settings_for(noise=settled), minimum_batch=1)
    async with Agent.open_profile(":memory:", seed=7, settings=settings) as agent:
        await agent.save_impression(Dialect.CURRENT, CallContext("news.test"), {"histogramIndex": 2})
        report = await agent.measure_conversion(Dialect.CURRENT, CallContext("shop.test"), CONVERSION)
        assert isinstance(report, bytes)
        result = await agent.aggregate([report], epsilon=0.5, noise=asked)
    assert isinstance(result, AggregationResult)
    assert result.batch.noise is (settled if asked is None else asked)

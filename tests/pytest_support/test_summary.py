from __future__ import annotations

import pytest

from agent.model.errors import UsageError
from agent.pytest_support.summary import Summary
from tests.expectations.agents import measure_conversion, register_source, register_trigger, save_impression
from tests.pytest_support.runs import a_reporting
from tests.pytest_support.test_reporting import SUMMED


async def test_aggregatable_reports_are_added_up_and_asking_spends_nothing() -> None:
    async with a_reporting() as (running, reporting):
        for _ in range(2):
            await register_source(running.agent, aggregation_keys={"sale": "0x500"})
            await register_trigger(running.agent, **SUMMED)
        await reporting.expect_aggregatable(count=2, advance="1h")
        summary = Summary(running, reporting)
        assert await summary.aggregatable() == await summary.aggregatable() == {0x559: 104}
        assert await summary.aggregatable([0x559, 7]) == {7: 0, 0x559: 104}
        assert await summary.aggregatable([0x559], filtering_ids=[1]) == {0x559: 0}


async def test_noise_is_there_unless_it_was_turned_off_and_the_same_each_time() -> None:
    async with a_reporting(noise=True) as (running, reporting):
        await register_source(running.agent, aggregation_keys={"sale": "0x500"})
        await register_trigger(running.agent, **SUMMED)
        await reporting.expect_aggregatable(bucket=0x559, advance="1h")
        summary = Summary(running, reporting)
        first = await summary.aggregatable([0x559], epsilon=0.01)
        assert first == await summary.aggregatable([0x559], epsilon=0.01)
        assert first[0x559] != 52, "the noise of a scale of millions"


async def test_what_the_service_refuses_is_told_with_its_reasons() -> None:
    async with a_reporting() as (running, reporting):
        await register_source(running.agent, aggregation_keys={"sale": "0x500"})
        await register_trigger(running.agent, **SUMMED)
        await reporting.expect_aggregatable(advance="1h")
        with pytest.raises(AssertionError, match="INVALID_JOB") as refused:
            await Summary(running, reporting).aggregatable(epsilon=1000)
        assert "FAIL" in str(refused.value)


async def test_where_nothing_was_received_it_says_so() -> None:
    async with a_reporting() as (running, reporting):
        summary = Summary(running, reporting)
        for asking, text in (
            (summary.aggregatable(), "received no aggregatable report"),
            (summary.private_aggregation(), "received no private-aggregation report"),
            (summary.histogram(), "no page got a conversion report"),
        ):
            with pytest.raises(AssertionError, match=text):
                await asking


async def test_the_histogram_of_what_pages_got_is_that_of_one_service() -> None:
    async with a_reporting() as (running, reporting):
        await save_impression(running.agent)
        await measure_conversion(running.agent, value=2, maxValue=4)
        summary = Summary(running, reporting)
        for service in (None, "aggregator.test", "https://aggregator.test"):
            assert await summary.histogram(service) == (0, 0, 0, 2, 0)
        with pytest.raises(AssertionError, match="epsilon"):
            await summary.histogram(epsilon=0)
        with pytest.raises(UsageError, match=r"one of https://aggregator\.test"):
            await summary.histogram("https://other.test")


async def test_reports_that_cannot_be_added_up_together_are_told() -> None:
    async with a_reporting() as (running, reporting):
        await measure_conversion(running.agent, histogramSize=5)
        await measure_conversion(running.agent, histogramSize=6)
        with pytest.raises(AssertionError, match="mixed-batch"):
            await Summary(running, reporting).histogram()

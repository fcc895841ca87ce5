"""The step ``summary``: which reports are added up, and what is no batch."""

from __future__ import annotations

from typing import Any

import pytest

from agent.journeys.scripted.summing import add_up, differing, sums
from agent.journeys.scripted.vocabulary import Summary
from agent.model.attribution_reporting.limits import COORDINATORS
from agent.model.errors import TallyhostError, UsageError
from agent.runtime import Agent
from tests.expectations.agents import (
    ADTECH,
    an_agent,
    measure_conversion,
    register_source,
    register_trigger,
    save_impression,
)

SALE: dict[str, Any] = {"aggregation_keys": {"sale": "0x559"}}
BOUGHT: dict[str, Any] = {
    "aggregatable_trigger_data": [{"key_piece": "0x0", "source_keys": ["sale"]}],
    "aggregatable_values": {"sale": {"value": 5, "filtering_id": "3"}},
}


async def reported(agent: Agent) -> None:
    """One aggregatable report, its contribution under the filtering id 3."""
    await register_source(agent, **SALE)
    await register_trigger(agent, **BOUGHT)
    await agent.clock.advance("2h")


async def converted(agent: Agent) -> None:
    """One conversion report, with 1 in bucket 3 of 5."""
    await save_impression(agent)
    await measure_conversion(agent)


async def test_a_filtering_id_counts_where_it_is_asked_for() -> None:
    async with an_agent() as agent:
        await reported(agent)
        wanted = Summary.model_validate({"reports": "aggregatable", "filtering_ids": ["3"], "expect": {"0x559": "5"}})
        told = await add_up(agent, wanted, noise=False)
        assert differing(told, 0) == ""
        assert "filtering ids 3" in told.title
    async with an_agent() as agent:
        await reported(agent)
        assert await sums(agent, [0x559], reports="aggregatable") == {0x559: 0}, "0 is what counts by default"
    async with an_agent() as agent:
        await reported(agent)
        assert await sums(agent, [0x559], reports="aggregatable", filtering_ids=[0, 3]) == {0x559: 5}


async def test_a_bucket_that_the_histogram_does_not_have_is_no_zero() -> None:
    async with an_agent(minimum_batch=1) as agent:
        await converted(agent)
        with pytest.raises(UsageError, match="the histogram has no bucket 5"):
            await sums(agent, [3, 5])


async def test_reports_for_several_coordinators_are_no_batch() -> None:
    async with an_agent() as agent:
        await register_source(agent, **SALE)
        for coordinator in COORDINATORS:
            await register_trigger(agent, **BOUGHT, aggregation_coordinator_origin=coordinator)
        await agent.clock.advance("2h")
        with pytest.raises(UsageError, match="these are reports for ") as refused:
            await sums(agent, [0x559], reports="aggregatable", filtering_ids=[3])
        chosen = refused.value.fix.removeprefix("service: ")
        assert chosen in COORDINATORS
        found = await sums(agent, [0x559], reports="aggregatable", filtering_ids=[3], service=chosen)
        assert found == {0x559: 5}


async def test_reports_for_another_service_are_told_apart_from_those_that_have_not_left() -> None:
    async with an_agent(minimum_batch=1) as agent:
        with pytest.raises(TallyhostError, match="no attribution-conversion report has left that could be added up"):
            await sums(agent, [3])
        await converted(agent)
        with pytest.raises(TallyhostError, match="no attribution-conversion report that has left is for other") as no:
            await sums(agent, [3], service="other.test")
        assert no.value.fix.startswith("service: https://")
        assert await sums(agent, [3], service=no.value.fix.removeprefix("service: ")) == {3: 1}
        await reported(agent)
        with pytest.raises(TallyhostError) as no:
            await sums(agent, [0x559], reports="aggregatable", to="https://other.test")
        assert no.value.fix == f"to: {ADTECH}"

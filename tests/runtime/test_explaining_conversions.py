"""What `agent.explain` says of conversions that go on where a check failed."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import pytest_asyncio

from agent.model.attribution import CallContext, Dialect
from agent.model.clock import DAY, DEFAULT_FROZEN_START, Clock
from agent.model.explanation import Explanation
from agent.runtime import Agent
from tests.cli.commands.conftest import CONVERSION, IMPRESSION


@pytest_asyncio.fixture
async def agent() -> AsyncIterator[Agent]:
    async with Agent.open_profile(":memory:", seed=1, clock=Clock.frozen(DEFAULT_FROZEN_START)) as opened:
        yield opened


async def save(agent: Agent, **options: Any) -> None:
    saved = {**IMPRESSION, **options}
    assert await agent.save_impression(Dialect.CURRENT, CallContext("news.test"), saved) is None


async def measured(agent: Agent, **options: Any) -> Explanation:
    asked = {**CONVERSION, "value": 10, **options}  # the whole price
    assert isinstance(await agent.measure_conversion(Dialect.CURRENT, CallContext("shop.test"), asked), bytes)
    return await agent.explain("last")


async def test_a_week_that_cannot_pay_does_not_stop_a_conversion_that_another_week_pays(agent: Agent) -> None:
    await save(agent)
    await measured(agent, epsilon=0.9)
    await agent.clock.advance(8 * DAY)
    await save(agent)
    node = await measured(agent, epsilon=0.5)
    assert node.verdict == "attributed"
    (refused,) = [check for check in node.checks if not check.passed]
    assert "0.4 (400000) short" in refused.detail
    assert node.stopped_at is None


async def test_a_conversion_that_no_week_pays_stops_at_the_last_that_was_asked(agent: Agent) -> None:
    await save(agent)
    await measured(agent, epsilon=0.9)
    node = await measured(agent, epsilon=0.5)
    assert (node.verdict, node.stopped_at) == ("budget-exhausted", len(node.checks) - 1)


async def test_a_smaller_price_is_no_way_out_where_nothing_is_left(agent: Agent) -> None:
    await save(agent)
    await measured(agent, epsilon=0.75)
    short = (await measured(agent, epsilon=0.5)).checks[-1]
    assert short.fix == "measure with a smaller epsilon or value, or wait for impressions of a new epoch"
    await measured(agent, epsilon=0.25)
    empty = (await measured(agent, epsilon=0.5)).checks[-1]
    assert empty.fix == "wait for impressions of a new epoch: nothing is left of this one's"


async def test_a_conversion_without_an_impression_stops_at_what_was_found(agent: Agent) -> None:
    node = await measured(agent)
    assert node.stopped_at is not None
    assert node.checks[node.stopped_at].rule == "matching impressions"

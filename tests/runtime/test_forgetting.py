"""What a user or a site makes the agent forget goes for Shared Storage and Private Aggregation together."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from agent.model.attribution_reporting.reports import Contribution
from agent.model.clock import Clock
from agent.model.private_aggregation import Batch, PrivateAggregationApi
from agent.model.reports import ReportKind
from agent.runtime import Agent
from agent.runtime.private_aggregation import PrivateAggregation

NEWS, SUB, ADTECH = "https://news.test", "https://www.news.test", "https://adtech.test"


@pytest.fixture
async def agent() -> AsyncIterator[Agent]:
    """A profile in which three origins have stored, spent and contributed."""
    async with Agent.open_profile(":memory:", seed=1, clock=Clock.frozen()) as agent:
        contributing = PrivateAggregation(agent._database, agent.settings, agent.rng, lambda: None, enabled=True)
        for origin in (NEWS, SUB, ADTECH):
            await agent.shared_storage.set(origin, "k", "v")
            await agent.shared_storage.navigated(origin, 1.0, site="news.test")
            batch = Batch(
                PrivateAggregationApi.SHARED_STORAGE, origin, NEWS, agent.clock.now(), (Contribution(1, 40_000),)
            )
            await contributing.complete(batch, now=agent.clock.now())
        yield agent


async def _stored(agent: Agent) -> list[str]:
    return [origin for origin, _ in await agent.shared_storage.origins()]


async def _spent_sites(agent: Agent) -> list[str]:
    return [str(budget.site) for budget in await agent.private_aggregation.budgets()]


async def _reports(agent: Agent) -> list[str]:
    reports = await agent.reports.all(kind=ReportKind.PRIVATE_AGGREGATION)
    return [str(report.delivered_to).partition("/.well-known")[0] for report in reports]


async def test_a_site_that_clears_its_storage_keeps_what_limits_count(agent: Agent) -> None:
    assert await _reports(agent) == [NEWS, ADTECH], "the budget of a site is shared by its origins"
    await agent.clear_reporting_origin(NEWS)
    assert await _stored(agent) == [ADTECH, SUB]
    assert await _reports(agent) == [ADTECH]
    assert await _spent_sites(agent) == [ADTECH, NEWS]
    assert await agent.shared_storage.remaining_budget(NEWS) == 10
    event = await agent.events.last("clearing")
    assert event is not None
    assert event.data["shared_storage_entries"] == 1


async def test_a_user_who_clears_a_sites_data_clears_it_for_all_its_origins(agent: Agent) -> None:
    await agent.state.clear(site="news.test", keep_history=True)
    assert await _stored(agent) == [ADTECH]
    assert await _reports(agent) == [ADTECH]
    assert await _spent_sites(agent) == [ADTECH], "a site's contribution budget is made whole"
    assert await agent.shared_storage.remaining_budget(NEWS) == 10, "what selectURL spent stays"


async def test_a_user_who_clears_a_sites_history_clears_what_select_url_spent_too(agent: Agent) -> None:
    await agent.state.clear(site="news.test")
    assert await _stored(agent) == [ADTECH]
    assert await agent.shared_storage.remaining_budget(NEWS) == 12
    assert await agent.shared_storage.remaining_budget(ADTECH) == 11


@pytest.mark.parametrize("how", ["clear_history", "reset"])
async def test_a_user_who_clears_everything_leaves_nothing(agent: Agent, how: str) -> None:
    await getattr(agent.state, how)()
    assert await _stored(agent) == []
    assert await _spent_sites(agent) == []
    assert await _reports(agent) == []
    assert await agent.shared_storage.navigation_budgets() == []

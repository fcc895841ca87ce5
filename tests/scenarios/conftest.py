"""The world of the scenarios: a fresh profile for each, with a frozen clock."""

from __future__ import annotations

import pytest

from agent.model.private_aggregation_limits import PrivateAggregationLimits
from agent.model.settings import Settings
from agent.runtime import Agent
from tests.scenarios.world import World


@pytest.fixture
def agent_settings(request: pytest.FixtureRequest) -> Settings | None:
    """See :mod:`agent.pytest_fixtures`; ``@pytest.mark.usefixtures("developer_mode")`` sends reports at once."""
    if "developer_mode" not in request.fixturenames:
        return None
    return Settings(private_aggregation_limits=PrivateAggregationLimits(developer_mode=True))


@pytest.fixture
def developer_mode() -> None:
    """ "Dev" of the scenarios: no delay."""


@pytest.fixture
async def world(agent: Agent) -> World:
    """The profile and its servers."""
    return World(agent)

"""An agent without a browser as the fixtures hold it, for the tests beside this module."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from agent.model.clock import Clock
from agent.pytest_support.choices import BundleMode, Choices
from agent.pytest_support.life import AgentUnderTest, settings_of
from agent.pytest_support.reporting import Reporting, open_reporting
from agent.pytest_support.sites import Sites
from agent.runtime import Agent
from tests.expectations.agents import ADTECH, START


@asynccontextmanager
async def a_run(**chosen: Any) -> AsyncIterator[tuple[AgentUnderTest, Sites]]:
    """What the fixtures `agent_under_test` and `sites` give, without noise unless it is chosen."""
    fields: dict[str, Any] = {"seed": 7, "noise": False, "bundle": BundleMode.OFF, "folder": Path("none")}
    choices = Choices(**fields | chosen)
    clock, sites = Clock.frozen(START), Sites()
    opened = Agent.open_profile(":memory:", seed=choices.seed, clock=clock, settings=settings_of(choices))
    try:
        async with opened as agent:
            sites.attach(agent)
            yield AgentUnderTest(agent, clock, choices), sites
            sites.detach(agent)
    finally:
        await sites.close()


@asynccontextmanager
async def a_reporting(**chosen: Any) -> AsyncIterator[tuple[AgentUnderTest, Reporting]]:
    """What the fixture `reporting` gives, with its agent."""
    async with a_run(**chosen) as (running, sites), open_reporting(running, sites, ADTECH) as reporting:
        yield running, reporting

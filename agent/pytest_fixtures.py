"""The fixtures of asynchronous tests: ``agent`` and what belongs to it.

All agents of a session share one Chromium, in the session's event loop.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import TYPE_CHECKING, Any

import pytest
import pytest_asyncio

from agent.pytest_support.choices import CHOICES, choices_of, failure_of

if TYPE_CHECKING:
    from playwright.async_api import Page

    from agent.browser.launch import Browser
    from agent.model.settings import Settings
    from agent.pytest_support.clock import TestClock
    from agent.pytest_support.life import AgentUnderTest
    from agent.pytest_support.reporting import Reporting
    from agent.pytest_support.sites import Sites
    from agent.pytest_support.summary import Summary
    from agent.runtime import Agent

# What fixtures are made of is imported by the first test that asks for it.
# ruff: noqa: PLC0415


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def agent_browser(request: pytest.FixtureRequest) -> AsyncIterator[Browser]:
    """The Chromium that all agents of the session share."""
    from agent.browser.launch import Browser

    async with Browser(headed=request.config.getoption("--agent-headed")) as browser:
        yield browser


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def agent_sites() -> AsyncIterator[Sites]:
    """What every agent of the session can reach; tests ask for ``sites``, which a project may have of its own."""
    from agent.pytest_support.sites import Sites

    sites = Sites()
    try:
        yield sites
    finally:
        await sites.close()


@pytest.fixture(scope="session")
def sites(agent_sites: Sites) -> Sites:
    """Serves folders, aiohttp or ASGI applications and servers at https origins: ``sites.serve("a.test", "pages")``."""
    return agent_sites


@pytest_asyncio.fixture(loop_scope="session")
async def agent_under_test(
    request: pytest.FixtureRequest,
    agent_browser: Browser,
    agent_sites: Sites,
    agent_params: dict[str, Any],
    agent_settings: Settings | None,
) -> AsyncIterator[AgentUnderTest]:
    """The agent of the test with what it was made of; tests ask for ``agent``."""
    from agent.pytest_support.life import agent_under_test

    node = request.node
    choices = node.stash[CHOICES] = choices_of(node, agent_params, agent_settings)
    async with agent_under_test(choices, agent_browser, agent_sites, lambda: failure_of(node)) as running:
        yield running


@pytest.fixture
def agent(agent_under_test: AgentUnderTest) -> Agent:
    """A fresh profile of the emulated browser, in memory, with a frozen clock and a seed from the test's name."""
    return agent_under_test.agent


@pytest_asyncio.fixture(loop_scope="session")
async def agent_page(agent: Agent) -> Page:
    """A blank tab of the agent: Playwright's own Page."""
    return await agent.new_page()


@pytest.fixture
def clock(agent: Agent) -> TestClock:
    """The agent's clock: ``await clock.advance("2d")``, ``await clock.to_next_report()``."""
    from agent.pytest_support.clock import TestClock

    return TestClock(agent)


@pytest_asyncio.fixture(loop_scope="session")
async def reporting(
    agent_under_test: AgentUnderTest, agent_sites: Sites, reporting_origin: str
) -> AsyncIterator[Reporting]:
    """A reporting origin that records the reports it is sent, and can be told to fail."""
    from agent.pytest_support.reporting import open_reporting

    async with open_reporting(agent_under_test, agent_sites, reporting_origin) as reporting:
        yield reporting


@pytest.fixture
def summary(agent_under_test: AgentUnderTest, reporting: Reporting) -> Summary:
    """Opens and adds up what ``reporting`` received."""
    from agent.pytest_support.summary import Summary

    return Summary(agent_under_test, reporting)

"""The fixtures of synchronous tests: those of :mod:`agent.pytest_fixtures` with the prefix ``sync_``.

Agents run in an event loop in a thread of its own. What these fixtures give waits by itself, Playwright's objects too,
so that tests read as with ``playwright.sync_api``; see :class:`agent.blocking.Blocking`.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import pytest

from agent.pytest_support.choices import CHOICES, choices_of, failure_of

if TYPE_CHECKING:
    from agent.blocking import BackgroundLoop
    from agent.model.settings import Settings

# What fixtures are made of is imported by the first test that asks for it.
# ruff: noqa: PLC0415


@pytest.fixture(scope="session")
def sync_loop() -> Iterator[BackgroundLoop]:
    """The event loop of the session's agents."""
    from agent.blocking import BackgroundLoop

    with BackgroundLoop() as loop:
        yield loop


@pytest.fixture(scope="session")
def sync_browser(request: pytest.FixtureRequest, sync_loop: BackgroundLoop) -> Iterator[Any]:
    """The Chromium that all agents of the session share; tests ask for ``sync_agent``."""
    from agent.browser.launch import Browser

    with sync_loop.blocking(Browser(headed=request.config.getoption("--agent-headed"))) as browser:
        yield browser.asynchronous


@pytest.fixture(scope="session")
def sync_agent_sites(sync_loop: BackgroundLoop) -> Iterator[Any]:
    """See ``agent_sites``."""
    from agent.pytest_support.sites import Sites

    sites = sync_loop.blocking(Sites())
    try:
        yield sites
    finally:
        sites.close()


@pytest.fixture(scope="session")
def sync_sites(sync_agent_sites: Any) -> Any:
    """See ``sites``."""
    return sync_agent_sites


@pytest.fixture
def sync_agent_under_test(
    request: pytest.FixtureRequest,
    sync_loop: BackgroundLoop,
    sync_browser: Any,
    sync_agent_sites: Any,
    agent_params: dict[str, Any],
    agent_settings: Settings | None,
) -> Iterator[Any]:
    """See ``agent_under_test``."""
    from agent.pytest_support.life import agent_under_test

    node = request.node
    choices = node.stash[CHOICES] = choices_of(node, agent_params, agent_settings)
    running = agent_under_test(choices, sync_browser, sync_agent_sites.asynchronous, lambda: failure_of(node))
    with sync_loop.blocking(running) as under_test:
        yield under_test


@pytest.fixture
def sync_agent(sync_agent_under_test: Any, sync_loop: BackgroundLoop) -> Any:
    """See ``agent``."""
    return sync_loop.blocking(sync_agent_under_test.agent)


@pytest.fixture
def sync_page(sync_agent: Any) -> Any:
    """A blank tab of the agent; see ``agent_page``."""
    return sync_agent.new_page()


@pytest.fixture
def sync_clock(sync_agent: Any, sync_loop: BackgroundLoop) -> Any:
    """See ``clock``."""
    from agent.pytest_support.clock import TestClock

    return sync_loop.blocking(TestClock(sync_agent.asynchronous))


@pytest.fixture
def sync_reporting(
    sync_agent_under_test: Any, sync_agent_sites: Any, reporting_origin: str, sync_loop: BackgroundLoop
) -> Iterator[Any]:
    """See ``reporting``."""
    from agent.pytest_support.reporting import open_reporting

    opening = open_reporting(sync_agent_under_test, sync_agent_sites.asynchronous, reporting_origin)
    with sync_loop.blocking(opening) as reporting:
        yield reporting


@pytest.fixture
def sync_summary(sync_agent_under_test: Any, sync_reporting: Any, sync_loop: BackgroundLoop) -> Any:
    """See ``summary``."""
    from agent.pytest_support.summary import Summary

    return sync_loop.blocking(Summary(sync_agent_under_test, sync_reporting.asynchronous))

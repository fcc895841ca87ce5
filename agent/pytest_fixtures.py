"""The fixture ``agent``: a fresh profile with a frozen clock, seeded from the test's name.

Tests must be async (pytest-asyncio). All agents of a session share one Chromium, so its tests must run in the session's
event loop:

    asyncio_default_test_loop_scope = "session"
    asyncio_default_fixture_loop_scope = "session"
"""

from __future__ import annotations

import zlib
from collections.abc import AsyncIterator
from typing import TYPE_CHECKING, Any

import pytest
import pytest_asyncio

from agent.pytest_plugin import SEED

if TYPE_CHECKING:
    from agent.browser.launch import Browser
    from agent.model.settings import Settings
    from agent.runtime import Agent


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def agent_browser(request: pytest.FixtureRequest) -> AsyncIterator[Browser]:
    """The Chromium that all agents of the session share."""
    from agent.browser.launch import Browser  # noqa: PLC0415 - costs nothing where no test asks for an agent

    async with Browser(headed=request.config.getoption("--agent-headed")) as browser:
        yield browser


@pytest.fixture
def agent_settings() -> Settings | None:
    """Override to give the fixture ``agent`` other settings."""
    return None


@pytest.fixture
def agent_maps() -> dict[str, Any]:
    """Override to give what stands behind hosts: ``{"shop.test": "http://localhost:3000"}``."""
    return {}


@pytest_asyncio.fixture(loop_scope="session")
async def agent(
    request: pytest.FixtureRequest,
    agent_browser: Browser,
    agent_settings: Settings | None,
    agent_maps: dict[str, Any],
) -> AsyncIterator[Agent]:
    """A fresh profile in memory with a frozen clock; its seed is printed when the test fails."""
    from agent.model.clock import Clock  # noqa: PLC0415
    from agent.runtime import Agent  # noqa: PLC0415

    chosen = request.config.getoption("--agent-seed")
    seed = zlib.crc32(request.node.nodeid.encode()) if chosen is None else chosen
    request.node.stash[SEED] = seed
    async with Agent.launch(
        browser=agent_browser, clock=Clock.frozen(), seed=seed, settings=agent_settings, maps=agent_maps
    ) as agent:
        yield agent

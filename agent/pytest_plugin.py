"""The pytest plugin: the fixture ``agent``, a fresh profile with a frozen clock, seeded from the test's name.

It ships in the wheel and imports the agent only when a test asks for it. Tests must be async (pytest-asyncio); all of
a session share one Chromium, so they must run in the session's event loop:

    asyncio_default_test_loop_scope = "session"
    asyncio_default_fixture_loop_scope = "session"
"""

from __future__ import annotations

import zlib
from collections.abc import AsyncIterator, Generator
from typing import TYPE_CHECKING, Any

import pytest
import pytest_asyncio

if TYPE_CHECKING:
    from agent.browser.launch import Browser
    from agent.model.settings import Settings
    from agent.runtime import Agent

_SEED = pytest.StashKey[int]()


def pytest_addoption(parser: pytest.Parser) -> None:
    """``--agent-headed`` and ``--agent-seed``."""
    group = parser.getgroup("tallyhost")
    group.addoption("--agent-headed", action="store_true", help="show the browser of the fixture `agent`")
    group.addoption("--agent-seed", type=int, help="seed of the fixture `agent` (default: from the test's name)")


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
    request.node.stash[_SEED] = seed
    async with Agent.launch(
        browser=agent_browser, clock=Clock.frozen(), seed=seed, settings=agent_settings, maps=agent_maps
    ) as agent:
        yield agent


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Print the seed with a failure."""
    report = yield
    if report.failed and (seed := item.stash.get(_SEED, None)) is not None:
        report.sections.append(("tallyhost", f"repeat this agent's draws with --agent-seed {seed}"))
    return report

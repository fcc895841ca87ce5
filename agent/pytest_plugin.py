"""The pytest plugin: options, and the fixture ``agent`` of :mod:`agent.pytest_fixtures` where pytest-asyncio is there.

It ships in the wheel and costs nothing in runs that ask for no agent.
"""

from __future__ import annotations

import importlib
import importlib.util
from collections.abc import Generator

import pytest

SEED = pytest.StashKey[int]()
"""Where the fixture ``agent`` leaves its seed, to be printed when the test fails."""


def pytest_addoption(parser: pytest.Parser) -> None:
    """``--agent-headed`` and ``--agent-seed``."""
    group = parser.getgroup("tallyhost")
    group.addoption("--agent-headed", action="store_true", help="show the browser of the fixture `agent`")
    group.addoption("--agent-seed", type=int, help="seed of the fixture `agent` (default: from the test's name)")


def pytest_configure(config: pytest.Config) -> None:
    """Offer the fixtures where they can run; a project without pytest-asyncio is left alone."""
    if importlib.util.find_spec("pytest_asyncio") is not None:
        config.pluginmanager.register(importlib.import_module("agent.pytest_fixtures"), "tallyhost-fixtures")


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Print the seed with a failure."""
    report = yield
    if report.failed and (seed := item.stash.get(SEED, None)) is not None:
        report.sections.append(("tallyhost", f"repeat this agent's draws with --agent-seed {seed}"))
    return report

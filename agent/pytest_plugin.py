"""The pytest plugin: options, the marker ``agent``, and the fixtures of :mod:`agent.pytest_fixtures` and ``_sync``.

It ships in the wheel and costs nothing in runs that ask for no agent.
"""

from __future__ import annotations

import asyncio
import importlib
import inspect
import traceback
from collections.abc import Callable, Generator
from pathlib import Path
from typing import Any

import pytest

from agent.pytest_support.choices import CHOICES, FAILURE, RUNNING, BundleMode

_MARKER = (
    "agent(params=, noise=, delays=, seed=, now=, bundle=, page_clock=, settings=, maps=, private=, opted_out=): "
    "what the agent of this test is like; see agent.pytest_support.choices.KEYS"
)

_AGENTS = {"agent_under_test", "sync_agent_under_test"}
_OF_A_RUN: tuple[pytest.StashKey[Any], ...] = (FAILURE, RUNNING)


def pytest_addoption(parser: pytest.Parser) -> None:
    """``--agent-...``, and the keys of the ini file."""
    group = parser.getgroup("tallyhost")
    group.addoption("--agent-headed", action="store_true", help="show the agents' browser")
    group.addoption("--agent-seed", type=int, help="seed of every agent (default: from the test's name)")
    group.addoption("--agent-noise", choices=("on", "off"), help="noise of agents and summaries")
    group.addoption(
        "--agent-bundle",
        choices=[mode.value for mode in BundleMode],
        help="when a test leaves a folder with events, explanation, reports, screenshots and trace "
        "(default: retain-on-failure)",
    )
    group.addoption(
        "--agent-bundle-folder", type=Path, help="where these folders are made (default: tallyhost-results)"
    )
    parser.addini("agent_bundle", "the default of --agent-bundle", default=BundleMode.RETAIN_ON_FAILURE.value)
    parser.addini(
        "agent_bundle_folder", "the default of --agent-bundle-folder, below rootdir", default="tallyhost-results"
    )
    parser.addini("tallyhost", "whether there are fixtures of tallyhost", type="bool", default=True)


def pytest_configure(config: pytest.Config) -> None:
    """Offer the fixtures; those that need pytest-asyncio say so in a project without it."""
    config.addinivalue_line("markers", _MARKER)
    if not config.getini("tallyhost"):
        return
    asyncio_there = config.pluginmanager.hasplugin("asyncio")
    asynchronous = "agent.pytest_fixtures" if asyncio_there else "agent.pytest_support.without_asyncio"
    for name in ("agent.pytest_shared", "agent.pytest_sync", asynchronous):
        config.pluginmanager.register(importlib.import_module(name), name)


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """All agents of a session share one Chromium: their tests run in the session's event loop unless they say else."""
    if not config.getini("tallyhost") or not config.pluginmanager.hasplugin("asyncio"):
        return
    for item in items:
        if "agent_browser" not in getattr(item, "fixturenames", ()):
            continue
        marker = item.get_closest_marker("asyncio")
        if marker is not None and not marker.kwargs:
            item.add_marker(pytest.mark.asyncio(loop_scope="session"), append=False)


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_setup(item: pytest.Item) -> None:
    """Begin anew where a test is run again; say what is in the way where pytest-asyncio says that a loop is running."""
    for key in _OF_A_RUN:
        if key in item.stash:
            del item.stash[key]
    if not item.config.pluginmanager.hasplugin("asyncio") or "agent_browser" not in getattr(item, "fixturenames", ()):
        return
    _refuse_another_loop(item)
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return
    pytest.fail(
        "Playwright's synchronous API, begun by an earlier test of this process, leaves no room for asyncio.\n"
        "Use sync_agent and its like, or pytest-playwright-asyncio, or run the asynchronous tests on their own.",
        pytrace=False,
    )


def _refuse_another_loop(item: pytest.Item) -> None:
    """Fail a test that runs in another loop than the agents', or in none: it could not tell why it fails."""
    marker = item.get_closest_marker("asyncio")
    if marker is None and inspect.iscoroutinefunction(getattr(item, "function", None)):
        pytest.fail(
            "Nobody runs this asynchronous test: pytest-asyncio runs those that are marked.\n"
            "Write @pytest.mark.asyncio, or asyncio_mode = auto in the ini file.",
            pytrace=False,
        )
    scope = "session" if marker is None else marker.kwargs.get("loop_scope", "session")
    if scope != "session":
        pytest.fail(
            f"This test runs in the event loop of its {scope}, and all agents share a Chromium in the session's.\n"
            'Write @pytest.mark.asyncio(loop_scope="session"), or no loop_scope at all.',
            pytrace=False,
        )


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_call(item: pytest.Item) -> None:
    """Note that the test runs: no report is made of one that is interrupted."""
    item.stash[RUNNING] = True


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_fixture_setup(request: pytest.FixtureRequest) -> Generator[None, Any, Any]:
    """Let a test's agent know of fixtures that fail as they end, before it ends itself: pytest tells it afterwards."""
    item = request.node
    if request.scope == "function" and _AGENTS & set(getattr(item, "fixturenames", ())):
        add: Callable[[Callable[[], object]], None] = request.addfinalizer

        def add_noted(finalizer: Callable[[], object]) -> None:
            add(lambda: _noted(item, finalizer))

        # Whoever makes a fixture of a generator, pytest or pytest-asyncio, adds its end by this name.
        request.addfinalizer = add_noted  # type: ignore[method-assign]
    return (yield)


def _noted(item: pytest.Item, finalizer: Callable[[], object]) -> None:
    try:
        finalizer()
    except BaseException as error:
        item.stash.setdefault(FAILURE, "".join(traceback.format_exception(error)))
        raise


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Print the seed with a failure, and where its bundle is."""
    report = yield
    if report.when == "call" and RUNNING in item.stash:
        del item.stash[RUNNING]
    if report.failed:
        item.stash[FAILURE] = report.longreprtext
        choices = item.stash.get(CHOICES, None)
        if choices is not None:
            lines = [f"repeat this agent's draws with --agent-seed {choices.seed}"]
            if choices.bundle is not BundleMode.OFF and (report.when != "teardown" or choices.folder.exists()):
                lines.append(f"events, explanation, reports, screenshots and trace: {choices.folder}")
            report.sections.append(("tallyhost", "\n".join(lines)))
    return report

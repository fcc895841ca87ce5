"""The pytest plugin as its users run it: in a project of their own."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).resolve().parents[1]
SETTINGS = """
[pytest]
asyncio_mode = auto
asyncio_default_test_loop_scope = session
asyncio_default_fixture_loop_scope = session
"""
TESTS = """
import pytest
from aiohttp import web

@pytest.fixture
def agent_maps():
    async def page(_request):
        return web.Response(text="<h1>news</h1>", content_type="text/html")
    app = web.Application()
    app.router.add_get("/", page)
    return {"news.test": app}

async def test_good(agent):
    page = await agent.new_page("https://news.test/")
    await page.evaluate("navigator.attribution.saveImpression({ histogramIndex: 1 })")
    assert len(await agent.state.impressions()) == 1
    start = agent.clock.now()
    await agent.clock.advance("2d")
    assert agent.clock.now() - start == 2 * 86_400_000
    print("seed of the good test:", agent.seed)

async def test_bad(agent):
    assert await agent.state.impressions() == [], "each test has a fresh profile"
    print("seed of the bad test:", agent.seed)
    assert agent is None
"""


def _run(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run pytest in ``folder``; the plugin is named where no installed tallyhost brings it."""
    from importlib.metadata import entry_points

    plugins = (
        [] if any(one.name == "tallyhost" for one in entry_points(group="pytest11")) else ["-p", "agent.pytest_plugin"]
    )
    path = os.pathsep.join([str(REPOSITORY), os.environ.get("PYTHONPATH", "")])
    return subprocess.run(
        [sys.executable, "-m", "pytest", *plugins, "-p", "no:cacheprovider", *arguments],
        cwd=folder, env={**os.environ, "PYTHONPATH": path}, capture_output=True, text=True, timeout=100, check=False,
    )  # fmt: skip


@pytest.mark.browser
def test_the_fixture_gives_a_fresh_agent_and_a_failure_prints_its_seed(tmp_path: Path) -> None:
    (tmp_path / "pytest.ini").write_text(SETTINGS)
    (tmp_path / "test_mine.py").write_text(TESTS)
    done = _run(tmp_path, "-rP")
    assert "1 failed, 1 passed" in done.stdout, done.stdout + done.stderr
    seeds = {kind: done.stdout.partition(f"seed of the {kind} test: ")[2].split()[0] for kind in ("good", "bad")}
    assert done.stdout.count("--agent-seed") == 1, "a test that passes needs no repeating"
    assert f"repeat this agent's draws with --agent-seed {seeds['bad']}" in done.stdout
    assert seeds["good"] != seeds["bad"]
    again = _run(tmp_path, "-rP", "-k", "bad", "--agent-seed", "12345")
    assert "repeat this agent's draws with --agent-seed 12345" in again.stdout


def test_a_run_that_asks_for_no_agent_imports_none(tmp_path: Path) -> None:
    (tmp_path / "pytest.ini").write_text(SETTINGS)
    (tmp_path / "test_mine.py").write_text(
        "import sys\ndef test_mine():\n    assert not {'agent.runtime', 'playwright', 'aiohttp'} & set(sys.modules)\n"
    )
    done = _run(tmp_path)
    assert "1 passed" in done.stdout, done.stdout + done.stderr

"""The pytest plugin as its users run it: in a project of their own."""

from __future__ import annotations

import json
import re
import zipfile
from pathlib import Path

import pytest
from _pytest.fixtures import FixtureFunctionDefinition

from agent import pytest_fixtures, pytest_sync
from tests.pytest_projects import run_project, write_project

pytestmark = pytest.mark.slow

TESTS = """
import pytest
from agent.expectations import expect

async def test_good(agent, sites, clock):
    sites.serve("news.test", "pages/news")
    page = await agent.new_page("https://news.test/")
    await page.evaluate("navigator.attribution.saveImpression({ histogramIndex: 1 })")
    assert len(await agent.state.impressions()) == 1
    start = clock.now()
    assert await clock.advance("2d") == start + 2 * 86_400_000
    print("seed of the good test:", agent.seed)

async def test_bad(agent, agent_page):
    assert await agent.state.impressions() == [], "each test has a fresh profile"
    await agent_page.goto("https://news.test/")
    print("seed of the bad test:", agent.seed)
    await expect(agent).to_have_impression(timeout=0.1)

@pytest.mark.agent(params="tiny", noise=False, seed=5, now="2026-12-24T09:00Z", bundle="off")
async def test_marked(agent, clock):
    assert agent.seed == 5
    assert clock.now() == 1798102800000
    assert agent.settings.attribution_reporting_limits.max_sources_per_origin == 3
    assert not agent.settings.attribution_reporting_limits.noise
    with pytest.raises(AssertionError, match="no report is pending"):
        await clock.to_next_report()

@pytest.mark.agent(noise=False)
async def test_reach(agent, sites, reporting, summary):
    sites.serve("adtech.test", "pages/adtech")
    page = await agent.new_page("https://adtech.test/")
    await page.evaluate("sharedStorage.worklet.addModule('reach.js').then(() => sharedStorage.run('reach'))")
    await expect(agent).to_have_contribution(bucket=1234, value=128, verdict="report-scheduled")
    report = await reporting.expect_private_aggregation(bucket=1234, advance="1h")
    assert report.api == "shared-storage"
    assert await summary.private_aggregation() == {1234: 128}
"""
OVERRIDES = """
import pytest

@pytest.fixture(scope="session")
def agent_params():
    return {"seed": 11, "page_clock": True}

@pytest.fixture(scope="session")
def reporting_origin():
    return "https://measure.test"

async def test_ours(agent, agent_page, reporting, sites):
    assert agent.seed == 11
    sites.serve("news.test", "pages/news")
    await agent_page.goto("https://news.test/")
    assert await agent_page.evaluate("Date.now()") == agent.clock.now()
    assert reporting.origin == "https://measure.test"

@pytest.mark.agent(sed=1)
async def test_misspelt(agent):
    pass

@pytest.mark.asyncio(loop_scope="function")
async def test_elsewhere(agent):
    pass
"""

ENDINGS = """
import asyncio, os, signal, pytest
from agent.expectations import expect

@pytest.fixture
async def seen(agent, agent_page):
    yield agent_page
    await expect(agent).to_have_source(timeout=0.1)

@pytest.fixture
def sync_seen(sync_agent):
    yield
    pytest.fail("nothing was seen")

async def test_ends_badly(seen):
    pass

def test_sync_ends_badly(sync_seen):
    pass

async def test_ends_well(agent):
    pass

async def test_interrupted(agent, agent_page):
    os.kill(os.getpid(), signal.SIGINT)
    await asyncio.sleep(30)
"""
AGAIN = """
import pytest

@pytest.hookimpl(tryfirst=True)
def pytest_runtest_protocol(item, nextitem):
    from _pytest.runner import runtestprotocol
    runtestprotocol(item, log=False, nextitem=nextitem)
    item._initrequest()
    for report in runtestprotocol(item, log=False, nextitem=nextitem):
        item.ihook.pytest_runtest_logreport(report=report)
    return True
"""
FLAKY = """
times = []

async def test_flaky(agent):
    times.append(1)
    assert len(times) > 1
"""


@pytest.mark.browser
def test_each_test_has_a_fresh_agent_and_a_failure_prints_its_seed_and_where_its_bundle_is(tmp_path: Path) -> None:
    write_project(tmp_path, TESTS)
    done = run_project(tmp_path, "-rP")
    assert "1 failed, 3 passed" in done.stdout, done.stdout + done.stderr
    seeds = {kind: done.stdout.partition(f"seed of the {kind} test: ")[2].split()[0] for kind in ("good", "bad")}
    assert done.stdout.count("--agent-seed") == 1, "a test that passes needs no repeating"
    assert f"repeat this agent's draws with --agent-seed {seeds['bad']}" in done.stdout
    assert seeds["good"] != seeds["bad"]
    assert "expected an impression, there is no impression at all" in done.stdout
    assert "expecting.py" not in done.stdout, "the traceback ends at the test's own line"
    (bundle,) = (tmp_path / "tallyhost-results").iterdir()
    assert bundle.name == "test_mine.py-test_bad"
    assert str(bundle) in done.stdout
    again = run_project(tmp_path, "-rP", "-k", "bad", "--agent-seed", "12345", "--agent-bundle", "off")
    assert "repeat this agent's draws with --agent-seed 12345" in again.stdout
    assert not bundle.exists(), "what an earlier run left would mislead"


@pytest.mark.browser
def test_a_bundle_has_what_happened_and_how_it_looked(tmp_path: Path) -> None:
    write_project(tmp_path, TESTS)
    run_project(tmp_path, "-k", "good or bad", "--agent-bundle", "on", "--agent-bundle-folder", str(tmp_path / "kept"))
    good, bad = tmp_path / "kept" / "test_mine.py-test_good", tmp_path / "kept" / "test_mine.py-test_bad"
    kinds = [json.loads(line)["kind"] for line in (good / "events.jsonl").read_text().splitlines()]
    assert kinds == ["impression"]
    assert "impression" in (good / "explain.txt").read_text()
    assert json.loads((good / "reports.json").read_text()) == []
    assert (good / "screenshot-1.png").read_bytes().startswith(b"\x89PNG")
    assert "trace.trace" in zipfile.ZipFile(good / "trace.zip").namelist()
    assert not (good / "failure.txt").exists()
    assert "there is no impression at all" in (bad / "failure.txt").read_text()


@pytest.mark.browser
def test_a_project_says_what_its_agents_are_like_and_a_misspelt_marker_is_refused(tmp_path: Path) -> None:
    write_project(tmp_path, OVERRIDES)
    done = run_project(tmp_path)
    assert "1 passed, 2 errors" in done.stdout, done.stdout + done.stderr
    assert "This test runs in the event loop of its function" in done.stdout
    assert "test_misspelt: the marker agent has no 'sed'; nearest is seed" in done.stdout


def test_a_run_that_asks_for_no_agent_imports_none(tmp_path: Path) -> None:
    write_project(
        tmp_path,
        "import sys\n"
        "def test_mine():\n"
        "    assert not {'agent.runtime', 'playwright', 'aiohttp', 'greenlet'} & set(sys.modules)\n",
    )
    done = run_project(tmp_path)
    assert "1 passed" in done.stdout, done.stdout + done.stderr


def test_a_project_can_do_without_the_fixtures(tmp_path: Path) -> None:
    write_project(tmp_path, "def test_mine(sync_agent):\n    pass\n", settings="[pytest]\ntallyhost = false\n")
    done = run_project(tmp_path)
    assert "fixture 'sync_agent' not found" in done.stdout


def test_every_marker_and_option_is_told_by_pytest_itself(tmp_path: Path) -> None:
    write_project(tmp_path, "")
    assert "@pytest.mark.agent(params=, noise=, delays=, seed=" in run_project(tmp_path, "--markers").stdout
    told = run_project(tmp_path, "--help").stdout
    for option in ("--agent-headed", "--agent-seed", "--agent-noise", "--agent-bundle", "--agent-bundle-folder"):
        assert option in told
    fixtures = run_project(tmp_path, "--fixtures").stdout
    for name in ("agent", "agent_page", "clock", "sites", "reporting", "summary"):
        prefixed = "sync_page" if name == "agent_page" else f"sync_{name}"
        assert f"\n{name} " in fixtures
        assert f"\n{prefixed} " in fixtures


@pytest.mark.browser
def test_a_test_whose_fixtures_end_badly_leaves_a_bundle_and_so_does_one_that_is_interrupted(tmp_path: Path) -> None:
    write_project(tmp_path, ENDINGS)
    done = run_project(tmp_path)
    assert "3 passed, 2 errors" in done.stdout, done.stdout + done.stderr
    assert "KeyboardInterrupt" in done.stdout
    found = {path.name: (path / "failure.txt").read_text() for path in (tmp_path / "tallyhost-results").iterdir()}
    assert set(found) == {f"test_mine.py-test_{name}" for name in ("ends_badly", "sync_ends_badly", "interrupted")}
    assert "there is no source at all" in found["test_mine.py-test_ends_badly"]
    assert "nothing was seen" in found["test_mine.py-test_sync_ends_badly"]
    assert "interrupted" in found["test_mine.py-test_interrupted"]
    for name in ("ends_badly", "sync_ends_badly"):
        assert f"{tmp_path / 'tallyhost-results' / 'test_mine.py-test_'}{name}" in done.stdout


@pytest.mark.browser
def test_a_test_that_passes_when_it_is_run_again_leaves_no_bundle(tmp_path: Path) -> None:
    write_project(tmp_path, FLAKY)
    (tmp_path / "conftest.py").write_text(AGAIN)
    done = run_project(tmp_path)
    assert "1 passed" in done.stdout, done.stdout + done.stderr
    assert not list((tmp_path / "tallyhost-results").iterdir())


def test_without_pytest_asyncio_each_asynchronous_fixture_says_what_is_missing(tmp_path: Path) -> None:
    names = [name for name, value in vars(pytest_fixtures).items() if isinstance(value, FixtureFunctionDefinition)]
    tests = "\n".join(f"async def test_{name}({name}):\n    pass\n" for name in names)
    write_project(tmp_path, tests, settings="[pytest]\n")
    done = run_project(tmp_path, "-p", "no:asyncio")
    assert f"{len(names)} errors" in done.stdout, done.stdout + done.stderr
    for name in names:
        assert f"the fixture {name!r} needs pytest-asyncio" in done.stdout
    instead = set(re.findall(r"ask for '(\w+)'", done.stdout))
    assert instead <= set(vars(pytest_sync)), "it can be asked for"


def test_an_asynchronous_test_that_is_not_marked_is_told_what_is_missing(tmp_path: Path) -> None:
    write_project(tmp_path, "async def test_mine(agent):\n    pass\n", settings="[pytest]\n")
    done = run_project(tmp_path)
    assert "1 error" in done.stdout, done.stdout + done.stderr
    assert "Write @pytest.mark.asyncio, or asyncio_mode = auto" in done.stdout

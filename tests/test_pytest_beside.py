"""The pytest plugin beside pytest-playwright, pytest-playwright-asyncio and pytest-xdist."""

from __future__ import annotations

import importlib.util
from pathlib import Path

import pytest

from agent.browser.chromium import find_chromium
from tests.pytest_projects import SETTINGS, run_project, write_project

SYNCHRONOUS = """
from agent.expectations import expect
from playwright.sync_api import expect as expect_of_theirs

def test_both(page, base_url, sync_agent, sync_page, sync_sites):
    page.set_content("<h1>theirs</h1>")
    expect_of_theirs(page.locator("h1")).to_have_text("theirs")
    sync_sites.serve("news.test", "pages/news")
    sync_page.goto("https://news.test/")
    expect(sync_page.get_by_role("link")).to_have_text("Summer sale")
    page.set_content("<h1>still theirs</h1>")
    expect_of_theirs(page.locator("h1")).to_have_text("still theirs")

async def test_asynchronous(agent):
    raise AssertionError("it cannot run")
"""
ASYNCHRONOUS = """
from agent.expectations import expect

async def test_both(page, agent, agent_page, sites):
    await page.set_content("<h1>theirs</h1>")
    await expect(page.locator("h1")).to_have_text("theirs")
    sites.serve("news.test", "pages/news")
    await agent_page.goto("https://news.test/")
    await expect(agent_page.get_by_role("link")).to_have_text("Summer sale")
    assert page.context is not agent.context
"""
PARALLEL = """
import os, pytest

@pytest.mark.parametrize("number", range(4))
async def test_mine(agent, sites, number):
    sites.serve("news.test", "pages/news")
    page = await agent.new_page("https://news.test/")
    await page.evaluate("navigator.attribution.saveImpression({ histogramIndex: 1 })")
    assert len(await agent.state.impressions()) == 1
    print("worker", os.environ["PYTEST_XDIST_WORKER"])
    assert number != 3
"""
CONFTEST = """
import pytest

@pytest.fixture(scope="session")
def browser_type_launch_args(browser_type_launch_args):
    return {**browser_type_launch_args, "executable_path": %r, "args": ["--no-sandbox"]}
"""


def beside(plugin: str, folder: Path) -> None:
    """Skip where ``plugin`` is not installed; else let it launch the Chromium that is here."""
    if importlib.util.find_spec(plugin) is None:
        pytest.skip(f"{plugin.replace('_', '-')} is not installed")
    (folder / "conftest.py").write_text(CONFTEST % str(find_chromium(headed=False).path))


@pytest.mark.browser
def test_synchronous_tests_run_beside_pytest_playwright_and_asynchronous_ones_are_told_what_to_do(
    tmp_path: Path,
) -> None:
    beside("pytest_playwright", tmp_path)
    write_project(tmp_path, SYNCHRONOUS)
    done = run_project(tmp_path, beside="playwright")
    outcomes = done.stdout.splitlines()[-1]
    assert "1 passed" in outcomes, done.stdout + done.stderr
    assert "1 error" in outcomes
    assert "Use sync_agent and its like" in done.stdout


@pytest.mark.browser
def test_asynchronous_tests_run_beside_pytest_playwright_asyncio(tmp_path: Path) -> None:
    beside("pytest_playwright_asyncio", tmp_path)
    write_project(tmp_path, ASYNCHRONOUS, settings=f"{SETTINGS}asyncio_default_test_loop_scope = session\n")
    done = run_project(tmp_path, beside="playwright-asyncio")
    assert "1 passed" in done.stdout, done.stdout + done.stderr


@pytest.mark.browser
def test_workers_of_xdist_have_an_agent_and_a_bundle_each(tmp_path: Path) -> None:
    write_project(tmp_path, PARALLEL)
    done = run_project(tmp_path, "-n", "2", "-rA")
    assert "1 failed, 3 passed" in done.stdout, done.stdout + done.stderr
    assert {"worker gw0", "worker gw1"} <= set(done.stdout.splitlines())
    assert [path.name for path in (tmp_path / "tallyhost-results").iterdir()] == ["test_mine.py-test_mine-3"]

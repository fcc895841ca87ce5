"""A private agent that was given a profile folder."""

from __future__ import annotations

import tempfile
from pathlib import Path

import pytest

from agent.browser.launch import Browser
from agent.model.clock import Clock
from agent.runtime import Agent

pytestmark = pytest.mark.browser

SAVE = "navigator.attribution.saveImpression({histogramIndex: 1})"


@pytest.fixture
def site(tmp_path: Path) -> Path:
    folder = tmp_path / "site"
    folder.mkdir()
    (folder / "index.html").write_text("<!doctype html><title>news</title>")
    return folder


async def test_a_private_agent_works_on_a_disk_of_its_own_and_leaves_neither_folder_changed(
    agent_browser: Browser, site: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    temporary, kept = tmp_path / "temporary", tmp_path / "kept"
    temporary.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(temporary))
    async with Agent.open_profile(kept, clock=Clock.frozen()):
        pass
    before = {path.name: path.read_bytes() for path in kept.iterdir()}
    launched = Agent.launch(
        browser=agent_browser, profile=kept, private=True, clock=Clock.frozen(), maps={"news.test": site}
    )
    async with launched as agent:
        page = await agent.new_page("https://news.test/")
        assert await page.evaluate(SAVE) == {}
        # A file, as others have: in memory a private agent would be faster, which a page could time.
        assert [path.name for path in temporary.rglob("*.sqlite3")] == ["tallyhost.sqlite3"]
        assert await agent.state.impressions() == []
    assert list(temporary.iterdir()) == []
    assert {path.name: path.read_bytes() for path in kept.iterdir()} == before

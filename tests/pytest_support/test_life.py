from __future__ import annotations

import logging
from operator import attrgetter
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest

from agent.browser.launch import Browser
from agent.model.clock import DEFAULT_FROZEN_START
from agent.model.errors import UsageError
from agent.model.settings import Settings
from agent.pytest_support.choices import BundleMode, Choices
from agent.pytest_support.life import agent_under_test, settings_of
from agent.pytest_support.sites import Sites


def choices(**chosen: Any) -> Choices:
    fields: dict[str, Any] = {"seed": 7, "bundle": BundleMode.OFF, "folder": Path("none")}
    return Choices(**fields | chosen)


def test_the_settings_are_the_given_ones_with_what_else_was_chosen() -> None:
    base = Settings(shared_storage=False)
    settings = settings_of(choices(settings=base, params="testing", noise=False, page_clock=True))
    assert not settings.shared_storage
    assert settings.page_clock
    assert settings.attribution_reporting_limits.debug_mode
    assert not settings.attribution_reporting_limits.noise
    assert settings_of(choices()) == Settings()


@pytest.mark.browser
async def test_the_clock_stands_where_it_was_told_to(agent_browser: Browser) -> None:
    for now, instant in ((None, DEFAULT_FROZEN_START), (5_000, 5_000), ("1970-01-02T00:00Z", 86_400_000)):
        async with agent_under_test(choices(now=now), agent_browser, Sites(), lambda: None) as running:
            assert running.agent.clock.now() == instant
    with pytest.raises(UsageError, match="'tomorrow' is no time"):
        async with agent_under_test(choices(now="tomorrow"), agent_browser, Sites(), lambda: None):
            raise AssertionError("it was launched")


@pytest.mark.browser
async def test_a_bundle_that_cannot_be_written_does_not_hide_what_failed(
    agent_browser: Browser, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "file").write_text("in the way")
    chosen = choices(bundle=BundleMode.RETAIN_ON_FAILURE, folder=tmp_path / "file" / "bundle")
    with caplog.at_level(logging.ERROR, "tallyhost"):
        async with agent_under_test(chosen, agent_browser, Sites(), lambda: "it failed"):
            pass
    assert f"no bundle in {chosen.folder}" in caplog.text


@pytest.mark.browser
@pytest.mark.parametrize("ends", ["tracing.stop", "close"])
async def test_a_test_that_ended_the_trace_itself_has_the_rest_of_its_bundle(
    agent_browser: Browser, tmp_path: Path, caplog: pytest.LogCaptureFixture, ends: str
) -> None:
    chosen = choices(bundle=BundleMode.RETAIN_ON_FAILURE, folder=tmp_path / "bundle")
    async with agent_under_test(chosen, agent_browser, Sites(), lambda: "it failed") as under_test:
        await attrgetter(ends)(under_test.agent.context)()
    names = {path.name for path in chosen.folder.iterdir()}
    assert names >= {"events.jsonl", "network.har", "story.json", "state.sqlite3"}
    assert "trace.zip" not in names
    assert f"no trace in {chosen.folder}" in caplog.text


@pytest.mark.browser
@pytest.mark.parametrize("failure", [None, "it failed"])
async def test_a_trace_leaves_no_folder_of_its_own_behind(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, failure: str | None
) -> None:
    chosen = choices(bundle=BundleMode.RETAIN_ON_FAILURE, folder=tmp_path / "bundle")
    with TemporaryDirectory(prefix="t") as temporary:  # a short path: Chromium has a socket below it
        monkeypatch.setenv("TMPDIR", temporary)
        async with Browser() as browser, agent_under_test(chosen, browser, Sites(), lambda: failure):
            assert list(Path(temporary).glob("playwright-tracing-*")), "while it runs it has one"
        assert not list(Path(temporary).glob("playwright-tracing-*"))
    assert (chosen.folder / "trace.zip").exists() == (failure is not None)

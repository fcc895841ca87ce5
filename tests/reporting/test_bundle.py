from __future__ import annotations

import json
from pathlib import Path

import pytest

from agent.browser.launch import Browser
from agent.browser.page_failures import PageError
from agent.model.events import Check, Event, Trace
from agent.reporting.bundle import write_bundle
from agent.runtime import Agent
from tests.expectations.agents import an_agent, measure_conversion, register_source, register_trigger, save_impression


async def test_a_bundle_has_events_reasons_reports_and_what_failed(tmp_path: Path) -> None:
    async with an_agent() as agent:
        await register_source(agent)
        await register_trigger(agent)
        await save_impression(agent)
        await measure_conversion(agent)
        folder = await write_bundle(agent, tmp_path / "deep" / "bundle", why="it failed")
        events, reports = await agent.events.all(), await agent.reports.all()
    lines = [json.loads(line) for line in (folder / "events.jsonl").read_text().splitlines()]
    assert [(one["id"], one["kind"], one["verdict"]) for one in lines] == [(e.id, e.kind, e.verdict) for e in events]
    assert lines[0]["time"] == "2026-01-05T09:00:00+00:00"
    assert lines[0]["trace"]["checks"][0]["passed"] is True
    documents = json.loads((folder / "reports.json").read_text())
    assert [one["id"] for one in documents] == [report.id for report in reports]
    assert documents[1]["content"]["histogram"] == [0, 0, 0, 1, 0]
    assert (folder / "failure.txt").read_text() == "it failed\n"


async def test_the_last_decision_is_explained_first(tmp_path: Path) -> None:
    async with an_agent() as agent:
        await register_source(agent)
        await measure_conversion(agent)
        text = (await write_bundle(agent, tmp_path)).joinpath("explain.txt").read_text()
    assert text.startswith("conversion")
    assert "FAIL" in text.partition("source 1")[0], "why it credited nothing"
    assert "source-success" in text


async def test_what_an_earlier_test_left_is_replaced(tmp_path: Path) -> None:
    for name in ("screenshot-3.png", "trace.zip", "failure.txt", "notes.txt"):
        (tmp_path / name).write_text("old")
    async with an_agent() as agent:
        await write_bundle(agent, tmp_path)
    names = {path.name for path in tmp_path.iterdir()}
    assert names >= {"events.jsonl", "explain.txt", "reports.json", "notes.txt"}
    assert not names & {"screenshot-3.png", "trace.zip", "failure.txt"}
    assert (tmp_path / "explain.txt").read_text() == "no decision was made\n"
    assert (tmp_path / "reports.json").read_text() == "[]\n"


async def test_text_of_a_page_that_no_encoding_has_fails_no_bundle(tmp_path: Path) -> None:
    async with an_agent() as agent:
        check = Check("conversionSites", passed=False, detail="\ud800 is no site")
        await agent.note(Event("impression", agent.clock.now(), "SyntaxError", "refused", trace=Trace((check,))))
        await write_bundle(agent, tmp_path)
    assert "\\ud800 is no site" in (tmp_path / "explain.txt").read_text()
    assert {"network.har", "story.json"} <= {path.name for path in tmp_path.iterdir()}


@pytest.mark.browser
async def test_a_page_that_has_crashed_has_no_picture_and_the_others_have_theirs(
    agent_browser: Browser, tmp_path: Path
) -> None:
    async with Agent.launch(browser=agent_browser) as agent:
        crashed, other = await agent.new_page(), await agent.new_page()
        with pytest.raises(PageError):
            await crashed.goto("chrome://crash")
        await other.set_content("<h1>still here</h1>")
        await write_bundle(agent, tmp_path)
    assert {path.name for path in tmp_path.glob("screenshot-*")} == {"screenshot-2.png"}
    assert (tmp_path / "events.jsonl").exists()

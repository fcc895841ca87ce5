"""Playwright's recorder in the agent's own browser."""

from __future__ import annotations

from pathlib import Path

import pytest

from agent.journeys.scripted.recorder import recorded
from agent.journeys.scripted.recording import journey_text
from agent.journeys.scripted.targets import standing
from agent.runtime import Agent

pytestmark = pytest.mark.browser
SITES = {"news.test": "demo", "shop.test": "demo", "adtech.test": "demo"}


async def test_what_is_done_becomes_a_journey_with_what_was_seen(agent: Agent) -> None:
    async with standing(agent, SITES, Path()), recorded(agent) as recording:
        page = await agent.new_page("https://news.test/article/swifts")
        await page.wait_for_timeout(1_500)
        await page.get_by_test_id("ad-frame").content_frame.get_by_test_id("ad-link").click()
        await page.wait_for_url("https://shop.test/**")
        await page.wait_for_timeout(1_500)
        await page.get_by_test_id("buy-now").click()
        await page.wait_for_timeout(1_500)
    text = journey_text("A purchase", {"seed": 7}, SITES, recording, await agent.reports.all())
    lines = text.splitlines()
    steps = [line for line in lines if line.startswith(("  - open", "  - click"))]
    assert [step.partition(", frame: {")[0] for step in steps] == [
        "  - open: https://news.test/article/swifts",
        "  - click: {testid: ad-link",
        "  - click: {testid: buy-now}",
    ]
    clicked = lines.index(steps[1])
    assert any("source: {type: event" in line for line in lines[:clicked])
    assert any("source: {type: navigation" in line for line in lines[clicked:])
    assert any("trigger:" in line for line in lines[lines.index(steps[2]) :])
    assert any("kind: event-level" in line and "within" in line for line in lines)

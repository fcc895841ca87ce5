"""The demo's world as a person finds it who looks around."""

from __future__ import annotations

from typing import Any

import pytest

from agent.journeys.world import World
from agent.model.clock import DEFAULT_FROZEN_START, MINUTE
from agent.reporting.model import TimelineRow

pytestmark = [pytest.mark.browser, pytest.mark.timeout(120)]


async def test_the_worked_example_0x559_32768_and_0xa85_1664_from_page_to_opened_payload() -> None:
    """Campaign 345 and region 5 on the ad, a purchase (2 << 9) of category 21 (<< 7) for 52 (AGGREGATE.md)."""
    rows: list[TimelineRow] = []
    async with (
        World.open(7, DEFAULT_FROZEN_START, rows.append, None) as world,
        world.visitor(world.browser) as agent,
    ):
        page = await agent.new_page("https://news.test/")
        await page.get_by_test_id("ad-link").click()
        await page.wait_for_url("https://shop.test/product/lamp")
        await page.get_by_test_id("buy-now").click()
        await page.locator("#measurement[data-state=sent]").wait_for()
        await page.wait_for_load_state("load")
        await agent.clock.advance(10 * MINUTE)
        await agent.clock.advance("2d")
        await page.goto("https://adtech.test/attribution")
        listed: dict[str, Any] = await page.evaluate(
            "fetch('/attribution-collector/reports').then((answer) => answer.json())"
        )
    aggregatable, event_level = listed["reports"]
    assert aggregatable["kind"] == "aggregatable"
    assert "debug_cleartext_payload" not in aggregatable["report"]["aggregation_service_payloads"][0]
    assert [entry for entry in aggregatable["opened"] if entry["value"]] == [
        {"bucket": "0x559", "value": 32_768, "id": 0},
        {"bucket": "0xa85", "value": 1664, "id": 0},
    ]
    assert len(aggregatable["opened"]) == 20
    told = {name: event_level["report"][name] for name in ("source_event_id", "source_type", "trigger_data")}
    assert event_level["kind"] == "event-level"
    assert told == {"source_event_id": "345", "source_type": "navigation", "trigger_data": "1"}

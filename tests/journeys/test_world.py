"""The demo's world as a person finds it who looks around."""

from __future__ import annotations

import math
from typing import Any

import pytest

from agent.journeys.visitors import decided, see
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
    # The poster on the same page has reports of its own.
    aggregatable, event_level = (one for one in listed["reports"] if one["kind"] != "private-aggregation")
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


async def test_a_poster_seen_on_two_sites_shows_its_pictures_in_turn_and_counts_its_browser_once() -> None:
    """Reach once, at the first view, and frequency once, at the third (the API's explainer, "Examples")."""
    async with (
        World.open(7, DEFAULT_FROZEN_START, lambda _row: None, None) as world,
        world.visitor(world.browser) as agent,
    ):
        pictures = []
        for number, site in enumerate(("news", "shop", "news", "shop"), 1):
            page = await agent.new_page()
            (ad,) = await see(page, f"https://{site}.test/")
            pictures.append(ad.creative)
            await decided(agent, "shared-storage.run", 0, 2 * number)
            await page.close()
        spent_by_looking = await agent.shared_storage.navigation_budgets()
        page = await agent.new_page("https://news.test/")
        creative = page.frame_locator("[data-testid=poster-frame]").frame_locator("#creative")
        await creative.get_by_test_id("creative-link").click()
        await page.wait_for_url("https://shop.test/product/chair")
        await decided(agent, "shared-storage.navigation", 0, 1)
        ((site, left, _),) = await agent.shared_storage.navigation_budgets()
        await agent.clock.advance("1h")
        page = await agent.new_page("https://adtech.test/reach")
        await page.locator("#aggregatable-count", has_text="2").wait_for()
        counted = await page.get_by_test_id("counted").get_by_role("row").all_inner_texts()
        remembered = {entry.key: entry.value for entry in await agent.shared_storage.entries("https://adtech.test")}
    assert pictures == [0, 1, 2, 0]
    assert spent_by_looking == []
    # A choice among three tells log2(3) bits, of 12 in a day, when it is followed.
    assert site == "https://adtech.test"
    assert left == pytest.approx(12 - math.log2(3))
    assert [row.split("\t")[-1] for row in counted] == ["0 browsers", "0 browsers", "1 browser", "1 browser"]
    assert remembered == {"views-1234": "11111", "report-sent-1234": "yes", "frequency-report-sent-1234": "yes"}

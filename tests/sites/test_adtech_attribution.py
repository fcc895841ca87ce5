"""The page that shows what Attribution Reporting sent, in a real Chromium, with stubs in place of the collector."""

from __future__ import annotations

import json
from typing import Any

import pytest
from playwright.async_api import BrowserContext, Page, expect

from tests.sites.conftest import World

pytestmark = pytest.mark.browser

RECEIVED = "2026-01-07T09:00:00+00:00"
PADDING = [{"bucket": "0x0", "value": 0, "id": 0}]
EVENT_LEVEL = {
    "randomized_trigger_rate": 0.0024263,
    "report_id": "1",
    "source_event_id": "345",
    "source_type": "navigation",
    "trigger_data": "1",
}
VERBOSE = [
    {"type": "trigger-no-matching-source", "body": {"attribution_destination": "https://shop.test"}},
    {"type": "trigger-event-noise", "body": {"source_event_id": "345"}},
]


def event_level(kind: str = "event-level", **changed: str) -> dict[str, Any]:
    return {"received": RECEIVED, "kind": kind, "report": EVENT_LEVEL | changed, "opened": None}


def aggregatable(opened: list[dict[str, Any]] | None, kind: str = "aggregatable", **payload: str) -> dict[str, Any]:
    report = {
        "shared_info": json.dumps({"attribution_destination": "https://shop.test"}),
        "aggregation_service_payloads": [{"key_id": "a1", "payload": "S" * 1196, **payload}],
    }
    return {"received": RECEIVED, "kind": kind, "report": report, "opened": opened}


async def shown(visitor: BrowserContext) -> Page:
    page = await visitor.new_page()
    await page.goto("https://adtech.test/attribution")
    return page


async def test_an_event_level_report_is_a_row_that_says_which_ad_and_how_likely_it_is_made_up(
    visitor: BrowserContext, world: World
) -> None:
    world.attribution_reports += [
        event_level(),
        event_level("event-level-debug", source_event_id="7", source_type="event", trigger_data="0"),
    ]
    page = await shown(visitor)
    await expect(page.get_by_test_id("event-level-count")).to_have_text("2")
    rows = page.get_by_test_id("event-level").get_by_role("row")
    await expect(rows).to_have_text(
        [
            "ad 7 debugseensomething else0.24 %2026-01-07 09:00:00",
            "Front page bannerclickedwhat it showed0.24 %2026-01-07 09:00:00",
        ]
    )


async def test_an_aggregatable_report_stands_sealed_beside_opened_in_words(
    visitor: BrowserContext, world: World
) -> None:
    opened = [{"bucket": "0x559", "value": 32_768, "id": 0}, {"bucket": "0xa85", "value": 1664, "id": 0}]
    world.attribution_reports.append(aggregatable(opened + PADDING * 18))
    page = await shown(visitor)
    card = page.get_by_test_id("aggregatable").get_by_role("article")
    await expect(card).to_contain_text("1196 characters of base64, sealed to the key a1")
    await expect(card.get_by_role("row")).to_have_text(
        ["0x55932768Front page banner: 1 bought", "0xa851664region 5, Heron desk lamp: 52 €"]
    )
    await expect(card).to_contain_text("The other 18 entries are empty")
    await expect(card.locator(".mark")).to_have_count(0)


async def test_a_null_report_one_that_does_not_open_and_a_debug_copy_say_what_they_are(
    visitor: BrowserContext, world: World
) -> None:
    world.attribution_reports += [
        aggregatable(None),
        aggregatable(PADDING * 20),
        aggregatable(PADDING * 20, "aggregatable-debug", debug_cleartext_payload="aaaa"),
    ]
    page = await shown(visitor)
    cards = page.get_by_test_id("aggregatable").get_by_role("article")
    await expect(cards).to_have_count(3)
    await expect(cards.nth(0)).to_contain_text("debug")
    await expect(cards.nth(0)).to_contain_text("its clear text came with it")
    await expect(cards.nth(1)).to_contain_text("All entries are empty")
    await expect(cards.nth(2)).to_contain_text("It does not open")


async def test_every_debug_message_of_a_report_is_a_row(visitor: BrowserContext, world: World) -> None:
    world.attribution_reports.append({"received": RECEIVED, "kind": "verbose-debug", "report": VERBOSE, "opened": None})
    page = await shown(visitor)
    await expect(page.get_by_test_id("verbose").get_by_role("rowheader")).to_have_text(
        ["trigger-no-matching-source", "trigger-event-noise"]
    )


async def test_of_many_reports_the_latest_are_shown_and_the_rest_are_counted(
    visitor: BrowserContext, world: World
) -> None:
    world.attribution_reports += [event_level(source_event_id=str(number)) for number in range(30)]
    page = await shown(visitor)
    await expect(page.get_by_test_id("event-level").get_by_role("row")).to_have_count(12)
    await expect(page.get_by_test_id("event-level").get_by_role("rowheader").first).to_have_text("ad 29")
    await expect(page.get_by_text("The latest 12 of 30 are shown.")).to_be_visible()


async def test_full_lists_fit_a_phone_and_break_no_policy(visitor: BrowserContext, world: World) -> None:
    opened = [{"bucket": "0x559", "value": 32_768, "id": 0}, {"bucket": hex(2**128 - 1), "value": 1664, "id": 0}]
    world.attribution_reports += [event_level(), aggregatable(opened + PADDING * 18), aggregatable(None)]
    world.attribution_reports.append({"received": RECEIVED, "kind": "verbose-debug", "report": VERBOSE, "opened": None})
    page = await visitor.new_page()
    complaints: list[str] = []
    page.on("console", lambda message: complaints.append(message.text) if message.type == "error" else None)
    page.on("pageerror", lambda error: complaints.append(str(error)))
    await page.set_viewport_size({"width": 360, "height": 740})
    await page.goto("https://adtech.test/attribution")
    await expect(page.get_by_test_id("aggregatable").get_by_role("article")).to_have_count(2)
    assert await page.evaluate("document.documentElement.scrollWidth") == 360
    assert complaints == []

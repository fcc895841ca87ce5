"""The poster, the frames that count, and the page that shows the counts, in a real Chromium with stubs."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from playwright.async_api import BrowserContext, Frame, Page, expect

from tests.sites.conftest import World

pytestmark = pytest.mark.browser

STUB = (Path(__file__).parent / "stub_shared_storage.js").read_text("utf-8")
RECEIVED = "2026-01-07T09:00:00+00:00"
PADDING = [{"bucket": "0x0", "value": 0, "id": 0}]
POSTER = "https://adtech.test/poster"
VALUE = 16_384


def report(bucket: str, kind: str = "private-aggregation", value: int = VALUE) -> dict[str, Any]:
    return {
        "received": RECEIVED,
        "kind": kind,
        "report": {
            "shared_info": json.dumps({"api": "shared-storage"}),
            "aggregation_service_payloads": [{"key_id": "a1", "payload": "S" * 1196}],
        },
        "opened": [{"bucket": bucket, "value": value, "id": 0}, *PADDING * 19],
    }


@pytest.fixture
async def counting_visitor(visitor: BrowserContext) -> BrowserContext:
    """A browser profile in which a stub plays Shared Storage too."""
    await visitor.add_init_script(STUB)
    return visitor


async def frame_of(page: Page, url: str) -> Frame:
    """A frame of adtech.test on a page, once it has counted."""
    frame = page.frame(url=url)
    assert frame is not None
    await frame.wait_for_selector("[data-testid=reach-status][data-state=done]")
    return frame


async def calls(frame: Frame) -> list[Any]:
    recorded: list[Any] = await frame.evaluate("storageCalls")
    return recorded


@pytest.mark.parametrize("site", ["https://news.test/", "https://shop.test/"])
async def test_the_poster_notes_the_view_and_then_has_a_worklet_choose_and_count(
    counting_visitor: BrowserContext, site: str
) -> None:
    page = await counting_visitor.new_page()
    await page.goto(site)
    options = {"data": {"campaignId": "1234", "value": VALUE, "often": 3}, "keepAlive": True}
    urls = [{"url": f"/creative/{index}"} for index in range(3)]
    assert await calls(await frame_of(page, POSTER)) == [
        ["append", "views-1234", "1"],
        ["addModule", "/adtech/reach-worklet.js"],
        ["selectURL", "rotate-creative", urls, options],
        ["run", "send-reach-report", options],
        ["run", "send-frequency-report", options],
    ]


async def test_the_poster_shows_what_was_selected_and_its_picture_leads_to_a_product(
    counting_visitor: BrowserContext,
) -> None:
    page = await counting_visitor.new_page()
    await page.goto("https://news.test/")
    poster = await frame_of(page, POSTER)
    creative = poster.frame_locator("#creative")
    await expect(creative.get_by_test_id("creative")).to_have_attribute("data-creative", "1")
    await creative.get_by_test_id("creative-link").click()
    await page.wait_for_url("https://shop.test/product/chair")


async def test_a_frame_beside_an_article_counts_reach_alone(counting_visitor: BrowserContext) -> None:
    page = await counting_visitor.new_page()
    await page.goto("https://news.test/article/swifts")
    made = await calls(await frame_of(page, "https://adtech.test/frame/1"))
    assert [call[:2] for call in made] == [
        ["append", "views-346"],
        ["addModule", "/adtech/reach-worklet.js"],
        ["run", "send-reach-report"],
    ]
    assert made[2][2]["data"]["campaignId"] == "346"


async def test_an_ordinary_browser_is_told_so_and_sees_the_first_picture(ordinary_visitor: BrowserContext) -> None:
    page = await ordinary_visitor.new_page()
    await page.goto("https://shop.test/")
    poster = await frame_of(page, POSTER)
    await expect(poster.get_by_test_id("reach-status")).to_contain_text("This browser has no Shared Storage")
    await expect(poster.frame_locator("#creative").get_by_test_id("creative")).to_have_attribute("data-creative", "0")


@pytest.mark.parametrize("failing", ["append", "selectURL"])
async def test_a_browser_that_declines_is_told_of_and_the_first_picture_is_shown(
    counting_visitor: BrowserContext, failing: str
) -> None:
    await counting_visitor.add_init_script(
        f"sharedStorage.{failing} = async () => {{ throw new DOMException('no', 'InvalidAccessError') }}"
    )
    page = await counting_visitor.new_page()
    await page.goto("https://shop.test/")
    poster = await frame_of(page, POSTER)
    await expect(poster.get_by_test_id("reach-status")).to_have_text(
        "The browser declined to count: InvalidAccessError"
    )
    await expect(poster.frame_locator("#creative").get_by_test_id("creative")).to_have_attribute("data-creative", "0")


async def test_reports_add_up_to_browsers_and_copies_for_debugging_do_not(
    visitor: BrowserContext, world: World
) -> None:
    world.attribution_reports += [
        report("0x4d2"),
        report("0x4d2"),
        report("0x4d2", "private-aggregation-debug"),
        report("0x304d2"),
        report("0x15a", "aggregatable"),
    ]
    page = await visitor.new_page()
    await page.goto("https://adtech.test/reach")
    await expect(page.get_by_test_id("aggregatable-count")).to_have_text("4")
    await expect(page.get_by_test_id("counted").get_by_role("row")).to_have_text(
        [
            "Article sidebarnews.test0x15a00 browsers",
            "Videonews.test0x15c00 browsers",
            "Mending daysnews.test, shop.test0x4d2327682 browsers",
            "Mending days, 3 times or morenews.test, shop.test0x304d2163841 browser",
        ]
    )
    cards = page.get_by_test_id("aggregatable").get_by_role("article")
    await expect(cards.nth(1)).to_contain_text("debug")
    await expect(cards.last.get_by_role("row")).to_have_text("0x4d216384Mending days: 1 browser")


async def test_a_bucket_that_nothing_stands_for_is_shown_and_counted_nowhere(
    visitor: BrowserContext, world: World
) -> None:
    world.attribution_reports.append(report(hex(2**128 - 1)))
    page = await visitor.new_page()
    await page.goto("https://adtech.test/reach")
    await expect(page.get_by_test_id("aggregatable")).to_contain_text("unknown")
    assert await page.get_by_test_id("counted").get_by_text("0 browsers").count() == 4


async def test_a_full_list_fits_a_phone(visitor: BrowserContext, world: World) -> None:
    world.attribution_reports += [report("0x4d2"), report(hex(2**128 - 1))]
    page = await visitor.new_page()
    await page.set_viewport_size({"width": 360, "height": 740})
    await page.goto("https://adtech.test/reach")
    await expect(page.get_by_test_id("aggregatable").get_by_role("article")).to_have_count(2)
    assert await page.evaluate("document.documentElement.scrollWidth") == 360

"""The pages in a real Chromium, with stubs in place of the agent: what a person or a scripted visitor meets."""

from __future__ import annotations

import base64
from typing import Any

import pytest
from playwright.async_api import BrowserContext, Frame, Page, expect

from sites.story import CAMPAIGNS, Campaign
from tests.sites.conftest import ANSWER, CURRENT_BYTES, World

pytestmark = pytest.mark.browser

ADDRESSES = [
    "https://home.test/",
    "https://home.test/learned",
    "https://news.test/",
    "https://news.test/newsletter",
    "https://news.test/article/swifts",
    "https://shop.test/",
    "https://shop.test/product/lamp",
    "https://shop.test/cart?product=kettle",
    "https://shop.test/thanks?product=lamp",
    "https://adtech.test/",
    "https://adtech.test/attribution",
    "https://adtech.test/reach",
    "https://adtech.test/poster",
    "https://adtech.test/creative/1",
    "https://aggregator.test/",
]
SCRIPTED = [campaign for campaign in CAMPAIGNS if campaign.label != "Newsletter"]


async def calls(where: Page | Frame) -> list[dict[str, Any]]:
    recorded: list[dict[str, Any]] = await where.evaluate("stubCalls")
    return recorded


async def ad_of(page: Page, campaign: Campaign) -> Frame:
    """The frame that shows the campaign's ad on this page: the page itself, or the measurement company's frame."""
    address = f"https://adtech.test/frame/{campaign.index}"
    frame = page.frame(url=address) or page.main_frame
    await frame.wait_for_selector("[data-testid=impression-status][data-state=done]")
    return frame


@pytest.mark.parametrize("campaign", SCRIPTED, ids=lambda campaign: campaign.label)
async def test_a_scripted_ad_saves_its_impression_in_both_dialects(visitor: BrowserContext, campaign: Campaign) -> None:
    page = await visitor.new_page()
    await page.goto(f"https://news.test{campaign.path}")
    index = campaign.index
    assert await calls(await ad_of(page, campaign)) == [
        {
            "api": "attribution",
            "method": "saveImpression",
            "options": {"histogramIndex": index, "conversionSites": ["shop.test"], "matchValue": index},
        },
        {
            "api": "privateAttribution",
            "method": "saveImpression",
            "options": {"histogramIndex": index, "ad": f"campaign-{index}", "conversionSite": "shop.test"},
        },
    ]


async def test_the_newsletters_ad_is_a_response_field_and_no_script(visitor: BrowserContext) -> None:
    page = await visitor.new_page()
    async with page.expect_response("https://adtech.test/ad.svg?campaign=2") as answered:
        await page.goto("https://news.test/newsletter")
    headers = await (await answered.value).all_headers()
    assert headers["save-impression"].startswith("histogram-index=2,")
    assert await calls(page) == []


@pytest.mark.parametrize("campaign", CAMPAIGNS, ids=lambda campaign: campaign.label)
async def test_the_ad_leads_to_its_product_and_buying_sends_two_sealed_reports(
    visitor: BrowserContext, world: World, campaign: Campaign
) -> None:
    page = await visitor.new_page()
    await page.goto(f"https://news.test{campaign.path}")
    frame = page.frame(url=f"https://adtech.test/frame/{campaign.index}") or page.main_frame
    await frame.get_by_test_id("ad-link").click()
    await page.wait_for_url(f"https://shop.test/product/{campaign.product}")
    await page.get_by_role("button", name="Buy now").click()
    await expect(page.get_by_test_id("measurement")).to_have_attribute("data-state", "sent")
    await expect(page.get_by_test_id("report-attribution")).to_contain_text("Report sent (312 bytes, sealed)")
    await expect(page.get_by_test_id("report-privateAttribution")).to_contain_text("Report sent (304 bytes, sealed)")
    assert [len(report) for report in world.reports] == [312, 304]


async def test_the_purchase_is_measured_with_the_options_of_both_dialects(visitor: BrowserContext) -> None:
    page = await visitor.new_page()
    await page.goto("https://shop.test/thanks?product=lamp")
    await expect(page.get_by_test_id("measurement")).to_have_attribute("data-state", "sent")
    assert await calls(page) == [
        {
            "api": "attribution",
            "method": "measureConversion",
            "options": {
                "aggregationService": "https://aggregator.test",
                "histogramSize": 4,
                "epsilon": 0.5,
                "value": 1,
                "maxValue": 1,
            },
        },
        {
            "api": "privateAttribution",
            "method": "measureConversion",
            "options": {
                "aggregator": "aggregator.test",
                "histogramSize": 4,
                "epsilon": 0.5,
                "value": 1,
                "ads": ["campaign-0", "campaign-1", "campaign-2", "campaign-3"],
            },
        },
    ]


async def test_the_cart_holds_what_was_put_into_it_and_buys_it(visitor: BrowserContext, world: World) -> None:
    page = await visitor.new_page()
    await page.goto("https://shop.test/cart")
    await expect(page.get_by_text("It is empty.")).to_be_visible()
    await page.goto("https://shop.test/product/kettle")
    await page.get_by_test_id("add-to-cart").click()
    await expect(page.get_by_text("Brook kettle")).to_be_visible()
    await expect(page.get_by_text("Heron desk lamp")).to_be_hidden()
    await page.get_by_test_id("buy-now").click()
    await page.wait_for_url("https://shop.test/thanks?product=kettle")
    await expect(page.get_by_test_id("measurement")).to_have_attribute("data-state", "sent")
    assert len(world.reports) == 2


async def test_a_call_that_fails_is_told_on_the_page_and_sends_nothing(visitor: BrowserContext, world: World) -> None:
    await visitor.add_init_script(
        "navigator.attribution.measureConversion = async () => { throw new DOMException('no', 'NotAllowedError') }"
    )
    page = await visitor.new_page()
    await page.goto("https://shop.test/thanks")
    await expect(page.get_by_test_id("measurement")).to_have_attribute("data-state", "failed")
    await expect(page.get_by_test_id("report-attribution")).to_contain_text("No report")
    await expect(page.get_by_test_id("report-attribution")).to_contain_text("NotAllowedError")
    assert [len(report) for report in world.reports] == [304]


async def test_an_ordinary_browser_is_told_so_and_the_shop_still_works(
    ordinary_visitor: BrowserContext, world: World
) -> None:
    page = await ordinary_visitor.new_page()
    await page.goto("https://news.test/")
    await expect(page.get_by_test_id("impression-status")).to_contain_text("This browser has no attribution API")
    await page.goto("https://shop.test/thanks?product=lamp")
    await expect(page.get_by_test_id("measurement")).to_contain_text("This browser has no attribution API")
    await expect(page.get_by_test_id("measurement")).to_have_attribute("data-state", "absent")
    assert world.reports == []


async def test_a_batch_is_sent_once_and_its_sum_is_drawn(visitor: BrowserContext, world: World) -> None:
    world.reports += [bytes(CURRENT_BYTES)] * 3 + [bytes(304)] * 2
    page = await visitor.new_page()
    await page.goto("https://adtech.test/")
    await expect(page.get_by_test_id("report-count")).to_have_text("5")
    await page.get_by_role("button", name="Send 3 reports of navigator.attribution").click()
    picture = page.get_by_test_id("answer").get_by_role("img")
    await expect(picture).to_have_accessible_name(
        ", ".join(f"{c.label}: {n}" for c, n in zip(CAMPAIGNS, ANSWER["histogram"], strict=True))
    )
    assert [len(batch) for batch in world.batches] == [3]
    await expect(page.get_by_test_id("send-current")).to_be_hidden()
    await page.reload()
    await expect(page.get_by_role("button", name="Send 2 reports of navigator.privateAttribution")).to_be_visible()
    await expect(page.get_by_test_id("send-current")).to_be_hidden()


async def test_reports_that_the_service_has_seen_are_set_aside_and_the_rest_is_offered(
    visitor: BrowserContext, world: World
) -> None:
    old, new = bytes(CURRENT_BYTES), b"n" * CURRENT_BYTES
    world.reports += [old, new]
    world.batches.append([base64.b64encode(old).decode()])
    page = await visitor.new_page()
    await page.goto("https://adtech.test/")
    await page.get_by_role("button", name="Send 2 reports").click()
    await expect(page.get_by_test_id("refusal")).to_contain_text("replayed-report")
    await page.get_by_role("button", name="Send 1 report of").click()
    await expect(page.get_by_test_id("answer").get_by_role("img")).to_be_visible()
    assert world.batches[1:] == [[base64.b64encode(new).decode()]]


async def test_processing_a_batch_twice_shows_a_sum_and_then_the_refusal(visitor: BrowserContext, world: World) -> None:
    world.reports += [bytes(CURRENT_BYTES)] * 3
    page = await visitor.new_page()
    await page.goto("https://aggregator.test/")
    await page.get_by_test_id("replay").click()
    await expect(page.get_by_test_id("answer").get_by_role("img")).to_have_count(1)
    await expect(page.get_by_test_id("refusal")).to_contain_text("replayed-report")
    await expect(page.get_by_test_id("refusal")).to_contain_text("Send new reports.")
    await expect(page.get_by_test_id("batch-count")).to_have_text("1")


async def test_without_reports_the_aggregator_says_why_it_cannot_try(visitor: BrowserContext, world: World) -> None:
    page = await visitor.new_page()
    await page.goto("https://aggregator.test/")
    await page.get_by_test_id("small-batch").click()
    await expect(page.get_by_test_id("answer")).to_contain_text("adtech.test has collected no report yet")
    assert world.batches == []


async def test_the_tour_leads_through_its_five_steps(visitor: BrowserContext) -> None:
    page = await visitor.new_page()
    await page.goto("https://home.test/")
    for address in ("https://news.test/", "https://shop.test/", "https://adtech.test/", "https://aggregator.test/"):
        await page.get_by_test_id("tour-next").click()
        await page.wait_for_url(address)
    await page.get_by_test_id("tour-next").click()
    await page.wait_for_url("https://home.test/learned")
    await expect(page.get_by_test_id("tour-next")).to_have_count(0)


async def test_the_strip_tells_the_latest_deed_on_every_site(visitor: BrowserContext) -> None:
    page = await visitor.new_page()
    await page.goto("https://shop.test/")
    await expect(page.locator("#strip-latest")).to_have_text("news.test: impression noted, campaign 0")
    await page.get_by_text("Agent", exact=True).click()
    await expect(page.locator("#strip-list")).to_contain_text("01-05 09:00:00")


@pytest.mark.parametrize("address", ADDRESSES)
async def test_a_page_fits_a_phone_and_breaks_no_policy(visitor: BrowserContext, address: str) -> None:
    page = await visitor.new_page()
    complaints: list[str] = []
    page.on("console", lambda message: complaints.append(message.text) if message.type == "error" else None)
    page.on("pageerror", lambda error: complaints.append(str(error)))
    await page.set_viewport_size({"width": 360, "height": 740})
    await page.goto(address, wait_until="networkidle")
    assert await page.evaluate("document.documentElement.scrollWidth") == 360
    assert complaints == []


async def test_the_keyboard_alone_buys_a_lamp_and_always_shows_where_it_is(visitor: BrowserContext) -> None:
    page = await visitor.new_page()
    await page.goto("https://shop.test/product/lamp")
    for _ in range(8):
        await page.keyboard.press("Tab")
        outline = await page.evaluate("getComputedStyle(document.activeElement).outlineStyle")
        assert outline == "solid"
        if await page.evaluate("document.activeElement.dataset.testid") == "buy-now":
            break
    await page.keyboard.press("Enter")
    await page.wait_for_url("https://shop.test/thanks?product=lamp")

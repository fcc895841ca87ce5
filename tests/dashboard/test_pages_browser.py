"""The pages in Chromium: live, with keyboard alone, without script, under their own policy."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator

import pytest
import pytest_asyncio
from playwright.async_api import Page, Route, async_playwright, expect

from agent.browser.chromium import find_chromium
from agent.model.clock import DEFAULT_FROZEN_START
from agent.model.events import Event, Trace
from tests.dashboard.conftest import Dashboard, register
from tests.dashboard.test_pages import TEN

pytestmark = [pytest.mark.browser, pytest.mark.slow]
HOUR = 3_600_000


@pytest_asyncio.fixture(params=[True, False], ids=["with script", "without script"])
async def page(request: pytest.FixtureRequest) -> AsyncIterator[Page]:
    """A page; whatever its console says or the network asks beyond the dashboard fails the test."""
    complaints: list[str] = []
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=find_chromium().path, args=["--no-sandbox"])
        page = await browser.new_page(java_script_enabled=request.param)
        page.on("console", lambda message: complaints.append(message.text))
        page.on("pageerror", lambda error: complaints.append(str(error)))
        page.on("request", lambda asked: complaints.extend([] if "//127.0.0.1" in asked.url else [asked.url]))
        yield page
        await browser.close()
    # A form that is refused is a failed request; the browser says so whatever the page does.
    assert [one for one in complaints if not one.startswith("Failed to load resource")] == []


async def test_every_page_of_the_menu_is_reached_from_home(page: Page, dashboard: Dashboard) -> None:
    await register(dashboard.agent)
    await page.goto(dashboard.address)
    links = page.get_by_role("navigation", name="Pages").get_by_role("link")
    assert [await link.get_attribute("href") for link in await links.all()] == [f"/{name}" for name in TEN]
    for name in TEN[1:]:
        await page.get_by_role("navigation", name="Pages").locator(f"a[href='/{name}']").click()
        await expect(page).to_have_url(f"{dashboard.address}/{name}")
        await expect(page.get_by_role("heading", level=1)).to_be_visible()


async def test_the_clock_is_moved_from_the_page(page: Page, dashboard: Dashboard) -> None:
    await register(dashboard.agent)
    await page.goto(f"{dashboard.address}/reports")
    await page.get_by_role("button", name="+1 hour").click()
    await expect(page.locator("#now")).to_have_text("2026-01-05 10:00:00")
    assert dashboard.agent.clock.now() == DEFAULT_FROZEN_START + HOUR
    await page.get_by_text("More", exact=True).click()
    await page.get_by_label("Move to").fill("2026-01-06T10:00Z")
    await page.get_by_label("Move to").press("Enter")
    await expect(page.locator("#now")).to_have_text("2026-01-06 10:00:00")
    await page.get_by_role("button", name="Next report").click()
    await expect(page.get_by_role("main")).to_contain_text("not-sent 2")
    assert await dashboard.agent.reports.next_due() is None


async def test_a_report_is_sent_and_dropped_with_the_keyboard_alone(page: Page, dashboard: Dashboard) -> None:
    await register(dashboard.agent)
    newest = (await dashboard.agent.reports.newest(limit=1))[0]
    await page.goto(f"{dashboard.address}/reports")
    send = page.get_by_role("button", name=f"Send now report {newest.id[:8]}")
    await send.focus()
    await page.keyboard.press("Enter")
    await expect(page.get_by_role("button", name=f"Retry report {newest.id[:8]}")).to_be_visible()
    await page.get_by_role("button", name=f"Drop report {newest.id[:8]}").press("Space")
    await expect(page.get_by_role("main")).not_to_contain_text(newest.id[:8])


async def test_an_entry_is_removed_whatever_its_key(page: Page, dashboard: Dashboard) -> None:
    """HTML and forms would change these."""
    keys = ["a\rb", "a\nb", "a\0b", 'a"\\&<b']
    for key in keys:
        assert await dashboard.agent.shared_storage.set("https://shop.test", key, "value") is None
    await page.goto(f"{dashboard.address}/shared-storage")
    for left in range(len(keys), 0, -1):
        await expect(page.get_by_role("button", name="Remove")).to_have_count(left)
        await page.get_by_role("button", name="Remove").first.click()
    await expect(page.get_by_role("main")).to_contain_text("Nothing is stored")


async def test_a_refusal_is_told_where_it_happened(page: Page, dashboard: Dashboard) -> None:
    await page.goto(f"{dashboard.address}/timeline")
    await page.get_by_text("More", exact=True).click()
    await page.get_by_label("Move by").fill("soon")
    await page.get_by_label("Move by").press("Enter")
    await expect(page.get_by_role("alert")).to_contain_text("'soon' is no duration")
    assert dashboard.agent.clock.now() == DEFAULT_FROZEN_START


@pytest.mark.parametrize("page", [True], indirect=True)
async def test_what_happens_while_a_page_is_loaded_is_on_it(page: Page, dashboard: Dashboard) -> None:
    async def late(route: Route) -> None:
        await register(dashboard.agent)
        await route.continue_()

    await page.route("**/live*", late)
    await page.goto(dashboard.address)
    await expect(page.locator("details.event")).to_have_count(2)


@pytest.mark.parametrize("page", [True], indirect=True)
async def test_a_page_is_asked_for_once_while_nothing_happens(page: Page, dashboard: Dashboard) -> None:
    await register(dashboard.agent)
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url.removeprefix(dashboard.address)))
    async with page.expect_response("**/live*"):
        await page.goto(f"{dashboard.address}/timeline")
    await page.wait_for_timeout(700)  # as long as a page that heard of something would need
    assert asked.count("/timeline") == 1
    await dashboard.agent.note(Event("conversion", 0, "stored", "summary", "shop.test", {}, Trace(())))
    await expect(page.locator("details.event")).to_have_count(3)
    assert asked.count("/timeline") == 2, "once to see it, and once for the news"


@pytest.mark.parametrize("page", [True], indirect=True)
async def test_the_timeline_is_live_and_keeps_what_is_open(page: Page, dashboard: Dashboard) -> None:
    await page.goto(dashboard.address)
    await expect(page.get_by_role("main")).to_contain_text("Nothing has happened yet")
    await register(dashboard.agent)
    await expect(page.locator("details.event")).to_have_count(2)
    await page.locator("#event-1 > summary").click()
    await expect(page.locator("#event-1 .checks")).to_be_visible()
    await page.locator("#event-1 > summary").focus()
    await register(dashboard.agent)
    await expect(page.locator("details.event")).to_have_count(4)
    await expect(page.locator("#event-1 .checks")).to_be_visible()
    await expect(page.locator("#event-1 > summary")).to_be_focused()
    await expect(page.get_by_role("status")).to_have_text(re.compile(r"\d new events?"))


@pytest.mark.parametrize("page", [True], indirect=True)
async def test_what_is_scrolled_stays_where_it_is_while_events_come_in(page: Page, dashboard: Dashboard) -> None:
    for _ in range(10):
        await register(dashboard.agent)
    await page.set_viewport_size({"width": 390, "height": 900})
    await page.goto(dashboard.address)
    await expect(page.locator("details.event")).to_have_count(20)
    lanes = page.locator(".lanes")
    # The newest is at the right, from where it is scrolled to the left.
    await lanes.evaluate("element => element.scrollTo(-80, 0)")
    await register(dashboard.agent)
    await expect(page.locator("details.event")).to_have_count(22)
    assert await lanes.evaluate("element => element.scrollLeft") == -80


@pytest.mark.parametrize("page", [True], indirect=True)
async def test_a_page_says_that_the_agent_has_gone_and_that_it_is_back(page: Page, dashboard: Dashboard) -> None:
    await page.route("**/live*", lambda route: route.abort())
    await page.goto(dashboard.address)
    await expect(page.get_by_role("alert")).to_have_text("The agent does not answer. Has it ended?")
    await page.unroute("**/live*")
    await expect(page.get_by_role("alert")).to_have_count(0, timeout=15_000)
    await register(dashboard.agent)
    await expect(page.locator("details.event")).to_have_count(2)


@pytest.mark.parametrize("page", [True], indirect=True)
async def test_the_focus_stays_with_its_report_while_others_come_in(page: Page, dashboard: Dashboard) -> None:
    """Else the next press of a key would drop another."""
    await register(dashboard.agent)
    mine = (await dashboard.agent.reports.newest(limit=1))[0].id
    await page.goto(f"{dashboard.address}/reports")
    drop = page.get_by_role("button", name=f"Drop report {mine[:8]}")
    await drop.focus()
    await register(dashboard.agent)
    await expect(page.get_by_role("button", name="Drop report")).to_have_count(4)
    await expect(drop).to_be_focused()
    await page.keyboard.press("Enter")
    await expect(page.get_by_role("button", name="Drop report")).to_have_count(3)
    assert mine not in {report.id for report in await dashboard.agent.reports.all()}


@pytest.mark.parametrize("page", [True], indirect=True)
async def test_a_header_is_checked_while_it_is_typed(page: Page, dashboard: Dashboard) -> None:
    await page.goto(f"{dashboard.address}/header-lab")
    told = await page.locator("#checked").element_handle()
    await page.get_by_label("Value").fill('{"destination": 5}')
    await expect(page.locator("#checked")).to_contain_text("refused")
    await page.get_by_label("Value").fill('{"destination": "https://shop.test"}')
    await expect(page.locator("#checked")).to_contain_text("accepted")
    await expect(page.get_by_label("Value")).to_be_focused()
    assert await told.evaluate("region => region.isConnected"), "changes of a live region are heard, a new one is not"


@pytest.mark.parametrize("page", [True], indirect=True)
async def test_on_a_phone_the_newest_event_is_in_sight_beside_the_names_of_the_sites(
    page: Page, dashboard: Dashboard
) -> None:
    for _ in range(12):
        await register(dashboard.agent)
    await page.set_viewport_size({"width": 390, "height": 900})
    await page.goto(dashboard.address)
    lanes, newest = page.locator(".lanes"), page.locator(".dots g").last
    frame, dot, names = [await one.bounding_box() for one in (lanes, newest, page.locator(".lanes .names"))]
    assert frame is not None
    assert dot is not None
    assert names is not None
    assert names["x"] == frame["x"]
    assert names["x"] + names["width"] < dot["x"] <= frame["x"] + frame["width"] - dot["width"]
    assert await lanes.evaluate("element => element.scrollWidth > element.clientWidth"), "older ones are a scroll away"


@pytest.mark.parametrize("page", [True], indirect=True)
async def test_the_bundle_is_downloaded_from_the_settings(page: Page, dashboard: Dashboard) -> None:
    await page.goto(f"{dashboard.address}/settings")
    async with page.expect_download() as started:
        await page.get_by_role("link", name="Download all as a bundle").click()
    download = await started.value
    assert download.suggested_filename == "tallyhost-bundle.zip"
    assert await download.failure() is None

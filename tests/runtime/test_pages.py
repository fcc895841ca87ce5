"""Activation (current draft, section 9) and the fields of responses (section 11), from pages in Chromium."""

from __future__ import annotations

import asyncio

import pytest
from aiohttp import web

from agent.model.clock import MINUTE
from agent.model.limits import AttributionLimits
from agent.model.reports import ReportState
from agent.runtime import Agent
from tests.browser.ledger import site
from tests.report_contents import conversion
from tests.runtime.puppets import SAVE, Puppets

pytestmark = pytest.mark.browser
DURATION = AttributionLimits().activation_duration
LATER = DURATION + 1
REFUSED = "NotAllowedError"


@pytest.fixture
async def puppets(agent: Agent) -> Puppets:
    puppets = Puppets()
    for host in ("news.test", "www.news.test", "shop.test"):
        agent.map(host, puppets.app())
    return puppets


async def test_opening_an_address_activates_for_the_activation_duration(agent: Agent, puppets: Puppets) -> None:
    await agent.new_page("https://news.test/")
    await agent.clock.advance(DURATION)
    assert await puppets.run("news.test", SAVE) == "stored", "the bound is inclusive"


async def test_a_first_call_is_refused_when_the_activation_is_too_old(agent: Agent, puppets: Puppets) -> None:
    await agent.new_page("https://news.test/")
    await agent.clock.advance(LATER)
    assert await puppets.run("news.test", SAVE) == REFUSED
    assert await agent.state.impressions() == []


async def test_once_allowed_a_site_stays_allowed(agent: Agent, puppets: Puppets) -> None:
    await agent.new_page("https://news.test/")
    assert await puppets.run("news.test", SAVE) == "stored"
    await agent.clock.advance("1d")
    assert await puppets.run("news.test", SAVE) == "stored"


async def test_a_click_activates(agent: Agent, puppets: Puppets) -> None:
    page = await agent.new_page("https://news.test/")
    await agent.clock.advance(LATER)
    assert await puppets.run("news.test", SAVE) == REFUSED
    await page.mouse.click(20, 20)
    assert await puppets.run("news.test", SAVE) == "stored"


async def test_a_click_is_as_old_as_the_agents_clock_says(agent: Agent, puppets: Puppets) -> None:
    page = await agent.new_page("https://news.test/")
    await page.mouse.click(20, 20)
    await puppets.run("news.test", "0")
    await agent.clock.advance(LATER)
    assert await puppets.run("news.test", SAVE) == REFUSED


async def test_a_key_activates_but_escape_does_not(agent: Agent, puppets: Puppets) -> None:
    page = await agent.new_page("https://news.test/")
    await agent.clock.advance(LATER)
    await page.keyboard.press("Escape")
    assert await puppets.run("news.test", SAVE) == REFUSED
    await page.keyboard.press("a")
    assert await puppets.run("news.test", SAVE) == "stored"


async def test_a_click_in_a_cross_site_frame_activates_the_tab(agent: Agent, puppets: Puppets) -> None:
    page = await agent.new_page("https://news.test/")
    frame = "const f = document.createElement('iframe'); f.src = 'https://shop.test/'; document.body.append(f)"
    await puppets.run("news.test", frame)
    await puppets.run("shop.test", "0")
    await agent.clock.advance(LATER)
    assert await puppets.run("news.test", SAVE) == REFUSED
    await page.mouse.click(40, 40)
    assert await puppets.run("shop.test", SAVE) == "stored"
    assert await puppets.run("news.test", SAVE) == "stored"


async def test_events_that_a_script_makes_activate_nothing(agent: Agent, puppets: Puppets) -> None:
    await agent.new_page("https://news.test/")
    await agent.clock.advance(LATER)
    forged = """
        for (const type of ["mousedown", "pointerdown", "pointerup", "touchend", "keydown"])
            window.dispatchEvent(new MouseEvent(type, { bubbles: true }));
        document.body.click();
        Event.prototype.__defineGetter__("isTrusted", () => true);
        window.dispatchEvent(new KeyboardEvent("keydown", { key: "a" }));
    """
    await puppets.run("news.test", forged)
    assert await puppets.run("news.test", SAVE) == REFUSED


async def test_a_script_run_by_playwright_counts_as_a_gesture(agent: Agent, puppets: Puppets) -> None:
    page = await agent.new_page("https://news.test/")
    await agent.clock.advance(LATER)
    assert await page.evaluate(f"() => {SAVE}") == "stored"
    del puppets


async def test_a_link_to_another_site_starts_anew_and_one_within_the_site_does_not(
    agent: Agent, puppets: Puppets
) -> None:
    await agent.new_page("https://news.test/")
    assert await puppets.run("news.test", SAVE) == "stored"
    await agent.clock.advance(LATER)
    puppets.tell("news.test", "location.href = 'https://www.news.test/'")
    assert await puppets.run("www.news.test", SAVE) == "stored"
    puppets.tell("www.news.test", "location.href = 'https://shop.test/'")
    assert await puppets.run("shop.test", SAVE) == REFUSED


async def test_a_popup_needs_an_activation_of_its_own(agent: Agent, puppets: Puppets) -> None:
    page = await agent.new_page("https://news.test/")
    assert await puppets.run("news.test", SAVE) == "stored"
    async with page.expect_popup() as opening:
        puppets.tell("news.test", "open('https://shop.test/')")
    assert await puppets.run("shop.test", SAVE) == REFUSED
    popup = await opening.value
    await popup.mouse.click(20, 20)
    assert await puppets.run("shop.test", SAVE) == "stored"


async def test_tabs_are_activated_one_by_one(agent: Agent, puppets: Puppets) -> None:
    for name in ("one", "two"):
        await agent.new_page(f"https://news.test/?name={name}")
    await agent.clock.advance(LATER)
    await agent.context.pages[1].mouse.click(20, 20)
    assert await puppets.run("one", SAVE) == REFUSED
    assert await puppets.run("two", SAVE) == "stored"


MEASURE = 'aggregation-service="https://aggregator.test", histogram-size=4, report-url="/report"'


async def test_a_measure_conversion_report_is_posted_to_its_url_and_retried_at_5_and_15_minutes(agent: Agent) -> None:
    posted: list[tuple[int, str | None, bytes]] = []

    async def take(request: web.Request) -> web.Response:
        posted.append((agent.clock.now(), request.headers.get("Content-Type"), await request.read()))
        return web.Response(status=200 if len(posted) == 3 else 500)

    async def pixel(_request: web.Request) -> web.Response:
        return web.Response(headers={"Measure-Conversion": MEASURE})

    agent.map("adtech.test", site({"/pixel": pixel, "/report": take}))
    agent.map("shop.test", site({"/": '<img src="https://adtech.test/pixel">'}))
    start = agent.clock.now()
    await agent.new_page("https://shop.test/")
    async with asyncio.timeout(10):
        while not posted:
            await asyncio.sleep(0.02)
    for step in ("4m", "1m", "14m", "1m", "1d"):
        await agent.clock.advance(step)
    assert [(at - start) / MINUTE for at, _, _ in posted] == [0, 5, 20], "15 minutes after the second attempt"
    [report] = await agent.reports.wait(timeout=5)
    assert report.state is ReportState.SENT
    assert report.delivered_to == "https://adtech.test/report"
    assert {(kind, body) for _, kind, body in posted} == {("application/dap-report", report.body)}
    assert (conversion(report).conversion_site, conversion(report).collector) == ("shop.test", "adtech.test")


async def test_clear_site_data_removes_the_impressions_of_the_responses_site(agent: Agent) -> None:
    async def clear(_request: web.Request) -> web.Response:
        return web.Response(headers={"Clear-Site-Data": '"impressions"'})

    for host in ("news.test", "shop.test"):
        agent.map(host, site({"/clear": clear}))
        page = await agent.new_page(f"https://{host}/")
        await page.evaluate(f"() => {SAVE}")
    await page.evaluate("() => fetch('/clear')")
    assert [one.impression_site for one in await agent.state.impressions()] == ["news.test"]


@pytest.mark.parametrize("value", ["histogram-index=a", "priority=1", "histogram-index=1, match-value=-1", "((("])
async def test_a_field_that_is_wrong_is_ignored_as_a_whole_and_says_so(agent: Agent, value: str) -> None:
    async def answer(_request: web.Request) -> web.Response:
        return web.Response(headers={"Save-Impression": value})

    agent.map("news.test", site({"/field": answer}))
    page = await agent.new_page("https://news.test/")
    await page.evaluate("() => fetch('/field')")
    assert await agent.state.impressions() == []
    event = await agent.events.last("response-field")
    assert event is not None
    assert event.verdict == "ignored"


async def test_a_field_on_an_insecure_response_or_for_an_insecure_page_is_ignored(agent: Agent) -> None:
    async def answer(_request: web.Request) -> web.Response:
        return web.Response(headers={"Save-Impression": "histogram-index=1", "Access-Control-Allow-Origin": "*"})

    agent.map("news.test", site({"/field": answer}))
    page = await agent.new_page("http://news.test/")
    for url in ("http://news.test/field", "https://news.test/field"):
        await page.evaluate("(url) => fetch(url)", url)
    assert await agent.state.impressions() == []
    reasons = [event.trace.checks[0].detail for event in await agent.events.all()]
    assert reasons == ["the response did not come by https", "the document is no secure context"]


async def test_a_response_reaches_the_page_after_its_fields_are_stored(agent: Agent) -> None:
    async def answer(_request: web.Request) -> web.Response:
        return web.Response(headers={"Save-Impression": "histogram-index=1"})

    agent.map("news.test", site({"/field": answer}))
    page = await agent.new_page("https://news.test/")
    for count in range(1, 6):
        await page.evaluate("() => fetch('/field', { cache: 'no-store' })")
        assert len(await agent.state.impressions()) == count

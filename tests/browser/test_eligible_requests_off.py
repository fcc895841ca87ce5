"""Where Attribution Reporting is off or out of reach: no header, no background request, nothing registered."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
from playwright.async_api import Page

from agent.browser.launch import Browser
from agent.model.clock import Clock
from agent.model.settings import Settings
from agent.runtime import Agent
from tests.browser.announcing import Wire

pytestmark = pytest.mark.browser
PAGE = """<!doctype html><img attributionsrc="https://adtech.test/background" src="https://adtech.test/own">
<a attributionsrc="https://adtech.test/background" href="https://shop.test/navigation">go</a>
<script>
const options = { eventSourceEligible: true, triggerEligible: true };
fetch("https://adtech.test/option", { attributionReporting: options });
</script>"""


@asynccontextmanager
async def _page(browser: Browser, wire: Wire, url: str = "https://news.test/page", **how: Any) -> AsyncIterator[Page]:
    wire.pages["/page"] = PAGE
    maps = {host: wire.app() for host in ("news.test", "adtech.test", "shop.test")}
    async with Agent.launch(browser=browser, clock=Clock.frozen(), maps=maps, **how) as agent:
        yield await agent.new_page(url)


async def _use(page: Page, wire: Wire) -> dict[str, set[str] | None]:
    await page.click("a")
    await page.wait_for_url("https://shop.test/navigation")
    await asyncio.sleep(0.3)
    return {seen.url.rpartition("/")[2]: seen.eligible for seen in wire.seen}


async def test_by_default_it_is_on(agent_browser: Browser, wire: Wire) -> None:
    async with _page(agent_browser, wire) as page:
        seen = await _use(page, wire)
    assert {"background", "own", "option", "navigation"} <= seen.keys()
    assert None not in seen.values()
    assert wire.registered


@pytest.mark.parametrize(
    "how", [{"settings": Settings(attribution_reporting=False)}, {"private": True}, {"opted_out": True}]
)
async def test_the_switch_private_mode_and_opting_out_turn_it_off(
    agent_browser: Browser, wire: Wire, how: dict[str, Any]
) -> None:
    async with _page(agent_browser, wire, **how) as page:
        assert await page.evaluate("'attributionSrc' in HTMLImageElement.prototype"), "the interfaces stay"
        seen = await _use(page, wire)
    assert seen == {"own": None, "option": None, "navigation": None}
    assert wire.registered == []


async def test_a_page_without_a_secure_context_has_no_part_in_it(agent_browser: Browser, wire: Wire) -> None:
    wire.pages["/ambient"] = "<!doctype html><script>fetch('https://adtech.test/plain', { mode: 'no-cors' })</script>"
    async with _page(agent_browser, wire, "http://news.test/ambient") as page:
        assert await page.evaluate("isSecureContext") is False
        await wire.until(1)
        await asyncio.sleep(0.3)
    assert [seen.eligible for seen in wire.seen] == [None]
    assert wire.registered == []


async def test_a_hop_without_a_trustworthy_origin_gets_no_header_and_registers_nothing(
    agent_browser: Browser, wire: Wire
) -> None:
    wire.pages["/link"] = '<!doctype html><a attributionsrc href="https://shop.test/leave">go</a>'
    wire.redirects |= {"/leave": "http://shop.test/insecure", "/insecure": "https://shop.test/back"}
    async with _page(agent_browser, wire, "https://news.test/link") as page:
        await page.click("a")
        await page.wait_for_url("https://shop.test/back")
        registered = await wire.until_registered(2)
    hops = {seen.url.rpartition("/")[2]: seen.eligible for seen in wire.seen}
    assert hops == {"leave": {"navigation-source"}, "insecure": None, "back": {"navigation-source"}}
    assert [one.url for one in registered] == ["https://shop.test/leave", "https://shop.test/back"]


async def test_grease_can_be_turned_off(agent_browser: Browser, wire: Wire) -> None:
    async with _page(agent_browser, wire, settings=Settings(grease=False)) as page:
        await _use(page, wire)
    values = {
        (seen.get("Attribution-Reporting-Eligible"), seen.get("Attribution-Reporting-Support")) for seen in wire.seen
    }
    assert values == {("event-source, trigger", "web"), ("navigation-source", "web")}


async def test_the_variety_of_the_headers_is_the_seeds(agent_browser: Browser, wire: Wire) -> None:
    async def values(seed: int) -> list[str | None]:
        wire.seen.clear()
        wire.pages["/empty"] = "<!doctype html>"
        async with _page(agent_browser, wire, "https://news.test/empty", seed=seed) as page:
            for number in range(8):
                await page.evaluate(f"void (new Image().attributionSrc = 'https://adtech.test/x?{number}')")
                await wire.until(number + 1)
        return [seen.get("Attribution-Reporting-Eligible") for seen in wire.seen]

    assert await values(7) == await values(7)
    assert await values(7) != await values(8)

"""Playwright's own requests, which Chromium has no part in."""

from __future__ import annotations

import asyncio
import os

import pytest
from aiohttp import web
from playwright.async_api import Route

from agent.browser.launch import Browser
from agent.runtime import Agent
from tests.browser.ledger import site

pytestmark = pytest.mark.browser


async def _echo(request: web.Request) -> web.Response:
    return web.Response(text=f"{request.cookies.get('who')} {await request.text()}")


MAPS = {"news.test": site({"/echo": _echo})}


@pytest.mark.parametrize("scheme", ["https", "http"])
async def test_playwrights_own_requests_reach_mapped_hosts_as_those_of_pages_do(
    agent_browser: Browser, scheme: str
) -> None:
    async def changed(route: Route) -> None:
        response = await route.fetch()
        await route.fulfill(response=response, body=f"{await response.text()} changed")

    async with asyncio.timeout(30), Agent.launch(browser=agent_browser, maps=MAPS) as agent:
        page = await agent.new_page(f"{scheme}://news.test/")
        await page.evaluate("document.cookie = 'who=ada'")
        answer = await page.request.post(f"{scheme}://news.test/echo", data="own")
        assert await answer.text() == "ada own"
        await page.route("**/echo", changed)
        fetched = await page.evaluate("fetch('/echo', {method: 'POST', body: 'of a route'}).then((r) => r.text())")
        assert fetched == "ada of a route changed"


@pytest.mark.parametrize("origin", ["https://news.test", "http://localhost"])
async def test_no_api_hears_of_playwrights_own_requests(agent_browser: Browser, origin: str) -> None:
    async def answer(_: web.Request) -> web.Response:
        fields = {
            "Attribution-Reporting-Register-Source": '{"destination": "https://shop.test"}',
            "Clear-Site-Data": '"storage", "impressions"',
            "Save-Impression": "histogram-index=1",
            "Shared-Storage-Write": 'set;key="a";value="b"',
        }
        return web.Response(headers=fields)

    maps = {"news.test": site({"/": answer}), "localhost": site({"/": answer})}
    async with asyncio.timeout(30), Agent.launch(browser=agent_browser, maps=maps) as agent:
        assert (await agent.context.request.get(f"{origin}/")).ok
        await agent.arrived()
        assert await agent.events.all() == []
        await agent.new_page(f"{origin}/")
        assert await agent.events.all() != [], "a page's own request is heard"


async def test_drivers_that_start_together_each_trust_their_own_authority(monkeypatch: pytest.MonkeyPatch) -> None:
    async def ask() -> str:
        async with Agent.launch(maps=MAPS) as agent:
            return await (await agent.context.request.get("https://news.test/echo")).text()

    monkeypatch.setenv("NODE_EXTRA_CA_CERTS", "the test's own")
    async with asyncio.timeout(60):
        assert set(await asyncio.gather(ask(), ask())) == {"None "}
    assert os.environ["NODE_EXTRA_CA_CERTS"] == "the test's own"

"""From a page's response to a delivered report: registrations between the front and the engine."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import pytest
from aiohttp import web

from agent.model.clock import DAY, SECOND
from agent.runtime import Agent
from tests.browser.ledger import site
from tests.browser.network.support import scripted

pytestmark = pytest.mark.browser
SOURCE = json.dumps({"source_event_id": "7", "destination": "https://shop.test"})
TRIGGER = json.dumps({"event_trigger_data": [{"trigger_data": "1"}]})
OPTIONS = "{ attributionReporting: { eventSourceEligible: true, triggerEligible: true } }"
REPORT = "/.well-known/attribution-reporting/report-event-attribution"


class AdTech:
    """The reporting origin at adtech.test: ``/source``, ``/trigger``, ``/clear``, and where reports go."""

    def __init__(self) -> None:
        self.reports: list[dict[str, Any]] = []

    def app(self) -> web.Application:
        """The application for ``agent.map``."""
        fields = {
            "/source": {"Attribution-Reporting-Register-Source": SOURCE},
            "/trigger": {"Attribution-Reporting-Register-Trigger": TRIGGER},
            "/clear": {"Clear-Site-Data": '"storage"'},
        }

        async def answer(request: web.Request) -> web.Response:
            if request.path == REPORT:
                self.reports.append(await request.json())
            cors = {"Access-Control-Allow-Origin": "*"}
            return web.Response(headers=cors | fields.get(request.path, {}))

        return site(dict.fromkeys([*fields, REPORT], answer))


@pytest.fixture
async def adtech(agent: Agent) -> AdTech:
    """The three hosts of the tests."""
    adtech = AdTech()
    agent.map("adtech.test", adtech.app())
    for host in ("news.test", "shop.test"):
        agent.map(host, site({}))
    return adtech


async def _ask(agent: Agent, top: str, path: str) -> None:
    page = await agent.new_page(f"https://{top}/")
    await page.evaluate(f"fetch('https://adtech.test{path}', {OPTIONS}).then(() => 0)")


async def test_a_report_follows_from_a_source_and_a_trigger(agent: Agent, adtech: AdTech) -> None:
    await _ask(agent, "news.test", "/source")
    await _ask(agent, "shop.test", "/trigger")
    await agent.clock.advance("32d")
    [report] = adtech.reports
    assert (report["source_event_id"], report["attribution_destination"]) == ("7", "https://shop.test")


async def test_what_a_page_has_seen_is_registered_before_the_clock_moves(agent: Agent, adtech: AdTech) -> None:
    page = await agent.new_page("https://news.test/")
    began = agent.clock.now()
    await page.evaluate(
        f"Promise.all(Array.from({{ length: 20 }}, () => fetch('https://adtech.test/source', {OPTIONS}))).then(() => 0)"
    )
    await agent.clock.advance("10d")
    await _ask(agent, "shop.test", "/trigger")
    await agent.clock.advance("40d")
    [report] = adtech.reports
    scheduled = int(report["scheduled_report_time"]) * SECOND
    assert began + 30 * DAY <= scheduled < began + 31 * DAY, "the source's own time counts, not that of its processing"


async def test_clear_site_data_for_storage_clears_the_reporting_origin(agent: Agent, adtech: AdTech) -> None:
    await _ask(agent, "news.test", "/source")
    await _ask(agent, "news.test", "/clear")
    await _ask(agent, "shop.test", "/trigger")
    await agent.clock.advance("32d")
    assert adtech.reports == []


async def test_sources_and_triggers_of_responses_that_are_not_eligible_come_to_what_they_may(
    agent: Agent, adtech: AdTech
) -> None:
    page = await agent.new_page("https://news.test/")
    await page.evaluate("fetch('https://adtech.test/source').then(() => 0)")
    await _ask(agent, "shop.test", "/trigger")
    await agent.clock.advance("32d")
    assert adtech.reports == [], "a plain request registers no source"
    await _ask(agent, "news.test", "/source")
    page = await agent.new_page("https://shop.test/")
    await page.evaluate("fetch('https://adtech.test/trigger').then(() => 0)")
    await agent.clock.advance("32d")
    assert len(adtech.reports) == 1, "a plain request registers a trigger"


async def test_a_source_whose_host_is_not_mapped_is_told_and_holds_no_trigger_back(agent: Agent) -> None:
    link = "<a attributionsrc='https://nowhere.test/source' href='https://shop.test/landing'>go</a>"
    agent.map("news.test", site({"/": link}))
    agent.map("shop.test", site({"/landing": "<img src='https://adtech.test/trigger'>"}))
    agent.map("adtech.test", AdTech().app())
    page = await agent.new_page("https://news.test/")
    await page.click("a")
    await page.wait_for_url("https://shop.test/landing")
    async with asyncio.timeout(10):  # twenty seconds is what a server may take that is there
        while await agent.events.last("trigger-registration") is None:
            await asyncio.sleep(0.05)
    ignored = await agent.events.last("registration")
    assert ignored is not None
    assert "nowhere.test is not mapped" in ignored.summary
    assert "--map" in ignored.trace.checks[0].fix


async def test_a_document_that_may_not_register_is_told_why_and_what_to_do(agent: Agent) -> None:
    page = site({"/": "<img src='https://adtech.test/trigger'>"}, {"Permissions-Policy": "attribution-reporting=()"})
    agent.map("shop.test", page)
    agent.map("adtech.test", AdTech().app())
    await agent.new_page("https://shop.test/")
    await agent.arrived()
    ignored = await agent.events.last("registration")
    assert ignored is not None
    [check] = ignored.trace.checks
    assert check.detail == "the permissions policy of https://shop.test forbids attribution-reporting"
    assert "Permissions-Policy" in check.fix


async def test_a_response_whose_head_chromium_would_not_take_registers_nothing_and_is_told(agent: Agent) -> None:
    padded = TRIGGER + " " * 300_000

    async def oversized(request: asyncio.StreamReader, response: asyncio.StreamWriter) -> None:
        await request.readuntil(b"\r\n\r\n")
        fields = f"Attribution-Reporting-Register-Trigger: {padded}\r\nContent-Length: 0\r\n\r\n"
        response.write(f"HTTP/1.1 200 OK\r\nX: y\r\n{fields}".encode())
        await response.drain()
        response.close()

    agent.map("shop.test", site({}))
    async with scripted(oversized) as url:
        agent.map("adtech.test", url)
        page = await agent.new_page("https://shop.test/")
        ask = f"fetch('https://adtech.test/trigger', {OPTIONS}).then(() => 'response', (error) => error.name)"
        assert await page.evaluate(ask) == "TypeError"
    await agent.arrived()
    ignored = await agent.events.last("registration")
    assert ignored is not None
    assert "the response head is larger than 262144 bytes" in ignored.summary
    assert await agent.events.last("trigger-registration") is None

"""Chaos as its owner switches it on, and as pages in Chromium see it."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from aiohttp import web
from playwright.async_api import Error as PlaywrightError
from playwright.async_api import Page

from agent.browser.launch import Browser
from agent.model.attribution import CallContext, Dialect
from agent.model.clock import HOUR, Clock
from agent.model.errors import UsageError
from agent.model.events import Event
from agent.model.reports import ReportState
from agent.runtime import Agent

CONVERSION = {"aggregationService": "https://aggregator.test", "histogramSize": 2}
COLLECTOR = "https://collector.test/reports"


class Collector:
    """A site whose server counts what it is asked."""

    def __init__(self) -> None:
        self.asked: list[str] = []
        self.app = web.Application()
        self.app.router.add_route("*", "/{path:.*}", self._answer)

    async def _answer(self, request: web.Request) -> web.Response:
        self.asked.append(f"{request.method} {request.path}")
        headers = {"Cache-Control": "max-age=3600"} if request.path == "/cached" else {}
        return web.Response(text="<!doctype html><title>here</title>", content_type="text/html", headers=headers)


def launched(browser: Browser, collector: Collector) -> Any:
    maps = {"shop.test": collector.app}
    return Agent.launch(browser=browser, clock=Clock.frozen(), seed=7, maps=maps)


async def told(agent: Agent, count: int) -> list[Event]:
    """The first ``count`` events of chaos, which are told beside the requests."""
    async with asyncio.timeout(5), agent.events.news:
        while len(events := await agent.events.all("chaos")) < count:
            await agent.events.news.wait()
    return events


async def status_of(page: Page, path: str) -> int:
    status: int = await page.evaluate("async path => (await fetch(path)).status", path)
    return status


async def test_rules_are_set_replaced_and_cleared_and_a_bad_one_changes_nothing() -> None:
    async with Agent.open_profile(":memory:", clock=Clock.frozen()) as agent:
        assert agent.chaos.document() == {"offline": False, "rules": []}
        agent.chaos.set("adtech.test", fail="50%")
        agent.chaos.put({"host": "*.shop.test", "stall": "30s", "times": 3})
        before = agent.chaos.rules
        for bad in ({"fail": "200%"}, {"fall": 1}, {"stall": "-1s"}):
            with pytest.raises(UsageError):
                agent.chaos.put({"host": "adtech.test", **bad})
        with pytest.raises(UsageError, match="there is no chaos for") as caught:
            agent.chaos.clear("shop.test")
        assert "adtech.test, *.shop.test" in caught.value.fix
        assert agent.chaos.rules == before
        agent.chaos.clear("adtech.test")
        assert [rule.host for rule in agent.chaos.rules] == ["*.shop.test"]
        agent.chaos.clear()
        assert agent.chaos.rules == ()


async def test_what_the_owner_sets_and_ends_leaves_events_and_what_changes_nothing_leaves_none() -> None:
    async with Agent.open_profile(":memory:", clock=Clock.frozen()) as agent:
        agent.chaos.set("adtech.test", fail="50%")
        agent.chaos.put({"host": "*.shop.test", "stall": "30s"})
        with pytest.raises(UsageError):
            agent.chaos.put({"host": "adtech.test", "fail": "200%"})
        with pytest.raises(UsageError):
            agent.chaos.clear("shop.test")
        agent.chaos.clear("adtech.test")
        agent.chaos.clear()
        agent.chaos.clear()
        for offline in (False, True, True, False):
            await agent.set_offline(offline)
        async with asyncio.timeout(5), agent.events.news:
            while len(events := await agent.events.all()) < 6:
                await agent.events.news.wait()
    assert [(event.kind, event.verdict, event.data.get("host")) for event in events] == [
        ("chaos.rule", "set", "adtech.test"),
        ("chaos.rule", "set", "*.shop.test"),
        ("chaos.rule", "cleared", "adtech.test"),
        ("chaos.rule", "cleared", "*.shop.test"),
        ("chaos.offline", "offline", None),
        ("chaos.offline", "online", None),
    ]
    assert events[0].data["rule"]["fail"] == 0.5
    assert events[0].summary == "chaos for adtech.test: 50 % fail with 503, by the profile's owner"


async def test_the_profile_says_whether_it_is_offline() -> None:
    async with Agent.open_profile(":memory:", clock=Clock.frozen()) as agent:
        await agent.set_offline(True)
        assert agent.chaos.offline
        await agent.set_offline(False)
        assert not agent.chaos.offline


async def test_a_report_that_chaos_failed_is_delivered_later_and_explain_tells_that_it_was_chaos() -> None:
    collector = Collector()
    async with Agent.open_profile(":memory:", clock=Clock.frozen(), seed=7) as agent:
        agent.map("collector.test", collector.app)
        agent.chaos.set("collector.test", fail=1, times=2)
        context = CallContext("shop.test")
        assert isinstance(
            await agent.measure_conversion(Dialect.CURRENT, context, CONVERSION, report_url=COLLECTOR), bytes
        )
        await agent.clock.advance(HOUR)
        await agent.clock.advance(HOUR)
        await agent.clock.advance(HOUR)
        (report,) = await agent.reports.all()
        assert (report.state, report.attempts) == (ReportState.SENT, 3)
        assert collector.asked == ["POST /reports"]
        explanation = await agent.explain(f"report:{report.id}")
        told = [(node.title, check) for node in explanation.children for check in node.checks if not check.passed]
        chaos = {title: check for title, check in told if check.rule == "no chaos"}
        assert list(chaos) == ["attempt 1", "attempt 2"]
        assert all("collector.test" in check.detail and check.fix for check in chaos.values())
        assert [event.data["report"] for event in await agent.events.all("chaos")] == [report.id] * 2


@pytest.mark.browser
async def test_pages_see_the_status_the_delay_and_what_the_cache_holds_as_ever(agent_browser: Browser) -> None:
    collector = Collector()
    async with launched(agent_browser, collector) as agent:
        page = await agent.new_page("https://shop.test/")
        assert await status_of(page, "/cached") == 200
        asked = len(collector.asked)
        agent.chaos.set("shop.test", fail=1, status=500)
        assert await status_of(page, "/fresh") == 500
        assert await status_of(page, "/cached") == 200, "out of Chromium's cache, which no rule turns off"
        assert len(collector.asked) == asked
        agent.chaos.set("shop.test", slow="300ms")
        waited = await page.evaluate(
            "async () => { const t = performance.now(); await fetch('/fresh'); return performance.now() - t; }"
        )
        assert waited >= 300
        failed, slowed = await told(agent, 2)
        assert (failed.verdict, failed.data["url"]) == ("failed", "https://shop.test/fresh")
        assert (slowed.verdict, slowed.site) == ("slowed", "shop.test")


@pytest.mark.browser
async def test_a_page_sees_a_reset_once_for_each_strike_although_chromium_repeats_requests_itself(
    agent_browser: Browser,
) -> None:
    collector = Collector()
    async with launched(agent_browser, collector) as agent:
        page = await agent.new_page("https://shop.test/")
        agent.chaos.set("shop.test", reset=1, times=1)  # the icon that Chromium asks for about now does not count
        with pytest.raises(PlaywrightError, match="Failed to fetch"):
            await status_of(page, "/first")
        assert await status_of(page, "/first") == 200
        assert len(await told(agent, 1)) == 1
        agent.chaos.set("shop.test", reset=1)
        with pytest.raises(PlaywrightError, match="net::ERR_CONNECTION_RESET"):
            await page.goto("https://shop.test/next")


@pytest.mark.browser
async def test_a_rule_that_spares_pages_is_not_seen_by_them(agent_browser: Browser) -> None:
    async with launched(agent_browser, Collector()) as agent:
        agent.chaos.set("*", fail=1, pages=False)
        page = await agent.new_page("https://shop.test/")
        assert await status_of(page, "/") == 200


@pytest.mark.browser
async def test_a_stalled_document_shows_an_error_and_a_failed_one_says_whose_it_is(agent_browser: Browser) -> None:
    async with launched(agent_browser, Collector()) as agent:
        page = await agent.new_page()
        agent.chaos.set("shop.test", stall="200ms", times=1)
        with pytest.raises(PlaywrightError, match="net::ERR_"):
            await page.goto("https://shop.test/")
        agent.chaos.set("shop.test", fail=1)
        page = await agent.new_page()
        response = await page.goto("https://shop.test/")
        assert response is not None
        assert response.status == 503
        assert "tallyhost chaos clear shop.test" in await page.inner_text("body")

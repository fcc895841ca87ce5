"""Scripts, trusted signals and permissions of auctions: how they are asked for, and what may be used (section 2)."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from typing import Any

import pytest
from aiohttp import web
from multidict import CIMultiDict

from agent.browser.auction_fetches import AuctionFetches, TrustedSignals, Unusable
from agent.browser.documents import Document
from agent.browser.launch import Browser
from agent.model.worklets import WorkletScript
from agent.runtime import Agent

PUBLISHER, BUYER = "https://publisher.test", "https://buyer.test"
ALLOWED = {"Ad-Auction-Allowed": "true"}


@dataclass
class Server:
    """Answers each path as it is told, and remembers the headers of what was asked."""

    answers: dict[str, web.Response] = field(default_factory=dict)
    asked: dict[str, CIMultiDict[str]] = field(default_factory=dict)

    def app(self) -> web.Application:
        """The application for ``agent.map``."""
        app = web.Application()
        app.router.add_get("/{path:.*}", self._answer)
        return app

    async def _answer(self, request: web.Request) -> web.StreamResponse:
        self.asked[request.host + request.path_qs] = CIMultiDict(request.headers)
        told = self.answers.get(request.path)
        if told is None:
            return web.Response(text="<!doctype html>", content_type="text/html", headers={"Set-Cookie": "seen=1"})
        return web.Response(status=told.status, reason=told.reason, headers=told.headers, body=told.body)


@dataclass
class Page:
    """A page at publisher.test, and what it fetches."""

    fetches: AuctionFetches
    document: Document

    async def script(self, path: str = "/bid.js") -> WorkletScript | Unusable:
        """A script of the buyer."""
        async with asyncio.timeout(10):
            return await self.fetches.script(self.document, f"{BUYER}{path}")

    async def signals(self, path: str) -> TrustedSignals | Unusable:
        """Trusted signals of the buyer."""
        async with asyncio.timeout(10):
            return await self.fetches.signals(self.document, f"{BUYER}{path}")


@pytest.fixture
async def server(agent: Agent) -> Server:
    """Stands behind both hosts."""
    server = Server()
    for host in ("publisher.test", "buyer.test"):
        agent.map(host, server.app())
    return server


@pytest.fixture
async def page(agent: Agent, agent_browser: Browser, server: Server) -> Page:
    """A page that stands; it has been at the buyer's, who has set a cookie."""
    del server
    tab = await agent.new_page(f"{BUYER}/")
    await tab.goto(f"{PUBLISHER}/")
    frames = agent_browser.request_clients.observer.frames.frames.values()
    [document] = [frame.document for frame in frames if frame.document and frame.document.origin == PUBLISHER]
    return Page(AuctionFetches(agent_browser.channel.worklet_scripts), document)


def script(text: str = "", content_type: str = "text/javascript", **more: Any) -> web.Response:
    return web.Response(
        body=text.encode(), headers={"Content-Type": content_type, **more.pop("headers", ALLOWED)}, **more
    )


def asked_as(fields: CIMultiDict[str]) -> dict[str, str]:
    names = ("accept", "sec-fetch-site", "sec-fetch-mode", "sec-fetch-dest", "origin", "referer", "cookie")
    return {name: fields[name] for name in names if name in fields}


@pytest.mark.browser
async def test_a_script_is_asked_for_as_real_chromium_does(page: Page, server: Server) -> None:
    server.answers["/bid.js"] = script("function generateBid() {}")
    assert await page.script() == WorkletScript(f"{BUYER}/bid.js", "function generateBid() {}")
    assert asked_as(server.asked["buyer.test/bid.js"]) == {
        "accept": "application/javascript",
        "sec-fetch-site": "cross-site",
        "sec-fetch-mode": "no-cors",
        "sec-fetch-dest": "empty",
    }


@pytest.mark.browser
@pytest.mark.parametrize(
    ("response", "problem"),
    [
        (
            script(headers={}),
            "Rejecting load of {} due to lack of Ad-Auction-Allowed: true (or the deprecated X-Allow-FLEDGE: true).",
        ),
        (
            script(headers={"Ad-Auction-Allowed": "?1"}),
            "Rejecting load of {} due to lack of Ad-Auction-Allowed: true (or the deprecated X-Allow-FLEDGE: true).",
        ),
        (script(content_type="text/html"), "Rejecting load of {} due to unexpected MIME type."),
        (script(status=404), "Failed to load {} HTTP status = 404 Not Found."),
        (script(status=302, headers={"Location": "/other.js"}), "Failed to load {} error = net::ERR_FAILED."),
    ],
)
async def test_what_is_no_script_for_auctions(page: Page, server: Server, response: web.Response, problem: str) -> None:
    server.answers["/bid.js"] = response
    assert await page.script() == Unusable(problem.format(f"{BUYER}/bid.js"))


@pytest.mark.browser
async def test_the_older_name_of_the_permission_will_do(page: Page, server: Server) -> None:
    server.answers["/bid.js"] = script(headers={"X-Allow-FLEDGE": "true"})
    assert isinstance(await page.script(), WorkletScript)


@pytest.mark.browser
async def test_trusted_signals_are_asked_for_as_real_chromium_does(page: Page, server: Server) -> None:
    server.answers["/tbs"] = script('{"k1":1}', "application/json", headers={**ALLOWED, "Data-Version": "5"})
    signals = await page.signals("/tbs?keys=k1,k2")
    assert isinstance(signals, TrustedSignals)
    assert signals == TrustedSignals({"k1": 1}, 5, 1, signals.fetch_time)
    assert 0 <= signals.fetch_time < 10_000
    assert asked_as(server.asked["buyer.test/tbs?keys=k1,k2"]) == {
        "accept": "application/json",
        "sec-fetch-site": "same-origin",
        "sec-fetch-mode": "cors",
        "sec-fetch-dest": "empty",
    }
    server.answers["/tbs"] = script("[]", "application/json")
    assert isinstance(await page.signals("/tbs"), Unusable)


@pytest.mark.browser
async def test_an_owner_tells_whom_it_lets_join_its_groups(page: Page, server: Server) -> None:
    path = "/.well-known/interest-group/permissions/"
    shared = {"Access-Control-Allow-Origin": "*"}
    server.answers[path] = script('{"joinAdInterestGroup":true}', "application/json", headers=shared)
    assert await page.fetches.permissions(page.document, BUYER) == {"joinAdInterestGroup": True}
    assert f"buyer.test{path}?origin=https%3A%2F%2Fpublisher.test" in server.asked
    server.answers[path] = script('{"joinAdInterestGroup":true}', "application/json", headers={})
    assert await page.fetches.permissions(page.document, BUYER) == {}

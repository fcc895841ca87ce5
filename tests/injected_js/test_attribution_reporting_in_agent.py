"""The scripts and their host together: what the server sees, and what is registered."""

from __future__ import annotations

import asyncio

import pytest

from agent.model.attribution_reporting.eligibility import Eligibility, RegistrationResponse
from agent.runtime import Agent
from tests.browser.announcing import Wire

pytestmark = pytest.mark.browser
BOTH = {"event-source", "trigger"}


@pytest.fixture
async def wire(agent: Agent, monkeypatch: pytest.MonkeyPatch) -> Wire:
    """The server behind every host; what is registered ends there."""
    wire = Wire()

    async def register(_agent: Agent, response: RegistrationResponse) -> None:
        wire.registered.append(response)

    monkeypatch.setattr(Agent, "register", register)
    for host in ("news.test", "adtech.test", "shop.test"):
        agent.map(host, wire.app())
    return wire


async def test_a_parsed_element_registers_with_its_background_and_its_own_request(agent: Agent, wire: Wire) -> None:
    wire.pages["/page"] = "<!doctype html><img attributionsrc=https://adtech.test/source src=https://adtech.test/own>"
    await agent.new_page("https://news.test/page")
    seen = {one.url: one.eligible for one in await wire.until(2)}
    assert seen == {"https://adtech.test/source": BOTH, "https://adtech.test/own": BOTH}
    registered = {one.url: (one.context_origin, one.eligibility) for one in await wire.until_registered(2)}
    assert registered == dict.fromkeys(seen, ("https://news.test", Eligibility.EVENT_SOURCE_OR_TRIGGER))


async def test_a_clicked_link_registers_with_its_navigation_and_its_background_request(
    agent: Agent, wire: Wire
) -> None:
    link = "<a id=a href=https://shop.test/source-land attributionsrc=https://adtech.test/source>x</a>"
    wire.pages["/page"] = f"<!doctype html>{link}"
    page = await agent.new_page("https://news.test/page")
    await page.click("#a")
    await wire.until(2)
    assert [one.eligible for one in wire.seen] == [{"navigation-source"}] * 2
    registered = await wire.until_registered(2)
    assert {one.url for one in registered} == {"https://shop.test/source-land", "https://adtech.test/source"}
    assert len({one.navigation for one in registered}) == 1
    assert registered[0].navigation != ""


async def test_a_document_fetched_for_prerendering_registers_when_it_is_shown(agent: Agent, wire: Wire) -> None:
    rules = '{"prerender":[{"urls":["/next"],"eagerness":"immediate"}]}'
    wire.pages["/page"] = f"<!doctype html><script type=speculationrules>{rules}</script>"
    wire.pages["/next"] = """<!doctype html><title>next</title><img attributionsrc=/parsed>
        <script>new Image().attributionSrc = "/set";</script>"""
    page = await agent.new_page("https://news.test/page")
    await asyncio.sleep(1)
    assert wire.seen == []
    await page.evaluate("location.href = '/next'")
    await wire.until(2)
    assert {one.url for one in wire.seen} == {"https://news.test/parsed", "https://news.test/set"}
    assert [one.eligible for one in wire.seen] == [BOTH, BOTH]
    delivered = "performance.getEntriesByType('navigation')[0].deliveryType"
    assert await page.evaluate(delivered) == "navigational-prefetch", "it was not fetched ahead"
    assert await page.title() == "next"


async def test_a_document_that_takes_over_a_window_registers(agent: Agent, wire: Wire) -> None:
    wire.pages["/page"] = """<!doctype html><body><script>
        const frame = document.createElement("iframe");
        frame.src = "/frame";
        document.body.append(frame);
        frame.contentWindow.mine = 1;
        </script>"""
    wire.pages["/frame"] = "<!doctype html><img attributionsrc=https://adtech.test/source>"
    page = await agent.new_page("https://news.test/page")
    await wire.until(1)
    assert (wire.seen[0].url, wire.seen[0].eligible) == ("https://adtech.test/source", BOTH)
    assert await page.evaluate("frame.contentWindow.mine") == 1

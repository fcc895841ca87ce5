"""Hosts that are not there: people see a page that says why, scripts see what real Chromium shows them."""

from __future__ import annotations

from pathlib import Path

import pytest
from playwright.async_api import Error as PlaywrightError

from agent.browser.launch import Browser
from agent.model.clock import Clock
from agent.runtime import Agent

pytestmark = pytest.mark.browser


@pytest.fixture
def site(tmp_path: Path) -> Path:
    (tmp_path / "index.html").write_text("<!doctype html><title>news</title>")
    return tmp_path


async def test_a_document_of_a_host_that_is_not_mapped_says_so_and_leaves_an_event(agent_browser: Browser) -> None:
    async with Agent.launch(browser=agent_browser, clock=Clock.frozen()) as agent:
        page = await agent.new_page("https://nope.test/where")
        assert "nope.test is not mapped" in await page.inner_text("body")
        event = await agent.events.last("navigation")
        assert event is not None
        assert (event.verdict, event.data["url"]) == ("refused", "https://nope.test/where")
        assert "not mapped" in event.summary


async def test_a_document_of_a_server_that_does_not_answer_leaves_an_event(agent_browser: Browser) -> None:
    maps = {"shop.test": "http://localhost:1"}
    async with Agent.launch(browser=agent_browser, clock=Clock.frozen(), maps=maps) as agent:
        await agent.new_page("https://shop.test/")
        event = await agent.events.last("navigation")
        assert event is not None
        assert "does not answer" in event.summary


@pytest.mark.parametrize("mode", ["cors", "no-cors"])
async def test_a_script_s_request_to_a_host_that_is_not_mapped_is_a_network_error(
    agent_browser: Browser, site: Path, mode: str
) -> None:
    async with Agent.launch(browser=agent_browser, clock=Clock.frozen(), maps={"news.test": site}) as agent:
        page = await agent.new_page("https://news.test/")
        with pytest.raises(PlaywrightError, match="TypeError: Failed to fetch"):
            await page.evaluate(f"fetch('https://nope.test/', {{mode: '{mode}'}})")


async def test_webrtc_finds_no_address_to_send_from(agent_browser: Browser, site: Path) -> None:
    async with Agent.launch(browser=agent_browser, clock=Clock.frozen(), maps={"news.test": site}) as agent:
        page = await agent.new_page("https://news.test/")
        candidates = await page.evaluate("""async () => {
          const peer = new RTCPeerConnection({iceServers: [{urls: 'stun:127.0.0.1:9'}]}), found = [];
          peer.createDataChannel('x');
          const done = new Promise(resolve => peer.onicecandidate = e => {
            if (e.candidate === null) resolve(); else found.push(e.candidate.candidate);
          });
          await peer.setLocalDescription(await peer.createOffer());
          await done;
          return found.filter(text => text);
        }""")
        assert candidates == []


async def test_chromium_resolves_no_name_by_itself(agent_browser: Browser) -> None:
    # A context of nobody has no front: its requests go where Chromium's own would go.
    context = await agent_browser._browser.new_context()
    page = await context.new_page()
    with pytest.raises(PlaywrightError, match="ERR_NAME_NOT_RESOLVED"):
        await page.goto("http://localhost:8099/")
    await context.close()

"""What the observer knows stays true, and does not grow, over a long session."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from agent.browser.launch import Browser
from agent.runtime import Agent
from tests.browser.ledger import site

pytestmark = pytest.mark.browser
FRAMES = '<iframe src="https://ads.test/"></iframe><iframe src="/inner"></iframe><iframe srcdoc="x"></iframe>'


async def _until_frames(browser: Browser, context_id: str, expected: set[str]) -> None:
    found: set[str] = set()
    async with asyncio.timeout(5):
        while True:
            frames = [f for f in browser._observer.frames.frames.values() if f.context_id == context_id]
            found = {frame.document.url for frame in frames if frame.document is not None}
            if found == expected and len(frames) == len(expected):
                return
            await asyncio.sleep(0.02)


@pytest.fixture
async def context_id(agent: Agent, agent_browser: Browser) -> str:
    agent.map("news.test", site({"/": FRAMES}))
    agent.map("shop.test", site({"/": FRAMES}))
    agent.map("ads.test", site({"/": '<iframe src="https://deep.test/"></iframe>'}))
    agent.map("deep.test", site({}))
    return list(agent_browser.channel.profiles)[-1]


def _frames(top: str) -> set[str]:
    return {f"https://{top}/", f"https://{top}/inner", "about:srcdoc", "https://ads.test/", "https://deep.test/"}


async def test_frames_come_and_go_with_their_documents(agent: Agent, agent_browser: Browser, context_id: str) -> None:
    page = await agent.new_page("https://news.test/")
    await _until_frames(agent_browser, context_id, _frames("news.test"))
    await page.goto("https://shop.test/")
    await _until_frames(agent_browser, context_id, _frames("shop.test"))
    await page.goto("https://news.test/")
    await _until_frames(agent_browser, context_id, _frames("news.test"))
    await page.evaluate("document.querySelectorAll('iframe').forEach((frame) => frame.remove())")
    await _until_frames(agent_browser, context_id, {"https://news.test/"})
    await page.close()
    await _until_frames(agent_browser, context_id, set())


async def test_a_frame_that_moves_between_processes_stays_one_frame(
    agent: Agent, agent_browser: Browser, context_id: str
) -> None:
    page = await agent.new_page("https://shop.test/inner")
    await page.evaluate("document.body.append(document.createElement('iframe'))")
    for url in ("https://ads.test/", "https://shop.test/inner2", "https://deep.test/", "https://shop.test/inner3"):
        await page.evaluate(
            "(src) => new Promise((onload) => Object.assign(document.querySelector('iframe'), { onload, src }))",
            url,
        )
        nested = {"https://deep.test/"} if url == "https://ads.test/" else set()
        await _until_frames(agent_browser, context_id, {"https://shop.test/inner", url, *nested})


async def test_a_frame_that_is_gone_at_once_has_what_its_iframe_allowed_the_document_before(
    agent: Agent, agent_browser: Browser, monkeypatch: pytest.MonkeyPatch
) -> None:
    agent.map("news.test", site({"/": '<iframe allow="save-impression" src="/inner"></iframe>'}))
    page = await agent.new_page("https://news.test/")
    frames = agent_browser._observer.frames.frames.values()
    [frame] = [one for one in frames if one.document is not None and one.document.url == "https://news.test/inner"]
    before = frame.document
    assert before is not None
    await before.policy_known()
    assert before.container["save-impression"].matches("https://news.test")
    call = agent_browser._pipe.call

    async def gone(method: str, *arguments: Any, **options: Any) -> Any:
        return {"error": {}} if method == "DOM.describeNode" else await call(method, *arguments, **options)

    monkeypatch.setattr(agent_browser._pipe, "call", gone)
    await page.evaluate("""() => new Promise((done) => {
        const frame = document.querySelector("iframe");
        frame.onload = done;
        frame.src = "/other";
    }).then(() => 0)""")
    assert frame.document is not None
    assert frame.document.url == "https://news.test/other"
    await frame.document.policy_known()
    assert frame.document.container is before.container


async def test_nothing_is_kept_of_requests_that_ended(agent: Agent, agent_browser: Browser, context_id: str) -> None:
    page = await agent.new_page("https://deep.test/")
    await page.evaluate("async () => { for (let i = 0; i < 50; i++) await (await fetch(`/${i}`)).text(); }")
    sessions = agent_browser._observer.sessions.values()
    [session] = [s for s in sessions if s.type == "page" and s.context_id == context_id]
    async with asyncio.timeout(5):
        while len(session.requests) > 1:
            await asyncio.sleep(0.02)

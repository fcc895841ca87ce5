"""What pages make the host keep is bounded, however long their URLs are."""

from __future__ import annotations

import asyncio
import gc
import tracemalloc
from collections.abc import Iterator

import pytest

from agent.browser import sessions
from agent.runtime import Agent
from tests.browser.ledger import site

pytestmark = pytest.mark.browser
REQUESTS = 150
LENGTH = 200_000
MEGABYTE = 1 << 20
ELEMENTS = """({ count, length }) => {
    for (let i = 0; i < count; i++) {
        const image = new Image();
        image.setAttribute("attributionsrc", "");
        image.src = `https://nowhere.test/element/${i}/${"x".repeat(length)}`;
    }
}"""
FETCHES = """({ count, length }) => {
    const attributionReporting = { eventSourceEligible: true, triggerEligible: false };
    for (let i = 0; i < count; i++) {
        const url = `https://nowhere.test/fetch/${i}/${"x".repeat(length)}`;
        fetch(url, { mode: "no-cors", attributionReporting }).catch(() => 0);
    }
}"""


@pytest.fixture
def traced() -> Iterator[None]:
    """Python's memory is measured."""
    tracemalloc.start()
    yield
    tracemalloc.stop()


async def _refused(agent: Agent, count: int) -> None:
    async with asyncio.timeout(60):
        while (latest := await agent.events.last("registration")) is None or latest.id < count:
            await asyncio.sleep(0.1)


@pytest.mark.usefixtures("traced")
@pytest.mark.parametrize("script", [ELEMENTS, FETCHES], ids=["elements", "fetches"])
async def test_requests_with_huge_urls_to_a_host_that_is_not_there_take_bounded_memory(
    agent: Agent, monkeypatch: pytest.MonkeyPatch, script: str
) -> None:
    monkeypatch.setattr(sessions, "_KEPT_BYTES", MEGABYTE)  # the browser's own announcements have their bound
    agent.map("news.test", site({}))
    page = await agent.new_page("https://news.test/")
    before, _ = tracemalloc.get_traced_memory()
    await page.evaluate(script, {"count": REQUESTS, "length": LENGTH})
    await _refused(agent, REQUESTS)
    gc.collect()
    after, _ = tracemalloc.get_traced_memory()
    assert after - before < 8 * MEGABYTE, f"the URLs themselves are {REQUESTS * LENGTH / MEGABYTE:.0f} MiB"
    events = await agent.events.all()
    assert len(events) >= REQUESTS
    assert max(len(event.summary) + len(event.data["url"]) for event in events) < 8192

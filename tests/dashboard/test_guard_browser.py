"""A page of a site, in the agent's own Chromium, tries what pages can to reach the dashboard of that very agent."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest
import pytest_asyncio
from aiohttp import web

from agent.browser.launch import Browser
from agent.model.clock import DEFAULT_FROZEN_START, Clock
from agent.runtime import Agent
from tests.dashboard.conftest import TOKEN, Dashboard, serving

pytestmark = pytest.mark.browser
ATTACK = """async ([address, token]) => {
  const told = [];
  const attempt = async (name, work) => {
    try { told.push([name, await work()]); } catch (error) { told.push([name, error.name]); }
  };
  const post = {method: "POST", body: '{"by": "1d"}'};
  const headers = {"Authorization": `Bearer ${token}`, "Content-Type": "application/json"};
  await attempt("read", async () => (await fetch(`${address}/reports.json`)).status);
  await attempt("blind", async () => (await fetch(`${address}/api/v1/clock/advance`, {...post, mode: "no-cors"})).type);
  await attempt("named", async () => (await fetch(`${address}/api/v1/clock/advance`, {...post, headers})).status);
  await attempt("stream", () => new Promise((done) => {
    const stream = new EventSource(`${address}/live`);
    stream.onopen = () => done("open");
    stream.onerror = () => done("closed");
  }));
  await attempt("script", () => new Promise((done) => {
    const script = document.createElement("script");
    script.src = `${address}/static/dashboard.js`;
    script.onload = () => done("loaded");
    script.onerror = () => done("refused");
    document.head.append(script);
  }));
  const frame = document.createElement("iframe");
  frame.name = "hidden";
  frame.src = `${address}/`;
  document.body.append(frame);
  const form = document.createElement("form");
  form.method = "post";
  form.action = `${address}/do/time.advance`;
  form.target = "hidden";
  for (const [name, value] of [["token", token], ["by", "1d"]]) {
    const field = document.createElement("input");
    field.name = name;
    field.value = value;
    form.append(field);
  }
  document.body.append(form);
  form.submit();
  await new Promise((done) => setTimeout(done, 1000));
  return Object.fromEntries(told);
}"""


@pytest_asyncio.fixture
async def visited() -> AsyncIterator[Dashboard]:
    """An agent with a page of evil.test, and its dashboard."""

    async def page(_: web.Request) -> web.Response:
        return web.Response(text="<!doctype html><title>evil</title><body>", content_type="text/html")

    site = web.Application()
    site.router.add_get("/", page)
    async with (
        Browser() as browser,
        Agent.launch(browser=browser, clock=Clock.frozen(), seed=7, maps={"evil.test": site}) as agent,
        serving(agent) as dashboard,
    ):
        yield dashboard


async def test_a_site_reaches_nothing_even_if_it_knew_the_token(visited: Dashboard) -> None:
    page = await visited.agent.new_page("https://evil.test/")
    told = await page.evaluate(ATTACK, [visited.address, TOKEN])
    assert told["read"] == told["named"] == "TypeError"
    assert told["stream"] == "closed"
    assert told["script"] == "refused"
    assert visited.agent.clock.now() == DEFAULT_FROZEN_START
    for frame in page.frames[1:]:
        assert TOKEN not in await frame.content()


async def test_a_site_s_words_do_nothing_on_the_dashboard_s_pages(visited: Dashboard) -> None:
    """Its own Chromium shows them, live, and with every promise of the policy."""
    evil = "<img src=x onerror='document.title=1'><script>document.title=1</script>"
    assert await visited.agent.shared_storage.set("https://evil.test", "first", evil) is None
    page = await visited.agent.new_page(f"{visited.address}/shared-storage")
    complaints: list[str] = []
    page.on("console", lambda message: complaints.append(message.text))
    assert evil in await page.inner_text("main")
    await visited.agent.shared_storage.set("https://evil.test", "second", evil)
    await page.locator("main", has_text="second").wait_for()
    assert "1" not in (await page.title()).split()
    assert complaints == []

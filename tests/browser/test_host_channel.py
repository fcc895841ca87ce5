"""Who calls is what the browser says; a page can neither find nor forge the way to the host."""

from __future__ import annotations

import asyncio

import pytest
from aiohttp import web

from agent.browser.launch import Browser
from agent.model.attribution import Impression
from agent.model.limits import AttributionLimits
from agent.model.settings import Settings
from agent.runtime import Agent
from tests.browser.ledger import site

pytestmark = pytest.mark.browser
SAVE = "navigator.attribution.saveImpression({ histogramIndex: %d })"


@pytest.fixture
def agent_settings() -> Settings:
    return Settings(limits=AttributionLimits(activation_duration=10**15))


async def _saved(agent: Agent, count: int) -> dict[int, Impression]:
    """The stored impressions by histogram index, once there are ``count``."""
    async with asyncio.timeout(10):
        while len(found := await agent.state.impressions()) < count:
            await asyncio.sleep(0.02)
    return {impression.histogram_index: impression for impression in found}


def _calls(index: int) -> str:
    return f"<script>{SAVE % index}</script>"


async def test_a_call_is_of_the_frame_that_made_it_under_the_site_of_its_tab(agent: Agent) -> None:
    nested = f'{_calls(3)}<iframe src="https://deep.ads.test/"></iframe>'
    agent.map("ads.test", site({"/": nested}))
    agent.map("deep.ads.test", site({"/": f'{_calls(4)}<iframe src="https://news.test/inner"></iframe>'}))
    inside = f'{_calls(1)}<iframe src="/inner2"></iframe><iframe src="https://ads.test/"></iframe>'
    agent.map("news.test", site({"/": inside, "/inner2": _calls(2), "/inner": _calls(5)}))
    agent.map("www.news.test", site({"/": _calls(6)}))
    page = await agent.new_page("https://news.test/")
    await page.evaluate("document.body.appendChild(document.createElement('iframe')).src = 'https://www.news.test'")
    saved = await _saved(agent, 6)
    assert {index: (one.impression_site, one.intermediary_site) for index, one in saved.items()} == {
        1: ("news.test", None),
        2: ("news.test", None),
        3: ("news.test", "ads.test"),
        4: ("news.test", "ads.test"),
        5: ("news.test", None),
        6: ("news.test", None),
    }


async def test_documents_without_a_url_call_as_their_creator_and_sandboxed_ones_as_nobody(agent: Agent) -> None:
    body = f"""
        <iframe srcdoc="{_calls(1)}"></iframe>
        <iframe sandbox="allow-scripts" srcdoc="{_calls(2)}"></iframe>
        <iframe sandbox="allow-scripts" src="https://ads.test/"></iframe>
        <iframe id="blank"></iframe>
        <script>
        blank.contentWindow.{SAVE % 4};
        open().{SAVE % 5};
        </script>
    """
    agent.map("news.test", site({"/": body}))
    agent.map("ads.test", site({"/": _calls(3)}))
    await agent.new_page("https://news.test/")
    saved = await _saved(agent, 5)
    assert {index: (one.impression_site, one.intermediary_site) for index, one in saved.items()} == {
        1: ("news.test", None),
        2: ("news.test", "null"),
        3: ("news.test", "null"),
        4: ("news.test", None),
        5: ("news.test", None),
    }


async def test_a_popup_is_a_tab_of_its_own_site(agent: Agent) -> None:
    agent.map("news.test", site({}))
    agent.map("shop.test", site({"/1": _calls(1), "/2": _calls(2)}))
    page = await agent.new_page("https://news.test/")
    await page.evaluate("() => { open('https://shop.test/1'); open('https://shop.test/2', '_blank', 'noopener'); }")
    saved = await _saved(agent, 2)
    assert {(one.impression_site, one.intermediary_site) for one in saved.values()} == {("shop.test", None)}


async def test_a_strict_content_security_policy_and_trusted_types_do_not_stop_calls(agent: Agent) -> None:
    policy = "default-src 'none'; script-src 'nonce-abc'; require-trusted-types-for 'script'; trusted-types 'none'"
    headers = {"Content-Security-Policy": policy}
    agent.map(
        "news.test",
        site({"/": f'<script nonce="abc">{SAVE % 1}.then(() => document.title = "done")</script>'}, headers),
    )
    page = await agent.new_page("https://news.test/")
    await page.wait_for_function("document.title === 'done'")
    assert list(await _saved(agent, 1)) == [1]


async def test_the_interfaces_are_absent_outside_secure_contexts(agent: Agent) -> None:
    look = "['attribution' in navigator, 'privateAttribution' in navigator, isSecureContext]"
    probe = f"<script>window.seen = {look}</script>"
    agent.map("news.test", site({"/": f'{probe}<iframe src="https://ads.test/"></iframe>'}))
    agent.map("ads.test", site({"/": probe}))
    insecure = await agent.new_page("http://news.test/")
    assert await insecure.evaluate("seen") == [False, False, False]
    inside = await insecure.wait_for_selector("iframe")
    frame = await inside.content_frame() if inside is not None else None
    assert frame is not None
    assert await frame.evaluate("seen") == [False, False, False], "an ancestor is insecure"
    secure = await agent.new_page("https://ads.test/")
    assert await secure.evaluate("seen") == [True, True, True]


async def test_localhost_is_a_secure_context_and_no_site(agent: Agent, unused_tcp_port: int) -> None:
    runner = web.AppRunner(site({}))
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", unused_tcp_port).start()
    page = await agent.new_page(f"http://localhost:{unused_tcp_port}/")
    thrown = await page.evaluate(f"() => {SAVE % 1}.then(() => null, (error) => error.name)")
    await runner.cleanup()
    assert thrown == "SyntaxError"
    assert await agent.state.impressions() == []


HUNT = """() => {
    const frame = document.documentElement.appendChild(document.createElement("iframe"));
    const unguessable = (name) => /[0-9a-f]{16}/.test(name);
    const holders = [window, frame.contentWindow, navigator, document, Window.prototype, Object.prototype];
    return holders.flatMap((holder) => Reflect.ownKeys(holder)).map(String).filter(unguessable);
}"""
GUESS = """(names) => names.map((name) => {
    try { return typeof (0, eval)(name); } catch (error) { return error.name; }
})"""


async def test_a_page_finds_no_trace_of_the_channel(agent: Agent, agent_browser: Browser) -> None:
    agent.map("news.test", site({"/": f"<script>window.atStart = ({HUNT})()</script>"}))
    page = await agent.new_page("https://news.test/")
    assert await page.evaluate("atStart") == []
    assert await page.evaluate(HUNT) == []
    channel = agent_browser.channel
    assert await page.evaluate(GUESS, [channel._binding, channel._activation_binding]) == ["ReferenceError"] * 2
    guesses = ["settle", "pending", "config", "hostFunction", "primordials", "binding", "resolver", "send", "ask"]
    assert await page.evaluate(GUESS, guesses) == ["ReferenceError"] * len(guesses)


async def test_builtins_that_a_page_replaces_neither_see_nor_change_its_calls(agent: Agent) -> None:
    spoil = """
        window.caught = [];
        const spy = (name) => function (...given) { caught.push(name); return undefined; };
        for (const [holder, name] of [[JSON, "stringify"], [JSON, "parse"], [Promise.prototype, "then"],
            [Array.prototype, "push"], [Array.prototype, "map"], [Object, "keys"], [Function.prototype, "call"],
            [Function.prototype, "apply"], [Reflect, "apply"], [globalThis, "atob"], [String.prototype, "charCodeAt"]])
            Object.defineProperty(holder, name, { value: spy(name), configurable: true, writable: true });
        Object.defineProperty(Object.prototype, "histogramIndex", { get() { return 99; }, configurable: true });
        navigator.attribution.saveImpression({ histogramIndex: 7 });
        window.after = caught.length;
    """
    agent.map(
        "news.test",
        site({"/": f"<script>{spoil.replace('caught.push(name)', 'window.caught[caught.length] = name')}</script>"}),
    )
    page = await agent.context.new_page()
    await page.goto("https://news.test/")
    assert list(await _saved(agent, 1)) == [7]


async def test_calls_of_one_page_are_stored_in_the_order_of_its_program(agent: Agent) -> None:
    agent.map("news.test", site({}))
    page = await agent.new_page("https://news.test/")
    await page.evaluate(
        """async () => {
            const calls = [];
            for (let i = 0; i < 60; i++) {
                const seed = { histogramIndex: i, ad: "a", conversionSite: "shop.test" };
                if (i % 2) navigator.privateAttribution.saveImpression(seed);
                else calls.push(navigator.attribution.saveImpression({ histogramIndex: i }));
            }
            await Promise.all(calls);
        }"""
    )
    await _saved(agent, 60)
    assert [one.histogram_index for one in await agent.state.impressions()] == list(range(60))


async def test_a_page_that_hangs_does_not_hold_up_the_calls_of_another(agent: Agent) -> None:
    for host in ("news.test", "shop.test"):
        agent.map(host, site({}))
    hanging, other = await agent.new_page("https://news.test/"), await agent.new_page("https://shop.test/")
    hang = asyncio.ensure_future(  # noqa: TID251
        hanging.evaluate(f"() => {{ {SAVE % 1}; const end = Date.now() + 3000; while (Date.now() < end); }}")
    )
    await other.evaluate(f"() => {SAVE % 2}")
    assert not hang.done()
    await hang
    assert set(await _saved(agent, 2)) == {1, 2}

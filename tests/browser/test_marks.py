"""The mark travels in spaces, and neither servers nor pages see it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import pytest
from playwright.async_api import async_playwright

from agent.browser.chromium import find_chromium
from agent.browser.launch import Browser
from agent.browser.marks import COUNT, accept_language, take_mark
from agent.browser.network.front import Front
from agent.browser.network.headers import Headers
from agent.browser.network.hooks import NoHooks
from agent.browser.network.hosts import HostMap
from agent.runtime import Agent
from tests.browser.ledger import EVERY_KIND, KINDS, Ledger, site


@pytest.mark.parametrize("mark", [1, 11, 12, 143, 144, 1000, COUNT])
def test_a_mark_is_read_back_and_leaves_what_chromium_sends_without_one(mark: int) -> None:
    headers = Headers([
        (b"Host", b"news.test"),
        (b"Accept-Language", f"{accept_language(mark)};q=0.9".encode()),
        (b"Accept-Encoding", b"gzip"),
        (b"Cookie", b"a=b"),
    ])  # fmt: skip
    assert take_mark(headers) == mark
    assert headers == [
        (b"Host", b"news.test"),
        (b"Accept-Encoding", b"gzip"),
        (b"Accept-Language", b"en-US,en;q=0.9"),
        (b"Cookie", b"a=b"),
    ]


def test_every_mark_is_a_text_of_its_own_within_the_cors_safelist() -> None:
    texts = {f"{accept_language(mark)};q=0.9" for mark in range(1, COUNT + 1)}
    assert len(texts) == COUNT
    assert max(map(len, texts)) <= 128
    assert all(text.strip() == text for text in texts)


@pytest.mark.parametrize(
    "value", [b"de-DE,de;q=0.8", b"en-US,en", b"en-US ,en;q=0.8", b"*", b"en-US             ,en;q=0.9"]
)
def test_what_is_no_mark_stays_as_it_is(value: bytes) -> None:
    headers = Headers([(b"Accept-Language", value), (b"Accept-Encoding", b"gzip")])
    assert take_mark(headers) == 0
    assert headers == [(b"Accept-Language", value), (b"Accept-Encoding", b"gzip")]


PAGE = f"""<meta name="referrer" content="unsafe-url"><script>{EVERY_KIND}
    new Worker("/worker.js");
    every();
    for (const tag of ["object", "iframe"]) attach(tag, {{ data: `${{BASE}}/${{tag}}`, src: `${{BASE}}/${{tag}}` }});
    attach("link", {{ rel: "stylesheet", href: `${{BASE}}/stylesheet` }});
    </script>"""
ALSO = {"worker", "object", "iframe", "stylesheet"}


class _Languages:
    """A site that runs every kind of request; the server's ledger keeps the headers of each."""

    def __init__(self) -> None:
        self.ledger = Ledger()
        worker = "fetch('https://adtech.test/worker')"
        self.maps = {"news.test": site({"/": PAGE, "/worker.js": worker}), "adtech.test": self.ledger.app()}

    async def headers(self) -> dict[str, list[tuple[str, str]]]:
        """The first request's headers of each kind, names as sent and in order, once all kinds were seen."""
        async with asyncio.timeout(20):
            while not {answer.kind for answer in self.ledger.answered} >= KINDS | ALSO:
                await asyncio.sleep(0.02)
        found: dict[str, list[tuple[str, str]]] = {}
        for answer in self.ledger.answered:
            found.setdefault(answer.kind, list(answer.headers))
        return found


@pytest.fixture
async def bare(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[dict[str, list[tuple[str, str]]]]:
    """What a bare Playwright page of the same Chromium sends."""
    from agent.browser.network.ca import CertificateAuthority

    authority = CertificateAuthority(tmp_path_factory.mktemp("authority"))
    languages = _Languages()
    async with HostMap() as hosts, Front(hosts, NoHooks(), authority) as front, async_playwright() as playwright:
        for host, app in languages.maps.items():
            hosts.map(host, app)
        browser = await playwright.chromium.launch(
            executable_path=str(find_chromium().path),
            chromium_sandbox=False,
            args=[f"--ignore-certificate-errors-spki-list={authority.spki_fingerprint}"],
        )
        context = await browser.new_context(proxy={"server": front.proxy["server"], "bypass": "<-loopback>"})
        await (await context.new_page()).goto("https://news.test/?top=news.test")
        yield await languages.headers()
        await browser.close()


@pytest.mark.browser
async def test_servers_see_the_headers_that_bare_chromium_sends_in_its_order(
    bare: dict[str, list[tuple[str, str]]],
) -> None:
    languages = _Languages()
    # Bare Playwright blocks third-party cookies, and tells so in a header.
    async with Browser(third_party_cookies=False) as browser, Agent.launch(browser=browser) as agent:
        for host, app in languages.maps.items():
            agent.map(host, app)
        await agent.new_page("https://news.test/?top=news.test")
        ours = await languages.headers()
    for kind in sorted(KINDS | ALSO):
        assert ours[kind] == bare[kind], kind


@pytest.mark.browser
async def test_scripts_see_the_languages_that_they_always_see(agent: Agent, agent_browser: Browser) -> None:
    tell = "postMessage(navigator.languages)"
    worker = f"""new Promise((done) => {{
        new Worker(URL.createObjectURL(new Blob([`{tell}`]))).onmessage = (event) => done(event.data);
    }})"""
    agent.map("news.test", site({"/": '<iframe src="https://ads.test/"></iframe>'}))
    agent.map("ads.test", site({}))
    page = await agent.new_page("https://news.test/")
    await agent.new_page("https://news.test/")
    for frame in page.frames:
        assert await frame.evaluate("[navigator.language, ...navigator.languages]") == ["en-US", "en-US", "en"]
        assert await frame.evaluate(worker) == ["en-US", "en"]
    assert len({session.mark for session in agent_browser._observer.sessions.values()}) > 1

"""Tries to confuse the document behind a response: whatever is stored must name the right top-level site."""

from __future__ import annotations

import asyncio
from collections import Counter

import pytest
from playwright.async_api import Page

from agent.browser.launch import Browser
from agent.browser.marks import accept_language
from agent.browser.request_client import AMBIGUOUS, NO_REFERRER, NOT_A_WINDOW, UNKNOWN
from agent.model.limits import AttributionLimits
from agent.model.settings import Settings
from agent.runtime import Agent
from tests.browser.ledger import EVERY_KIND, KINDS, TOPS, Ledger, open_the_gate_to_many_tabs, site

pytestmark = pytest.mark.browser


@pytest.fixture
def agent_settings() -> Settings:
    """Activation is another test's business."""
    return Settings(limits=AttributionLimits(activation_duration=10**15))


@pytest.fixture
async def ledger(agent: Agent) -> Ledger:
    """The measurement server at adtech.test, and third-party frames at frames.test and nested.test."""
    ledger = Ledger()
    agent.map("adtech.test", ledger.app())
    return ledger


def _scripted(script: str, referrer: str = "unsafe-url") -> str:
    return f'<meta name="referrer" content="{referrer}"><script>{EVERY_KIND}{script}</script>'


async def test_every_kind_of_request_of_many_tabs_at_once_is_attributed_to_its_own_top_level_site(
    agent: Agent, ledger: Ledger
) -> None:
    documents = await open_the_gate_to_many_tabs(agent, ledger, _scripted)
    async with asyncio.timeout(40):
        while min(Counter(answer.kind for answer in ledger.answered)[kind] for kind in KINDS) < documents:
            await asyncio.sleep(0.1)
    verdict = await ledger.judge(agent, ignored=frozenset({"preflight"}))
    assert verdict.wrong == []
    assert verdict.silent == 0
    assert set(verdict.exact) == KINDS
    assert min(verdict.exact.values()) >= documents
    assert set(verdict.refused) == {"preflight"}


IN_A_SERVICE_WORKER = """
onactivate = (event) => event.waitUntil(clients.claim());
onfetch = (event) => {
    const { url } = event.request;
    if (url.includes("passed")) event.respondWith(fetch(event.request));
    if (url.includes("refetched")) event.respondWith(fetch(url, { mode: "no-cors" }));
};
"""


async def test_what_a_service_worker_fetches_is_nobodys_and_what_it_lets_through_is_the_pages(
    agent: Agent, ledger: Ledger
) -> None:
    ask = "for (const kind of ['passed', 'refetched', 'unhandled']) fetch(`${BASE}/${kind}`, { mode: 'no-cors' });"
    pages = {"/": _scripted(""), "/sw.js": IN_A_SERVICE_WORKER, "/ask": _scripted(ask)}
    agent.map("news.test", site(pages))
    agent.map("shop.test", site({"/": _scripted(ask)}))
    controlled = await agent.new_page("https://news.test/")
    await controlled.evaluate(
        """async () => {
            await navigator.serviceWorker.register("/sw.js");
            if (!navigator.serviceWorker.controller)
                await new Promise((claimed) => { navigator.serviceWorker.oncontrollerchange = claimed; });
        }"""
    )
    other = await agent.new_page()
    for round_ in range(1, 5):
        await asyncio.gather(
            controlled.goto("https://news.test/ask?top=news.test"), other.goto("https://shop.test/?top=shop.test")
        )
        await ledger.until(6 * round_)
    verdict = await ledger.judge(agent)
    assert verdict.wrong == []
    assert verdict.exact == {"passed": 4, "refetched": 4, "unhandled": 8}
    assert verdict.refused == {"passed": 4, "refetched": 4}
    assert verdict.reasons == {NOT_A_WINDOW.reason: 8}


async def test_what_workers_fetch_is_nobodys(agent: Agent, ledger: Ledger) -> None:
    fetching = 'fetch("https://adtech.test/worker?top=news.test");'
    script = f"""
        for (let i = 0; i < 3; i++) fetch("https://adtech.test/worker?top=news.test");
        new Worker("/worker.js");
        new SharedWorker("/shared.js");
        new Worker(URL.createObjectURL(new Blob([`{fetching}`])));
    """
    inner = f'{fetching} new Worker("/inner.js")'
    # Playwright detaches from a shared worker as it starts: what it fetches from then on carries no mark.
    shared = f"{fetching} setTimeout(() => {fetching.rstrip(';')}, 500);"
    agent.map(
        "news.test",
        site({"/": _scripted(script), "/worker.js": inner, "/shared.js": shared, "/inner.js": fetching}),
    )
    await agent.new_page("https://news.test/")
    await ledger.until(8)
    verdict = await ledger.judge(agent)
    assert verdict.exact == {"worker": 3}
    assert verdict.reasons == {NOT_A_WINDOW.reason: 5}


async def test_what_a_shared_worker_fetches_is_not_taken_for_the_last_words_of_a_page(
    agent: Agent, ledger: Ledger
) -> None:
    frame = '<script>new SharedWorker("/shared.js");</script>'
    fetching = 'setInterval(() => fetch("https://adtech.test/worker?top=nobody.test"), 300);'
    agent.map("frames.test", site({"/": frame, "/shared.js": fetching}))
    for top in TOPS[:2]:
        agent.map(top, site({"/": '<iframe src="https://frames.test/"></iframe>'}))
    agent.map("else.test", site({}))
    await agent.new_page("https://news.test/")
    leaving = await agent.new_page("https://shop.test/")
    await ledger.until(2)
    await leaving.goto("https://else.test/")
    await ledger.until(len(ledger.answered) + 5)
    verdict = await ledger.judge(agent)
    assert verdict.wrong == []
    assert set(verdict.reasons) <= {NOT_A_WINDOW.reason, AMBIGUOUS.reason}


LAST_WORDS = """
if (document.referrer === "" && window.fetchLater) fetchLater(`${BASE}/fetchLater?${NAME}`);
addEventListener("pagehide", () => {
    navigator.sendBeacon(`${BASE}/beacon`, NAME);
    fetch(`${BASE}/keepalive`, { method: "POST", mode: "no-cors", keepalive: true, body: NAME });
    new Image().src = `${BASE}/img?${NAME}`;
});
"""
_TOLD = "const NAME = `?top=${new URL(location).searchParams.get('top')}`;"


async def _leave_tabs(agent: Agent, browser: Browser, way: str, referrer: str, tops: tuple[str, ...]) -> None:
    words = _scripted(_TOLD + LAST_WORDS, referrer)
    agent.map("frames.test", site({"/": words}))
    for top in tops:
        agent.map(top, site({"/": f'{words}<iframe src="https://frames.test/?top={top}"></iframe>'}))
    agent.map("else.test", site({}))
    tabs = [await agent.new_page(f"https://{top}/?top={top}") for top in tops]
    for frame in list(browser._observer.frames.frames.values()):
        if frame.document is not None:
            await frame.document.policy_known()  # what an iframe that goes at once allowed may stay unknown
    for tab, top in zip(tabs, tops, strict=True):
        if way == "same site":
            await tab.goto(f"https://{top}/other?top={top}")
        elif way == "cross site":
            await tab.goto("https://else.test/")
        elif way == "reload":
            await tab.reload()
        else:
            await tab.close(run_before_unload=True)
    await asyncio.sleep(0.5)


WAYS = pytest.mark.parametrize("way", ["same site", "cross site", "reload", "close"])


@WAYS
async def test_what_a_page_and_its_frames_send_as_they_go_away_is_theirs(
    agent: Agent, agent_browser: Browser, ledger: Ledger, way: str
) -> None:
    await _leave_tabs(agent, agent_browser, way, "unsafe-url", TOPS[:1])
    verdict = await ledger.judge(agent)
    assert set(verdict.exact) >= {"beacon", "keepalive", "img"}
    assert set(verdict.refused) <= {"fetchLater"}
    assert verdict.wrong == []


@WAYS
async def test_tabs_that_go_away_together_are_told_apart_or_nobody_is_named(
    agent: Agent, agent_browser: Browser, ledger: Ledger, way: str
) -> None:
    await _leave_tabs(agent, agent_browser, way, "unsafe-url", TOPS)
    verdict = await ledger.judge(agent)
    assert verdict.wrong == []
    assert verdict.silent == 0
    assert set(verdict.reasons) <= {AMBIGUOUS.reason, UNKNOWN.reason}
    for kind in ("beacon", "keepalive"):
        assert verdict.exact[kind] >= len(TOPS), "the pages themselves are named; their equal frames need not be"


@pytest.mark.parametrize("way", ["cross site", "close"])
async def test_last_words_without_a_referrer_are_nobodys(
    agent: Agent, agent_browser: Browser, ledger: Ledger, way: str
) -> None:
    await _leave_tabs(agent, agent_browser, way, "no-referrer", TOPS)
    verdict = await ledger.judge(agent)
    assert verdict.wrong == []
    assert verdict.silent == 0
    assert set(verdict.reasons) <= {NO_REFERRER.reason}


async def test_a_burst_of_popups_crashes_none_and_each_is_attributed(agent: Agent, ledger: Ledger) -> None:
    agent.map("news.test", site({"/": "<button>open</button>"}))
    ask = "fetch(`${BASE}/popup`, { mode: 'no-cors' });"
    for top in TOPS[1:]:
        agent.map(top, site({"/": _scripted(ask)}))
    opener = await agent.new_page("https://news.test/")
    crashed: list[Page] = []

    def note_crash(page: Page) -> None:
        crashed.append(page)

    agent.context.on("page", lambda page: page.on("crash", note_crash))
    opener.on("crash", note_crash)
    for features in ("", "noopener", ""):
        await opener.evaluate(
            """(features) => {
                for (let i = 0; i < 6; i++) {
                    const top = i % 2 ? "shop.test" : "blog.test";
                    open(`https://${top}/?top=${top}`, "_blank", features);
                }
            }""",
            features,
        )
    await ledger.until(18)
    verdict = await ledger.judge(agent)
    assert crashed == []
    assert verdict.exact == {"popup": 18}


async def test_requests_of_documents_without_a_url_of_their_own_are_attributed_to_the_tab(
    agent: Agent, ledger: Ledger
) -> None:
    body = f"""
        <iframe srcdoc="<script src='https://adtech.test/script?top=TOP'></script>"></iframe>
        <iframe sandbox="allow-scripts" srcdoc="<img src='https://adtech.test/sandboxed?top=TOP'>"></iframe>
        <iframe sandbox="allow-scripts" src="https://frames.test/?top=TOP"></iframe>
        <iframe src="data:text/html,<img src='https://adtech.test/data?top=TOP'>"></iframe>
        <iframe id="blank"></iframe>
        <script>
        {EVERY_KIND}
        blank.contentWindow.fetch(`${{BASE}}/fetch?top=TOP`, {{ mode: "no-cors" }});
        blank.contentDocument.body.innerHTML = `<img src="${{BASE}}/img?top=TOP">`;
        const popup = open();
        popup.fetch(`${{BASE}}/sync?top=TOP`, {{ mode: "no-cors" }});
        setTimeout(() => popup.fetch(`${{BASE}}/later?top=TOP`, {{ mode: "no-cors" }}), 1000);
        </script>
    """
    agent.map("frames.test", site({"/": _scripted("new Image().src = `${BASE}/img${location.search}`;")}))
    for top in TOPS[:2]:
        agent.map(top, site({"/": body.replace("TOP", top)}))
    await asyncio.gather(*(agent.new_page(f"https://{top}/") for top in TOPS[:2]))
    await ledger.until(16)
    verdict = await ledger.judge(agent)
    assert verdict.wrong == []
    assert verdict.refused - Counter(sync=2) == {"data": 2}, "a data: document is no secure context"
    assert verdict.exact - Counter(sync=2) == {"script": 2, "sandboxed": 2, "img": 4, "fetch": 2, "later": 2}


async def test_equal_requests_of_tabs_without_referrer_are_told_apart(agent: Agent, ledger: Ledger) -> None:
    ask = """
        for (let i = 0; i < 4; i++)
            fetch(`${BASE}/post`, { method: "POST", mode: "no-cors", body: `?top=${location.hostname}` });
    """
    for top in TOPS:
        agent.map(top, site({"/": _scripted(ask, "no-referrer")}))
    await asyncio.gather(*(agent.new_page(f"https://{top}/") for top in TOPS * 2))
    await ledger.until(24)
    verdict = await ledger.judge(agent)
    assert verdict.exact == {"post": 24}


async def test_a_page_that_copies_the_mark_of_another_tab_never_speaks_for_it(
    agent: Agent, agent_browser: Browser, ledger: Ledger
) -> None:
    for top in TOPS[:2]:
        agent.map(top, site({"/": _scripted("")}))
    victim = await agent.new_page("https://news.test/?top=news.test")
    forger = await agent.new_page("https://shop.test/?top=shop.test")
    observer = agent_browser._observer
    [mark] = {
        observer.sessions[frame.session].mark
        for frame in observer.frames.frames.values()
        if frame.document is not None and frame.document.origin == "https://news.test"
    }
    forged = f"{accept_language(mark)};q=0.9"
    asking = """(forged) => {
        const headers = forged ? { "Accept-Language": forged } : {};
        return Promise.all(Array.from({ length: 8 }, () => fetch(`${BASE}/forged`, { headers })));
    }"""
    await forger.evaluate(asking, forged)
    await asyncio.gather(forger.evaluate(asking, forged), victim.evaluate(asking, ""))
    verdict = await ledger.judge(agent)
    assert verdict.wrong == []
    assert verdict.exact["forged"] >= 8


async def test_frames_of_one_process_that_may_do_different_things_are_told_apart_or_nobody_is_named(
    agent: Agent, ledger: Ledger
) -> None:
    ask = """
        for (let i = 0; i < 4; i++)
            fetch(`${BASE}/post`, { method: "POST", mode: "no-cors", body: location.search });
    """
    frames = """
        <iframe src="/frame?top=news.test"></iframe>
        <iframe src="/frame?top=denied.test" allow="save-impression 'none'"></iframe>
        <iframe src="/later?top=news.test"></iframe>
    """
    alone = 'setTimeout(() => fetch(`${BASE}/alone`, { method: "POST", mode: "no-cors", body: location.search }), 500);'
    pages = {"/": frames, "/frame": _scripted(ask, "no-referrer"), "/later": _scripted(alone, "no-referrer")}
    agent.map("news.test", site(pages))
    await agent.new_page("https://news.test/")
    await ledger.until(9)
    verdict = await ledger.judge(agent)
    assert verdict.wrong == [], "what a frame without permission sent was stored"
    assert verdict.exact["alone"] == 1
    assert set(verdict.reasons) <= {AMBIGUOUS.reason}


async def test_documents_carry_no_attribution(agent: Agent, ledger: Ledger) -> None:
    agent.map("news.test", site({"/": '<iframe src="https://adtech.test/frame?top=news.test"></iframe>'}))
    await agent.new_page("https://news.test/")
    await agent.new_page("https://adtech.test/document?top=adtech.test")
    verdict = await ledger.judge(agent)
    assert verdict.refused == {"frame": 1, "document": 1}
    assert verdict.silent == 0


async def test_a_synchronous_request_gets_its_answer_at_once(agent: Agent, ledger: Ledger) -> None:
    agent.map("news.test", site({"/": _scripted("")}))
    page = await agent.new_page("https://news.test/")
    milliseconds = await page.evaluate("""() => {
        const start = performance.now();
        const request = new XMLHttpRequest();
        request.open("GET", `${BASE}/sync?top=news.test`, false);
        request.send();
        return performance.now() - start;
    }""")
    verdict = await ledger.judge(agent)
    assert verdict.exact == {"sync": 1}
    assert milliseconds < 1000

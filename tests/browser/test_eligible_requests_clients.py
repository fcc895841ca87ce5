"""Tries to confuse whose a registration is: what is handed on must name the right top-level site."""

from __future__ import annotations

import asyncio
import os
import signal
import time
from collections import Counter
from dataclasses import dataclass, field

import pytest
from aiohttp import web

from agent.model.attribution_reporting.eligibility import REGISTER_TRIGGER, Eligibility
from agent.runtime import Agent
from tests.browser.announcing import Wire
from tests.browser.ledger import EVERY_KIND, KINDS, TOPS, Ledger, open_the_gate_to_many_tabs, site

pytestmark = pytest.mark.browser
BOTH, UNSET = Eligibility.EVENT_SOURCE_OR_TRIGGER, Eligibility.UNSET

# What the API adds to the kinds of requests that a document can make; each has its path.
ELIGIBLE_KINDS = """
const options = (eventSourceEligible, triggerEligible) => ({ eventSourceEligible, triggerEligible });
const query = location.search;
Object.assign(KINDS, {
    imgBackground: () => document.createElement("img").setAttribute("attributionsrc", `${BASE}/imgBackground`),
    imgOwn: () => Object.assign(new Image(), { attributionSrc: "", src: `${BASE}/imgOwn` }),
    scriptBackground: () => { document.createElement("script").attributionSrc = `${BASE}/scriptBackground`; },
    scriptOwn: () => attach("script", { attributionSrc: "", src: `${BASE}/scriptOwn` }),
    markup: () => { document.createElement("p").innerHTML = `<img attributionsrc="${BASE}/hop/2/markup">`; },
    fetchOption: () => fetch(`${BASE}/fetchOption`, { mode: "no-cors", attributionReporting: options(true, false) }),
    request: () => fetch(new Request(`${BASE}/request`, { attributionReporting: options(false, true) })),
    post: () => {
        const attributionReporting = options(true, true);
        fetch(`${BASE}/post`, { method: "POST", body: "x", keepalive: true, attributionReporting });
    },
    neither: () => fetch(`${BASE}/neither`, { attributionReporting: options(false, false) }),
    xhrOption: () => {
        const x = new XMLHttpRequest();
        x.open("GET", `${BASE}/xhrOption`);
        x.setAttributionReporting(options(true, true));
        x.send();
    },
});
"""
EXPECTED = {
    **dict.fromkeys(KINDS, UNSET),
    **dict.fromkeys(("imgBackground", "imgOwn", "scriptBackground", "scriptOwn", "xhrOption", "post"), BOTH),
    **{f"markup hop {left}": BOTH for left in range(3)},
    "fetchOption": Eligibility.EVENT_SOURCE,
    "request": Eligibility.TRIGGER,
    "neither": Eligibility.EMPTY,
}


@dataclass
class Registered(Ledger):
    """The measurement server; each answer registers a trigger with a number of its own."""

    wire: Wire = field(default_factory=Wire)

    def headers(self, request: web.Request, kind: str, body: str = "") -> dict[str, str]:
        """The fields of an answer, noted down."""
        headers = super().headers(request, kind, body)
        del headers["Save-Impression"]
        return {**headers, REGISTER_TRIGGER: str(len(self.answered))}

    async def _answer(self, request: web.Request) -> web.Response:
        if request.path == "/favicon.ico":
            return web.Response(status=404)
        answer = await super()._answer(request)
        await asyncio.sleep(self.wire.delays.get(request.path, 0))
        return answer

    async def held_against_the_truth(self, agent: Agent) -> Truth:
        """Hold every answer against what was handed on or refused."""
        truth = Truth()
        known, quiet_since = -1, time.monotonic()
        while time.monotonic() - quiet_since < 1:
            refusals = [event for event in await agent.events.all() if event.kind == "registration"]
            if known != (known := len(self.wire.registered) + len(refusals)):
                quiet_since = time.monotonic()
            await asyncio.sleep(0.05)
        handed_on = {int(one.fields[REGISTER_TRIGGER]): one for one in self.wire.registered}
        assert len(handed_on) == len(self.wire.registered), "a response was handed on twice"
        for answer in self.answered:
            found = handed_on.get(answer.number)
            if found is None:
                truth.missing[answer.kind] += 1
            elif found.context_origin == f"https://{answer.top}":
                truth.exact[answer.kind] += 1
                truth.eligibility.setdefault(answer.kind, set()).add(found.eligibility)
            else:
                truth.wrong.append((answer.kind, answer.top, found.context_origin))
        truth.reasons = Counter(event.trace.checks[0].detail for event in refusals)
        print(truth)
        return truth


@dataclass
class Truth:
    """What became of the answers, by kind of request."""

    exact: Counter[str] = field(default_factory=Counter)
    missing: Counter[str] = field(default_factory=Counter)
    wrong: list[tuple[str, str, str]] = field(default_factory=list)
    reasons: Counter[str] = field(default_factory=Counter)
    eligibility: dict[str, set[Eligibility]] = field(default_factory=dict)


@pytest.fixture
async def ledger(wire: Wire, agent: Agent) -> Registered:
    """The measurement server at adtech.test."""
    ledger = Registered(wire=wire)
    agent.map("adtech.test", ledger.app())
    return ledger


def _scripted(script: str, referrer: str = "unsafe-url") -> str:
    return f'<meta name="referrer" content="{referrer}"><script>{EVERY_KIND}{ELIGIBLE_KINDS}{script}</script>'


async def test_every_kind_of_request_of_many_tabs_and_frames_at_once_registers_for_its_own_top_level_site(
    agent: Agent, ledger: Registered
) -> None:
    documents = await open_the_gate_to_many_tabs(agent, ledger, _scripted)
    async with asyncio.timeout(60):
        while min(Counter(answer.kind for answer in ledger.answered)[kind] for kind in EXPECTED) < documents:
            await asyncio.sleep(0.1)
    truth = await ledger.held_against_the_truth(agent)
    assert truth.wrong == []
    assert set(truth.exact) == set(EXPECTED)
    assert min(truth.exact.values()) >= documents
    assert set(truth.missing) <= {"preflight"}, "a preflight is no request of a page"
    assert truth.eligibility == {kind: {eligibility} for kind, eligibility in EXPECTED.items()}


CLICKS = """<a id=a attributionsrc="https://adtech.test/aBackground" href="https://adtech.test/hop/1/a?top=TOP">a</a>
<a id=blank attributionsrc target=_blank href="https://adtech.test/blank?top=TOP">blank</a>
<a id=plain href="https://adtech.test/plain?top=TOP">plain</a>
<map name=m><area id=area shape=default attributionsrc href="https://adtech.test/area?top=TOP" target=_blank></map>
<img id=map usemap=#m width=50 height=50 src="data:image/gif;base64,R0lGODlhAQABAAAAACw=">
<button id=open onclick="open('https://adtech.test/open?top=TOP', '_blank',
    'attributionsrc=' + encodeURIComponent('https://adtech.test/openBackground'))">open</button>
<button id=noopener
    onclick="open('https://adtech.test/noopener?top=TOP', '_blank', 'noopener,attributionsrc')">no</button>"""
NAVIGATIONS = {
    "blank": ["blank"],
    "map": ["area"],
    "open": ["open", "openBackground"],
    "noopener": ["noopener"],
    "a": ["aBackground", "a hop 0", "a hop 1"],
}


async def test_clicks_and_opened_windows_of_many_tabs_are_sources_of_the_pages_that_were_left(
    agent: Agent, ledger: Registered
) -> None:
    for top in TOPS:
        agent.map(top, site({"/": f'<meta name="referrer" content="unsafe-url">{CLICKS.replace("TOP", top)}'}))
    tabs = [await agent.new_page(f"https://{top}/?top={top}") for top in TOPS]
    for clicked in NAVIGATIONS:
        for tab in tabs:
            await tab.bring_to_front()
            await tab.click(f"#{clicked}", no_wait_after=True)
    expected = [kind for kinds in NAVIGATIONS.values() for kind in kinds]
    await ledger.until(len(expected) * len(TOPS))
    truth = await ledger.held_against_the_truth(agent)
    assert truth.wrong == []
    assert truth.exact == dict.fromkeys(expected, len(TOPS))
    assert truth.eligibility == {kind: {Eligibility.NAVIGATION_SOURCE} for kind in expected}


async def test_a_plain_link_to_the_same_address_is_no_source(agent: Agent, ledger: Registered) -> None:
    agent.map("news.test", site({"/": CLICKS.replace("TOP", "news.test")}))
    page = await agent.new_page("https://news.test/")
    await page.click("#plain")
    await ledger.until(1)
    truth = await ledger.held_against_the_truth(agent)
    assert truth.missing == {"plain": 1}


IN_A_SERVICE_WORKER = """
onactivate = (event) => event.waitUntil(clients.claim());
onfetch = (event) => {
    const { url } = event.request;
    if (url.includes("assed")) event.respondWith(fetch(event.request));
    if (url.includes("refetched")) event.respondWith(fetch(url, { mode: "no-cors" }));
    if (url.includes("stolen")) {
        const accept = event.request.headers.get("accept");
        event.respondWith(fetch("https://adtech.test/forged?top=nobody", { mode: "no-cors", headers: { accept } }));
    }
};
"""


async def test_what_a_service_worker_passes_on_is_the_pages_and_what_it_fetches_itself_is_nobodys(
    agent: Agent, ledger: Registered
) -> None:
    ask = """
        for (const kind of ["passed", "refetched", "unhandled"]) fetch(`${BASE}/${kind}`, { mode: "no-cors" });
        new Image().attributionSrc = `${BASE}/markedPassed ${BASE}/stolen`;
    """
    pages = {"/": _scripted(""), "/sw.js": IN_A_SERVICE_WORKER, "/ask": _scripted(ask)}
    agent.map("news.test", site(pages))
    agent.map("shop.test", site({"/": _scripted("fetch(`${BASE}/passed`, { mode: 'no-cors' });")}))
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
    truth = await ledger.held_against_the_truth(agent)
    assert truth.wrong == []
    assert truth.exact == {"passed": 8, "unhandled": 4, "markedPassed": 4}
    assert truth.missing == {"refetched": 4, "forged": 4}
    assert truth.eligibility["markedPassed"] == {BOTH}


LAST_WORDS = """
document.createElement("img").attributionSrc = `${BASE}/slow`;
addEventListener("pagehide", () => {
    navigator.sendBeacon(`${BASE}/beacon`, query);
    fetch(`${BASE}/keepalive`, { method: "POST", mode: "no-cors", keepalive: true, body: query });
    document.createElement("img").attributionSrc = `${BASE}/background${query}`;
});
"""


@pytest.mark.parametrize("way", ["same site", "cross site", "reload", "close"])
async def test_what_is_still_under_way_or_begins_as_a_page_goes_away_is_its_own(
    agent: Agent, ledger: Registered, way: str
) -> None:
    ledger.wire.delays["/slow"] = 1
    agent.map("news.test", site({"/": _scripted(LAST_WORDS)}))
    agent.map("else.test", site({}))
    page = await agent.new_page("https://news.test/?top=news.test")
    await ledger.until(1)
    if way == "same site":
        await page.goto("https://news.test/other")
    elif way == "cross site":
        await page.goto("https://else.test/")
    elif way == "reload":
        await page.reload()
    else:
        await page.close(run_before_unload=True)
    async with asyncio.timeout(10):
        while not {"slow", "beacon", "keepalive", "background"} <= {answer.kind for answer in ledger.answered}:
            await asyncio.sleep(0.05)
    truth = await ledger.held_against_the_truth(agent)
    assert truth.wrong == []
    assert set(truth.exact) == {"slow", "beacon", "keepalive", "background"}
    assert truth.eligibility["slow"] == truth.eligibility["background"] == {BOTH}


async def test_a_frame_that_keeps_the_window_of_its_empty_document_registers_too(
    agent: Agent, ledger: Registered
) -> None:
    inside = '<img attributionsrc="https://adtech.test/inside?top=news.test">'
    outside = """<script>
        const frame = document.createElement("iframe");
        document.documentElement.append(frame);
        frame.contentWindow.touched = true;
        frame.src = "/inside";
    </script>"""
    agent.map("news.test", site({"/": outside, "/inside": inside}))
    await agent.new_page("https://news.test/")
    await ledger.until(1)
    truth = await ledger.held_against_the_truth(agent)
    assert truth.eligibility == {"inside": {BOTH}}


@pytest.mark.parametrize("script", ["inline", "external"])
async def test_the_first_image_that_script_makes_eligible_is_not_missed(
    agent: Agent, ledger: Registered, script: str
) -> None:
    use = """for (let i = 0; i < 10; i++)
        Object.assign(new Image(), { attributionSrc: "", src: `https://adtech.test/own?top=news.test&${i}` });"""
    scripts = {"inline": f"<script>{use}</script>", "external": "<script src=/use.js></script>"}
    agent.map("news.test", site({"/": scripts[script], "/use.js": use}))
    await agent.new_page("https://news.test/")
    await ledger.until(10)
    truth = await ledger.held_against_the_truth(agent)
    assert truth.exact == {"own": 10}
    assert truth.eligibility == {"own": {BOTH}}


async def test_what_a_page_announces_is_known_before_its_requests_while_the_browsers_own_process_lags(
    agent: Agent, ledger: Registered
) -> None:
    agent.map("news.test", site({}))
    page = await agent.new_page("https://news.test/")
    # Images of before: where connections are open, requests need nothing of the browser's own process any more.
    ask = """(kind) => { for (let i = 0; i < 6; i++)
        Object.assign(new Image(), { attributionSrc: "", src: `https://adtech.test/${kind}?top=news.test&${i}` }); }"""
    await page.evaluate(ask, "before")
    await ledger.until(6)
    assert agent.context.browser is not None
    devtools = await agent.context.browser.new_browser_cdp_session()
    processes = (await devtools.send("SystemInfo.getProcessInfo"))["processInfo"]
    browser = next(one["id"] for one in processes if one["type"] == "browser")
    for round_ in range(1, 4):
        await page.evaluate(f"""() => {{ setTimeout({ask}, 200, "own{round_}"); }}""")
        await asyncio.sleep(0.1)
        os.kill(browser, signal.SIGSTOP)
        await asyncio.sleep(0.3)
        os.kill(browser, signal.SIGCONT)
        await ledger.until(6 + 6 * round_)
    truth = await ledger.held_against_the_truth(agent)
    assert truth.exact == dict.fromkeys(("before", "own1", "own2", "own3"), 6)
    assert all(found == {BOTH} for found in truth.eligibility.values())


async def test_what_a_test_writes_into_a_page_registers_too(agent: Agent, ledger: Registered) -> None:
    agent.map("news.test", site({}))
    page = await agent.new_page("https://news.test/")
    await page.set_content('<img attributionsrc="https://adtech.test/written?top=news.test">')
    await ledger.until(1)
    truth = await ledger.held_against_the_truth(agent)
    assert truth.eligibility == {"written": {BOTH}}


async def test_long_addresses_are_known_too(agent: Agent, ledger: Registered) -> None:
    agent.map("news.test", site({}))
    page = await agent.new_page("https://news.test/")
    await page.evaluate("""() => {
        const url = (kind) => `https://adtech.test/${kind}?top=news.test&${"x".repeat(5000)}`;
        Object.assign(new Image(), { attributionSrc: url("background"), src: url("own") });
    }""")
    await ledger.until(2)
    truth = await ledger.held_against_the_truth(agent)
    assert truth.eligibility == {"background": {BOTH}, "own": {BOTH}}

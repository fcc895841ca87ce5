"""Which requests get the headers of Attribution Reporting, and what their responses register (registration, 2.1)."""

from __future__ import annotations

import asyncio
from collections import Counter

import pytest

from agent.model.attribution_reporting.eligibility import Eligibility
from agent.runtime import Agent
from tests.browser.announcing import Wire

pytestmark = pytest.mark.browser
BOTH = {"event-source", "trigger"}
ELIGIBLE = "Attribution-Reporting-Eligible"
SUPPORT = "Attribution-Reporting-Support"


@pytest.fixture
async def news(announcing: None, wire: Wire, agent: Agent) -> Agent:  # noqa: ARG001 - before the agent is launched
    """An agent for whom every host of the tests is the one server."""
    for host in ("news.test", "adtech.test", "shop.test", "frames.test"):
        agent.map(host, wire.app())
    wire.pages["/page"] = "<!doctype html><body>"
    return agent


async def _ignored(agent: Agent) -> list[str]:
    return [event.trace.checks[0].detail for event in await agent.events.all() if event.kind == "registration"]


# Requests that script makes: known by their token.


async def test_a_background_request_is_seen_as_real_chromium_sends_it(news: Agent, wire: Wire) -> None:
    page = await news.new_page("https://news.test/page")
    assert await page.evaluate("background('https://adtech.test/source')") == "opaque"
    [seen] = wire.seen
    assert seen.get("Accept") == "*/*"
    assert (seen.get("Sec-Fetch-Dest"), seen.get("Sec-Fetch-Mode")) == ("empty", "no-cors")
    assert seen.eligible == BOTH
    [response] = await wire.until_registered(1)
    assert response.context_origin == "https://news.test"
    assert response.url == "https://adtech.test/source"
    assert response.eligibility is Eligibility.EVENT_SOURCE_OR_TRIGGER
    assert response.fields == {"Attribution-Reporting-Register-Source": b'"/source"'}


async def test_apart_from_the_two_headers_a_marked_request_is_like_any_other(news: Agent, wire: Wire) -> None:
    page = await news.new_page("https://news.test/page")
    await page.evaluate("""async () => {
        await fetch("https://adtech.test/plain", { mode: "no-cors", credentials: "include", keepalive: true });
        await background("https://adtech.test/marked");
    }""")
    plain, marked = wire.seen
    assert [header for header in marked.headers if header[0] not in (ELIGIBLE, SUPPORT)] == plain.headers
    assert {name for name, _ in marked.headers} - {name for name, _ in plain.headers} == {ELIGIBLE, SUPPORT}


@pytest.mark.parametrize(
    ("eligibility", "keys"),
    [
        ("empty", set()),
        ("trigger", {"trigger"}),
        ("event-source", {"event-source"}),
        ("event-source-or-trigger", BOTH),
        ("navigation-source", {"navigation-source"}),
    ],
)
async def test_each_eligibility_has_its_header(news: Agent, wire: Wire, eligibility: str, keys: set[str]) -> None:
    page = await news.new_page("https://news.test/page")
    await page.evaluate(f"background('https://adtech.test/x', '{eligibility}')")
    assert wire.seen[0].eligible == keys
    assert [one.eligibility for one in await wire.until_registered(1)] == [Eligibility(eligibility)]


async def test_the_pages_own_accept_stays_and_no_preflight_comes(news: Agent, wire: Wire) -> None:
    page = await news.new_page("https://news.test/page")
    await page.evaluate("""() => {
        const url = "https://adtech.test/x";
        const token = tokenFor({ url, eligibility: "trigger", kind: "fetch" });
        return fetch(url, { headers: { Accept: `application/json, ${token}` } }).then(() => 0);
    }""")
    [seen] = wire.seen
    assert seen.get("Accept") == "application/json"
    assert seen.eligible == {"trigger"}


async def test_every_hop_has_the_very_same_headers_and_registers_for_its_own_origin(news: Agent, wire: Wire) -> None:
    page = await news.new_page("https://news.test/page")
    await page.evaluate("background('https://adtech.test/hop/3/source')")
    assert len(wire.seen) == 4
    assert len({(seen.get(ELIGIBLE), seen.get(SUPPORT), seen.get("Accept")) for seen in wire.seen}) == 1
    registered = await wire.until_registered(4)
    assert [one.url for one in registered] == [seen.url for seen in wire.seen]
    assert {one.eligibility for one in registered} == {Eligibility.EVENT_SOURCE_OR_TRIGGER}


async def test_the_variety_of_headers_is_repeatable_by_the_seed_and_differs_by_request(news: Agent, wire: Wire) -> None:
    page = await news.new_page("https://news.test/page")
    for number in range(12):
        await page.evaluate(f"background('https://adtech.test/x?{number}')")
    assert len({seen.get(ELIGIBLE) for seen in wire.seen}) > 3


@pytest.mark.parametrize(
    ("what", "reuse"),
    [
        ("used", "fetch(url, init)"),
        ("another request's", "fetch(url + '?other', init)"),
    ],
)
async def test_a_token_serves_one_request(news: Agent, wire: Wire, what: str, reuse: str) -> None:
    page = await news.new_page("https://news.test/page")
    await page.evaluate(
        f"""async () => {{
            const url = "https://adtech.test/x";
            const accept = tokenFor({{ url, eligibility: "event-source", kind: "background" }});
            const init = {{ mode: "no-cors", headers: {{ accept }} }};
            await fetch("{what}" === "used" ? url : url + "?first", init);
            await {reuse};
        }}"""
    )
    first, second = wire.seen
    assert first.eligible == ({"event-source"} if what == "used" else None)
    assert second.eligible is None
    assert second.get("Accept") == "*/*"
    assert "its announcement is unknown, used up, or another request's" in await _ignored(news)


async def test_a_token_that_nobody_announced_is_taken_out(
    news: Agent, wire: Wire, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("agent.browser.eligible_requests._PATIENCE", 0.1)
    page = await news.new_page("https://news.test/page")
    await page.evaluate("""() => {
        const accept = tokenFor({ url: "https://adtech.test/x", eligibility: "trigger", kind: "fetch" });
        const forged = accept.slice(0, -16) + "0123456789abcdef";
        return fetch("https://adtech.test/x", { mode: "no-cors", headers: { accept: forged } }).then(() => 0);
    }""")
    [seen] = wire.seen
    assert (seen.eligible, seen.get("Accept")) == (None, "*/*")


async def test_a_token_of_one_tab_is_worth_nothing_in_another(news: Agent, wire: Wire) -> None:
    page = await news.new_page("https://news.test/page")
    other = await news.new_page("https://shop.test/page")
    options = "{ url: 'https://adtech.test/x', eligibility: 'navigation-source', kind: 'background' }"
    accept = await page.evaluate(f"tokenFor({options})")
    await other.evaluate("(accept) => fetch('https://adtech.test/x', { headers: { accept } }).then(() => 0)", accept)
    assert wire.seen[0].eligible is None


async def test_headers_that_a_page_sets_itself_make_nothing_eligible(news: Agent, wire: Wire) -> None:
    page = await news.new_page("https://news.test/page")
    await page.evaluate(f"fetch('/source', {{ headers: {{ '{ELIGIBLE}': 'event-source', '{SUPPORT}': 'os' }} }})")
    [seen] = wire.seen
    assert (seen.get(ELIGIBLE), seen.get(SUPPORT)) == ("event-source", "os")
    assert [one.eligibility for one in await wire.until_registered(1)] == [Eligibility.UNSET]


async def test_on_an_eligible_request_the_agents_headers_stand_in_place_of_the_pages(news: Agent, wire: Wire) -> None:
    page = await news.new_page("https://news.test/page")
    await page.evaluate(f"""() => {{
        const accept = tokenFor({{ url: "https://news.test/x", eligibility: "trigger", kind: "fetch" }});
        return fetch("/x", {{ headers: {{ accept, "{ELIGIBLE}": "event-source" }} }}).then(() => 0);
    }}""")
    assert [name for name, _ in wire.seen[0].headers].count(ELIGIBLE) == 1
    assert wire.seen[0].eligible == {"trigger"}


async def test_a_busy_page_does_not_hold_its_requests_back(news: Agent, wire: Wire) -> None:
    page = await news.new_page("https://news.test/page")
    await page.evaluate("background('https://adtech.test/warm')")
    await page.evaluate("""() => {
        background("https://adtech.test/source");
        const end = performance.now() + 700;
        while (performance.now() < end);
    }""")
    assert wire.of("/source")[0].eligible == BOTH


async def test_many_at_once_each_get_what_was_announced(news: Agent, wire: Wire) -> None:
    kinds = [one.value for one in Eligibility if one is not Eligibility.UNSET]
    tabs = await asyncio.gather(*(news.new_page(f"https://{host}/page") for host in ("news.test", "shop.test")))
    script = """(kinds) => Promise.all(Array.from({ length: 100 }, (_, i) => {
        const kind = kinds[i % kinds.length];
        return background(`https://adtech.test/${kind}?${location.host}&${i}`, kind);
    }))"""
    await asyncio.gather(*(tab.evaluate(script, kinds) for tab in tabs))
    registered = await wire.until_registered(200)
    assert len(registered) == 200
    for one in registered:
        kind, _, query = one.url.removeprefix("https://adtech.test/").partition("?")
        assert (one.eligibility.value, one.context_origin) == (kind, f"https://{query.partition('&')[0]}")


# Requests of elements: known by URL and document.


async def test_an_announced_image_has_the_headers_and_no_other_image(news: Agent, wire: Wire) -> None:
    page = await news.new_page("https://news.test/page")
    for _ in range(20):
        await page.evaluate("""() => new Promise((done) => {
            const url = "https://adtech.test/source?" + Math.random();
            announce("element", { url, destination: "image", parsed: false });  // as for one with attributionSrc
            const one = new Image(), other = new Image();
            one.onerror = other.onerror = () => { if ((done.count = (done.count ?? 0) + 1) === 2) done(); };
            one.src = url;
            other.src = "https://adtech.test/plain?" + Math.random();
        })""")
    counted = Counter((seen.url.partition("?")[0], seen.eligible == BOTH) for seen in wire.seen)
    assert counted == {("https://adtech.test/source", True): 20, ("https://adtech.test/plain", False): 20}
    registered = await wire.until_registered(40)
    kinds = Counter((one.url.partition("?")[0], one.eligibility) for one in registered)
    assert kinds == {
        ("https://adtech.test/source", Eligibility.EVENT_SOURCE_OR_TRIGGER): 20,
        ("https://adtech.test/plain", Eligibility.UNSET): 20,
    }
    assert {one.context_origin for one in registered} == {"https://news.test"}


async def test_the_hops_of_an_elements_request_are_eligible_too(news: Agent, wire: Wire) -> None:
    page = await news.new_page("https://news.test/page")
    await page.evaluate("""() => {
        // As for one with attributionSrc.
        announce("element", { url: "https://adtech.test/hop/2/source", destination: "image", parsed: false });
        new Image().src = "https://adtech.test/hop/2/source";
    }""")
    assert [one.eligibility for one in await wire.until_registered(3)] == [Eligibility.EVENT_SOURCE_OR_TRIGGER] * 3
    assert len({seen.get(ELIGIBLE) for seen in wire.seen}) == 1


async def test_an_announcement_of_one_tab_serves_no_other(news: Agent, wire: Wire) -> None:
    page = await news.new_page("https://news.test/page")
    other = await news.new_page("https://shop.test/page")
    await page.evaluate("announce('element', { url: 'https://adtech.test/x', destination: 'image', parsed: false })")
    await other.evaluate("void (new Image().src = 'https://adtech.test/x')")
    [seen] = await wire.until(1)
    assert seen.eligible is None


# Elements that the parser makes: known from the HTML.

HTML = """<!doctype html>
<img attributionsrc src="https://adtech.test/image"><img src="https://adtech.test/plain">
<base href="https://adtech.test/"><script attributionsrc="" src="script"></script><script src="plainscript"></script>
<img attributionsrc src="twice"><iframe src="https://frames.test/frame"></iframe>"""
FRAME = "<!doctype html><p><img src='https://adtech.test/plain'><img attributionsrc src='https://adtech.test/framed'>"


async def test_what_the_parser_asks_for_is_eligible_before_any_script_has_seen_it(news: Agent, wire: Wire) -> None:
    wire.pages |= {"/html": HTML, "/frame": FRAME}
    for _ in range(5):
        wire.seen.clear()
        page = await news.new_page("https://news.test/html")
        await page.wait_for_load_state("load")
        await wire.until(6)
        eligible = {seen.url.removeprefix("https://adtech.test/"): seen.eligible for seen in wire.seen}
        assert eligible == {
            "image": BOTH, "plain": None, "script": BOTH, "plainscript": None, "twice": BOTH, "framed": BOTH
        }  # fmt: skip
        await page.close()


async def test_what_the_parser_asks_for_in_a_page_from_the_cache_is_eligible_too(news: Agent, wire: Wire) -> None:
    wire.pages["/html"] = "<!doctype html><img attributionsrc src='https://adtech.test/image'>"
    wire.headers["/html"] = {"Cache-Control": "max-age=1000"}
    await news.new_page("https://news.test/html")
    await wire.until(1)
    wire.pages["/html"] = "never asked for"
    for count in (2, 3):
        await news.new_page("https://news.test/html")
        await wire.until(count)
    assert [seen.eligible for seen in wire.seen] == [BOTH] * 3


# Navigations.


async def _click(news: Agent, wire: Wire, anchor: str, announced: str) -> None:
    wire.pages["/click"] = f"""<!doctype html><a id=a {anchor}>go</a><script>
        a.onclick = () => {{ {announced} }};</script>"""
    page = await news.new_page("https://news.test/click")
    await page.click("a")


NAVIGATION = "announce('navigation', {{ navigation: 1, url: '{}' }});"


@pytest.mark.parametrize("target", ["", "target=_blank", "target=_blank rel=opener", "target=_top"])
async def test_an_announced_navigation_and_its_redirects_are_navigation_sources_of_the_page_that_was_left(
    news: Agent, wire: Wire, target: str
) -> None:
    url = "https://shop.test/hop/2/source"
    await _click(news, wire, f'href="{url}" {target}', NAVIGATION.format(url))
    await wire.until(3)
    assert [seen.eligible for seen in wire.seen] == [{"navigation-source"}] * 3
    assert len({seen.get(ELIGIBLE) for seen in wire.seen}) == 1
    registered = await wire.until_registered(3)
    assert {(one.context_origin, one.eligibility) for one in registered} == {
        ("https://news.test", Eligibility.NAVIGATION_SOURCE)
    }
    assert len({one.navigation for one in registered} - {""}) == 1


async def test_a_navigation_shares_its_name_with_its_background_requests(news: Agent, wire: Wire) -> None:
    url = "https://shop.test/source"
    background = "background('https://adtech.test/source', 'navigation-source', { navigation: 1 });"
    await _click(news, wire, f'href="{url}"', NAVIGATION.format(url) + background)
    registered = await wire.until_registered(2)
    assert {one.url for one in registered} == {url, "https://adtech.test/source"}
    assert len({one.navigation for one in registered}) == 1


async def test_plain_and_cancelled_navigations_register_nothing(news: Agent, wire: Wire) -> None:
    url = "https://shop.test/source"
    await _click(news, wire, f'href="{url}"', "")
    await _click(news, wire, f'href="{url}"', NAVIGATION.format(url) + "announce('cancelled', { navigation: 1 });")
    seen = await wire.until(2)
    assert [one.eligible for one in seen] == [None, None]
    page = await news.new_page("https://news.test/page")
    await page.evaluate(NAVIGATION.format(url))
    await page.goto(url)
    assert wire.seen[-1].eligible is None, "the address bar begins no eligible navigation"
    assert wire.registered == []


# What nothing may be registered for.


async def test_plain_documents_frames_and_workers_register_nothing(news: Agent, wire: Wire) -> None:
    wire.pages["/frames"] = """<!doctype html><iframe src="https://adtech.test/trigger"></iframe>
        <script>new Worker(URL.createObjectURL(new Blob(["fetch('https://adtech.test/trigger?w')"])));</script>"""
    await news.new_page("https://news.test/frames")
    await news.new_page("https://adtech.test/trigger?document")
    await wire.until(3)
    await asyncio.sleep(0.3)
    assert wire.registered == []


@pytest.mark.parametrize("where", ["header", "allow"])
async def test_a_document_without_permission_registers_nothing_and_its_background_requests_reach_no_server(
    news: Agent, wire: Wire, where: str
) -> None:
    script = """<script>background("https://adtech.test/background").then((type) =>
        fetch("https://adtech.test/plain?" + type, { mode: "no-cors" }));</script>"""
    wire.pages["/inside"] = f"<!doctype html>{script}<img attributionsrc src='https://adtech.test/own'>"
    allow = "attribution-reporting 'none'" if where == "allow" else ""
    wire.pages["/outside"] = f'<!doctype html><iframe allow="{allow}" src="https://frames.test/inside"></iframe>'
    wire.headers["/outside"] = {"Permissions-Policy": "attribution-reporting=()"} if where == "header" else {}
    await news.new_page("https://news.test/outside")
    seen = await wire.until(2)
    assert {one.url for one in seen} == {"https://adtech.test/plain?opaque", "https://adtech.test/own"}
    assert [one.eligible for one in seen] == [None, None]
    await asyncio.sleep(0.2)
    assert wire.registered == []
    assert wire.of("/background") == []


TELL = "document.featurePolicy.allowsFeature('attribution-reporting')"
LOOK = f"""<script>
    const look = (left) => {{
        if ({TELL} === WANTED || left === 0) fetch(`https://adtech.test/${{{TELL}}}`);
        else setTimeout(look, 100, left - 1);
    }};
    setTimeout(look, 300, 80);
</script>"""


@pytest.mark.parametrize("where", ["header", "allow", "nowhere"])
async def test_documents_without_permission_are_told(news: Agent, wire: Wire, where: str) -> None:
    wanted = str(where == "nowhere").lower()
    wire.pages["/inside"] = f"<!doctype html>{LOOK.replace('WANTED', wanted)}"
    allow = "attribution-reporting 'none'" if where == "allow" else ""
    wire.pages["/outside"] = f"""<!doctype html><iframe allow="{allow}" src="/inside"></iframe>
        <iframe allow="{allow}" src="https://frames.test/inside"></iframe>"""
    wire.headers["/outside"] = {"Permissions-Policy": "attribution-reporting=()"} if where == "header" else {}
    page = await news.new_page("https://news.test/outside")
    assert await page.evaluate(TELL) is (where != "header")
    assert [seen.url for seen in await wire.until(2)] == [f"https://adtech.test/{wanted}"] * 2


@pytest.mark.parametrize("header", ["attribution-reporting=()", "attribution-reporting=(), geolocation=*"])
async def test_the_first_script_of_a_document_without_permission_knows_of_it(
    news: Agent, wire: Wire, header: str
) -> None:
    options = "{ attributionReporting: { eventSourceEligible: true, triggerEligible: true } }"
    script = f"""<script>fetch('/x', {options}).then(() => fetch("https://adtech.test/none"),
        (error) => fetch(`https://adtech.test/${{error.name}}`));</script>"""
    wire.pages["/denied"] = f"<!doctype html>{script}<iframe src='/inside'></iframe>"
    wire.pages["/inside"] = f"<!doctype html>{script}"
    wire.headers["/denied"] = {"Permissions-Policy": header}
    for _ in range(5):
        page = await news.new_page("https://news.test/denied")
        await wire.until(2)
        assert [seen.url for seen in wire.seen] == ["https://adtech.test/NotAllowedError"] * 2
        wire.seen.clear()
        await page.close()

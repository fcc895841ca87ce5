"""Which responses may write to Shared Storage, from the page's announcement to the write (shared-storage section 9)."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from typing import Any

import pytest
from aiohttp import web

from agent.browser.documents import Document
from agent.engines.shared_storage.write_header import WriteHeader
from agent.model.clock import Clock
from agent.model.settings import Settings
from agent.model.shared_storage import SetMethod
from agent.runtime import Agent
from agent.runtime.shared_storage_requests import Note, SharedStorageRequests, Write
from tests.browser.announcing import announcing_page_script
from tests.browser.ledger import site

pytestmark = pytest.mark.browser
NEWS = "https://news.test"
ADTECH = "https://adtech.test"
OTHER = "https://other.test"
PNG = bytes.fromhex(
    "89504e470d0a1a0a0000000d49484452000000010000000108060000001f15c489"
    "0000000d49444154789c6360000002000001e221bc330000000049454e44ae426082"
)


@dataclass
class Server:
    """Writes what its path says, and remembers whether it was asked to; ``/to?URL`` redirects there."""

    asked: dict[str, str | None] = field(default_factory=dict)
    """``Sec-Shared-Storage-Writable`` by host and path."""
    held: asyncio.Event = field(default_factory=asyncio.Event)
    """What the answer to ``/held`` waits for."""

    def app(self) -> web.Application:
        """The application for ``agent.map``."""
        app = web.Application()
        app.router.add_get("/{path:.*}", self._answer)
        return app

    async def _answer(self, request: web.Request) -> web.Response:
        self.asked[request.host + request.path] = request.headers.get("Sec-Shared-Storage-Writable")
        headers = {"Shared-Storage-Write": f'set;key="{request.path}";value="1"', "Access-Control-Allow-Origin": "*"}
        if request.path == "/held":
            await self.held.wait()
        if request.path.startswith("/to"):
            return web.Response(status=302, headers=headers | {"Location": request.query_string})
        if "frame" in request.path:
            return web.Response(text="<!doctype html>", content_type="text/html", headers=headers)
        return web.Response(body=PNG, content_type="image/png", headers=headers)


@dataclass
class Written:
    """What responses wrote: the asking document's origin, the origin written to, the keys."""

    found: list[tuple[str, str, tuple[str, ...]]] = field(default_factory=list)

    async def write(self, document: Document, origin: str, header: WriteHeader) -> None:
        """Stands for the agent's own."""
        keys = tuple(method.key for method in header.methods if isinstance(method, SetMethod))
        self.found.append((document.origin, origin, keys))

    async def until(self, count: int) -> list[tuple[str, str, tuple[str, ...]]]:
        """Wait until that many responses have written."""
        async with asyncio.timeout(10):
            while len(self.found) < count:
                await asyncio.sleep(0.01)
        return self.found


@pytest.fixture(autouse=True)
def written(monkeypatch: pytest.MonkeyPatch) -> Written:
    """Takes the place of the storage before the agent is launched; pages have what ``announcing.py`` gives them."""
    written = Written()

    class Recording(SharedStorageRequests):
        def __init__(self, settings: Settings, clock: Clock, note: Note, write: Write) -> None:
            del write
            super().__init__(settings, clock, note, written.write)

    monkeypatch.setattr("agent.runtime.pages.SharedStorageRequests", Recording)
    monkeypatch.setattr("agent.browser.host_channel.page_script", announcing_page_script)
    return written


@pytest.fixture
async def server(agent: Agent) -> Server:
    """Stands behind adtech.test and other.test."""
    server = Server()
    agent.map("adtech.test", server.app())
    agent.map("other.test", server.app())
    return server


async def _open(agent: Agent, html: str, headers: dict[str, str] | None = None) -> Any:
    agent.map("news.test", site({"/": html, "/blank": ""}, headers))
    return await agent.new_page(f"{NEWS}/")


async def _last_reason(agent: Agent) -> str:
    async with asyncio.timeout(5):
        while (event := await agent.events.last("shared-storage.batch-update")) is None:
            await asyncio.sleep(0.02)
    return event.trace.checks[-1].detail


async def test_a_fetch_that_asks_for_it_has_its_response_write_before_the_page_goes_on(
    agent: Agent, server: Server, written: Written
) -> None:
    page = await _open(agent, "")
    fields = await page.evaluate(f"writable('{ADTECH}/h', {{ mode: 'cors' }}).then((r) => [...r.headers.keys()])")
    assert server.asked["adtech.test/h"] == "?1"
    assert written.found == [(NEWS, ADTECH, ("/h",))]
    assert "shared-storage-write" not in fields


async def test_what_did_not_ask_writes_nothing_and_its_field_is_taken_off_all_the_same(
    agent: Agent, server: Server, written: Written
) -> None:
    page = await _open(agent, "")
    fields = await page.evaluate(f"fetch('{ADTECH}/h').then((r) => [...r.headers.keys()])")
    assert server.asked["adtech.test/h"] is None
    assert "shared-storage-write" not in fields
    assert written.found == []
    assert await _last_reason(agent) == "its request did not ask for it"


async def test_every_hop_writes_to_its_own_origin(agent: Agent, server: Server, written: Written) -> None:
    page = await _open(agent, "")
    await page.evaluate(f"writable('{ADTECH}/to?{OTHER}/to2?{ADTECH}/end').then(() => 0)")
    assert written.found == [(NEWS, ADTECH, ("/to",)), (NEWS, OTHER, ("/to2",)), (NEWS, ADTECH, ("/end",))]
    assert set(server.asked.values()) == {"?1"}


async def test_each_hop_is_judged_by_the_policy_for_its_origin(agent: Agent, server: Server, written: Written) -> None:
    page = await _open(agent, "", {"Permissions-Policy": f'shared-storage=(self "{ADTECH}")'})
    await page.evaluate(f"writable('{ADTECH}/to?{OTHER}/to2?{ADTECH}/end').then(() => 0)")
    assert server.asked == {"adtech.test/to": "?1", "other.test/to2": None, "adtech.test/end": "?1"}
    assert written.found == [(NEWS, ADTECH, ("/to",)), (NEWS, ADTECH, ("/end",))]


async def test_a_policy_that_names_the_document_alone_lets_no_other_origin_write(
    agent: Agent, server: Server, written: Written
) -> None:
    page = await _open(agent, "", {"Permissions-Policy": "shared-storage=(self)"})
    await page.evaluate(f"writable('{ADTECH}/h').then(() => 0)")
    assert server.asked["adtech.test/h"] is None
    assert written.found == []
    reason = f"the permissions policy of {NEWS} forbids shared-storage for {ADTECH}"
    assert await _last_reason(agent) == reason


async def test_elements_of_the_html_are_known_before_any_script_is(
    agent: Agent, server: Server, written: Written
) -> None:
    html = f"""<img sharedstoragewritable src="{ADTECH}/img"><img src="{ADTECH}/plain">
        <iframe sharedstoragewritable src="{ADTECH}/frame"></iframe><iframe src="{ADTECH}/plainframe"></iframe>"""
    await _open(agent, html)
    assert sorted(await written.until(2)) == [(NEWS, ADTECH, ("/frame",)), (NEWS, ADTECH, ("/img",))]
    asked = {path.rpartition("/")[2]: value for path, value in server.asked.items() if "favicon" not in path}
    assert asked == {"img": "?1", "plain": None, "frame": "?1", "plainframe": None}


async def test_elements_of_frames_that_nothing_tells_apart_are_judged_by_what_they_share(
    agent: Agent, server: Server, written: Written
) -> None:
    image = f'<!doctype html><img sharedstoragewritable src="{ADTECH}/img?">'
    agent.map("blog.test", site({"/": image}))
    await _open(agent, '<iframe src="https://blog.test/"></iframe>' * 3)
    assert set(await written.until(1)) == {("https://blog.test", ADTECH, ("/img",))}
    assert server.asked["adtech.test/img"] == "?1"


@pytest.mark.parametrize("destination", ["image", "iframe"])
async def test_elements_that_script_makes_are_known_by_their_announcement(
    agent: Agent, server: Server, written: Written, destination: str
) -> None:
    page = await _open(agent, "")
    make = f"""(destination) => new Promise((done) => {{
        const url = "{ADTECH}/to?{OTHER}/frame";
        const element = document.createElement(destination === "image" ? "img" : destination);
        announceWritable("element", {{ destination, url }});  // as for one with sharedStorageWritable
        element.onload = element.onerror = done;
        element.src = url;
        document.body.append(element);
    }}).then(() => 0)"""
    await page.evaluate(make, destination)
    assert written.found == [(NEWS, ADTECH, ("/to",)), (NEWS, OTHER, ("/frame",))]
    assert server.asked == {"adtech.test/to": "?1", "other.test/frame": "?1"}


async def test_a_frame_of_another_site_is_navigated_again_by_its_embedder(
    agent: Agent, server: Server, written: Written
) -> None:
    page = await _open(agent, "<iframe></iframe>")
    go = """(url) => new Promise((done) => {
        const frame = document.querySelector("iframe");
        announceWritable("element", { destination: "iframe", url });  // as for one with sharedStorageWritable
        frame.onload = done;
        frame.src = url;
    }).then(() => 0)"""
    for path in ("/frame1", "/frame2"):
        await page.evaluate(go, ADTECH + path)
    assert written.found == [(NEWS, ADTECH, ("/frame1",)), (NEWS, ADTECH, ("/frame2",))]
    assert set(server.asked.values()) == {"?1"}


@pytest.mark.parametrize("host", ["news.test", "adtech.test"])
async def test_a_frame_with_the_attribute_asks_wherever_it_goes_and_its_embedder_is_judged(
    agent: Agent, server: Server, written: Written, host: str
) -> None:
    inner = f"https://{host}/inner"
    pages = {
        "/": f"<iframe sharedstoragewritable src='{inner}'></iframe><iframe src='{inner}'></iframe>",
        "/inner": f"<a href='{OTHER}/frame'>go</a>",
    }
    agent.map("news.test", site(pages))
    agent.map("adtech.test", site(pages, {"Permissions-Policy": "shared-storage=()"}))
    page = await agent.new_page(f"{NEWS}/")
    for frame in page.frames[1:]:
        await frame.click("a")
        await frame.wait_for_url(f"{OTHER}/frame")
    assert written.found == [(NEWS, OTHER, ("/frame",))]
    assert server.asked["other.test/frame"] is None, "the last that went there has no such attribute"


async def test_a_top_level_navigation_asks_for_nothing(agent: Agent, server: Server, written: Written) -> None:
    page = await _open(agent, "")
    await page.goto(f"{ADTECH}/frame")
    assert server.asked["adtech.test/frame"] is None
    assert written.found == []


async def test_a_sandboxed_document_of_no_origin_may_ask(agent: Agent, server: Server, written: Written) -> None:
    html = f"<iframe sandbox=allow-scripts srcdoc=\"<script>writable('{ADTECH}/h')</script>\"></iframe>"
    await _open(agent, html)
    assert await written.until(1) == [("null", ADTECH, ("/h",))]
    assert server.asked["adtech.test/h"] == "?1"


async def test_a_request_of_a_document_s_last_moments_writes(agent: Agent, server: Server, written: Written) -> None:
    page = await _open(agent, "")
    await page.evaluate(f"""() => {{
        addEventListener("pagehide", () => {{
            const accept = tokenFor({{ url: "" }}, () => undefined).slice(0, -16) + newTokenThatSays("s");
            fetch("{ADTECH}/h", {{ mode: "no-cors", keepalive: true, headers: {{ accept }} }});
        }});
    }}""")
    await page.goto(f"{OTHER}/frame")
    assert await written.until(1) == [(NEWS, ADTECH, ("/h",))]
    assert server.asked["adtech.test/h"] == "?1"


async def test_a_request_that_outlives_its_document_writes(agent: Agent, server: Server, written: Written) -> None:
    page = await _open(agent, "")
    await page.evaluate(f"() => {{ writable('{ADTECH}/held', {{ keepalive: true }}); }}")
    async with asyncio.timeout(10):
        while "adtech.test/held" not in server.asked:
            await asyncio.sleep(0.01)
    await page.goto(f"{OTHER}/frame")
    server.held.set()
    assert await written.until(1) == [(NEWS, ADTECH, ("/held",))]


async def test_a_service_worker_that_passes_a_request_on_passes_on_what_it_asked_for(
    agent: Agent, server: Server, written: Written
) -> None:
    worker = "onactivate = (e) => e.waitUntil(clients.claim()); onfetch = (e) => e.respondWith(fetch(e.request));"
    agent.map("news.test", site({"/": "", "/sw.js": worker}))
    page = await agent.new_page(f"{NEWS}/")
    await page.evaluate("""() => new Promise((done) => {
        navigator.serviceWorker.oncontrollerchange = done;
        navigator.serviceWorker.register("/sw.js");
    }).then(() => 0)""")
    fields = await page.evaluate(f"writable('{ADTECH}/h', {{ mode: 'cors' }}).then((r) => [...r.headers.keys()])")
    assert written.found == [(NEWS, ADTECH, ("/h",))]
    assert "shared-storage-write" not in fields
    assert server.asked["adtech.test/h"] == "?1"


async def test_what_a_page_writes_itself_is_no_such_header(agent: Agent, server: Server, written: Written) -> None:
    page = await _open(agent, "")
    ask = f"fetch('{ADTECH}/h', {{ headers: {{ 'Sec-Shared-Storage-Writable': '?1' }} }}).then(() => 0)"
    await page.evaluate(ask)
    assert server.asked["adtech.test/h"] is None
    assert written.found == []


async def test_a_token_that_nobody_announced_or_that_is_used_up_lets_nobody_write(
    agent: Agent, server: Server, written: Written
) -> None:
    page = await _open(agent, "")
    await page.evaluate(f"""async () => {{
        const accept = tokenFor({{ url: "{ADTECH}/once" }}, announceWritable);
        for (const path of ["/once", "/once"]) await fetch("{ADTECH}" + path, {{ headers: {{ accept }} }});
    }}""")
    assert written.found == [(NEWS, ADTECH, ("/once",))]
    assert server.asked["adtech.test/once"] is None

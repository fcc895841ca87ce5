"""What a page in real Chromium sees through the front."""

from __future__ import annotations

import hashlib
import os
from collections.abc import AsyncIterator

import pytest
from aiohttp import WSMsgType, web
from playwright.async_api import Browser, Page, async_playwright

from agent.browser.chromium import find_chromium
from agent.browser.network.ca import CertificateAuthority
from agent.browser.network.hosts import RefusalKind
from tests.browser.network.support import World, answering, scripted

pytestmark = pytest.mark.browser
PAGE = "<!doctype html><title>shop</title>"


@pytest.fixture(scope="session")
async def browser(authority: CertificateAuthority) -> AsyncIterator[Browser]:
    async with async_playwright() as playwright:
        chromium = await playwright.chromium.launch(
            executable_path=find_chromium().path,
            chromium_sandbox=os.geteuid() != 0,
            args=[f"--ignore-certificate-errors-spki-list={authority.spki_fingerprint}"],
        )
        yield chromium
        await chromium.close()


@pytest.fixture
async def page(browser: Browser, world: World) -> AsyncIterator[Page]:
    context = await browser.new_context(proxy={"server": world.front.proxy["server"], "bypass": "<-loopback>"})
    yield await context.new_page()
    await context.close()


async def home(_: web.Request) -> web.Response:
    return web.Response(text=PAGE, content_type="text/html")


async def echo(request: web.Request) -> web.WebSocketResponse:
    socket = web.WebSocketResponse()
    await socket.prepare(request)
    async for message in socket:
        if message.type is WSMsgType.TEXT:
            await socket.send_str(message.data.upper())
    return socket


async def digest(request: web.Request) -> web.Response:
    total = hashlib.sha256()
    async for part in request.content.iter_any():
        total.update(part)
    return web.Response(text=total.hexdigest())


def shop() -> web.Application:
    app = web.Application(client_max_size=0)
    app.router.add_get("/", home)
    app.router.add_get("/echo", echo)
    app.router.add_post("/digest", digest)
    return app


ECHO = """url => new Promise((done, fail) => {
  const socket = new WebSocket(url);
  socket.onopen = () => socket.send("ping");
  socket.onmessage = event => { socket.close(); done(event.data); };
  socket.onerror = () => fail(new Error("socket"));
})"""


async def test_a_mapped_host_is_an_https_origin_in_a_secure_context(world: World, page: Page) -> None:
    world.hosts.map("shop.test", shop())
    response = await page.goto("https://shop.test/")
    assert response is not None
    assert response.status == 200
    assert await page.evaluate("[location.origin, isSecureContext, document.title]") == [
        "https://shop.test",
        True,
        "shop",
    ]
    assert world.hooks.requests[0].url == "https://shop.test/"


async def test_a_web_socket_of_an_https_page_reaches_a_plain_server(world: World, page: Page) -> None:
    world.hosts.map("shop.test", shop())
    await page.goto("https://shop.test/")
    assert await page.evaluate(ECHO, "wss://shop.test/echo") == "PING"
    assert [(e.url, e.status) for e in world.hooks.responses][-1] == ("wss://shop.test/echo", 101)


async def test_localhost_passes_through_as_a_secure_context_with_its_plain_web_socket(world: World, page: Page) -> None:
    upstream = world.hosts.map("unused.test", shop())
    await page.goto(f"http://localhost:{upstream.port}/")
    assert await page.evaluate("[location.protocol, isSecureContext]") == ["http:", True]
    assert await page.evaluate(ECHO, f"ws://localhost:{upstream.port}/echo") == "PING"
    assert [e.url for e in world.hooks.responses if e.status == 101] == [f"ws://localhost:{upstream.port}/echo"]


async def test_a_service_worker_registers_and_answers(world: World, page: Page) -> None:
    async def worker(_: web.Request) -> web.Response:
        script = """
          self.oninstall = () => self.skipWaiting();
          self.onactivate = event => event.waitUntil(self.clients.claim());
          self.onfetch = event => {
            if (event.request.url.endsWith("/made-up")) event.respondWith(new Response("by the worker"));
          };"""
        return web.Response(text=script, content_type="text/javascript")

    app = shop()
    app.router.add_get("/sw.js", worker)
    world.hosts.map("shop.test", app)
    await page.goto("https://shop.test/")
    text = await page.evaluate("""async () => {
      const controlled = new Promise(done => { navigator.serviceWorker.oncontrollerchange = done; });
      await navigator.serviceWorker.register("/sw.js");
      await controlled;
      return (await fetch("/made-up")).text();
    }""")
    assert text == "by the worker"


async def test_a_range_request_gets_its_part(
    world: World, page: Page, tmp_path_factory: pytest.TempPathFactory
) -> None:
    folder = tmp_path_factory.mktemp("site")
    (folder / "index.html").write_text(PAGE)
    (folder / "film.bin").write_bytes(bytes(range(256)) * 40)
    world.hosts.map("film.test", folder)
    await page.goto("https://film.test/")
    part = await page.evaluate("""async () => {
      const response = await fetch("/film.bin", {headers: {Range: "bytes=254-257"}});
      const bytes = new Uint8Array(await response.arrayBuffer());
      return [response.status, response.headers.get("content-range"), [...bytes]];
    }""")
    assert part == [206, "bytes 254-257/10240", [254, 255, 0, 1]]


async def test_a_large_upload_arrives_whole(world: World, page: Page) -> None:
    world.hosts.map("shop.test", shop())
    await page.goto("https://shop.test/")
    size = 8 << 20
    received = await page.evaluate(
        """async size => {
          const body = new Uint8Array(size).fill(7);
          return (await fetch("/digest", {method: "POST", body})).text();
        }""",
        size,
    )
    assert received == hashlib.sha256(b"\x07" * size).hexdigest()


async def test_a_response_cut_short_is_an_error_for_the_page(world: World, page: Page) -> None:
    world.hosts.map("shop.test", shop())
    await page.goto("https://shop.test/")
    answer = b"HTTP/1.1 200 OK\r\nAccess-Control-Allow-Origin: *\r\nContent-Length: 100\r\n\r\nonly this"
    async with scripted(answering(answer)) as url:
        world.hosts.map("broken.test", url)
        outcome = await page.evaluate("""fetch("https://broken.test/").then(r => r.text()).catch(e => e.name)""")
    assert outcome == "TypeError"


async def test_an_unmapped_host_gets_a_page_that_says_how_to_map_it(world: World, page: Page) -> None:
    response = await page.goto("https://elsewhere.test/")
    assert response is not None
    assert response.status == 403
    assert "--map elsewhere.test=" in await page.inner_text("body")
    assert world.hooks.responses[-1].answered_by_front


async def test_a_page_of_a_hundred_images_loads_them_all_over_kept_connections(world: World, page: Page) -> None:
    async def pixel(_: web.Request) -> web.Response:
        svg = '<svg xmlns="http://www.w3.org/2000/svg" width="3" height="3"/>'
        return web.Response(text=svg, content_type="image/svg+xml", headers={"Cache-Control": "no-store"})

    async def gallery(_: web.Request) -> web.Response:
        return web.Response(text=PAGE + "".join(f"<img src=/p/{n}>" for n in range(100)), content_type="text/html")

    app = web.Application()
    app.router.add_get("/", gallery)
    app.router.add_get("/p/{n}", pixel)
    world.hosts.map("shop.test", app)
    await page.goto("https://shop.test/", wait_until="load")
    assert await page.evaluate("[...document.images].filter(i => i.naturalWidth === 3).length") == 100
    assert len({e.connection_id for e in world.hooks.requests}) < 20


@pytest.mark.parametrize("scheme", ["https", "http"])
async def test_a_script_whose_server_has_stopped_sees_one_network_error_told_once(
    world: World, page: Page, scheme: str
) -> None:
    world.hosts.map("shop.test", shop())
    await page.goto(f"{scheme}://shop.test/")
    await page.evaluate("fetch('/').then(response => response.text())")
    world.hosts.map("shop.test", "http://127.0.0.1:1")
    asked = "fetch('/x', {method: 'POST', body: 'b'}).then(response => response.status, error => error.name)"
    assert await page.evaluate(asked) == "TypeError"
    told = [(exchange.url, refusal.kind) for exchange, refusal in world.hooks.refusals if exchange.url.endswith("/x")]
    assert told == [(f"{scheme}://shop.test/x", RefusalKind.UNREACHABLE)]

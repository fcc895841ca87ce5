from __future__ import annotations

import asyncio
from pathlib import Path

from aiohttp import web

from agent.browser.network.ca import CertificateAuthority
from agent.browser.network.front import Front
from agent.browser.network.hosts import HostMap
from tests.browser.network.support import Recorder, World, scripted


async def page(request: web.Request) -> web.Response:
    return web.Response(text=f"{request.host} {request.path_qs}")


def app() -> web.Application:
    application = web.Application()
    application.router.add_get("/{path:.*}", page)
    return application


async def test_an_https_page_is_served_by_a_mapped_application(world: World) -> None:
    world.hosts.map("shop.test", app())
    async with world.session() as session, session.get("https://shop.test/cart?id=1") as response:
        assert response.status == 200
        assert await response.text() == "shop.test /cart?id=1"


async def test_an_http_page_passes_too(world: World) -> None:
    upstream = world.hosts.map("shop.test", app())
    async with world.session() as session:
        async with session.get("http://shop.test/a") as response:
            assert await response.text() == "shop.test /a"
        async with session.get(f"http://localhost:{upstream.port}/b") as response:
            assert await response.text() == f"localhost:{upstream.port} /b"


async def test_fronts_of_one_process_share_hosts_and_keep_their_hooks_apart(authority: CertificateAuthority) -> None:
    alice, bob = Recorder(), Recorder()
    async with (
        HostMap() as hosts,
        Front(hosts, alice, authority, front_id="alice") as first,
        Front(hosts, bob, authority, front_id="bob") as second,
    ):
        hosts.map("shop.test", app())
        for front, hooks in ((first, alice), (second, bob)):
            world = World(hosts, hooks, authority, front)
            async with world.session() as session, session.get(f"https://shop.test/{hooks is alice}") as response:
                assert response.status == 200
    assert [(e.front_id, e.url) for e in alice.requests] == [("alice", "https://shop.test/True")]
    assert [(e.front_id, e.url) for e in bob.requests] == [("bob", "https://shop.test/False")]


async def test_a_front_listens_on_loopback_alone_and_playwright_is_told_to_use_it_for_localhost(world: World) -> None:
    assert world.front.proxy == {"server": f"http://127.0.0.1:{world.front.port}", "bypass": "<-loopback>"}
    assert world.front._server is not None
    assert [socket.getsockname()[0] for socket in world.front._server.sockets] == ["127.0.0.1"]


async def test_a_front_that_closes_ends_what_is_under_way_and_leaves_nothing_running(
    authority: CertificateAuthority, tmp_path: Path
) -> None:
    arrived = asyncio.Event()

    async def hang(reader: asyncio.StreamReader, _: asyncio.StreamWriter) -> None:
        arrived.set()
        await reader.read()

    before = asyncio.all_tasks()
    async with scripted(hang) as url, HostMap() as hosts:
        hosts.map("shop.test", url)
        hosts.map("files.test", tmp_path)
        async with Front(hosts, Recorder(), authority) as front:
            world = World(hosts, Recorder(), authority, front)
            wire = await world.tunnel("shop.test")
            wire.send(b"GET / HTTP/1.1\r\nHost: shop.test\r\n\r\n")
            await asyncio.wait_for(arrived.wait(), 5)
        assert await wire.rest() == b""
        wire.close()
    async with asyncio.timeout(5):
        while asyncio.all_tasks() != before:
            await asyncio.sleep(0.01)

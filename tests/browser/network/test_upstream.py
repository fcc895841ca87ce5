from __future__ import annotations

import asyncio
import socket
import ssl
import struct

import pytest
from aiohttp import web

from agent.browser.network import upstream as module
from agent.browser.network.ca import CertificateAuthority
from agent.browser.network.headers import Headers
from agent.browser.network.hosts import Tls, Upstream
from agent.browser.network.upstream import UpstreamPool
from agent.browser.network.wire import ResponseHead
from tests.browser.network.support import World, scripted, silent


def at(url: str) -> Upstream:
    return Upstream("127.0.0.1", int(url.rpartition(":")[2]))


async def test_localhost_is_tried_on_both_loopback_addresses() -> None:
    async with scripted(silent, "::1") as url:
        connection = await UpstreamPool().dial(Upstream("localhost", at(url).port))
        assert connection.transport.get_extra_info("peername")[0] == "::1"
        connection.transport.abort()


async def test_the_newest_idle_connection_serves_first_and_each_only_once() -> None:
    pool = UpstreamPool()
    async with scripted(silent) as url:
        assert pool.take(at(url)) is None
        older, newer = await pool.dial(at(url)), await pool.dial(at(url))
        pool.put(older)
        pool.put(newer)
        assert pool.take(at(url)) is newer
        assert pool.take(at(url)) is older
        assert pool.take(at(url)) is None
        older.transport.abort()
        newer.transport.abort()


async def test_an_idle_connection_closes_after_its_time(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "IDLE_TIMEOUT", 0.01)
    pool = UpstreamPool()
    async with scripted(silent) as url:
        connection = await pool.dial(at(url))
        pool.put(connection)
        await asyncio.sleep(0.05)
        assert connection.is_closing
        assert pool.take(at(url)) is None


class Reading:
    """Who waits for a response and notes what comes."""

    def __init__(self) -> None:
        self.came: list[bytes | int | str] = []
        self.over = asyncio.Event()

    def informational(self, head: ResponseHead) -> None:
        self.came.append(head.status)

    def response_head(self, head: ResponseHead) -> None:
        self.came.append(head.status)

    def response_body(self, data: bytes) -> None:
        self.came.append(data)

    def response_end(self, trailers: Headers) -> None:
        assert not trailers
        self.over.set()

    def response_upgraded(self, rest: bytes) -> None:
        self.came.append(rest)

    def response_flush(self) -> None:
        pass

    def upstream_failed(self, reason: str, *, nothing_came: bool) -> None:
        self.came += [reason, nothing_came]
        self.over.set()

    def upstream_flow_changed(self) -> None:
        pass


async def test_an_answer_is_read_though_the_server_reset_the_upload_behind_it() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        connection = await UpstreamPool().dial(Upstream("127.0.0.1", listener.getsockname()[1]))
        server, _ = listener.accept()
    reading = Reading()
    connection.begin(reading, to_head=False)
    server.sendall(b"HTTP/1.1 413 Content Too Large\r\nContent-Length: 2\r\n\r\nno")
    server.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    server.close()
    connection.transport.write(b"more of the upload")
    await asyncio.wait_for(reading.over.wait(), 5)
    assert reading.came == [413, b"no"]


async def test_bytes_on_an_idle_connection_end_it() -> None:
    async def chatty(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await asyncio.sleep(0.02)
        writer.write(b"unasked")
        await writer.drain()
        await asyncio.sleep(5)

    pool = UpstreamPool()
    async with scripted(chatty) as url:
        pool.put(await pool.dial(at(url)))
        await asyncio.sleep(0.1)
        assert pool.take(at(url)) is None


async def secure_server(authority: CertificateAuthority) -> web.AppRunner:
    async def page(request: web.Request) -> web.Response:
        return web.Response(text=f"{request.scheme} {request.host}")

    app = web.Application()
    app.router.add_get("/", page)
    runner = web.AppRunner(app)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0, ssl_context=authority.server_context("localhost")).start()
    return runner


async def test_an_https_server_of_this_machine_needs_no_valid_certificate(
    world: World, authority: CertificateAuthority
) -> None:
    runner = await secure_server(authority)
    port = runner.addresses[0][1]
    world.hosts.map("shop.test", f"https://localhost:{port}")
    async with world.session() as session:
        async with session.get("https://shop.test/") as response:
            assert await response.text() == "https shop.test"
        async with session.get(f"https://localhost:{port}/") as response:
            assert await response.text() == f"https localhost:{port}"
    await runner.cleanup()


async def test_a_real_host_must_have_a_valid_certificate(authority: CertificateAuthority) -> None:
    runner = await secure_server(authority)
    with pytest.raises(ssl.SSLCertVerificationError):
        await UpstreamPool().dial(Upstream("localhost", runner.addresses[0][1], Tls.VERIFIED))
    await runner.cleanup()

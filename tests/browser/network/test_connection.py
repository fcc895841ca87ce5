"""How a browser, and anything else on this machine, may speak to a front."""

from __future__ import annotations

import asyncio

import pytest
from aiohttp import web

from agent.browser.network import wire as wire_module
from tests.browser.network.support import World, answering, scripted

OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"


async def noted(world: World, host: str, request: bytes, *, absolute: bool = False, tls: bool = True) -> bytes:
    """The request head that the upstream of ``host`` receives."""
    seen = asyncio.get_running_loop().create_future()

    async def note(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        seen.set_result(await reader.readuntil(b"\r\n\r\n"))
        writer.write(OK)

    async with scripted(note) as url:
        world.hosts.map(host, url)
        wire = await world.direct() if absolute else await world.tunnel(host, 80, tls=tls)
        wire.send(request)
        assert await wire.exactly(len(OK)) == OK
        wire.close()
    head: bytes = seen.result()
    return head


async def test_an_absolute_request_becomes_what_chromium_sends_without_a_proxy(world: World) -> None:
    request = (
        b"GET http://shop.test/a?b HTTP/1.1\r\nHost: shop.test\r\nProxy-Connection: keep-alive\r\n"
        b"Proxy-Authorization: Basic eA==\r\nAccept: */*\r\n\r\n"
    )
    assert await noted(world, "shop.test", request, absolute=True) == (
        b"GET /a?b HTTP/1.1\r\nHost: shop.test\r\nConnection: keep-alive\r\nAccept: */*\r\n\r\n"
    )
    assert world.hooks.requests[0].url == "http://shop.test/a?b"


@pytest.mark.parametrize(("target", "path"), [(b"http://shop.test", b"/"), (b"http://shop.test:80?q", b"/?q")])
async def test_an_absolute_request_without_a_path_asks_for_the_root(world: World, target: bytes, path: bytes) -> None:
    head = await noted(world, "shop.test", b"GET %b HTTP/1.1\r\nHost: shop.test\r\n\r\n" % target, absolute=True)
    assert head.startswith(b"GET %b HTTP/1.1\r\n" % path)


async def test_a_tunnel_carries_plain_http_where_no_tls_follows(world: World) -> None:
    request = b"GET /x HTTP/1.1\r\nHost: shop.test\r\n\r\n"
    assert await noted(world, "shop.test", request, tls=False) == request
    assert world.hooks.requests[0].url == "http://shop.test/x"


async def test_a_connect_that_closes_says_nothing_of_the_requests_in_its_tunnel(world: World) -> None:
    async with scripted(answering(OK, OK)) as url:
        world.hosts.map("shop.test", url)
        wire = await world.direct()
        wire.send(b"CONNECT shop.test:80 HTTP/1.1\r\nHost: shop.test\r\nConnection: close\r\n\r\n")
        assert (await wire.head()).startswith(b"HTTP/1.1 200 ")
        for _ in range(2):
            wire.send(b"GET /x HTTP/1.1\r\nHost: shop.test\r\n\r\n")
            assert await wire.exactly(len(OK)) == OK
        wire.close()


async def test_many_small_requests_on_one_connection_never_add_up_to_one_too_large(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    request = b"GET /x HTTP/1.1\r\nHost: shop.test\r\n\r\n"
    monkeypatch.setattr(wire_module, "MAX_REQUEST_HEAD", 3 * len(request))
    async with scripted(answering(*[OK] * 10)) as url:
        world.hosts.map("shop.test", url)
        wire = await world.tunnel("shop.test")
        for _ in range(10):
            wire.send(request)
            assert await wire.exactly(len(OK)) == OK
        wire.close()


async def test_a_request_head_too_large_is_refused_however_it_comes_in(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(wire_module, "MAX_REQUEST_HEAD", 1000)
    wire = await world.direct()
    wire.send(b"GET http://shop.test/ HTTP/1.1\r\nHost: shop.test\r\n")
    for number in range(10):
        await asyncio.sleep(0.001)
        wire.send(b"X-%d: %b\r\n" % (number, b"x" * 100))
    assert (await wire.rest()).startswith(b"HTTP/1.1 431 ")


async def test_pipelined_requests_are_answered_in_order(world: World) -> None:
    async def page(request: web.Request) -> web.Response:
        await asyncio.sleep(0.05 if request.path == "/slow" else 0)
        return web.Response(text=request.path + (await request.text()), headers={"X-Path": request.path})

    app = web.Application()
    app.router.add_route("*", "/{path:.*}", page)
    world.hosts.map("shop.test", app)
    wire = await world.tunnel("shop.test")
    wire.send(
        b"GET /slow HTTP/1.1\r\nHost: shop.test\r\n\r\n"
        b"POST /post HTTP/1.1\r\nHost: shop.test\r\nContent-Length: 3\r\n\r\nabc"
        b"GET /last HTTP/1.1\r\nHost: shop.test\r\nConnection: close\r\n\r\n"
    )
    answer = await wire.rest()
    bodies = [part.split(b"\r\n\r\n", 1)[1] for part in answer.split(b"HTTP/1.1 200 OK")[1:]]
    assert bodies == [b"/slow", b"/postabc", b"/last"]


@pytest.mark.parametrize(
    ("request_bytes", "status"),
    [
        pytest.param(b"GET / HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n", 400, id="no proxy request"),
        pytest.param(b"GET https://shop.test/ HTTP/1.1\r\nHost: shop.test\r\n\r\n", 400, id="https in the clear"),
        pytest.param(b"GET ftp://shop.test/ HTTP/1.1\r\nHost: shop.test\r\n\r\n", 400, id="another scheme"),
        pytest.param(b"GET http://me@shop.test/ HTTP/1.1\r\nHost: shop.test\r\n\r\n", 400, id="user in authority"),
        pytest.param(b"GET http://shop.test:0/ HTTP/1.1\r\nHost: shop.test\r\n\r\n", 400, id="port 0"),
        pytest.param(b"CONNECT shop.test HTTP/1.1\r\nHost: shop.test\r\n\r\n", 400, id="CONNECT without port"),
        pytest.param(b"CONNECT shop.test:99999 HTTP/1.1\r\nHost: shop.test\r\n\r\n", 400, id="port too large"),
        pytest.param(b"CONNECT shop.test:443 HTTP/1.1\r\nHost: s\r\n\r\nearly", 400, id="bytes behind CONNECT"),
        pytest.param(b"GET http://shop.test/ HTTP/1.0\r\nHost: shop.test\r\n\r\n", 505, id="HTTP/1.0"),
        pytest.param(b"GET http://shop.test/ HTTP/1.1\r\n\r\n", 400, id="no Host"),
        pytest.param(b"GET http://shop.test/ HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n", 400, id="two Hosts"),
        pytest.param(b"CHICKEN http://shop.test/ HTTP/1.1\r\nHost: a\r\n\r\n", 501, id="unknown method"),
        pytest.param(b"\x16\x03\x01\x02\x00\x01", 501, id="TLS without CONNECT"),
    ],
)
async def test_what_is_no_request_for_a_proxy_is_refused_and_the_connection_closed(
    world: World, request_bytes: bytes, status: int
) -> None:
    wire = await world.direct()
    wire.send(request_bytes)
    answer = await wire.rest()
    assert answer.startswith(b"HTTP/1.1 %d " % status)
    assert b"\r\nConnection: close\r\n" in answer
    assert world.hooks.requests == []


@pytest.mark.parametrize(
    "fields",
    [
        pytest.param(b"Content-Length: 3\r\nTransfer-Encoding: chunked", id="length and chunks"),
        pytest.param(b"Content-Length: 3\r\nContent-Length: 4", id="two lengths"),
        pytest.param(b"Content-Length: +3", id="signed length"),
        pytest.param(b"Content-Length: 3, 3", id="list of lengths"),
        pytest.param(b"Transfer-Encoding: xchunked", id="unknown coding"),
        pytest.param(b"Transfer-Encoding: chunked, gzip", id="chunked not last"),
        pytest.param(b"Transfer-Encoding : chunked", id="space before colon"),
        pytest.param(b"X: a\r\n folded", id="folded line"),
        pytest.param(b"X: a\rY: b", id="bare CR"),
        pytest.param(b"X: a\nY: b", id="bare LF"),
        pytest.param(b"X: a\x00b", id="NUL"),
        pytest.param(b"Connection: Upgrade\r\nUpgrade: x\r\nContent-Length: 3", id="upgrade with a body"),
    ],
)
async def test_a_request_that_could_be_read_in_two_ways_is_refused(world: World, fields: bytes) -> None:
    async with scripted(answering(OK)) as url:
        world.hosts.map("shop.test", url)
        wire = await world.tunnel("shop.test")
        wire.send(b"POST / HTTP/1.1\r\nHost: shop.test\r\n%b\r\n\r\nabc" % fields)
        assert (await wire.rest()).startswith(b"HTTP/1.1 400 ")
    assert world.hooks.requests == []


async def test_a_tunnel_inside_a_tunnel_is_refused(world: World) -> None:
    wire = await world.tunnel("shop.test")
    wire.send(b"CONNECT other.test:443 HTTP/1.1\r\nHost: other.test:443\r\n\r\n")
    assert (await wire.rest()).startswith(b"HTTP/1.1 400 ")


async def test_an_endless_request_head_is_refused(world: World) -> None:
    wire = await world.tunnel("shop.test")
    wire.send(b"GET / HTTP/1.1\r\nHost: shop.test\r\nX-Big: " + b"x" * (2 << 20))
    assert (await wire.head()).startswith(b"HTTP/1.1 431 ")
    wire.close()


async def test_a_malformed_request_behind_one_under_way_resets_the_connection(world: World) -> None:
    async def never(reader: asyncio.StreamReader, _: asyncio.StreamWriter) -> None:
        await reader.read()

    async with scripted(never) as url:
        world.hosts.map("shop.test", url)
        wire = await world.tunnel("shop.test")
        wire.send(b"GET / HTTP/1.1\r\nHost: shop.test\r\n\r\nGARBAGE\r\n\r\n")
        with pytest.raises(ConnectionResetError):
            await wire.rest()


async def test_a_tunnel_that_closes_before_a_byte_is_forgotten(world: World) -> None:
    wire = await world.direct()
    wire.send(b"CONNECT shop.test:443 HTTP/1.1\r\nHost: shop.test:443\r\n\r\n")
    await wire.head()
    wire.close()
    await asyncio.sleep(0.05)
    assert world.front._connections == set()


async def test_a_tls_handshake_that_fails_is_forgotten(world: World) -> None:
    wire = await world.direct()
    wire.send(b"CONNECT shop.test:443 HTTP/1.1\r\nHost: shop.test:443\r\n\r\n")
    await wire.head()
    wire.send(b"\x16\x03\x01\x00\x05hello")
    await wire.rest()
    wire.close()
    await asyncio.sleep(0.05)
    assert world.front._connections == set()

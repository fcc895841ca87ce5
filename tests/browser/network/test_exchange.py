"""Every kind of body and of end, byte for byte, between a raw client and a raw upstream."""

from __future__ import annotations

import asyncio
import gzip
from typing import cast

import pytest

from agent.browser.network.upstream import cut
from tests.browser.network.support import Handler, Wire, World, answering, scripted

GET = b"GET /x HTTP/1.1\r\nHost: shop.test\r\n\r\n"
OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"


def post(body: bytes) -> bytes:
    return b"POST /x HTTP/1.1\r\nHost: shop.test\r\nContent-Length: %d\r\n\r\n%b" % (len(body), body)


async def exchange(world: World, answer: bytes, count: int, request: bytes = GET) -> bytes:
    """What the browser's side receives, ``count`` bytes of it, from an upstream that gives ``answer``."""
    async with scripted(answering(answer)) as url:
        world.hosts.map("shop.test", url)
        wire = await world.tunnel("shop.test")
        wire.send(request)
        received = await wire.exactly(count)
        wire.close()
    return received


# Heads


async def test_request_fields_arrive_with_names_order_and_casing_as_sent(world: World) -> None:
    seen = asyncio.get_running_loop().create_future()

    async def note(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        seen.set_result(await reader.readuntil(b"\r\n\r\n"))
        writer.write(OK)

    request = (
        b'GET /a?b="|{}%20 HTTP/1.1\r\nHost: shop.test\r\nsec-ch-ua: "x"\r\n'
        b"X-EMPTY: \r\nAccept: a, b\r\naccept: c\r\n\r\n"
    )
    async with scripted(note) as url:
        world.hosts.map("shop.test", url)
        wire = await world.tunnel("shop.test")
        wire.send(request)
        assert await asyncio.wait_for(seen, 5) == request
        wire.close()


async def test_response_fields_arrive_with_names_order_and_casing_as_sent(world: World) -> None:
    answer = (
        b"HTTP/1.1 299 Quite \xe9 Fine\r\nx-lower: 1\r\nSet-Cookie: a=1\r\nSet-Cookie: b=2\r\n"
        b"X-Empty: \r\nContent-Length: 0\r\n\r\n"
    )
    assert await exchange(world, answer, len(answer)) == answer


@pytest.mark.parametrize(("size", "status"), [(1 << 18, b"200"), ((1 << 18) + 1, b"502")])
async def test_a_response_head_passes_that_is_no_larger_than_chromium_takes(
    world: World, size: int, status: bytes
) -> None:
    start, end = b"HTTP/1.1 200 OK\r\nX-Big: ", b"\r\nContent-Length: 0\r\n\r\n"
    async with scripted(answering(start + b"x" * (size - len(start) - len(end)) + end)) as url:
        world.hosts.map("shop.test", url)
        wire = await world.tunnel("shop.test")
        wire.send(GET)
        assert (await wire.exactly(12))[9:] == status
        wire.close()
    # What Chromium would not see is shown to no hook: nothing is registered from it.
    assert [len(one.response_headers) for one in world.hooks.responses if not one.answered_by_front] == (
        [2] if status == b"200" else []
    )


async def test_an_endless_response_head_is_a_bad_gateway(world: World) -> None:
    async def endless(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 200 OK\r\nX-Big: ")
        while True:
            writer.write(b"x" * (1 << 16))
            await writer.drain()

    async with scripted(endless) as url:
        world.hosts.map("shop.test", url)
        wire = await world.tunnel("shop.test")
        wire.send(GET)
        assert b" 502 Bad Gateway\r\n" in await wire.head()
        wire.close()


# Bodies of responses


@pytest.mark.parametrize(
    "answer",
    [
        pytest.param(b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello", id="length"),
        pytest.param(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n", id="empty"),
        pytest.param(
            b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nTrailer: X-T\r\n\r\n5\r\nhello\r\n0\r\nX-T: 1\r\n\r\n",
            id="chunked with trailer",
        ),
        pytest.param(b"HTTP/1.1 204 No Content\r\n\r\n", id="204"),
        pytest.param(b"HTTP/1.1 205 Reset Content\r\n\r\n", id="205"),
        pytest.param(b"HTTP/1.1 304 Not Modified\r\nContent-Length: 700\r\n\r\n", id="304 with a length"),
        pytest.param(b"HTTP/1.1 304 Not Modified\r\nTransfer-Encoding: chunked\r\n\r\n", id="304 chunked"),
        pytest.param(
            b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: 24\r\n\r\n"
            + gzip.compress(b"zip!", mtime=0),
            id="compressed",
        ),
        pytest.param(
            b"HTTP/1.1 206 Partial Content\r\nContent-Range: bytes 1-2/9\r\nContent-Length: 2\r\n\r\nbc", id="range"
        ),
        pytest.param(
            b"HTTP/1.1 103 Early Hints\r\nLink: </a>; rel=preload\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\n!",
            id="103",
        ),
        pytest.param(b"HTTP/1.1 302 Found\r\nLocation: /y\r\nContent-Length: 0\r\n\r\n", id="redirect"),
    ],
)
async def test_a_framed_response_passes_byte_for_byte_and_the_connection_stays(world: World, answer: bytes) -> None:
    async with scripted(answering(answer, OK)) as url:
        world.hosts.map("shop.test", url)
        wire = await world.tunnel("shop.test")
        wire.send(GET)
        assert await wire.exactly(len(answer)) == answer
        wire.send(GET)
        assert await wire.exactly(len(OK)) == OK
        wire.close()


@pytest.mark.parametrize("version", [b"1.1", b"1.0"])
async def test_a_body_until_close_ends_with_the_connection(world: World, version: bytes) -> None:
    async with scripted(answering(b"HTTP/%b 200 OK\r\nX: y\r\n\r\nall of it" % version)) as url:
        world.hosts.map("shop.test", url)
        wire = await world.tunnel("shop.test")
        wire.send(GET)
        assert await wire.rest() == b"HTTP/1.1 200 OK\r\nX: y\r\n\r\nall of it"


@pytest.mark.parametrize("framing", [b"Content-Length: 700", b"Transfer-Encoding: chunked", b"X-None: 1"])
async def test_the_answer_to_head_has_no_body_and_the_browser_connection_stays(world: World, framing: bytes) -> None:
    answer = b"HTTP/1.1 200 OK\r\n%b\r\n\r\n" % framing
    async with scripted(answering(answer, OK)) as url:
        world.hosts.map("shop.test", url)
        wire = await world.tunnel("shop.test")
        wire.send(GET.replace(b"GET", b"HEAD"))
        assert await wire.exactly(len(answer)) == answer
        wire.send(GET)
        assert await wire.exactly(len(OK)) == OK
        wire.close()


async def test_a_body_that_wrongly_answers_head_is_dropped(world: World) -> None:
    head = b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n"
    async with scripted(answering(head + b"hello")) as url:
        world.hosts.map("shop.test", url)
        wire = await world.tunnel("shop.test")
        wire.send(GET.replace(b"GET", b"HEAD"))
        assert await wire.exactly(len(head)) == head
        wire.send(GET)
        assert await wire.exactly(len(head) + 5) == head + b"hello"
        wire.close()


async def test_a_slow_body_arrives_as_it_comes(world: World) -> None:
    go_on = asyncio.Event()

    async def slow(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\none")
        await go_on.wait()
        writer.write(b"two")

    async with scripted(slow) as url:
        world.hosts.map("shop.test", url)
        wire = await world.tunnel("shop.test")
        wire.send(GET)
        await wire.head()
        assert await wire.exactly(3) == b"one"
        go_on.set()
        assert await wire.exactly(3) == b"two"
        wire.close()


async def test_a_response_that_trickles_byte_by_byte_is_whole(world: World) -> None:
    answer = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\nX-T: 1\r\n\r\n"

    async def trickle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        for byte in answer:
            writer.write(bytes([byte]))
            await asyncio.sleep(0.001)

    async with scripted(trickle) as url:
        world.hosts.map("shop.test", url)
        wire = await world.tunnel("shop.test")
        wire.send(GET)
        head = await wire.head()
        body = await asyncio.wait_for(wire.reader.readuntil(b"X-T: 1\r\n\r\n"), 5)
        assert head == answer[: len(head)]
        assert b"".join(line for line in body.split(b"\r\n") if line in {b"a", b"b", b"c"}) == b"abc"
        wire.close()


async def test_a_browser_that_does_not_read_stops_the_upstream(world: World) -> None:
    total, sent = 1 << 30, 0

    async def flood(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal sent
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % total)
        while sent < total:
            writer.write(bytes(1 << 18))
            await writer.drain()
            sent += 1 << 18

    async with scripted(flood) as url:
        world.hosts.map("shop.test", url)
        wire = await world.tunnel("shop.test")
        wire.send(GET)
        await wire.head()
        before = -1
        while sent != before:
            before = sent
            await asyncio.sleep(0.2)
        assert 0 < sent < 32 << 20
        assert len(await wire.exactly(8 << 20)) == 8 << 20
        await asyncio.sleep(0.1)
        assert sent > before
        wire.close()


# Bodies of requests


async def received_by_upstream(world: World, request: bytes, count: int) -> bytes:
    seen = asyncio.get_running_loop().create_future()

    async def note(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        seen.set_result(await reader.readexactly(count))
        writer.write(OK)

    async with scripted(note) as url:
        world.hosts.map("shop.test", url)
        wire = await world.tunnel("shop.test")
        wire.send(request)
        received: bytes = await asyncio.wait_for(seen, 5)
        assert await wire.exactly(len(OK)) == OK
        wire.close()
    return received


async def test_an_upload_with_a_length_arrives_byte_for_byte(world: World) -> None:
    request = post(bytes(range(256)) * 4096)
    assert await received_by_upstream(world, request, len(request)) == request


async def test_a_chunked_upload_keeps_chunks_and_trailers(world: World) -> None:
    request = (
        b"POST /x HTTP/1.1\r\nHost: shop.test\r\nTransfer-Encoding: chunked\r\n\r\n"
        b"5\r\nhello\r\n6\r\n world\r\n0\r\nX-Sum: 11\r\n\r\n"
    )
    assert await received_by_upstream(world, request, len(request)) == request


async def test_the_body_waits_for_100_continue(world: World) -> None:
    async def careful(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = await reader.readuntil(b"\r\n\r\n")
        assert b"Expect: 100-continue\r\n" in head
        writer.write(b"HTTP/1.1 100 Continue\r\n\r\n")
        body = await reader.readexactly(3)
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\n" + body)

    async with scripted(careful) as url:
        world.hosts.map("shop.test", url)
        wire = await world.tunnel("shop.test")
        wire.send(b"POST / HTTP/1.1\r\nHost: shop.test\r\nExpect: 100-continue\r\nContent-Length: 3\r\n\r\n")
        assert await wire.head() == b"HTTP/1.1 100 Continue\r\n\r\n"
        wire.send(b"abc")
        assert (await wire.head()).startswith(b"HTTP/1.1 200 ")
        assert await wire.exactly(3) == b"abc"
        wire.close()
    assert [e.status for e in world.hooks.responses] == [200]


async def test_an_upstream_that_does_not_read_stops_the_browser(world: World) -> None:
    read_on = asyncio.Event()
    total, chunk = 64 << 20, 1 << 18

    async def lazy(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        await read_on.wait()
        left = total
        while left:
            left -= len(await reader.read(1 << 20))
        writer.write(OK)

    async with scripted(lazy) as url:
        world.hosts.map("shop.test", url)
        wire = await world.tunnel("shop.test")
        wire.send(b"POST / HTTP/1.1\r\nHost: shop.test\r\nContent-Length: %d\r\n\r\n" % total)
        sent = 0

        async def upload() -> None:
            nonlocal sent
            while sent < total:
                wire.send(bytes(chunk))
                await wire.writer.drain()
                sent += chunk

        uploading = asyncio.get_running_loop().create_task(upload())
        before = -1
        while sent != before:
            before = sent
            await asyncio.sleep(0.2)
        assert sent < 32 << 20
        read_on.set()
        await asyncio.wait_for(uploading, 20)
        assert await wire.exactly(len(OK)) == OK
        wire.close()


async def test_an_answer_before_the_upload_is_complete_arrives_and_the_rest_is_drained(world: World) -> None:
    answer = b"HTTP/1.1 413 Too Large\r\nContent-Length: 3\r\n\r\nbig"
    async with scripted(answering(answer)) as url:
        world.hosts.map("shop.test", url)
        wire = await world.tunnel("shop.test")
        wire.send(b"POST / HTTP/1.1\r\nHost: shop.test\r\nContent-Length: %d\r\n\r\n" % (4 << 20))
        assert await wire.exactly(len(answer)) == answer
        for _ in range(4):
            wire.send(bytes(1 << 20))
            await wire.writer.drain()
    async with scripted(answering(OK)) as url:
        world.hosts.map("shop.test", url)
        wire.send(GET)
        assert await wire.exactly(len(OK)) == OK
        wire.close()


# Ends


async def test_an_upstream_that_is_not_there_is_a_bad_gateway(world: World) -> None:
    async with scripted(answering()) as url:
        pass
    world.hosts.map("shop.test", url)
    async with world.session() as session, session.get("https://shop.test/") as response:
        assert response.status == 502
        assert url in await response.text()


async def test_an_upstream_that_closes_without_a_word_is_a_bad_gateway(world: World) -> None:
    async with scripted(answering(b"")) as url:
        world.hosts.map("shop.test", url)
        async with world.session() as session, session.post("https://shop.test/", data=b"abc") as response:
            assert response.status == 502
            assert "closed the connection before its response was complete" in await response.text()


@pytest.mark.parametrize(
    "answer",
    [
        b"SSH-2.0-OpenSSH\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: 3\r\nContent-Length: 4\r\n\r\nabc",
        b"HTTP/1.0 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nX: a\r\n folded\r\n\r\n",
        b"HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: x\r\n\r\n",
    ],
)
async def test_a_response_that_could_be_read_in_two_ways_is_a_bad_gateway(world: World, answer: bytes) -> None:
    async with scripted(answering(answer)) as url:
        world.hosts.map("shop.test", url)
        async with world.session() as session, session.get("https://shop.test/") as response:
            assert response.status == 502


@pytest.mark.parametrize(
    "answer",
    [
        pytest.param(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\npart", id="length"),
        pytest.param(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4\r\npart\r\n", id="chunked"),
    ],
)
async def test_an_upstream_that_dies_in_mid_body_resets_the_browser(world: World, answer: bytes) -> None:
    async with scripted(answering(answer)) as url:
        world.hosts.map("shop.test", url)
        wire = await world.tunnel("shop.test")
        wire.send(GET)
        with pytest.raises(ConnectionResetError):
            await wire.rest()


async def test_an_upstream_that_resets_an_unframed_body_resets_the_browser(world: World) -> None:
    began = asyncio.Event()

    async def reset(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 200 OK\r\n\r\npart")
        await began.wait()
        cut(cast("asyncio.Transport", writer.transport))

    async with scripted(reset) as url:
        world.hosts.map("shop.test", url)
        wire = await world.tunnel("shop.test")
        wire.send(GET)
        await wire.head()
        assert await wire.exactly(4) == b"part"
        began.set()
        with pytest.raises(ConnectionResetError):
            await wire.rest()


async def test_a_browser_that_goes_away_ends_the_upstream_request(world: World) -> None:
    ended = asyncio.get_running_loop().create_future()

    async def long_poll(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\na\r\n")
        try:
            ended.set_result(await reader.read())
        except ConnectionError:
            ended.set_result(b"")

    async with scripted(long_poll) as url:
        world.hosts.map("shop.test", url)
        wire = await world.tunnel("shop.test")
        wire.send(GET)
        await wire.head()
        wire.close()
        assert await asyncio.wait_for(ended, 5) == b""


async def test_connection_close_is_passed_on_and_obeyed(world: World) -> None:
    answer = b"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 2\r\n\r\nok"
    async with scripted(answering(answer)) as url:
        world.hosts.map("shop.test", url)
        wire = await world.tunnel("shop.test")
        wire.send(GET)
        assert await wire.rest() == answer


# Keeping connections


def counting(served: list[int], *, close_after: int) -> Handler:
    """Appends the connection's number for each request head; a connection serves ``close_after`` requests."""
    connections = 0

    async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal connections
        connections += 1
        number = connections
        for _ in range(close_after):
            head = await reader.readuntil(b"\r\n\r\n")
            if b"Content-Length: 3" in head:
                await reader.readexactly(3)
            served.append(number)
            writer.write(OK)
        await reader.readuntil(b"\r\n\r\n")  # the next request finds the connection stale: it is closed unanswered

    return handle


async def ask(wire: Wire, request: bytes = GET) -> bytes:
    wire.send(request)
    return await wire.exactly(len(OK))


async def test_an_upstream_connection_serves_again_for_any_connection_of_the_browser(world: World) -> None:
    served: list[int] = []
    async with scripted(counting(served, close_after=9)) as url:
        world.hosts.map("shop.test", url)
        for _ in range(2):
            wire = await world.tunnel("shop.test")
            assert await ask(wire) == OK
            assert await ask(wire) == OK
            wire.close()
    assert served == [1, 1, 1, 1]


async def test_a_stale_kept_connection_is_replaced_for_a_request_without_body(world: World) -> None:
    served: list[int] = []
    async with scripted(counting(served, close_after=1)) as url:
        world.hosts.map("shop.test", url)
        wire = await world.tunnel("shop.test")
        assert await ask(wire) == OK
        assert await ask(wire) == OK
        wire.close()
    assert served == [1, 2]
    assert len(world.hooks.requests) == 2


async def test_a_body_that_was_sent_on_a_stale_connection_is_left_to_the_browser_to_repeat(world: World) -> None:
    served: list[int] = []
    async with scripted(counting(served, close_after=1)) as url:
        world.hosts.map("shop.test", url)
        wire = await world.tunnel("shop.test")
        assert await ask(wire) == OK
        wire.send(post(b"abc"))
        with pytest.raises(ConnectionResetError):
            await wire.rest()
    assert served == [1]

"""What hooks may do to an exchange, and cannot do to a page."""

from __future__ import annotations

import asyncio
from contextlib import suppress

import pytest

from agent.browser.network.hooks import Exchange
from agent.browser.network.hosts import RefusalKind
from tests.browser.network.support import World, answering, scripted

GET = b"GET /x HTTP/1.1\r\nHost: shop.test\r\nAccept: a\r\n\r\n"
OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"


async def test_an_exchange_tells_who_asked_what_and_what_came_back(world: World) -> None:
    async with scripted(answering(b"HTTP/1.1 404 Not Found\r\nX-A: 1\r\nContent-Length: 0\r\n\r\n")) as url:
        world.hosts.map("shop.test", url)
        wire = await world.tunnel("shop.test", 8443)
        wire.send(GET)
        await wire.head()
        wire.close()
    (exchange,) = world.hooks.responses
    assert exchange is world.hooks.requests[0]
    assert (exchange.front_id, exchange.method, exchange.url) == ("alice", "GET", "https://shop.test:8443/x")
    assert exchange.request_headers == [(b"Host", b"shop.test"), (b"Accept", b"a")]
    assert (exchange.status, exchange.answered_by_front) == (404, False)
    assert exchange.response_headers == [(b"X-A", b"1"), (b"Content-Length", b"0")]


async def test_connections_are_numbered_and_requests_of_one_share_its_number(world: World) -> None:
    async with scripted(answering(OK, OK)) as url:
        world.hosts.map("shop.test", url)
        for count in (2, 1):
            wire = await world.tunnel("shop.test")
            for _ in range(count):
                wire.send(GET)
                await wire.exactly(len(OK))
            wire.close()
    assert [exchange.connection_id for exchange in world.hooks.requests] == [1, 1, 2]


async def test_each_hop_of_a_redirect_is_an_exchange(world: World) -> None:
    first = b"HTTP/1.1 302 Found\r\nLocation: https://b.test/\r\nContent-Length: 0\r\n\r\n"
    async with scripted(answering(first)) as a, scripted(answering(OK)) as b:
        world.hosts.map("a.test", a)
        world.hosts.map("b.test", b)
        async with world.session() as session, session.get("https://a.test/") as response:
            assert await response.text() == "ok"
    assert [(e.url, e.status) for e in world.hooks.responses] == [("https://a.test/", 302), ("https://b.test/", 200)]


async def test_the_request_hook_edits_what_leaves(world: World) -> None:
    seen = asyncio.get_running_loop().create_future()

    async def note(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        seen.set_result(await reader.readuntil(b"\r\n\r\n"))
        writer.write(OK)

    def edit(exchange: Exchange) -> None:
        exchange.request_headers.put(b"Accept", b"b")

    world.hooks.before_request = edit
    async with scripted(note) as url:
        world.hosts.map("shop.test", url)
        wire = await world.tunnel("shop.test")
        wire.send(GET)
        assert await asyncio.wait_for(seen, 5) == GET.replace(b"Accept: a", b"Accept: b")
        wire.close()


async def test_the_response_hook_edits_what_the_browser_gets(world: World) -> None:
    def edit(exchange: Exchange) -> None:
        exchange.response_headers.drop(b"content-length")
        exchange.response_headers.append((b"Content-Length", b"2"))
        exchange.response_headers.append((b"X-New", b"1"))

    world.hooks.before_response = edit
    async with scripted(answering(OK)) as url:
        world.hosts.map("shop.test", url)
        wire = await world.tunnel("shop.test")
        wire.send(GET)
        expected = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nX-New: 1\r\n\r\nok"
        assert await wire.exactly(len(expected)) == expected
        wire.close()


async def test_the_request_waits_for_its_hook(world: World) -> None:
    let_go, reached = asyncio.Event(), asyncio.Event()

    async def note(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\nabc")
        reached.set()
        writer.write(OK)

    async def hold(_: Exchange) -> None:
        await let_go.wait()

    world.hooks.before_request = hold
    async with scripted(note) as url:
        world.hosts.map("shop.test", url)
        wire = await world.tunnel("shop.test")
        wire.send(b"POST / HTTP/1.1\r\nHost: shop.test\r\nContent-Length: 3\r\n\r\nabc")
        await asyncio.sleep(0.05)
        assert not reached.is_set()
        let_go.set()
        assert await wire.exactly(len(OK)) == OK
        wire.close()


@pytest.mark.parametrize("upstream_dies", [False, True])
async def test_no_byte_of_the_response_passes_before_its_hook_is_done(world: World, upstream_dies: bool) -> None:
    let_go = asyncio.Event()

    async def hold(_: Exchange) -> None:
        await let_go.wait()

    world.hooks.before_response = hold
    length = 3 if upstream_dies else 2
    async with scripted(answering(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\nok" % length)) as url:
        world.hosts.map("shop.test", url)
        wire = await world.tunnel("shop.test")
        wire.send(GET)
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(wire.reader.read(1), 0.1)
        let_go.set()
        if upstream_dies:
            with pytest.raises(ConnectionResetError):
                await wire.rest()
        else:
            assert await wire.exactly(len(OK)) == OK
        wire.close()


async def test_a_response_hook_that_has_begun_ends_though_the_browser_goes_away(world: World) -> None:
    begun, let_go, done = asyncio.Event(), asyncio.Event(), asyncio.Event()

    async def store(_: Exchange) -> None:
        begun.set()
        await let_go.wait()
        done.set()

    world.hooks.before_response = store
    async with scripted(answering(OK)) as url:
        world.hosts.map("shop.test", url)
        wire = await world.tunnel("shop.test")
        wire.send(GET)
        await asyncio.wait_for(begun.wait(), 5)
        wire.close()
        await asyncio.sleep(0.05)
        let_go.set()
        await asyncio.wait_for(done.wait(), 5)


@pytest.mark.parametrize("at_once", [True, False])
async def test_a_hook_that_fails_is_logged_and_the_page_goes_on(
    world: World, caplog: pytest.LogCaptureFixture, at_once: bool
) -> None:
    def fail(_: Exchange) -> None:
        raise RuntimeError("our bug")

    async def fail_later(_: Exchange) -> None:
        raise RuntimeError("our bug")

    world.hooks.before_request = world.hooks.before_response = fail if at_once else fail_later
    async with scripted(answering(OK)) as url:
        world.hosts.map("shop.test", url)
        wire = await world.tunnel("shop.test")
        wire.send(GET)
        assert await wire.exactly(len(OK)) == OK
        wire.close()
    assert [record.message for record in caplog.records] == ["a hook failed on https://shop.test/x"] * 2


async def test_hooks_see_the_front_s_own_answers_and_are_told_so(world: World) -> None:
    async with world.session() as session, session.get("https://elsewhere.test/") as response:
        assert response.status == 403
        assert "--map elsewhere.test=http://localhost:3000" in await response.text()
    (exchange,) = world.hooks.responses
    assert (exchange.url, exchange.status, exchange.answered_by_front) == ("https://elsewhere.test/", 403, True)


async def test_a_body_may_wait_while_its_head_goes(world: World) -> None:
    gate = asyncio.Event()

    async def wait_for_gate() -> None:
        await gate.wait()

    def hold(exchange: Exchange) -> None:
        exchange.before_body = wait_for_gate

    world.hooks.before_response = hold
    async with scripted(answering(OK, OK)) as url:
        world.hosts.map("shop.test", url)
        wire = await world.tunnel("shop.test")
        wire.send(GET)
        assert await wire.head() == OK[:-2]
        body = asyncio.ensure_future(wire.exactly(2))  # noqa: TID251 - a test's own
        await asyncio.sleep(0.05)
        assert not body.done()
        gate.set()
        assert await body == b"ok"
        wire.send(GET)
        assert await wire.exactly(len(OK)) == OK, "the connection goes on"
        wire.close()


@pytest.mark.parametrize(
    "coded", [b"Content-Length: 2\r\n\r\nok", b"Transfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n"]
)
async def test_a_hook_may_read_a_body_as_it_passes(world: World, coded: bytes) -> None:
    read: list[bytes] = []

    def watch(exchange: Exchange) -> None:
        exchange.on_body = read.append

    world.hooks.before_response = watch
    async with scripted(answering(b"HTTP/1.1 200 OK\r\n" + coded)) as url:
        world.hosts.map("shop.test", url)
        async with world.session() as session, session.get("https://shop.test/") as response:
            assert await response.read() == b"ok"
    assert b"".join(read) == b"ok"


@pytest.mark.parametrize("moment", ["before the head", "in the body"])
async def test_a_hook_may_cut_an_exchange_and_both_ends_see_it(world: World, moment: str) -> None:
    left, seen = asyncio.Event(), asyncio.Event()

    async def endless(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        seen.set()
        if moment == "in the body":
            writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\npart")
        with suppress(ConnectionError):
            assert await reader.read() == b""
        left.set()

    asked: list[Exchange] = []
    world.hooks.before_request = asked.append
    async with scripted(endless) as url:
        world.hosts.map("shop.test", url)
        wire = await world.tunnel("shop.test")
        wire.send(GET)
        await seen.wait()
        if moment == "in the body":
            await wire.head()
        asked[0].cut()
        with pytest.raises((ConnectionError, asyncio.IncompleteReadError)):
            await wire.exactly(9)
        async with asyncio.timeout(5):
            await left.wait()


async def test_to_cut_an_exchange_that_has_ended_harms_no_other(world: World) -> None:
    asked: list[Exchange] = []
    world.hooks.before_request = asked.append
    async with scripted(answering(OK, OK)) as url:
        world.hosts.map("shop.test", url)
        wire = await world.tunnel("shop.test")
        for _ in range(2):
            wire.send(GET)
            assert await wire.exactly(len(OK)) == OK
            asked[0].cut()
        wire.close()


async def test_a_withheld_request_reaches_no_server_and_has_an_empty_answer(world: World) -> None:
    reached: list[bytes] = []

    async def note(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        reached.append(await reader.readuntil(b"\r\n\r\n"))
        writer.write(OK)

    def withhold(exchange: Exchange) -> None:
        exchange.withheld = exchange.url.endswith("/withheld")

    world.hooks.before_request = withhold
    async with scripted(note) as url:
        world.hosts.map("shop.test", url)
        async with world.session() as session:
            async with session.post("https://shop.test/withheld", data=b"body") as response:
                assert (response.status, await response.read()) == (200, b"")
            async with session.get("https://shop.test/other") as response:
                assert await response.read() == b"ok"
    assert [head.split()[1] for head in reached] == [b"/other"]


@pytest.mark.parametrize(
    ("fields", "told"),
    [
        (b"Sec-Fetch-Dest: empty", True),
        (b"Sec-Fetch-Dest: image", True),
        (b"Sec-Fetch-Dest: document", False),
        (b"Accept: */*", True),
        (b"Accept: image/avif,image/*,*/*;q=0.8", True),
        (b"Accept: text/html,application/xhtml+xml,*/*;q=0.8", False),
    ],
)
async def test_a_refused_request_that_no_page_shows_is_told_with_its_reason(
    world: World, fields: bytes, told: bool
) -> None:
    wire = await world.tunnel("nowhere.test")
    wire.send(b"GET /x HTTP/1.1\r\nHost: nowhere.test\r\n" + fields + b"\r\n\r\n")
    with suppress(ConnectionError, asyncio.IncompleteReadError):
        await wire.head()
    wire.close()
    refused = [(exchange.url, refusal.kind) for exchange, refusal in world.hooks.refusals]
    assert refused == ([("https://nowhere.test/x", RefusalKind.NOT_MAPPED)] if told else [])
    assert bool(world.hooks.responses) is not told, "what people see is a response"

"""Chaos on the way of what a browser asks for, byte for byte."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable

import pytest

from agent.browser.network.ca import CertificateAuthority
from agent.browser.network.front import Front
from agent.browser.network.hooks import Exchange
from agent.browser.network.hosts import HostMap, RefusalKind
from agent.model.chaos import Strike, Trouble
from agent.model.chaos_input import chaos_rule
from agent.model.interfaces import NetworkError
from tests.browser.network.support import Recorder, World, answering, scripted

GET = b"GET /x HTTP/1.1\r\nHost: shop.test\r\nSec-Fetch-Dest: empty\r\n\r\n"
OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"
FAIL, RESET = chaos_rule("shop.test", fail=1), chaos_rule("shop.test", reset=1)
Chaos = Callable[[Exchange], Trouble | None]


class Troubles:
    """What goes wrong, one request after the other."""

    def __init__(self) -> None:
        self.to_come: list[Trouble | None] = []

    def __call__(self, _: Exchange) -> Trouble | None:
        return self.to_come.pop(0) if self.to_come else None


@pytest.fixture
def troubles() -> Troubles:
    return Troubles()


@pytest.fixture
async def world(authority: CertificateAuthority, troubles: Troubles) -> AsyncIterator[World]:
    hooks = Recorder()
    async with HostMap() as hosts, Front(hosts, hooks, authority, chaos=troubles) as front:
        yield World(hosts, hooks, authority, front)


async def test_a_request_that_fails_is_answered_by_the_front_and_never_sent(world: World, troubles: Troubles) -> None:
    troubles.to_come = [Trouble(Strike.FAILED, FAIL, 0)]
    world.hosts.map("shop.test", "http://127.0.0.1:1")  # where nothing listens: 502, were it sent
    wire = await world.tunnel("shop.test")
    wire.send(GET)
    head = await wire.head()
    assert head.startswith(b"HTTP/1.1 503 Service Unavailable\r\n")
    assert b"Cache-Control: no-store\r\n" in head, "a cache must not keep what chaos did"
    assert [exchange.status for exchange in world.hooks.responses] == [503]
    assert not world.hooks.responses[0].answered_by_front, "it stands for the server's answer"
    wire.close()


@pytest.mark.parametrize("status", [404, 599])
async def test_a_status_has_its_reason_where_there_is_one(world: World, troubles: Troubles, status: int) -> None:
    troubles.to_come = [Trouble(Strike.FAILED, chaos_rule("shop.test", fail=1, status=status), 0)]
    world.hosts.map("shop.test", "http://127.0.0.1:1")
    wire = await world.tunnel("shop.test")
    wire.send(GET)
    reason = {404: b"Not Found", 599: b""}[status]
    assert (await wire.head()).startswith(b"HTTP/1.1 %d %b\r\n" % (status, reason))
    wire.close()


@pytest.mark.parametrize(
    ("strike", "error"),
    [(Strike.RESET, NetworkError.CONNECTION_RESET), (Strike.STALLED, NetworkError.TIMED_OUT)],
)
async def test_a_reset_and_a_stall_end_the_connection_without_an_answer_and_the_hooks_are_told(
    world: World, troubles: Troubles, strike: Strike, error: NetworkError
) -> None:
    troubles.to_come = [Trouble(strike, RESET, 50)]
    async with scripted(answering(OK)) as url:
        world.hosts.map("shop.test", url)
        wire = await world.tunnel("shop.test", tls=False)
        before = asyncio.get_running_loop().time()
        wire.send(GET)
        with pytest.raises(ConnectionResetError):
            await wire.rest()
        assert asyncio.get_running_loop().time() - before >= 0.05
    ((_, refusal),) = world.hooks.refusals
    assert (refusal.kind, refusal.error) == (RefusalKind.UNREACHABLE, error)
    assert refusal.fix == "tallyhost chaos clear shop.test"
    assert world.hooks.responses == []


async def test_a_slow_answer_is_the_servers_own_and_comes_later(world: World, troubles: Troubles) -> None:
    troubles.to_come = [Trouble(Strike.SLOWED, chaos_rule("shop.test", slow="100ms"), 100)]
    async with scripted(answering(OK)) as url:
        world.hosts.map("shop.test", url)
        wire = await world.tunnel("shop.test")
        before = asyncio.get_running_loop().time()
        wire.send(GET)
        assert await wire.exactly(len(OK)) == OK
        assert asyncio.get_running_loop().time() - before >= 0.1
        wire.close()


async def test_the_body_of_a_slow_upload_arrives_whole(world: World, troubles: Troubles) -> None:
    troubles.to_come = [Trouble(Strike.SLOWED, chaos_rule("shop.test", slow="50ms"), 50)]
    body = bytes(range(256)) * 1_000
    received = asyncio.get_running_loop().create_future()

    async def take(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        received.set_result(await reader.readexactly(len(body)))
        writer.write(OK)

    async with scripted(take) as url:
        world.hosts.map("shop.test", url)
        wire = await world.tunnel("shop.test")
        wire.send(b"POST /x HTTP/1.1\r\nHost: shop.test\r\nContent-Length: %d\r\n\r\n%b" % (len(body), body))
        assert await asyncio.wait_for(received, 5) == body
        wire.close()


async def test_a_browser_that_goes_away_meanwhile_ends_the_wait(world: World, troubles: Troubles) -> None:
    troubles.to_come = [Trouble(Strike.SLOWED, chaos_rule("shop.test", slow="50ms"), 50)]
    asked: list[bytes] = []

    async def note(reader: asyncio.StreamReader, _: asyncio.StreamWriter) -> None:
        asked.append(await reader.readuntil(b"\r\n\r\n"))

    async with scripted(note) as url:
        world.hosts.map("shop.test", url)
        wire = await world.tunnel("shop.test")
        wire.send(GET)
        await asyncio.sleep(0.01)
        wire.close()
        await asyncio.sleep(0.2)
    assert asked == []


async def test_after_a_failure_the_next_request_is_answered_by_its_server(world: World, troubles: Troubles) -> None:
    troubles.to_come = [Trouble(Strike.FAILED, FAIL, 0)]
    async with scripted(answering(OK)) as url, world.session() as session:
        world.hosts.map("shop.test", url)
        async with session.get("https://shop.test/x") as first:
            assert first.status == 503
        async with session.get("https://shop.test/x") as second:
            assert await second.read() == b"ok"


async def test_a_host_that_is_not_mapped_is_refused_as_ever(world: World, troubles: Troubles) -> None:
    troubles.to_come = [Trouble(Strike.FAILED, FAIL, 0)]
    wire = await world.tunnel("nope.test")
    wire.send(b"GET /x HTTP/1.1\r\nHost: nope.test\r\n\r\n")
    assert (await wire.head()).startswith(b"HTTP/1.1 403 Forbidden\r\n")
    assert len(troubles.to_come) == 1
    wire.close()

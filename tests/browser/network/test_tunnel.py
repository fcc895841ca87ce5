from __future__ import annotations

import asyncio

import pytest

from tests.browser.network.support import Handler, World, answering, scripted

UPGRADE = b"GET /ws HTTP/1.1\r\nHost: shop.test\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n"
SWITCHED = b"HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n"


def echoing(greeting: bytes = b"") -> Handler:
    async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(SWITCHED + greeting)
        while data := await reader.read(1 << 16):
            writer.write(data)
            await writer.drain()

    return handle


@pytest.mark.parametrize("tls", [True, False])
async def test_after_a_101_raw_bytes_pass_both_ways(world: World, tls: bool) -> None:
    async with scripted(echoing(b"hello")) as url:
        world.hosts.map("shop.test", url)
        wire = await world.tunnel("shop.test", 443 if tls else 80, tls=tls)
        wire.send(UPGRADE)
        assert await wire.exactly(len(SWITCHED) + 5) == SWITCHED + b"hello"
        wire.send(b"\x00\xff")
        assert await wire.exactly(2) == b"\x00\xff"
        wire.close()
    scheme = "wss" if tls else "ws"
    assert [(e.url, e.status) for e in world.hooks.responses] == [(f"{scheme}://shop.test/ws", 101)]


async def test_bytes_sent_behind_the_upgrade_request_follow_it(world: World) -> None:
    async with scripted(echoing()) as url:
        world.hosts.map("shop.test", url)
        wire = await world.tunnel("shop.test")
        wire.send(UPGRADE + b"early")
        assert await wire.exactly(len(SWITCHED) + 5) == SWITCHED + b"early"
        wire.close()


async def test_an_upgrade_that_is_declined_leaves_an_ordinary_connection(world: World) -> None:
    ok = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"
    async with scripted(answering(ok, ok)) as url:
        world.hosts.map("shop.test", url)
        wire = await world.tunnel("shop.test")
        wire.send(UPGRADE + b"GET /next HTTP/1.1\r\nHost: shop.test\r\n\r\n")
        assert await wire.exactly(2 * len(ok)) == ok + ok
        wire.close()
    assert [e.url for e in world.hooks.requests] == ["wss://shop.test/ws", "https://shop.test/next"]


async def test_the_end_of_one_side_ends_the_other(world: World) -> None:
    ended = asyncio.Event()

    async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(SWITCHED)
        await reader.read()
        ended.set()

    async with scripted(handle) as url:
        world.hosts.map("shop.test", url)
        wire = await world.tunnel("shop.test")
        wire.send(UPGRADE)
        await wire.head()
        wire.close()
        await asyncio.wait_for(ended.wait(), 5)
    async with asyncio.timeout(5):
        while world.front._connections:
            await asyncio.sleep(0.01)


async def test_a_tunnel_has_back_pressure(world: World) -> None:
    async with scripted(echoing()) as url:
        world.hosts.map("shop.test", url)
        wire = await world.tunnel("shop.test")
        wire.send(UPGRADE)
        await wire.head()
        data = bytes(range(256)) * (8 << 12)
        sent = 0

        async def send() -> None:
            nonlocal sent
            for start in range(0, 8 * len(data), 1 << 18):
                wire.send(data[start % len(data) :][: 1 << 18])
                await wire.writer.drain()
                sent += 1 << 18

        sending = asyncio.get_running_loop().create_task(send())
        before = -1
        while sent != before:
            before = sent
            await asyncio.sleep(0.2)
        assert sent < 4 * len(data)
        assert await wire.exactly(8 * len(data)) == data * 8
        await sending
        wire.close()

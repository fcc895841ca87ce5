from __future__ import annotations

import asyncio

import pytest

from agent.browser.network.client import Answer, HostClient
from agent.browser.network.hosts import Refusal, RefusalKind
from tests.browser.network.support import World, answering, scripted


@pytest.mark.parametrize(
    ("url", "host"),
    [
        ("https://collector.test/a%20b?q=%2F", b"collector.test"),
        ("https://collector.test:8443/a%20b?q=%2F", b"collector.test:8443"),
        ("http://collector.test:443/a%20b?q=%2F", b"collector.test:443"),
    ],
)
async def test_the_server_gets_the_public_host_the_given_fields_and_no_others(
    world: World, url: str, host: bytes
) -> None:
    seen = asyncio.get_running_loop().create_future()

    async def note(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        seen.set_result(await reader.readuntil(b"\r\n\r\n") + await reader.readexactly(3))
        writer.write(b"HTTP/1.1 201 Created\r\nX-A: 1\r\nContent-Length: 2\r\n\r\nok")

    async with scripted(note) as server, HostClient(world.hosts) as client:
        world.hosts.map("collector.test", server)
        answer = await client.fetch("POST", url, [("Content-Type", "application/json")], b"{ }")
    assert answer == Answer(201, (("X-A", "1"), ("Content-Length", "2")), b"ok")
    assert seen.result() == (
        b"POST /a%20b?q=%2F HTTP/1.1\r\nHost: " + host + b"\r\n"
        b"Content-Type: application/json\r\nContent-Length: 3\r\n\r\n{ }"
    )


async def test_an_unmapped_host_is_refused_as_it_is_for_the_browser(world: World) -> None:
    async with HostClient(world.hosts) as client:
        refusal = await client.fetch("GET", "https://elsewhere.test/")
    assert refusal == world.hosts.resolve("https", "elsewhere.test", 443)
    assert isinstance(refusal, Refusal)


async def test_a_server_that_is_not_there_is_told_as_data(world: World) -> None:
    async with scripted(answering()) as server:
        pass
    world.hosts.map("collector.test", server)
    async with HostClient(world.hosts) as client:
        refusal = await client.fetch("GET", "https://collector.test/")
    assert isinstance(refusal, Refusal)
    assert refusal.kind is RefusalKind.UNREACHABLE
    assert server in refusal.what


async def test_a_redirect_is_an_answer_and_not_followed(world: World) -> None:
    redirect = b"HTTP/1.1 302 Found\r\nLocation: https://elsewhere.test/\r\nContent-Length: 0\r\n\r\n"
    async with scripted(answering(redirect)) as server, HostClient(world.hosts) as client:
        world.hosts.map("collector.test", server)
        answer = await client.fetch("GET", "https://collector.test/")
    assert isinstance(answer, Answer)
    assert answer.status == 302

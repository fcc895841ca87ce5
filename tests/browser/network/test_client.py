from __future__ import annotations

import asyncio
import errno
import socket
import struct

import pytest

from agent.browser.network import client as client_module
from agent.browser.network.client import Answer, HostClient
from agent.browser.network.hosts import Refusal, RefusalKind
from agent.model.interfaces import NetworkError
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


async def test_a_body_is_cut_after_its_limit(world: World) -> None:
    long = b"HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\nabcdef"
    async with scripted(answering(long)) as server, HostClient(world.hosts) as client:
        world.hosts.map("collector.test", server)
        bodies = []
        for limit in (0, 5, 6, 7, None):
            answer = await client.fetch("GET", "https://collector.test/", limit=limit)
            assert isinstance(answer, Answer)
            bodies.append(answer.body)
    assert bodies == [b"", b"abcde", b"abcdef", b"abcdef", b"abcdef"]


async def test_a_body_of_which_nothing_is_wanted_is_not_waited_for(world: World) -> None:
    unfinished = b"HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\nabc"
    async with scripted(answering(unfinished)) as server, HostClient(world.hosts) as client:
        world.hosts.map("collector.test", server)
        async with asyncio.timeout(5):
            answer = await client.fetch("POST", "https://collector.test/", body=b"x", limit=0)
    assert isinstance(answer, Answer)
    assert (answer.status, answer.body) == (200, b"")


@pytest.mark.parametrize(
    ("failure", "error"),
    [
        (ConnectionResetError(errno.ECONNRESET, "reset"), NetworkError.CONNECTION_RESET),
        (ConnectionAbortedError(errno.ECONNABORTED, "aborted"), NetworkError.CONNECTION_ABORTED),
        (TimeoutError(errno.ETIMEDOUT, "timed out"), NetworkError.CONNECTION_TIMED_OUT),
        (OSError(errno.ENETDOWN, "down"), NetworkError.INTERNET_DISCONNECTED),
        (ConnectionRefusedError(errno.ECONNREFUSED, "refused"), NetworkError.OTHER),
        (OSError(errno.EHOSTUNREACH, "unreachable"), NetworkError.OTHER),
        (socket.gaierror(socket.EAI_NONAME, "no such name"), NetworkError.NAME_NOT_RESOLVED),
    ],
)
async def test_why_a_server_does_not_answer_is_told_in_chromiums_words(
    world: World, monkeypatch: pytest.MonkeyPatch, failure: OSError, error: NetworkError
) -> None:
    async def fail(*_: object, **__: object) -> None:
        raise failure

    monkeypatch.setattr(asyncio.get_running_loop(), "create_connection", fail)
    monkeypatch.setattr(asyncio.get_running_loop(), "sock_connect", fail)
    monkeypatch.setattr(asyncio.get_running_loop(), "getaddrinfo", fail)
    host = "nowhere.invalid" if isinstance(failure, socket.gaierror) else "127.0.0.1"
    world.hosts.map("collector.test", f"http://{host}:9")
    async with HostClient(world.hosts) as client:
        refusal = await client.fetch("GET", "https://collector.test/")
    assert isinstance(refusal, Refusal)
    assert refusal.error is error


async def test_a_server_that_takes_too_long_has_timed_out(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    async def silent(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        del writer
        await reader.read()

    monkeypatch.setattr(client_module, "TIMEOUT", 0.05)
    async with scripted(silent) as server, HostClient(world.hosts) as client:
        world.hosts.map("collector.test", server)
        refusal = await client.fetch("GET", "https://collector.test/")
    assert isinstance(refusal, Refusal)
    assert refusal.error is NetworkError.TIMED_OUT


async def test_a_connection_that_is_reset_is_told_apart_from_one_that_ends(world: World) -> None:
    async def reset(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.transport.get_extra_info("socket").setsockopt(
            socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0)
        )
        writer.close()

    async def end(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.close()

    errors = []
    for behaviour in (reset, end):
        async with scripted(behaviour) as server, HostClient(world.hosts) as client:
            world.hosts.map("collector.test", server)
            refusal = await client.fetch("GET", "https://collector.test/")
            assert isinstance(refusal, Refusal)
            errors.append(refusal.error)
    assert errors == [NetworkError.CONNECTION_RESET, NetworkError.OTHER]

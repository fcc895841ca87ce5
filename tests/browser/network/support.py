"""A front with a recorder for hooks, upstreams that speak byte for byte, and clients that do."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

import aiohttp

from agent.browser.network.ca import CertificateAuthority
from agent.browser.network.front import Front
from agent.browser.network.hooks import Exchange
from agent.browser.network.hosts import HostMap, Refusal

Handler = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


@dataclass
class Recorder:
    """Hooks that note every exchange, and do what a test asks for."""

    requests: list[Exchange] = field(default_factory=list)
    responses: list[Exchange] = field(default_factory=list)
    refusals: list[tuple[Exchange, Refusal]] = field(default_factory=list)
    before_request: Callable[[Exchange], Awaitable[None] | None] | None = None
    before_response: Callable[[Exchange], Awaitable[None] | None] | None = None

    def on_request(self, exchange: Exchange) -> Awaitable[None] | None:
        self.requests.append(exchange)
        return self.before_request(exchange) if self.before_request else None

    def on_response(self, exchange: Exchange) -> Awaitable[None] | None:
        self.responses.append(exchange)
        return self.before_response(exchange) if self.before_response else None

    def on_refusal(self, exchange: Exchange, refusal: Refusal) -> None:
        self.refusals.append((exchange, refusal))


@dataclass
class World:
    """One front and what stands around it."""

    hosts: HostMap
    hooks: Recorder
    authority: CertificateAuthority
    front: Front

    @property
    def trust(self) -> ssl.SSLContext:
        context = ssl.create_default_context()
        self.authority.trust(context)
        return context

    @asynccontextmanager
    async def session(self) -> AsyncIterator[aiohttp.ClientSession]:
        """A client that goes through the front, trusts its authority and shows what it gets; bodies stay as sent."""
        async with aiohttp.ClientSession(
            headers={"Accept": "text/html"},
            proxy=f"http://127.0.0.1:{self.front.port}",
            connector=aiohttp.TCPConnector(ssl=self.trust),
            auto_decompress=False,
            read_bufsize=1 << 16,
            max_field_size=1 << 22,
        ) as session:
            yield session

    async def tunnel(self, host: str, port: int = 443, *, tls: bool = True) -> Wire:
        """A raw connection through CONNECT."""
        reader, writer = await asyncio.open_connection("127.0.0.1", self.front.port)
        writer.write(f"CONNECT {host}:{port} HTTP/1.1\r\nHost: {host}:{port}\r\n\r\n".encode())
        assert b" 200 " in await reader.readuntil(b"\r\n\r\n")
        if tls:
            await writer.start_tls(self.trust, server_hostname=host)
        return Wire(reader, writer)

    async def direct(self) -> Wire:
        """A raw connection to the front itself."""
        return Wire(*await asyncio.open_connection("127.0.0.1", self.front.port))


@dataclass
class Wire:
    """One end of a raw connection."""

    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter

    def send(self, data: bytes) -> None:
        self.writer.write(data)

    async def head(self) -> bytes:
        return await asyncio.wait_for(self.reader.readuntil(b"\r\n\r\n"), 5)

    async def exactly(self, count: int) -> bytes:
        return await asyncio.wait_for(self.reader.readexactly(count), 5)

    async def rest(self) -> bytes:
        return await asyncio.wait_for(self.reader.read(), 5)

    def close(self) -> None:
        self.writer.close()


@asynccontextmanager
async def scripted(handler: Handler, address: str = "127.0.0.1") -> AsyncIterator[str]:
    """A server that runs ``handler`` for each connection; gives its URL, with 127.0.0.1 for any address."""
    tasks: set[asyncio.Task[None]] = set()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        tasks.add(task)
        try:
            await handler(reader, writer)
        except (ConnectionError, asyncio.IncompleteReadError):
            pass
        except asyncio.CancelledError:
            pass
        finally:
            writer.close()

    server = await asyncio.start_server(serve, address, 0)
    try:
        yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    finally:
        server.close()
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


async def silent(reader: asyncio.StreamReader, _: asyncio.StreamWriter) -> None:
    """A handler that listens until the other side closes."""
    await reader.read()


def answering(*answers: bytes) -> Handler:
    """A handler that gives each request head the next answer, then closes."""

    async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        for answer in answers:
            await reader.readuntil(b"\r\n\r\n")
            writer.write(answer)
        await writer.drain()

    return handle

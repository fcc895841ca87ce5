"""Connections to the servers behind the hosts, kept for reuse."""

from __future__ import annotations

import asyncio
import ssl
import struct
from collections import defaultdict
from contextlib import suppress
from functools import cached_property
from socket import SO_LINGER, SOL_SOCKET
from typing import Protocol, cast

from agent.browser.network.hosts import Tls, Upstream
from agent.browser.network.wire import MalformedMessageError, ResponseReader, ResponseSink

CONNECT_TIMEOUT = 10.0
"""Seconds in which a server must accept."""
IDLE_TIMEOUT = 4.0
"""Seconds a connection is kept unused: below the 5 s of Node.js and uvicorn, so that their close rarely races us."""
_LOOPBACK = ("127.0.0.1", "::1")
_RESET = struct.pack("ii", 1, 0)


class ResponseUser(ResponseSink, Protocol):
    """Whoever waits for a response on an upstream connection."""

    def response_upgraded(self, rest: bytes) -> None:
        """The upstream switched protocols; ``rest`` followed its head."""
        ...

    def response_flush(self) -> None:
        """All that was read by now has been handed over."""
        ...

    def upstream_failed(self, reason: str, *, nothing_came: bool) -> None:
        """The connection is gone, or unusable, before the response was complete."""
        ...

    def upstream_flow_changed(self) -> None:
        """The connection became full, or has room again."""
        ...


def cut(transport: asyncio.Transport) -> None:
    """Reset a connection, so that a body cut short can never pass for a complete one."""
    if (sock := transport.get_extra_info("socket")) is not None and sock.fileno() >= 0:
        sock.setsockopt(SOL_SOCKET, SO_LINGER, _RESET)
    transport.abort()


class UpstreamConnection(asyncio.Protocol):
    """One connection to an upstream; it serves one exchange at a time."""

    def __init__(self, upstream: Upstream) -> None:
        self.upstream = upstream
        self.write_paused = False
        self.reused = False
        self.transport: asyncio.Transport
        self._user: ResponseUser | None = None
        self._reader: ResponseReader | None = None

    def begin(self, user: ResponseUser, *, to_head: bool) -> None:
        """Take up an exchange: what arrives from now on is ``user``'s response."""
        self._user = user
        self._reader = ResponseReader(user, to_head=to_head)
        if self.is_closing:  # it was lost in the moment before, and nobody will say so again
            asyncio.get_running_loop().call_soon(self._closed, "it closed the connection")

    def release(self) -> None:
        """The exchange is over; nothing more is expected."""
        self._user = self._reader = None

    @property
    def is_closing(self) -> bool:
        """Whether the connection is lost or about to be."""
        return self.transport.is_closing()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """See asyncio.Protocol."""
        self.transport = cast("asyncio.Transport", transport)

    def data_received(self, data: bytes) -> None:
        """See asyncio.Protocol."""
        user, reader = self._user, self._reader
        if user is None or reader is None:
            self.transport.abort()  # nothing was asked for
            return
        try:
            rest = reader.feed(data)
        except MalformedMessageError as error:
            self._fail(f"it answered with something that is not HTTP/1.1: {error}", nothing_came=False)
            return
        if rest is not None:
            user.response_upgraded(rest)
        user.response_flush()

    def eof_received(self) -> None:
        """See asyncio.Protocol; the connection closes after it."""
        self._closed("it closed the connection")

    def connection_lost(self, exc: Exception | None) -> None:
        """See asyncio.Protocol."""
        if exc is not None and self._user is not None and self.upstream.tls is Tls.NONE:
            self._read_what_came()
        self._closed("it closed the connection" if exc is None else str(exc), clean=exc is None)

    def _read_what_came(self) -> None:
        """Read what stands behind a write that failed: a server may answer an upload, then reset the connection."""
        came = bytearray()
        with suppress(OSError), self.transport.get_extra_info("socket").dup() as sock:
            while part := sock.recv(1 << 16):
                came += part
        if came:
            self.data_received(bytes(came))

    def _closed(self, reason: str, *, clean: bool = True) -> None:
        user, reader = self._user, self._reader
        if user is None or reader is None:
            return
        if reader.end_of_stream(clean=clean):
            user.response_flush()
        else:
            self._fail(f"{reason} before its response was complete", nothing_came=not reader.started)

    def _fail(self, reason: str, *, nothing_came: bool) -> None:
        user = self._user
        self.release()
        self.transport.abort()
        if user is not None:
            user.upstream_failed(reason, nothing_came=nothing_came)

    def pause_writing(self) -> None:
        """See asyncio.Protocol."""
        self.write_paused = True
        self._flow_changed()

    def resume_writing(self) -> None:
        """See asyncio.Protocol."""
        self.write_paused = False
        self._flow_changed()

    def _flow_changed(self) -> None:
        if self._user is not None:
            self._user.upstream_flow_changed()


class UpstreamPool:
    """Opens connections and keeps idle ones; the newest idle one is used first."""

    def __init__(self) -> None:
        self._idle: defaultdict[Upstream, list[tuple[UpstreamConnection, float]]] = defaultdict(list)
        """Each with the loop's time at which it is to be closed; the newest stand last."""
        self._sweep: asyncio.TimerHandle | None = None

    def take(self, upstream: Upstream) -> UpstreamConnection | None:
        """An idle connection to ``upstream`` that still stands, or None."""
        idle = self._idle[upstream]
        while idle:
            connection, _ = idle.pop()
            if not connection.is_closing:
                connection.reused = True
                return connection
        return None

    def put(self, connection: UpstreamConnection) -> None:
        """Keep ``connection``, whose exchange is complete, for the next one."""
        connection.release()
        if connection.is_closing:
            return
        connection.transport.resume_reading()
        loop = asyncio.get_running_loop()
        until = loop.time() + IDLE_TIMEOUT
        self._idle[connection.upstream].append((connection, until))
        if self._sweep is None:  # one timer for all: a page load puts and takes hundreds
            self._sweep = loop.call_at(until, self._close_expired)

    def _close_expired(self) -> None:
        loop = asyncio.get_running_loop()
        now = loop.time()
        for upstream, idle in list(self._idle.items()):
            for connection, until in idle:
                if until <= now:
                    connection.transport.close()
            self._idle[upstream] = [(connection, until) for connection, until in idle if until > now]
        kept = [until for idle in self._idle.values() for _, until in idle]
        self._sweep = loop.call_at(min(kept), self._close_expired) if kept else None

    async def dial(self, upstream: Upstream) -> UpstreamConnection:
        """Open a connection. Raises OSError (also for a certificate that does not verify) and TimeoutError."""
        local_name = upstream.host == "localhost" or upstream.host.endswith(".localhost")
        failure: OSError | None = None
        async with asyncio.timeout(CONNECT_TIMEOUT):
            for address in _LOOPBACK if local_name else (upstream.host,):
                try:
                    return await self._connect(upstream, address)
                except OSError as error:
                    failure = failure or error
        assert failure is not None
        raise failure

    async def _connect(self, upstream: Upstream, address: str) -> UpstreamConnection:
        context = None
        if upstream.tls is not Tls.NONE:
            context = self._verified if upstream.tls is Tls.VERIFIED else self._unverified
        _, connection = await asyncio.get_running_loop().create_connection(
            lambda: UpstreamConnection(upstream),
            address,
            upstream.port,
            ssl=context,
            server_hostname=upstream.host if context else None,
        )
        return connection

    @cached_property
    def _verified(self) -> ssl.SSLContext:
        context = ssl.create_default_context()
        context.set_alpn_protocols(["http/1.1"])
        return context

    @cached_property
    def _unverified(self) -> ssl.SSLContext:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
        context.set_alpn_protocols(["http/1.1"])
        return context

    def close(self) -> None:
        """Close the idle connections."""
        if self._sweep is not None:
            self._sweep.cancel()
        for idle in self._idle.values():
            for connection, _ in idle:
                connection.transport.abort()
        self._idle.clear()

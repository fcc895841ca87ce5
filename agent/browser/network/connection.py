"""A browser's connection to its front."""

from __future__ import annotations

import asyncio
import logging
import os
import re
import socket
from collections import deque
from collections.abc import Callable
from typing import cast

from agent.browser.network import pages
from agent.browser.network.exchange import Relay
from agent.browser.network.headers import Headers
from agent.browser.network.hooks import Exchange
from agent.browser.network.hosts import DEFAULT_PORTS
from agent.browser.network.surroundings import Destination, FrontState
from agent.browser.network.tunnel import join
from agent.browser.network.upstream import UpstreamConnection, cut
from agent.browser.network.wire import MalformedMessageError, RequestHead, RequestReader, encode_response

_log = logging.getLogger("tallyhost")
_AUTHORITY = re.compile(rb"(?:\[([0-9A-Fa-f:.]+)\]|([A-Za-z0-9._~!$&'()*+,;=-]+))(?::([0-9]{1,5}))?")
_TLS_HANDSHAKE = b"\x16"


class BrowserConnection(asyncio.Protocol):
    """Reads a browser's requests and gives each its exchange, one after the other.

    A request comes in absolute form (``http:``), or inside a tunnel that CONNECT opened: with TLS, which ends here,
    or without, as Chromium does for ``ws:``.
    """

    def __init__(self, state: FrontState, number: int, on_lost: Callable[[BrowserConnection], None]) -> None:
        self._state = state
        self._number = number
        self._on_lost = on_lost
        self._transport: asyncio.Transport
        self._reader = RequestReader(self)
        self._relays: deque[Relay] = deque()
        self._connect: tuple[str, int] | None = None
        self._scheme: str | None = None
        self._early: list[bytes] | None = None
        """What arrives with the end of a TLS handshake, before asyncio has handed over the secured transport."""
        self._behind_upgrade: bytes | None = None
        self._closing = False
        self.write_paused = False

    # asyncio.Protocol

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """See asyncio.Protocol."""
        self._transport = cast("asyncio.Transport", transport)

    def data_received(self, data: bytes) -> None:
        """See asyncio.Protocol."""
        if self._early is not None:
            self._early.append(data)
            return
        try:
            rest = self._reader.feed(data)
        except MalformedMessageError as error:
            self._refuse(error)
            return
        if rest is not None and self._connect is not None and self._scheme is None:
            self._accept_connect(rest)
            return
        if rest is not None:
            self._behind_upgrade = rest
        if self._relays:
            self._relays[0].flush_request()
        self.steer_reading()

    def connection_lost(self, exc: Exception | None) -> None:
        """See asyncio.Protocol; what is under way is given up."""
        del exc
        self._closing = True
        for relay in self._relays:
            relay.abandon()
        self._relays.clear()
        self._on_lost(self)

    def pause_writing(self) -> None:
        """See asyncio.Protocol."""
        self.write_paused = True
        if self._relays:
            self._relays[0].browser_flow_changed()

    def resume_writing(self) -> None:
        """See asyncio.Protocol."""
        self.write_paused = False
        if self._relays:
            self._relays[0].browser_flow_changed()

    # RequestSink

    def request_head(self, head: RequestHead) -> None:
        """Begin an exchange, or note where CONNECT leads."""
        if self._closing:
            return
        if head.method == b"CONNECT":
            if self._connect is not None or self._relays:
                raise MalformedMessageError("CONNECT inside a tunnel or behind a request")
            host, port = _parse_authority(head.target, None)
            self._connect = host, port
            return
        destination = self._destination(head)
        url = _url(destination, websocket=head.upgrade and b"websocket" in head.headers.tokens(b"upgrade"))
        exchange = Exchange(self._state.front_id, head.method.decode("ascii"), url, head.headers, self._number)
        self._relays.append(Relay(self._state, self, head, destination, exchange))
        if len(self._relays) == 1:
            self._relays[0].start()

    def request_body(self, data: bytes) -> None:
        """Hand a part of a body to its exchange."""
        if self._relays and not self._closing:
            self._relays[-1].request_body(data)

    def request_end(self, trailers: Headers) -> None:
        """Tell an exchange that its request is complete."""
        if self._relays and not self._closing:
            self._relays[-1].request_end(trailers)

    def _destination(self, head: RequestHead) -> Destination:
        if self._connect is not None and self._scheme is not None:
            if not head.target.startswith(b"/"):
                raise MalformedMessageError("a request in a tunnel names a path")
            return Destination(self._scheme, *self._connect, head.target)
        scheme, mark, rest = head.target.partition(b"://")
        if not mark or scheme.lower() != b"http":
            raise MalformedMessageError("this is a proxy: it takes CONNECT, and requests for http://host/path")
        authority = re.split(rb"[/?]", rest, maxsplit=1)[0]
        path = rest[len(authority) :]
        host, port = _parse_authority(authority, DEFAULT_PORTS["http"])
        return Destination("http", host, port, path if path.startswith(b"/") else b"/" + path)

    # BrowserSide

    def write(self, data: bytes) -> None:
        """Send to the browser."""
        self._transport.write(data)

    def steer_reading(self) -> None:
        """Read on, or wait: for room upstream, for the answer to an upgrade, for the exchange before this one."""
        if self._transport.is_closing():
            return
        busy = len(self._relays) > 1 or self._behind_upgrade is not None
        if busy or (self._relays and not self._relays[0].wants_body):
            self._transport.pause_reading()
        else:
            self._transport.resume_reading()

    def exchange_done(self, *, keep_alive: bool) -> None:
        """The first exchange is over: go on with the next, or close."""
        self._relays.popleft()
        if not keep_alive:
            self._closing = True
            for relay in self._relays:
                relay.abandon()
            self._relays.clear()
            self._transport.close()
        elif self._relays or self._behind_upgrade is not None:
            asyncio.get_running_loop().call_soon(self._next)
        else:
            self.steer_reading()

    def _next(self) -> None:
        if self._closing:
            return
        rest, self._behind_upgrade = self._behind_upgrade, None
        if self._relays:
            self._relays[0].start()
            self._relays[0].flush_request()
        if rest:
            self.data_received(rest)
        else:
            self.steer_reading()

    def become_tunnel(self, upstream: UpstreamConnection) -> None:
        """The upstream switched protocols: pass raw bytes from here on."""
        self._relays.clear()
        if self._behind_upgrade:
            upstream.transport.write(self._behind_upgrade)
        join(self._transport, upstream.transport, lambda: self._on_lost(self))

    def cut(self) -> None:
        """Reset the connection, so that the browser sees the error."""
        self._closing = True
        cut(self._transport)

    # CONNECT

    def _accept_connect(self, rest: bytes) -> None:
        if rest:
            self._refuse(MalformedMessageError("bytes follow CONNECT before it was answered"))
            return
        # A tunnel is a connection of its own: `Connection: close`, which Playwright's own requests send with CONNECT,
        # is not about what comes through it.
        self._reader = RequestReader(self)
        self._transport.pause_reading()
        self._transport.write(b"HTTP/1.1 200 Connection established\r\n\r\n")
        self._state.tasks.start(self._open_tunnel(), "open a tunnel")

    async def _open_tunnel(self) -> None:
        """Find out whether TLS follows, and take the server's part in it."""
        assert self._connect is not None
        try:
            first = await _peek(self._transport.get_extra_info("socket").fileno())
            self._scheme = "https" if first == _TLS_HANDSHAKE else "http"
            if self._scheme == "https":
                await self._start_tls(self._connect[0])
            elif first:
                self._transport.resume_reading()
            else:
                self._transport.close()
        except OSError as error:
            _log.debug("tunnel to %s: %s", self._connect[0], error)
            self._transport.abort()
            self._on_lost(self)  # asyncio tells a protocol nothing of a handshake that failed

    async def _start_tls(self, host: str) -> None:
        context = self._state.authority.server_context(host)
        self._early = []
        secured = await asyncio.get_running_loop().start_tls(self._transport, self, context, server_side=True)
        if secured is None or self._closing:
            return
        self._transport = secured
        early, self._early = b"".join(self._early), None
        if early:
            self.data_received(early)

    def _refuse(self, error: MalformedMessageError) -> None:
        if self._closing:
            return
        if self._relays:
            self.cut()
            return
        self._closing = True
        headers, body = pages.page(error.status, f"The front did not understand the request: {error}.")
        headers.append((b"Connection", b"close"))
        self._transport.write(encode_response(error.status, pages.reason(error.status), headers) + body)
        self._transport.close()

    def abort(self) -> None:
        """End at once, with all that is under way."""
        self._transport.abort()


async def _peek(descriptor: int) -> bytes:
    """The first byte that arrives, left where it is; empty when the connection ends instead."""
    loop = asyncio.get_running_loop()
    with socket.socket(fileno=os.dup(descriptor)) as peeked:
        readable = loop.create_future()
        loop.add_reader(peeked, _resolve, readable)
        try:
            await readable
        finally:
            loop.remove_reader(peeked)
        return peeked.recv(1, socket.MSG_PEEK)


def _resolve(future: asyncio.Future[None]) -> None:
    if not future.done():
        future.set_result(None)


def _parse_authority(authority: bytes, default_port: int | None) -> tuple[str, int]:
    match = _AUTHORITY.fullmatch(authority)
    port = int(match[3]) if match and match[3] else default_port
    if match is None or port is None or not 0 < port < 1 << 16:
        raise MalformedMessageError("the request names no host and port")
    return (match[1] or match[2]).decode("ascii").lower(), port


def _url(destination: Destination, *, websocket: bool) -> str:
    host = f"[{destination.host}]" if ":" in destination.host else destination.host
    port = "" if destination.port == DEFAULT_PORTS[destination.scheme] else f":{destination.port}"
    scheme = {"http": "ws", "https": "wss"}[destination.scheme] if websocket else destination.scheme
    return f"{scheme}://{host}{port}{destination.path.decode('ascii')}"

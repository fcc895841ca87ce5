"""Messages of HTTP/1.1 to and from bytes: llhttp reads, a few lines write.

Framing that could be read in two ways (two lengths, length and chunks, folded lines, stray line ends) is refused by
llhttp in its strict mode, and what it has read is written anew, so both ends see the same messages.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum, auto
from typing import Protocol

import httptools

from agent.browser.network.headers import Headers

MAX_REQUEST_HEAD = 1 << 20
"""Bytes of a request head; beyond it the answer is 431."""
MAX_RESPONSE_HEAD = 1 << 18
"""Bytes of a response head, as it goes to the browser: Chromium takes no larger one. Beyond it there is no response."""
_HOP_REQUEST = frozenset({b"proxy-authorization", b"proxy-authenticate"})
_HOP_RESPONSE = frozenset({b"proxy-authenticate", b"proxy-connection"})


class MalformedMessageError(Exception):
    """A message that is no HTTP/1.1, or too large a head; ``status`` is the answer to a request like that."""

    def __init__(self, reason: str, status: int = 400) -> None:
        super().__init__(reason)
        self.status = status


class Framing(Enum):
    """How the end of a body is known."""

    NONE = auto()
    LENGTH = auto()
    CHUNKED = auto()
    UNTIL_CLOSE = auto()


@dataclass(slots=True)
class RequestHead:
    """Head of a request as received."""

    method: bytes
    target: bytes
    headers: Headers
    framing: Framing
    keep_alive: bool
    upgrade: bool
    """Whether the request asks to switch protocols (WebSocket)."""


@dataclass(slots=True)
class ResponseHead:
    """Head of a response as received; ``keep_alive`` tells whether the upstream's connection can serve again."""

    status: int
    reason: bytes
    headers: Headers
    framing: Framing
    keep_alive: bool


class RequestSink(Protocol):
    """Receives the parts of requests in order."""

    def request_head(self, head: RequestHead) -> None:
        """A head; its body follows."""
        ...

    def request_body(self, data: bytes) -> None:
        """A part of the body."""
        ...

    def request_end(self, trailers: Headers) -> None:
        """The message is complete."""
        ...


class ResponseSink(Protocol):
    """Receives the parts of one response in order."""

    def informational(self, head: ResponseHead) -> None:
        """A 1xx head before the response."""
        ...

    def response_head(self, head: ResponseHead) -> None:
        """The head; its body follows."""
        ...

    def response_body(self, data: bytes) -> None:
        """A part of the body."""
        ...

    def response_end(self, trailers: Headers) -> None:
        """The message is complete."""
        ...


class RequestReader:
    """Reads the requests of one connection."""

    def __init__(self, sink: RequestSink) -> None:
        self._sink = sink
        self._parser = httptools.HttpRequestParser(self)
        self._target = b""
        self._fields = Headers()
        self._in_head = True
        self._head_size = 0

    def feed(self, data: bytes) -> bytes | None:
        """Read ``data``; after a request to switch protocols (CONNECT too) gives the bytes behind it, else None.

        Raises MalformedMessageError.
        """
        try:
            self._parser.feed_data(data)
        except httptools.HttpParserUpgrade as upgrade:
            return data[upgrade.args[0] :]
        except httptools.HttpParserCallbackError as error:
            raise _cause(error) from None
        except httptools.HttpParserInvalidMethodError:
            raise MalformedMessageError("no such method is known here", 501) from None
        except httptools.HttpParserError as error:
            raise MalformedMessageError(str(error)) from None
        self._head_size = self._head_size + len(data) if self._in_head else 0
        if self._head_size > MAX_REQUEST_HEAD:
            raise MalformedMessageError(f"the request head is larger than {MAX_REQUEST_HEAD} bytes", 431)
        return None

    def on_message_begin(self) -> None:
        """See httptools."""
        self._target = b""
        self._fields = Headers()
        self._in_head = True
        self._head_size = 0

    def on_url(self, part: bytes) -> None:
        """See httptools."""
        self._target += part

    def on_header(self, name: bytes, value: bytes) -> None:
        """See httptools."""
        self._fields.append((name, value))

    def on_headers_complete(self) -> None:
        """See httptools."""
        headers, self._fields, self._in_head = self._fields, Headers(), False
        if self._parser.get_http_version() != "1.1":
            raise MalformedMessageError("only HTTP/1.1 is spoken here", 505)
        if len(headers.get_all(b"host")) != 1:
            raise MalformedMessageError("a request has exactly one Host")
        upgrade = self._parser.should_upgrade()
        framing = _framing(headers, Framing.NONE)
        if framing is Framing.UNTIL_CLOSE:
            raise MalformedMessageError("the body of a request ends in chunks or has a length")
        if upgrade and framing is not Framing.NONE and headers.get(b"content-length") != b"0":
            raise MalformedMessageError("a request to switch protocols carries no body")
        self._sink.request_head(
            RequestHead(
                self._parser.get_method(), self._target, headers, framing, self._parser.should_keep_alive(), upgrade
            )
        )

    def on_body(self, data: bytes) -> None:
        """See httptools."""
        self._sink.request_body(data)

    def on_message_complete(self) -> None:
        """See httptools."""
        self._in_head = True
        self._sink.request_end(self._fields)


class ResponseReader:
    """Reads one response, informational ones before it included."""

    def __init__(self, sink: ResponseSink, *, to_head: bool) -> None:
        self._sink = sink
        self._parser = httptools.HttpResponseParser(self)
        self._ends_with_head = to_head
        self._reason = b""
        self._fields = Headers()
        self._head: ResponseHead | None = None
        self._head_size = 0
        self._ended = False
        self.started = False
        """Whether a byte of the response came."""

    def feed(self, data: bytes) -> bytes | None:
        """Read ``data``; after a 101 gives the bytes behind its head, else None. Raises MalformedMessageError."""
        self.started = True
        try:
            self._parser.feed_data(data)
        except httptools.HttpParserUpgrade as upgrade:
            return data[upgrade.args[0] :]
        except httptools.HttpParserCallbackError as error:
            raise _cause(error) from None
        except httptools.HttpParserError as error:
            if not self._ended:
                raise MalformedMessageError(str(error)) from None
            self._stray_bytes()
        if self._head is None:
            self._head_size += len(data)
            _check_size(self._head_size)
        return None

    def end_of_stream(self, *, clean: bool) -> bool:
        """The upstream closed; gives whether the response is complete, which a ``clean`` close can make it."""
        if clean and not self._ended and self._head is not None and self._head.framing is Framing.UNTIL_CLOSE:
            self._end()
        return self._ended

    def on_message_begin(self) -> None:
        """See httptools."""
        if self._ended:
            self._stray_bytes()
        self._reason = b""
        self._fields = Headers()

    def on_status(self, part: bytes) -> None:
        """See httptools."""
        self._reason += part

    def on_header(self, name: bytes, value: bytes) -> None:
        """See httptools."""
        self._fields.append((name, value))

    def on_headers_complete(self) -> None:
        """See httptools."""
        headers, self._fields = self._fields, Headers()
        if self._ended:
            return
        status = self._parser.get_status_code()
        if status < 200:
            head = ResponseHead(status, self._reason, headers, Framing.NONE, keep_alive=True)
            if status != 101:
                self._sink.informational(head)
                return
        else:
            bodiless = self._ends_with_head or status in {204, 304}
            if self._parser.get_http_version() == "1.0" and headers.get(b"transfer-encoding") is not None:
                raise MalformedMessageError("HTTP/1.0 knows no Transfer-Encoding")
            framing = Framing.NONE if bodiless else _framing(headers, Framing.UNTIL_CLOSE)
            if status == 205 and framing is Framing.UNTIL_CLOSE:  # no browser waits for a body: it sends what is next
                framing = Framing.NONE
                self._ends_with_head = True
            keep_alive = self._parser.should_keep_alive()
            if self._ends_with_head and self._parser.get_http_version() == "1.1":
                keep_alive = b"close" not in headers.tokens(b"connection")  # llhttp waits for a body without length
            head = ResponseHead(status, self._reason, headers, framing, keep_alive)
        _check_size(len(encode_response(status, self._reason, headers)))
        self._head = head
        self._sink.response_head(head)
        if self._ends_with_head:
            self._end()  # llhttp cannot know that no body follows

    def on_body(self, data: bytes) -> None:
        """See httptools."""
        if self._ended:
            self._stray_bytes()
        else:
            self._sink.response_body(data)

    def on_message_complete(self) -> None:
        """See httptools."""
        if self._head is not None and self._head.status != 101 and not self._ended:
            self._end()

    def _stray_bytes(self) -> None:
        """Bytes follow the response, such as a body that answers HEAD: the connection must not serve again."""
        assert self._head is not None
        self._head.keep_alive = False

    def _end(self) -> None:
        self._ended = True
        self._sink.response_end(self._fields)


def encode_request(method: bytes, target: bytes, headers: Headers) -> bytes:
    """Bytes of a request head for the server itself, that is without what is meant for a proxy.

    ``Proxy-Connection`` becomes ``Connection``: that is what Chromium sends without a proxy.
    """
    fields = [
        b"%b: %b\r\n" % (b"Connection" if name.lower() == b"proxy-connection" else name, value)
        for name, value in headers
        if name.lower() not in _HOP_REQUEST
    ]
    return b"%b %b HTTP/1.1\r\n%b\r\n" % (method, target, b"".join(fields))


def encode_response(status: int, reason: bytes, headers: Headers) -> bytes:
    """Bytes of a response head for the browser."""
    fields = [b"%b: %b\r\n" % pair for pair in headers if pair[0].lower() not in _HOP_RESPONSE]
    return b"HTTP/1.1 %d %b\r\n%b\r\n" % (status, reason, b"".join(fields))


def encode_chunk(data: bytes) -> tuple[bytes, bytes, bytes]:
    """One chunk of a chunked body, in parts."""
    return b"%x\r\n" % len(data), data, b"\r\n"


def encode_last_chunk(trailers: Headers) -> bytes:
    """End of a chunked body with its trailer fields."""
    return b"0\r\n%b\r\n" % b"".join(b"%b: %b\r\n" % pair for pair in trailers)


def _framing(headers: Headers, otherwise: Framing) -> Framing:
    codings = headers.get_all(b"transfer-encoding")
    if codings:
        last = codings[-1].rpartition(b",")[2].strip().lower()
        return Framing.CHUNKED if last == b"chunked" else Framing.UNTIL_CLOSE
    return Framing.LENGTH if headers.get(b"content-length") is not None else otherwise


def _check_size(size: int) -> None:
    if size > MAX_RESPONSE_HEAD:
        raise MalformedMessageError(f"the response head is larger than {MAX_RESPONSE_HEAD} bytes")


def _cause(error: httptools.HttpParserCallbackError) -> BaseException:
    return error.__context__ or error

"""Reads documents and scripts as they pass, for the attributes that make elements' requests eligible."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from email.message import Message

from agent.browser.element_requests import ElementRequests, ScannedDocument
from agent.browser.network.decoding import BodyReader
from agent.browser.network.hooks import Exchange
from agent.browser.network.html_scan import HtmlScan
from agent.browser.network.urls import url_key

_DOCUMENTS = frozenset({b"document", b"iframe", b"frame"})
_HTML = frozenset({"text/html", "application/xhtml+xml"})
_LIMIT = 1 << 22
"""Bytes of a body that are read."""
Expected = Mapping[str, ElementRequests]
"""What is expected of elements, by the attribute that they have."""


def scan_response(exchange: Exchange, destination: bytes | None, expected: Expected, mark: int) -> None:
    """Have the body of a document or script read before the browser gets it."""
    if destination in _DOCUMENTS:
        kind = _content_type(exchange)
        if kind.get_content_type() in _HTML:
            _read(exchange, _document_reader(exchange.url, kind.get_content_charset("utf-8"), expected, mark))
    elif destination == b"script":
        # A script that names an attribute may use it; one that makes up the name is known by what it announces.
        unused = {name: elements for name, elements in expected.items() if not elements.in_use}
        if unused:
            _read(exchange, _script_reader(unused))


def _read(exchange: Exchange, tell: Callable[[bytes], None]) -> None:
    codings = b",".join(exchange.response_headers.get_all(b"content-encoding"))
    exchange.on_body = BodyReader(codings.decode("latin-1").strip().lower(), tell, _LIMIT)


def _document_reader(url: str, encoding: str, expected: Expected, mark: int) -> Callable[[bytes], None]:
    scanned: dict[str, ScannedDocument] = {}

    def found(attribute: str, destination: str, asked_for: str) -> None:
        if attribute not in expected:
            return
        if attribute not in scanned:
            scanned[attribute] = expected[attribute].scan(url, mark)
        scanned[attribute].add((destination, url_key(asked_for)))

    scan = HtmlScan(url, found, encoding=encoding)

    def read(data: bytes) -> None:
        scan.feed(data)
        for attribute in scan.named & expected.keys():
            expected[attribute].in_use = True

    return read


def _script_reader(unused: Expected) -> Callable[[bytes], None]:
    words = {name.encode(): elements for name, elements in unused.items()}
    overlap = max(map(len, words)) - 1
    tail = b""

    def read(data: bytes) -> None:
        nonlocal tail
        searched = (tail + data).lower()
        for word in [word for word in words if word in searched]:
            words.pop(word).in_use = True
        tail = searched[-overlap:]

    return read


def _content_type(exchange: Exchange) -> Message:
    message = Message()
    message["content-type"] = (exchange.response_headers.get(b"content-type") or b"").decode("latin-1")
    return message

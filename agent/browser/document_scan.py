"""Reads what pages get, for the attributes that make elements' requests eligible."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from email.message import Message

from agent.browser.element_requests import ElementRequests, ScannedDocument
from agent.browser.network.decoding import BodyReader
from agent.browser.network.hooks import Exchange
from agent.browser.network.html_scan import HtmlScan
from agent.browser.network.urls import url_key

_DOCUMENTS = frozenset({b"document", b"iframe", b"frame"})
_HTML = frozenset({"text/html", "application/xhtml+xml"})
_TEXT = re.compile(r"^text/|json|javascript|xml")
"""Types of what a script may fetch and put into its document."""
_LIMIT = 1 << 22
"""Bytes of a body that are read."""
Expected = Mapping[str, ElementRequests]
"""What is expected of elements, by the attribute that they have."""


def scan_response(exchange: Exchange, destination: bytes | None, expected: Expected, mark: int) -> None:
    """Have the body of a document, a script, or what a script fetches read before the browser gets it."""
    if destination in _DOCUMENTS:
        kind = _content_type(exchange)
        if kind.get_content_type() in _HTML:
            _read(exchange, _document_reader(exchange.url, kind.get_content_charset("utf-8"), expected, mark))
        return
    is_code = destination == b"script" or (destination == b"empty" and _is_text(exchange))
    if is_code and (unused := _unused(expected)):
        _read(exchange, _text_reader(unused))


def read_text(text: bytes, expected: Expected) -> None:
    """Read what a page gets past the front."""
    if unused := _unused(expected):
        _text_reader(unused)(text)


def _unused(expected: Expected) -> Expected:
    # A script that names an attribute may use it; one that makes up the name is known by what it announces.
    return {name: elements for name, elements in expected.items() if not elements.in_use}


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


def _text_reader(unused: Expected) -> Callable[[bytes], None]:
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


def _is_text(exchange: Exchange) -> bool:
    return _TEXT.search(_content_type(exchange).get_content_type()) is not None


def _content_type(exchange: Exchange) -> Message:
    message = Message()
    message["content-type"] = (exchange.response_headers.get(b"content-type") or b"").decode("latin-1")
    return message

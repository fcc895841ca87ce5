"""Reads documents and scripts as they pass, for the attribute that makes elements' requests eligible."""

from __future__ import annotations

from collections.abc import Callable
from email.message import Message

from agent.browser.element_requests import ElementRequests, ScannedDocument
from agent.browser.network.decoding import BodyReader
from agent.browser.network.hooks import Exchange
from agent.browser.network.html_scan import HtmlScan
from agent.browser.network.urls import url_key

_DOCUMENTS = frozenset({b"document", b"iframe", b"frame"})
_HTML = frozenset({"text/html", "application/xhtml+xml"})
_WORD = b"attributionsrc"
_LIMIT = 1 << 22
"""Bytes of a body that are read."""


def scan_response(exchange: Exchange, destination: bytes | None, elements: ElementRequests, mark: int) -> None:
    """Have the body of a document or script read before the browser gets it."""
    if destination in _DOCUMENTS:
        kind = _content_type(exchange)
        if kind.get_content_type() in _HTML:
            _read(exchange, _document_reader(exchange.url, kind.get_content_charset("utf-8"), elements, mark))
    elif destination == b"script" and not elements.in_use:
        # A script that names the attribute may use it; one that makes up the name is known by what it announces.
        _read(exchange, _script_reader(elements))


def _read(exchange: Exchange, tell: Callable[[bytes], None]) -> None:
    codings = b",".join(exchange.response_headers.get_all(b"content-encoding"))
    exchange.on_body = BodyReader(codings.decode("latin-1").strip().lower(), tell, _LIMIT)


def _document_reader(url: str, encoding: str, elements: ElementRequests, mark: int) -> Callable[[bytes], None]:
    scanned: ScannedDocument | None = None

    def found(destination: str, asked_for: str) -> None:
        nonlocal scanned
        scanned = scanned or elements.scan(url, mark)
        scanned.add((destination, url_key(asked_for)))

    scan = HtmlScan(url, found, encoding=encoding)

    def read(data: bytes) -> None:
        scan.feed(data)
        elements.in_use |= scan.names_the_attribute

    return read


def _script_reader(elements: ElementRequests) -> Callable[[bytes], None]:
    tail = b""

    def read(data: bytes) -> None:
        nonlocal tail
        if not elements.in_use:
            searched = (tail + data).lower()
            elements.in_use = _WORD in searched
            tail = searched[1 - len(_WORD) :]

    return read


def _content_type(exchange: Exchange) -> Message:
    message = Message()
    message["content-type"] = (exchange.response_headers.get(b"content-type") or b"").decode("latin-1")
    return message

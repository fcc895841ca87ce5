"""Loads the module scripts of worklets, as requests of the documents that make them (shared-storage section 4).

The browser loads them over DevTools, with the cookies and the cache of the document's profile. To the server the
request has to look like a worklet's: the front knows which requests to expect, gives them their headers, and stops
redirects. Whether a response may be used, by CORS and the rest, is judged in ``worklet_responses.py``.
"""

from __future__ import annotations

import asyncio
import base64
from collections.abc import Mapping
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Any
from weakref import WeakValueDictionary

from ada_url import URL

from agent.browser.devtools_pipe import DevToolsPipe
from agent.browser.documents import Document, origin_of
from agent.browser.network.hooks import Exchange
from agent.browser.network.hosts import Refusal, RefusalKind
from agent.browser.worklet_responses import ScriptRequest, ScriptResponse, file_problem, script_problem
from agent.engines.shared_storage import trusted_origins
from agent.model.interfaces import NetworkError
from agent.model.worklets import StorageFailure, WorkletScript

_PLACE = b"sec-fetch-site"
"""Chromium puts a request's own headers before this one."""
_STATUS_FAILED = "net::ERR_HTTP_RESPONSE_CODE_FAILURE"
"""What DevTools calls a response whose status is not 2xx."""
_FILE_SECONDS = 30
"""How long the trusted-origins file may take."""
_MOST_BYTES = 1 << 26
"""Bytes of a body, as it is on the wire, that are taken: the browser keeps all of it in memory."""
_READ = 1 << 20
"""Bytes of a body that are asked for at once."""
_NET_ERRORS = {
    NetworkError.NAME_NOT_RESOLVED: "net::ERR_NAME_NOT_RESOLVED",
    NetworkError.INTERNET_DISCONNECTED: "net::ERR_INTERNET_DISCONNECTED",
    NetworkError.TIMED_OUT: "net::ERR_TIMED_OUT",
    NetworkError.CONNECTION_TIMED_OUT: "net::ERR_CONNECTION_TIMED_OUT",
    NetworkError.CONNECTION_ABORTED: "net::ERR_CONNECTION_ABORTED",
    NetworkError.CONNECTION_RESET: "net::ERR_CONNECTION_RESET",
    NetworkError.OTHER: "net::ERR_CONNECTION_REFUSED",
}
_Key = tuple[str, str]
"""BrowserContext and URL, without fragment."""


@dataclass(frozen=True, slots=True)
class BlobText:
    """What a page read behind a ``blob:`` URL of its own."""

    text: str | None
    """None where there is nothing to read."""
    type: str
    """The blob's type; "" for none."""


def data_origin_of(word: str, document_origin: str, url: str) -> str:
    """The serialised data origin that ``createWorklet`` asks for: ``context-origin``, ``script-origin``, or an origin.

    ``url``: the module script's, absolute.
    """
    if word == "context-origin":
        return document_origin
    return origin_of(url, url) if word == "script-origin" else origin_of(word, word)


@dataclass(slots=True, eq=False)
class _Expected:
    """A request that the front waits for."""

    headers: tuple[tuple[bytes, bytes], ...]
    """Its own, beside those that every request has."""
    destination: bytes
    mode: bytes
    site: bytes | None
    """Its Fetch Metadata, as those before; None for what the browser says."""
    credentials: bool
    """Whether it has any: DevTools cannot leave out those for the document's own origin."""
    turn: asyncio.Lock
    """Held until the request has come: those for one URL cannot be told apart before."""
    begun: bool = False
    redirected: bool = False
    refusal: Refusal | None = None
    status_text: str = ""
    exchange: Exchange | None = None
    """The latest that carries it."""
    size: int = 0
    """Bytes of its body that have passed."""

    def passing(self, data: bytes) -> None:
        """A part of the body passes."""
        self.size += len(data)
        if self.size > _MOST_BYTES:
            self.end()

    def end(self) -> None:
        """Nobody waits for the answer any more."""
        if self.exchange is not None:
            self.exchange.cut()

    def begin(self) -> None:
        """The request has come, or none will come."""
        if not self.begun:
            self.begun = True
            self.turn.release()


@dataclass(slots=True)
class WorkletScripts:
    """The loader of one browser."""

    pipe: DevToolsPipe
    _expected: dict[_Key, list[_Expected]] = field(default_factory=dict)
    _turns: WeakValueDictionary[_Key, asyncio.Lock] = field(default_factory=WeakValueDictionary)

    async def load(
        self, document: Document, url: str, *, credentials: str, data_origin: str, blob: BlobText | None = None
    ) -> WorkletScript | StorageFailure:
        """Load a module script for a worklet of ``document``; gives what the page sees rejected where that fails.

        ``url`` is absolute; ``credentials`` is a RequestCredentials; ``data_origin`` is serialised
        (:func:`data_origin_of`). ``blob``: what the page read, for a ``blob:`` URL. There is no limit of time: cancel
        it when the document has ended.
        """
        request = ScriptRequest(url, document.origin, data_origin, credentials)
        if request.has_custom_data_origin and (problem := await self._untrusted(document, request)) is not None:
            return _failure(problem)
        response = _of_blob(blob) if url.startswith("blob:") else await self._script(document, request)
        if (problem := script_problem(request, response)) is not None:
            return _failure(problem)
        # Chromium takes a script without charset for Latin-1, which no author means.
        return WorkletScript(url, response.body.decode("utf-8-sig", "replace"))

    async def _script(self, document: Document, request: ScriptRequest) -> ScriptResponse:
        headers = [(b"Accept", b"application/javascript")]
        if request.data_origin != request.document_origin:
            headers.append((b"Sec-Shared-Storage-Data-Origin", request.data_origin.encode()))
        if request.is_cross_origin:
            headers.append((b"Origin", request.document_origin.encode()))
        return await self.fetch(
            document, request.url, tuple(headers), b"sharedstorageworklet", include=request.includes_credentials
        )

    async def _untrusted(self, document: Document, request: ScriptRequest) -> str | None:
        """Why the data origin does not let the script have its data; None where it does."""
        url = request.data_origin + trusted_origins.PATH
        headers = ((b"Accept", b"application/json"), (b"Origin", request.document_origin.encode()))
        try:
            async with asyncio.timeout(_FILE_SECONDS):
                response = await self.fetch(document, url, headers, b"empty")
        except TimeoutError:
            response = ScriptResponse(net_error="net::ERR_TIMED_OUT")
        if file_problem(response, request.document_origin, trusted_origins.MAX_BYTES):
            return trusted_origins.unreadable(request.data_origin)
        return trusted_origins.refusal(
            response.body,
            data_origin=request.data_origin,
            script_url=request.url,
            context_origin=request.document_origin,
        )

    async def fetch(
        self,
        document: Document,
        url: str,
        headers: tuple[tuple[bytes, bytes], ...],
        destination: bytes,
        *,
        include: bool = False,
        mode: bytes = b"cors",
        site: bytes | None = None,
    ) -> ScriptResponse:
        """Have the browser fetch ``url`` as a request of ``document`` that carries ``headers``.

        ``destination``, ``mode`` and ``site`` are its Fetch Metadata; ``include``: whether it has credentials.
        """
        if not url.startswith(("https:", "http:")) or document.frame.document is not document:
            return ScriptResponse(net_error="net::ERR_FAILED")
        key = document.frame.context_id, _on_wire(url)
        turn = self._turns.setdefault(key, asyncio.Lock())
        await turn.acquire()
        expected = _Expected(headers, destination, mode, site, include, turn)
        self._expected.setdefault(key, []).append(expected)
        try:
            return await self._load(document, url, expected, include=include)
        except asyncio.CancelledError:
            expected.end()
            raise
        finally:
            expected.begin()
            self._expected[key].remove(expected)
            if not self._expected[key]:
                del self._expected[key]

    async def _load(self, document: Document, url: str, expected: _Expected, *, include: bool) -> ScriptResponse:
        session = document.frame.session
        options = {"disableCache": False, "includeCredentials": include}
        params = {"frameId": document.frame.id, "url": url, "options": options}
        answer = await self.pipe.call("Network.loadNetworkResource", params, session, seconds=None)
        resource: Mapping[str, Any] = answer.get("resource", {})
        stream = resource.get("stream")
        body = b"" if stream is None else await self._body(stream, session)
        if expected.redirected:
            return ScriptResponse(net_error="net::ERR_FAILED")
        if expected.refusal is not None:
            return ScriptResponse(net_error=_net_error(expected.refusal))
        status = int(resource.get("httpStatusCode", 0))
        net_error = "" if resource.get("success") else resource.get("netErrorName") or "net::ERR_FAILED"
        if net_error == _STATUS_FAILED:
            net_error = ""
        fields = {name.lower(): value for name, value in resource.get("headers", {}).items()}
        return ScriptResponse(status, expected.status_text or _phrase(status), fields, body, net_error)

    async def _body(self, stream: str, session: str) -> bytes:
        parts: list[bytes] = []
        while True:
            answer = await self.pipe.call("IO.read", {"handle": stream, "size": _READ}, session, seconds=None)
            data = answer.get("data", "")
            parts.append(base64.b64decode(data) if answer.get("base64Encoded") else data.encode())
            if answer.get("eof", True):
                break
        self.pipe.post("IO.close", {"handle": stream}, session)
        return b"".join(parts)

    # The front's part.

    def on_request(self, exchange: Exchange, context_id: str) -> bool:
        """Give an expected request its headers; tells whether it is one."""
        if not self._expected or exchange.method != "GET":
            return False
        headers = exchange.request_headers
        waiting = self._expected.get((context_id, exchange.url))
        if not waiting or headers.get(b"accept") is not None:  # every request of a page has this field
            return False
        # Chromium repeats a request whose connection broke.
        expected = next((one for one in waiting if not one.begun), waiting[-1])
        expected.begin()
        exchange.data["expected"], expected.exchange = expected, exchange
        if not expected.credentials:
            headers.drop(b"cookie")
            headers.drop(b"authorization")
        place = next((i for i, (name, _) in enumerate(headers) if name.lower() == _PLACE), len(headers))
        if place < len(headers):  # only trustworthy origins get Fetch Metadata
            headers.put(b"Sec-Fetch-Mode", expected.mode)
            headers.put(b"Sec-Fetch-Dest", expected.destination)
            if expected.site is not None:
                headers.put(b"Sec-Fetch-Site", expected.site)
        headers[place:place] = expected.headers
        return True

    def on_response(self, exchange: Exchange) -> bool:
        """Stop a redirect of an expected request; tells whether it is one."""
        expected: _Expected | None = exchange.data.get("expected")
        if expected is None:
            return False
        expected.refusal, expected.status_text = None, exchange.reason.decode("latin-1")
        expected.size, exchange.on_body = 0, expected.passing
        headers = exchange.response_headers
        if not expected.credentials:
            headers.drop(b"set-cookie")
        if 300 <= exchange.status < 400 and headers.get(b"location") is not None:
            expected.redirected = True
            headers.drop(b"location")
            headers.put(b"Cache-Control", b"no-store")  # the page itself may follow it
        return True

    def on_refusal(self, exchange: Exchange, refusal: Refusal) -> bool:
        """An expected request was not sent, or not answered; tells whether it is one."""
        expected: _Expected | None = exchange.data.get("expected")
        if expected is not None:
            expected.refusal = refusal
        return expected is not None


def _failure(message: str) -> StorageFailure:
    return StorageFailure("OperationError", message)


def _of_blob(blob: BlobText | None) -> ScriptResponse:
    if blob is None or blob.text is None:
        return ScriptResponse(net_error="net::ERR_FILE_NOT_FOUND")
    return ScriptResponse(200, "OK", {"content-type": blob.type}, blob.text.encode("utf-8", "replace"))


def _on_wire(url: str) -> str:
    """A URL as the front sees it."""
    parsed = URL(url)
    parsed.hash = parsed.username = parsed.password = ""
    return str(parsed.href)


def _net_error(refusal: Refusal) -> str:
    not_there = refusal.kind is RefusalKind.NOT_MAPPED
    return _NET_ERRORS[NetworkError.NAME_NOT_RESOLVED if not_there else refusal.error]


def _phrase(status: int) -> str:
    try:
        return HTTPStatus(status).phrase
    except ValueError:
        return ""

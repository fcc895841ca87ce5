"""One request and its response on their way between a browser and an upstream."""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable

from agent.browser.network import pages
from agent.browser.network.chaos import INTERIM, interim_arrives, refusal_of, waits
from agent.browser.network.headers import Headers
from agent.browser.network.hooks import Exchange
from agent.browser.network.hosts import Refusal, Upstream, unreachable
from agent.browser.network.surroundings import BrowserSide, Destination, FrontState
from agent.browser.network.upstream import UpstreamConnection
from agent.browser.network.wire import (
    Framing,
    MalformedMessageError,
    RequestHead,
    ResponseHead,
    encode_chunk,
    encode_last_chunk,
    encode_request,
    encode_response,
)
from agent.model.chaos import Strike, Trouble

_log = logging.getLogger("tallyhost")
UPLOAD_BUFFER = 1 << 16
"""Bytes of a request body taken from the browser before its upstream is there."""
_SHOWN_TO_PEOPLE = frozenset({b"document", b"iframe", b"frame"})
"""Request destinations that show the page a front answers with."""


class Relay:
    """Carries one exchange: hooks, choice of the upstream, both bodies with back-pressure, and every way to fail.

    Bytes gather in two lists while a read is taken apart and leave with one write; a hook that takes its time
    holds the list back.
    """

    def __init__(
        self, state: FrontState, browser: BrowserSide, head: RequestHead, destination: Destination, exchange: Exchange
    ) -> None:
        self._state = state
        self._browser = browser
        self._head = head
        self._destination = destination
        self.exchange = exchange
        exchange.cut = self._cut
        self._upstream: UpstreamConnection | None = None
        self._to_upstream: list[bytes] = []
        self._to_browser: list[bytes] = []
        self._response: ResponseHead | None = None
        self._request_complete = False
        self._response_complete = False
        self._body_sent = False
        self._held = False
        self._upgraded = False
        self._failed = False
        self._gone = False

    # The way to the upstream

    def start(self) -> None:
        """Run the request hook and send the request on its way."""
        self._hooked(self._state.hooks.on_request, self._dispatch)

    def _dispatch(self) -> None:
        if self.exchange.withheld:
            self._withhold()
            return
        destination = self._destination
        upstream = self._state.hosts.resolve(destination.scheme, destination.host, destination.port)
        if isinstance(upstream, Refusal):
            self._answer(upstream)
        elif (trouble := self._state.chaos(self.exchange)) is not None:
            self._hooked(lambda _: waits(trouble), lambda: self._struck(trouble, upstream))
        else:
            self._send(upstream)

    def _struck(self, trouble: Trouble, upstream: Upstream) -> None:
        """Chaos has struck, and what it holds back has waited."""
        match trouble.strike:
            case Strike.SLOWED:
                self._send(upstream)
            case Strike.FAILED:
                self._show(trouble.rule.status, refusal_of(trouble, self._destination.host))
            case Strike.RESET | Strike.STALLED:
                self._refuse(refusal_of(trouble, self._destination.host))

    def _send(self, upstream: Upstream) -> None:
        if (pooled := self._state.pool.take(upstream)) is not None:
            self._attach(pooled)
        else:
            self._dial(upstream)

    def _dial(self, upstream: Upstream) -> None:
        self._state.tasks.start(self._connect(upstream), f"connect to {upstream}")

    async def _connect(self, upstream: Upstream) -> None:
        try:
            connection = await self._state.pool.dial(upstream)
        except OSError as error:
            if not self._gone:
                self._answer(unreachable(upstream, str(error) or "it did not accept the connection in time"))
            return
        if self._gone:
            self._state.pool.put(connection)
        else:
            self._attach(connection)

    def _attach(self, connection: UpstreamConnection) -> None:
        self._upstream = connection
        connection.begin(self, to_head=self._head.method == b"HEAD")
        self._steer_upstream()
        head = encode_request(self._head.method, self._destination.path, self.exchange.request_headers)
        connection.transport.write(head)
        self.flush_request()
        self._browser.steer_reading()

    @property
    def wants_body(self) -> bool:
        """Whether more of the request body may be read from the browser."""
        if self._discarding:
            return True
        if self._upstream is not None:
            return not self._upstream.write_paused
        return sum(map(len, self._to_upstream)) < UPLOAD_BUFFER

    @property
    def _discarding(self) -> bool:
        return self._response_complete or self._failed

    def request_body(self, data: bytes) -> None:
        """Take a part of the request body."""
        if self._discarding:
            return
        if self._head.framing is Framing.CHUNKED:
            self._to_upstream += encode_chunk(data)
        else:
            self._to_upstream.append(data)

    def request_end(self, trailers: Headers) -> None:
        """The request is complete."""
        if self._head.framing is Framing.CHUNKED and not self._discarding:
            self._to_upstream.append(encode_last_chunk(trailers))
        self._request_complete = True
        self._settle()

    def flush_request(self) -> None:
        """Send on what was taken of the request body."""
        if self._upstream is not None and self._to_upstream:
            self._body_sent = True
            self._upstream.transport.write(b"".join(self._to_upstream))
            self._to_upstream.clear()

    # The way to the browser

    def informational(self, head: ResponseHead) -> None:
        """Pass on a 1xx head."""
        self._to_browser.append(encode_response(head.status, head.reason, head.headers))

    def response_head(self, head: ResponseHead) -> None:
        """Take the response head and run the response hook, while which the response is held."""
        if head.status == 101 and not self._head.upgrade:
            raise MalformedMessageError("it switches protocols unasked")
        self.response_flush()
        self._response = head
        self.exchange.status, self.exchange.reason = head.status, head.reason
        self.exchange.response_headers = head.headers
        self._held = True
        self._hooked(self._state.hooks.on_response, self._release)
        if self._held and self._upstream is not None:
            self._upstream.transport.pause_reading()

    def _release(self) -> None:
        response = self._response
        assert response is not None
        head = encode_response(response.status, response.reason, self.exchange.response_headers)
        if self.exchange.before_body is None:
            self._held = False
            self._to_browser.insert(0, head)
        else:
            self._browser.write(head)
            self._state.tasks.start(self._when_done(self.exchange.before_body(), self._release_body), "hold a body")

    def _release_body(self) -> None:
        self._held = False

    def response_body(self, data: bytes) -> None:
        """Take a part of the response body."""
        assert self._response is not None
        if self.exchange.on_body is not None:
            self.exchange.on_body(data)
        if self._response.framing is Framing.CHUNKED:
            self._to_browser += encode_chunk(data)
        else:
            self._to_browser.append(data)

    def response_end(self, trailers: Headers) -> None:
        """The response is complete."""
        assert self._response is not None
        if self._response.framing is Framing.CHUNKED:
            self._to_browser.append(encode_last_chunk(trailers))
        self._response_complete = True

    def response_upgraded(self, rest: bytes) -> None:
        """The upstream switched protocols; ``rest`` is what it sent behind its head."""
        self._to_browser.append(rest)
        self._upgraded = True

    def response_flush(self) -> None:
        """Send on what was taken of the response, and end the exchange where it is complete."""
        if self._held or self._gone:
            return
        if self._to_browser:
            self._browser.write(b"".join(self._to_browser))
            self._to_browser.clear()
        if self._failed:
            self._browser.cut()
        else:
            self._settle()

    def browser_flow_changed(self) -> None:
        """The browser's connection has become full, or has room again."""
        self._steer_upstream()

    def upstream_flow_changed(self) -> None:
        """The upstream's connection has become full, or has room again."""
        self._browser.steer_reading()

    def _steer_upstream(self) -> None:
        if self._upstream is None or self._upstream.is_closing:
            return
        if self._held or self._browser.write_paused:
            self._upstream.transport.pause_reading()
        else:
            self._upstream.transport.resume_reading()

    # Ends

    def _settle(self) -> None:
        if self._held or self._gone:
            return
        if self._upgraded and self._upstream is not None:
            upstream, self._upstream = self._upstream, None
            self._gone = True
            self._browser.become_tunnel(upstream)
        elif self._response_complete:
            self._part_with_upstream()
            if self._request_complete:
                self._gone = True
                self._browser.exchange_done(keep_alive=self._keep_alive)
            else:
                self._browser.steer_reading()

    @property
    def _keep_alive(self) -> bool:
        if not self._head.keep_alive or self._response is None or self._response.framing is Framing.UNTIL_CLOSE:
            return False
        return b"close" not in self.exchange.response_headers.tokens(b"connection")

    def _part_with_upstream(self) -> None:
        upstream, self._upstream = self._upstream, None
        if upstream is None:
            return
        if self._request_complete and self._response is not None and self._response.keep_alive:
            self._state.pool.put(upstream)
        else:
            upstream.release()
            upstream.transport.abort()

    def upstream_failed(self, reason: str, *, nothing_came: bool) -> None:
        """The upstream's connection ended before the response did.

        A kept connection that had gone stale is replaced, as long as nothing of a body was sent on it; else the
        browser, which still has the body, sees the same stale connection and repeats the request itself.
        """
        upstream, self._upstream = self._upstream, None
        assert upstream is not None
        if nothing_came and upstream.reused and not self._body_sent:
            self._dial(upstream.upstream)
        elif nothing_came and upstream.reused:
            self._failed = True
            self._browser.cut()
        elif self._response is None:
            self._answer(unreachable(upstream.upstream, reason))
        else:
            _log.info("%s: %s", self.exchange.url, reason)
            self._failed = True
            self.response_flush()

    def _cut(self) -> None:
        if not self._gone:
            self._failed = True
            self.abandon()
            self._browser.cut()

    def abandon(self) -> None:
        """The browser went away."""
        self._gone = True
        if self._upstream is not None:
            self._upstream.release()
            self._upstream.transport.abort()

    def _answer(self, refusal: Refusal) -> None:
        self.exchange.answered_by_front = True
        if _is_shown(self.exchange.request_headers):
            self._show(pages.status_of(refusal), refusal)
        else:
            # A script must see what it sees of a host that is not there: a network error, no page of ours.
            self._refuse(refusal)

    def _refuse(self, refusal: Refusal) -> None:
        _log.info("%s: %s", self.exchange.url, refusal.what)
        self._state.hooks.on_refusal(self.exchange, refusal)
        if not self._head.upgrade:
            self._browser.write(INTERIM)
        self._hooked(lambda _: interim_arrives(), self._break_off)

    def _break_off(self) -> None:
        self._failed = True
        self._browser.cut()

    def _show(self, status: int, refusal: Refusal) -> None:
        headers, body = pages.page(status, refusal.what, refusal.fix)
        self._to_upstream.clear()
        self.response_head(ResponseHead(status, pages.reason(status), headers, Framing.LENGTH, keep_alive=False))
        if self._head.method != b"HEAD":
            self._to_browser.append(body)
        self._response_complete = True
        self.response_flush()

    def _withhold(self) -> None:
        self._to_upstream.clear()
        headers = Headers([(b"Content-Length", b"0")])
        self.response_head(ResponseHead(200, b"OK", headers, Framing.LENGTH, keep_alive=False))
        self._response_complete = True
        self.response_flush()

    def _hooked(self, hook: Callable[[Exchange], Awaitable[None] | None], proceed: Callable[[], None]) -> None:
        """Run ``hook``, then ``proceed``: at once, or when what the hook gave is done."""
        waiting = None
        try:
            waiting = hook(self.exchange)
        except Exception:  # noqa: BLE001 - a hook must not break the page
            _log.exception("a hook failed on %s", self.exchange.url)
        if waiting is None:
            proceed()
        else:
            self._state.tasks.start(self._when_done(waiting, proceed), f"hook of {self.exchange.url}")

    async def _when_done(self, waiting: Awaitable[None], proceed: Callable[[], None]) -> None:
        try:
            await waiting
        except Exception:  # noqa: BLE001 - a hook must not break the page
            _log.exception("a hook failed on %s", self.exchange.url)
        if self._gone:
            return
        proceed()
        self.response_flush()
        self._steer_upstream()


def _is_shown(request: Headers) -> bool:
    """Whether people see the answer; where Chromium tells no destination (``http:``), by what it accepts."""
    if (destination := request.get(b"sec-fetch-dest")) is not None:
        return destination in _SHOWN_TO_PEOPLE
    accepted = request.get(b"accept")
    return accepted is None or b"text/html" in accepted

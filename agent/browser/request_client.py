"""Which document is the client of a request on the wire (Fetch, "request's client").

The browser announces each request in the session of its client, with the ``Accept-Language`` that it sends: the
session's mark, or what the page set itself. An announcement serves one exchange, of the same URL, method, language and
referrer, that really went on the wire. A document's last moments are not announced, for its session has moved on:
such requests are attributed by their referrer, whose origin no page can forge, to a document that just went away.
Where several documents remain that a decision could tell apart nobody is named: no answer is better than a wrong one.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Hashable, Sequence
from dataclasses import dataclass

from agent.browser.documents import Document, origin_of
from agent.browser.marks import take_mark
from agent.browser.network.headers import Headers
from agent.browser.network.hooks import Exchange
from agent.browser.observer import Observer
from agent.browser.sessions import RequestFacts, Session

_PATIENCE = 0.5
"""Seconds to wait for an announcement; it travels another way than the request."""
_LAST_MOMENTS = 5.0
"""Seconds that may lie between the end of a document and the requests of its last moments."""
_STEP = 0.01
_NO_WINDOW = frozenset({b"serviceworker", b"sharedworker", b"worker"})


@dataclass(frozen=True, slots=True)
class NoClient:
    """No document can be named, and why."""

    reason: str


NOT_A_WINDOW = NoClient("the request's client is a worker, not a document")
PREFLIGHT = NoClient("a preflight is nobody's request")
UNKNOWN = NoClient("no document of this profile announced the request")
NO_REFERRER = NoClient("no document announced the request, and it tells no referrer")
STRAY = NoClient("a document announced the request, but a service worker may have sent it")
AMBIGUOUS = NoClient("documents with different sites or policies can have sent the request")


@dataclass(frozen=True, slots=True)
class Sender:
    """What a request tells of its sender as it reaches the front."""

    mark: int
    accept_language: str
    """As the browser sent it, mark included."""
    referrer: str
    sent_at: float
    """Seconds of the monotonic clock."""


def read_sender(headers: Headers) -> Sender:
    """Read the sender from a request's headers, and take the mark out of them."""
    language, referrer = headers.get(b"accept-language") or b"", headers.get(b"referer") or b""
    return Sender(take_mark(headers), language.decode("latin-1"), referrer.decode("latin-1"), time.monotonic())


@dataclass(frozen=True, slots=True)
class _Announcement:
    """What the browser said of a request, and the client that it named."""

    session: Session
    raw: bytes
    facts: RequestFacts
    client: Document | NoClient


class RequestClients:
    """Names the document behind an exchange."""

    def __init__(self, observer: Observer) -> None:
        self._observer = observer

    @property
    def observer(self) -> Observer:
        """The sessions and frames that requests come from."""
        return self._observer

    async def client_of(self, exchange: Exchange, context_id: str, sender: Sender) -> Document | NoClient:
        """The document whose request ``exchange`` carries, in the BrowserContext ``context_id``."""
        if exchange.method == "OPTIONS" and exchange.request_headers.get(b"access-control-request-method"):
            return PREFLIGHT
        if exchange.request_headers.get(b"sec-fetch-dest") in _NO_WINDOW:
            return NOT_A_WINDOW
        await self._observer.caught_up()
        deadline = time.monotonic() + _PATIENCE
        while not (found := self._announced(exchange, context_id, sender)):
            if time.monotonic() >= deadline:
                unsent = self._announced(exchange, context_id, sender, sent=False)
                if unsent and self._has_service_worker(context_id):
                    return STRAY
                return self._last_moments(context_id, sender)
            await asyncio.sleep(_STEP)
        for client in (one.client for one in found):
            if isinstance(client, Document):
                await client.policy_known()
        # Others may have been served meanwhile.
        found = self._announced(exchange, context_id, sender) or found
        named = _unanimous([one.client for one in found])
        if named is not AMBIGUOUS:
            found[0].session.consume(found[0].raw, found[0].facts)
        return named

    async def passed_on_for(self, exchange: Exchange, context_id: str, sender: Sender) -> Document | NoClient:
        """The document whose request a service worker passed on as it was, with the document's mark.

        For what :meth:`client_of` takes for a worker's. The document announced the request, and did not send it itself.
        """
        session = self._observer.marked(sender.mark, context_id)
        is_from_worker = exchange.request_headers.get(b"sec-fetch-dest") in _NO_WINDOW
        if session is None or not session.is_document or is_from_worker:
            return NOT_A_WINDOW
        deadline = time.monotonic() + _PATIENCE
        while not (found := self._unsent_of(session, exchange, context_id, sender)):
            if time.monotonic() >= deadline:
                return NOT_A_WINDOW
            await asyncio.sleep(_STEP)
        for one in found:
            if isinstance(one.client, Document):
                await one.client.policy_known()
        named = _unanimous([one.client for one in found])
        if named is not AMBIGUOUS:
            found[0].session.consume(found[0].raw, found[0].facts)
        return named

    def _unsent_of(self, session: Session, exchange: Exchange, context_id: str, sender: Sender) -> list[_Announcement]:
        announced = self._announced(exchange, context_id, sender, sent=False)
        return [one for one in announced if one.session is session]

    def leaving(self, context_id: str, sender: Sender) -> Document | NoClient:
        """The document that went away just before it could announce the request, or is about to."""
        return self._last_moments(context_id, sender)

    def _announced(
        self, exchange: Exchange, context_id: str, sender: Sender, *, sent: bool = True
    ) -> list[_Announcement]:
        """The announcements that the exchange may stand for: of requests that went on the wire, or that did not."""
        return [
            _Announcement(session, raw, facts, self._document(session, facts))
            for session in self._observer.sessions.values()
            if session.context_id == context_id
            for raw, facts in session.matching(exchange.url, exchange.method)
            if facts.accept_language == sender.accept_language
            # On the wire the referrer may have been cut down to its origin.
            and facts.referrer.startswith(sender.referrer)
            and self._observer.went_on_wire(facts) is sent
        ]

    def _has_service_worker(self, context_id: str) -> bool:
        sessions = self._observer.sessions.values()
        return any(s.type == "service_worker" and s.context_id == context_id for s in sessions)

    def _document(self, session: Session, facts: RequestFacts) -> Document | NoClient:
        if not session.is_document:
            return NOT_A_WINDOW
        frames = self._observer.frames
        frame = frames.frames.get(facts.frame_id)
        current = frame.document if frame is not None else None
        known = [*(d for d in frames.unloaded if d.frame.id == facts.frame_id), *([current] if current else [])]
        # A frame's first, empty document has requests under a loader that nothing else tells of.
        exact = [d for d in known if d.loader_id == facts.loader_id]
        if not exact and not any(d.loader_id for d in known):
            exact = known
        return exact[-1] if exact else UNKNOWN

    def _last_moments(self, context_id: str, sender: Sender) -> Document | NoClient:
        """The client of an unannounced request: a document that went away shortly before, or is about to."""
        if not sender.referrer:
            return NO_REFERRER
        since = sender.sent_at - _LAST_MOMENTS
        standing = self._observer.documents(context_id)
        documents = [
            d
            for d in self._observer.frames.unloaded
            if d.frame.context_id == context_id and d.unloaded_at is not None and d.unloaded_at >= since
        ]
        # A script can also use a popup's first, empty document before the browser has told of the popup.
        documents += [d for d in standing if d.parent is None and not d.loader_id]
        if sender.mark:
            # A tab that is closing still marks its requests, and its documents may not be gone by now.
            sessions = (*self._observer.sessions.values(), *self._observer.ended_sessions)
            marked = [s for s in sessions if s.mark == sender.mark and s.context_id == context_id]
            if any(not session.is_document for session in marked):
                return NOT_A_WINDOW
            ids = {session.id for session in marked}
            documents = [d for d in (*documents, *standing) if d.frame.session in ids]
        # Only the referrer's origin counts: a page may choose any URL of its own origin as its referrer.
        origin = origin_of(sender.referrer, sender.referrer)
        clients: list[Document | NoClient] = [d for d in documents if d.referrer_origin == origin]
        if not sender.mark and (context_id, origin) in self._observer.shared_workers:
            clients.append(NOT_A_WINDOW)
        return _unanimous(clients)


def _unanimous(clients: Sequence[Document | NoClient]) -> Document | NoClient:
    """The one client that all stand for, as far as any decision can tell; the latest document of them."""
    if not clients:
        return UNKNOWN
    return clients[-1] if len({_standing(client) for client in clients}) == 1 else AMBIGUOUS


def _standing(client: Document | NoClient) -> Hashable:
    """All that a decision about a response takes from its client."""
    if isinstance(client, NoClient):
        return client
    policy = client.policy
    allowed = tuple(policy.allows(feature) for feature in policy.inherited)
    return client.top.origin, client.secure, client.frame.top.id, allowed

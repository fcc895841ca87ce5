"""Which document is the client of a request on the wire (Fetch, "request's client").

The mark names the session, the browser's own announcement in that session names the document, and each announcement
serves one exchange. Requests of a document's last moments carry neither, for its session has moved on: they are
attributed by their referrer, where every document that it can mean agrees. Where documents disagree nobody is named:
no answer is better than a wrong one.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from agent.browser.documents import Document, origin_of
from agent.browser.network.hooks import Exchange
from agent.browser.observer import Observer
from agent.browser.sessions import RequestFacts, Session

_PATIENCE = 1.0
"""Seconds to wait for an announcement; it travels another way than the request, and the pipe may be busy."""
_SETTLING = 0.05
"""Seconds after which an unannounced request may be taken for one of a document's last moments."""
_LAST_MOMENTS = 30.0
"""Seconds for which a document that was swapped out can still be the client of a request; responses may be slow."""
_STEP = 0.005


@dataclass(frozen=True, slots=True)
class NoClient:
    """No document can be named, and why."""

    reason: str


NOT_A_WINDOW = NoClient("the request's client is a worker, not a document")
UNKNOWN = NoClient("no document of this profile announced the request")
AMBIGUOUS = NoClient("documents with different sites or policies can have sent the request")


class RequestClients:
    """Names the document behind an exchange."""

    def __init__(self, observer: Observer) -> None:
        self._observer = observer

    async def client_of(self, exchange: Exchange, context_id: str, mark: int) -> Document | NoClient:
        """The document whose request ``exchange`` carries, in the BrowserContext ``context_id``."""
        if exchange.method == "OPTIONS" and exchange.request_headers.get(b"access-control-request-method"):
            return NoClient("a preflight is nobody's request")
        destination = exchange.request_headers.get(b"sec-fetch-dest")
        if destination in (b"serviceworker", b"sharedworker", b"worker"):
            return NOT_A_WINDOW
        waited = 0.0
        while (client := self._announced(exchange, context_id, mark)) is None:
            if waited >= _SETTLING:
                unloading = self._unloading(exchange, context_id, mark)
                if waited >= _PATIENCE or isinstance(unloading, Document):
                    return unloading
            await asyncio.sleep(_STEP)
            waited += _STEP
        return client

    def _announced(self, exchange: Exchange, context_id: str, mark: int) -> Document | NoClient | None:
        sessions = [s for s in self._observer.sessions.values() if s.context_id == context_id]
        marked = [s for s in sessions if mark and s.mark == mark]
        # A mark that its session knows nothing of is not believed: a page can write Accept-Language itself.
        for group in (marked, sessions):
            matches = [(s, raw, facts) for s in group for raw, facts in s.matching(exchange.url, exchange.method)]
            on_wire = [m for m in matches if m[0].went_on_wire(m[2])]
            if on_wire:
                return self._choose(exchange, on_wire)
        return None

    def _choose(self, exchange: Exchange, matches: list[tuple[Session, bytes, RequestFacts]]) -> Document | NoClient:
        referrer = (exchange.request_headers.get(b"referer") or b"").decode("latin-1")
        matches = [m for m in matches if _referrer_fits(m[2].referrer, referrer)] or matches
        session, raw, facts = matches[0]
        clients = [self._document(s, f) for s, _, f in matches]
        named = _unanimous(clients)
        if named is AMBIGUOUS:
            return AMBIGUOUS
        session.consume(raw, facts)
        return named

    def _document(self, session: Session, facts: RequestFacts) -> Document | NoClient:
        if not session.is_document:
            return NOT_A_WINDOW
        frames = self._observer.frames
        frame = frames.frames.get(facts.frame_id)
        if frame is not None and frame.document is not None and frame.document.loader_id in (facts.loader_id, ""):
            return frame.document
        known = [d for d in frames.unloaded if d.loader_id == facts.loader_id and d.frame.id == facts.frame_id]
        return known[-1] if known else UNKNOWN

    def _unloading(self, exchange: Exchange, context_id: str, mark: int) -> Document | NoClient:
        """The client of a request that was sent in a document's last moments: unannounced, mostly unmarked."""
        documents = [d for d in self._observer.frames.unloaded if d.frame.context_id == context_id]
        if mark:
            # A tab that is closing still marks its requests; its documents may or may not be gone by now.
            sessions = (*self._observer.sessions.values(), *self._observer.ended_sessions)
            ids = {s.id for s in sessions if s.mark == mark and s.context_id == context_id}
            documents = [d for d in (*documents, *self._observer.documents(context_id)) if d.frame.session in ids]
        oldest = time.monotonic() - _LAST_MOMENTS
        documents = [d for d in documents if d.unloaded_at is None or d.unloaded_at >= oldest]
        # Only the referrer's origin counts: a page may choose any URL of its own origin as its referrer.
        referrer = (exchange.request_headers.get(b"referer") or b"").decode("latin-1")
        origin = origin_of(referrer, "about:blank")
        return _unanimous([d for d in documents if d.origin == origin])


def _referrer_fits(announced: str, seen: str) -> bool:
    # On the wire the referrer may have been cut down to its origin.
    return announced == seen or (bool(seen) and announced.startswith(seen))


def _unanimous(clients: Sequence[Document | NoClient]) -> Document | NoClient:
    """The one client that all stand for, as far as any decision can tell; the latest document of them."""
    if not clients:
        return UNKNOWN
    return clients[-1] if len({_standing(client) for client in clients}) == 1 else AMBIGUOUS


def _standing(client: Document | NoClient) -> Any:
    if isinstance(client, NoClient):
        return client
    policy = client.policy
    allowed = tuple(sorted((feature, policy.allows(feature)) for feature in policy.inherited))
    return client.origin, client.top.origin, client.secure, client.frame.top.id, allowed

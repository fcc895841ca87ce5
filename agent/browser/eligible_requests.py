"""Which requests of a profile are eligible, as the pages announced them.

That is to register what (Attribution Reporting, "eligibility"), or to have their responses write to Shared Storage. A
page's script tells the host of every eligible request before the request begins. A request that script makes carries
the announcement's token, and is known by it. The requests of elements and navigations can carry none: they are known by
their URL and by who asks. Each announcement serves one request, all the hops of its redirects included.
"""

from __future__ import annotations

import asyncio
import time
from collections import deque
from collections.abc import Collection, Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, TypeVar

from agent.browser.documents import Document, origin_of
from agent.browser.element_requests import ElementRequests
from agent.browser.network.hooks import Exchange
from agent.browser.network.urls import request_url, url_key
from agent.browser.observer import Observer
from agent.browser.request_client import Sender
from agent.browser.sessions import Session
from agent.model.attribution_reporting.eligibility import Eligibility

T = TypeVar("T")
_PATIENCE = 1.0
"""Seconds to wait for the announcement of a token that has come; it is on its way unless its document went away."""
_NAVIGATION_LAPSES = 5.0
"""Seconds after which an announced navigation is taken for one that was prevented."""
_HOP_LAPSES = 30.0
"""Seconds that the browser may take to follow a redirect."""
_KEPT_TOKENS = 1 << 15
_KEPT_NAVIGATIONS = 256
_KEPT_HOPS = 1024
_LAST_LETTERS = (Eligibility.EMPTY, Eligibility.TRIGGER, Eligibility.EVENT_SOURCE, Eligibility.EVENT_SOURCE_OR_TRIGGER)
LAST_WORDS: Mapping[str, tuple[Eligibility | None, bool]] = {
    **{letter: (said, False) for letter, said in zip("0123", _LAST_LETTERS, strict=True)},
    **{letter: (said, True) for letter, said in zip("ABCD", _LAST_LETTERS, strict=True)},
    "s": (None, True),
}
"""What the last letter of a token says where its announcement cannot come any more: what the request may register, and
whether its response may write to Shared Storage."""


@dataclass(slots=True, eq=False)
class Claim:
    """What one request was announced as."""

    eligibility: Eligibility | None
    """What it may register; None for nothing."""
    client: Document | None = None
    """The document that announced it; None where only its HTML did, and the browser must be asked."""
    url: str = ""
    """Its key (:func:`url_key`), without fragment; "" where the announcement could not tell."""
    background: bool = False
    """Whether the request is none of the page's own: it exists for the registration alone."""
    navigation: str = ""
    """Names the navigation that it belongs to; "" for none."""
    mark: int = 0
    """The mark of the session that announced it."""
    announced_at: float = 0.0
    request_headers: tuple[tuple[bytes, bytes], ...] = ()
    """The two request headers, the very same on every hop; decided with the first."""
    begun: bool = False
    """Whether a request came that it stands for."""
    writable: bool = False
    """Whether its responses may write to Shared Storage."""


@dataclass(frozen=True, slots=True)
class _Hop:
    """Where a request goes on; ``token`` and the sender's mark must come again."""

    url: str
    token: str
    mark: int
    destination: bytes | None
    claim: Claim
    noted_at: float


class EligibleRequests:
    """The announcements of one profile."""

    def __init__(self, observer: Observer) -> None:
        self._observer = observer
        self._tokens: dict[str, Claim] = {}
        self._used: dict[str, None] = {}
        """Tokens whose request was answered."""
        self._awaited: dict[str, asyncio.Event] = {}
        self._navigations: deque[Claim] = deque(maxlen=_KEPT_NAVIGATIONS)
        self._hops: deque[_Hop] = deque(maxlen=_KEPT_HOPS)
        self.registering = ElementRequests(("image", "script"))
        """Of elements with ``attributionsrc``."""
        self.writable = ElementRequests(("image", "iframe"))
        """Of elements with ``sharedstoragewritable``."""

    # What pages announce.

    def announced(
        self, method: str, options: Mapping[str, Any], document: Document, session_id: str, *, writable: bool = False
    ) -> Claim | None:
        """A page's script announced a request; gives what it may be, but for requests of elements.

        ``writable``: it was announced to Shared Storage.
        """
        session = self._observer.sessions.get(session_id)
        mark = 0 if session is None else session.mark
        if method == "element":
            key = (options["destination"], url_key(options["url"]))
            elements = self.writable if writable else self.registering
            elements.announced(document, mark, key, parsed=options.get("parsed", False))
            return None
        navigation = (
            f"{document.frame.id}/{document.loader_id}/{options['navigation']}" if "navigation" in options else ""
        )
        if method == "cancelled":
            self._navigations = deque((c for c in self._navigations if c.navigation != navigation), _KEPT_NAVIGATIONS)
            return None
        now = time.monotonic()
        if method == "navigation":
            claim = Claim(
                Eligibility.NAVIGATION_SOURCE,
                document,
                url_key(options["url"]),
                False,
                navigation,
                mark,
                announced_at=now,
            )
            self._navigations.append(claim)
            return claim
        claim = Claim(
            Eligibility(options["eligibility"]) if "eligibility" in options else None,
            document,
            url_key(options.get("url", "")),
            options.get("kind") == "background",
            navigation,
            mark,
            announced_at=now,
            writable=writable or options.get("sharedStorageWritable", False),
        )
        _keep(self._tokens, options["token"], claim)
        if (awaited := self._awaited.get(options["token"])) is not None:
            awaited.set()
        return claim

    # What comes over the wire.

    def hop(self, exchange: Exchange, token: str, sender: Sender) -> Claim | None:
        """The claim of the redirect that ``exchange`` follows, if it follows one."""
        if not self._hops:
            return None
        since = time.monotonic() - _HOP_LAPSES
        destination = exchange.request_headers.get(b"sec-fetch-dest")
        for hop in self._hops:
            # Where the origin is not trustworthy a browser does not tell the destination.
            alike = destination is None or hop.destination is None or destination == hop.destination
            # A new tab's first request may come before its session has a mark.
            alike = alike and hop.token == token and (hop.mark == sender.mark or 0 in (hop.mark, sender.mark))
            if alike and hop.noted_at >= since and _is_same(exchange.url, hop.url):
                self._hops.remove(hop)
                return hop.claim
        return None

    def redirected(self, exchange: Exchange, claim: Claim, token: str, sender: Sender) -> None:
        """The response to ``exchange`` redirects: the same request goes on where it leads."""
        location = exchange.response_headers.get(b"location")
        if location is not None and (url := request_url(location.decode("latin-1"), exchange.url)):
            destination = exchange.request_headers.get(b"sec-fetch-dest")
            self._hops.append(_Hop(url_key(url), token, sender.mark, destination, claim, time.monotonic()))

    async def by_token(self, exchange: Exchange, token: str, sender: Sender) -> Claim | None:
        """The claim behind a token; None for one that was never announced, is used up, or is another request's."""
        if token not in self._tokens and token not in self._used:
            event = self._awaited.setdefault(token, asyncio.Event())
            with suppress(TimeoutError):
                await asyncio.wait_for(event.wait(), _PATIENCE)
            self._awaited.pop(token, None)
        claim = self._tokens.get(token)
        if claim is None or not self._may_speak_for(claim, sender):
            return None
        if claim.url and not _is_same(exchange.url, claim.url):
            return None
        claim.begun = True
        return claim

    def answered(self, token: str) -> None:
        """A request with this token was answered; until then Chromium may repeat it, where a connection breaks."""
        if self._tokens.pop(token, None) is not None:
            _keep(self._used, token, None)

    def unannounced(self, exchange: Exchange, token: str, client: Document) -> Claim | None:
        """A claim for a token that nobody announced; None where it was announced, or believed before."""
        if token in self._tokens or token in self._used:
            return None
        eligibility, writable = LAST_WORDS[token[-1]]
        claim = Claim(eligibility, client, url_key(exchange.url), begun=True, writable=writable)
        _keep(self._tokens, token, claim)
        return claim

    def by_navigation(self, exchange: Exchange, sender: Sender) -> Claim | None:
        """The claim of an eligible navigation that ``exchange`` begins."""
        since = time.monotonic() - _NAVIGATION_LAPSES
        referrer = origin_of(sender.referrer, sender.referrer)
        found = [
            claim
            for claim in self._navigations
            if claim.announced_at >= since
            and _is_same(exchange.url, claim.url)
            and (not sender.referrer or (claim.client is not None and claim.client.referrer_origin == referrer))
        ]
        if not found:
            return None
        claim = max(found, key=lambda one: self._relation(one, sender))  # the oldest of the closest
        self._navigations.remove(claim)
        claim.begun = True
        return claim

    def by_element(self, exchange: Exchange, destination: str, sender: Sender, context_id: str) -> Claim | None:
        """The claim of an element's own request."""
        key = destination, url_key(exchange.url)
        marks = {sender.mark}
        if destination == "iframe":
            marks |= self._marks_above(sender.mark, context_id)

        def loaded(document_key: str) -> Document | None:
            return self._loaded_from(document_key, marks, context_id)

        registering = self.registering.take(key, marks, sender.referrer, loaded)
        writable = self.writable.take(key, marks, sender.referrer, loaded)
        if not registering and not writable:
            return None
        eligibility = Eligibility.EVENT_SOURCE_OR_TRIGGER if registering else None
        client = next((one for one in (registering, writable) if isinstance(one, Document)), None)
        return Claim(eligibility, client, key[1], mark=sender.mark, begun=True, writable=bool(writable))

    def by_frame(self, exchange: Exchange, sender: Sender, context_id: str) -> Claim | None:
        """The claim of a navigation that nobody announced, in a frame whose iframe has ``sharedstoragewritable``."""
        frames = self._observer.frames.frames
        for session in self._observer.sessions.values():
            if session.context_id != context_id or session.mark != sender.mark:
                continue
            for _, facts in session.matching(exchange.url, exchange.method)[-1:]:  # those before have come
                frame = frames.get(facts.frame_id)
                standing = None if frame is None else frame.document
                if standing is not None and standing.in_writable_frame:
                    key = url_key(exchange.url)
                    return Claim(None, standing.parent, key, mark=sender.mark, begun=True, writable=True)
        return None

    def _marks_above(self, mark: int, context_id: str) -> set[int]:
        """The mark of the session around the frame with that mark.

        A frame of another site has got a session of its own, by which its navigations go, whoever asked for them.
        """
        above = set()
        for session in self._observer.sessions.values():
            frame = self._observer.frames.frames.get(session.target_id)
            if session.mark == mark and session.context_id == context_id and frame is not None and frame.parent:
                outer = self._observer.sessions.get(frame.parent.session)
                above |= set() if outer is None else {outer.mark}
        return above

    def _loaded_from(self, key: str, marks: Collection[int], context_id: str) -> Document | None:
        """The one document that stands in a frame of a session with such a mark and came from the URL of that key."""
        sessions = self._observer.sessions
        found = [
            document
            for document in self._observer.documents(context_id)
            if url_key(document.url.partition("#")[0]) == key
            and (session := sessions.get(document.frame.session)) is not None
            and session.mark in marks
        ]
        return found[0] if len(found) == 1 else None

    def _may_speak_for(self, claim: Claim, sender: Sender) -> bool:
        """Whether a request with that mark can be what the claim's document announced.

        A service worker that the request passes through sends it as its own.
        """
        session = self._marked(sender.mark, claim)
        return session is None or session.mark == claim.mark or not session.is_document

    def _relation(self, claim: Claim, sender: Sender) -> int:
        """How close the tab that navigates is to the document that announced a navigation."""
        session = self._marked(sender.mark, claim)
        frame = None if session is None else self._observer.frames.frames.get(session.target_id)
        if frame is None or claim.client is None:
            return 0
        top = claim.client.frame.top
        return 2 if frame is top else 1 if frame.opener is not None and frame.opener.top is top else 0

    def _marked(self, mark: int, claim: Claim) -> Session | None:
        return None if claim.client is None else self._observer.marked(mark, claim.client.frame.context_id)


def _keep(tokens: dict[str, T], token: str, value: T) -> None:
    tokens[token] = value
    if len(tokens) > _KEPT_TOKENS:
        del tokens[next(iter(tokens))]


def _is_same(on_wire: str, announced: str) -> bool:
    """Whether the key that was announced is that of a URL on the wire; a page's policy may have had it upgraded."""
    upgraded = on_wire.startswith("https:") and announced == url_key(f"http:{on_wire[6:]}")
    return upgraded or announced == url_key(on_wire)

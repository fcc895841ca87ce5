"""Writes of responses: which requests may ask for them, and ``Shared-Storage-Write`` (shared-storage section 9)."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import replace

from agent.browser.documents import Document, origin_of
from agent.browser.eligible_requests import LAST_WORDS, Claim
from agent.browser.network.hooks import Exchange
from agent.browser.permissions import SHARED_STORAGE
from agent.engines.shared_storage.write_header import FIELD, WriteHeader, parse_write_header
from agent.model.clock import Clock
from agent.model.events import Check, Event
from agent.model.settings import Settings
from agent.model.shared_storage import StorageEvent, StorageVerdict
from agent.model.site import is_suitable_origin
from agent.runtime.exchange_events import http_of, stopped

Write = Callable[[Document, str, WriteHeader], Awaitable[None]]
"""Takes the document that asked, the origin whose data is written, and what the response says. It is done when the
write is, or waits for its lock."""
Note = Callable[[Event], Awaitable[None]]
"""Records an event that changes nothing."""
_FIELD = FIELD.encode()
_WRITABLE = (b"Sec-Shared-Storage-Writable", b"?1")
_PLACE = b"sec-fetch-site"
"""Chromium puts its own request headers before this one."""
_NOT_ASKED = "its request did not ask for it"
_HOW_TO_ASK = "fetch(url, { sharedStorageWritable: true }), or the attribute sharedstoragewritable on img or iframe"


class SharedStorageRequests:
    """One profile's requests whose responses may write."""

    def __init__(self, settings: Settings, clock: Clock, note: Note, write: Write) -> None:
        self._limits, self._clock, self._note, self._write = settings.shared_storage_limits, clock, note, write

    # Requests; see :class:`agent.runtime.announced_requests.Interested`.

    def announced(self, claim: Claim) -> None:
        """See :class:`Interested`."""

    async def begins(self, exchange: Exchange, claim: Claim) -> None:
        """See :class:`Interested`: the request header goes on where the document may have its URL's origin write."""
        if claim.writable and claim.client is not None:
            await claim.client.policy_known()
        self.goes_on(exchange, claim)

    def goes_on(self, exchange: Exchange, claim: Claim) -> None:
        """See :class:`Interested`; each hop is judged for itself, by its own origin."""
        if not claim.writable:
            return
        headers = exchange.request_headers
        headers.drop(_WRITABLE[0])
        if obstacle := _obstacle(exchange.url, claim.client):
            exchange.data["not_writable"] = obstacle
            return
        exchange.data["writable_for"] = claim.client
        place = next((i for i, (name, _) in enumerate(headers) if name.lower() == _PLACE), len(headers))
        headers.insert(place, _WRITABLE)

    async def unknown(self, exchange: Exchange, letter: str) -> None:
        """See :class:`Interested`."""
        if letter in LAST_WORDS and LAST_WORDS[letter][1]:
            exchange.data["not_writable"] = "its announcement is unknown, used up, or another request's", ""

    # Responses.

    def on_response(self, exchange: Exchange) -> Awaitable[None] | None:
        """Take the field out of a response, and have it written before the response goes on."""
        headers = exchange.response_headers
        values = headers.get_all(_FIELD)
        if not values:
            # Its server may have kept quiet because it was not asked.
            denied = exchange.data.get("not_writable")
            return None if denied is None else self._note_of(exchange, "{url} was not asked to write", *denied)
        headers.drop(_FIELD)
        client: Document | None = exchange.data.get("writable_for")
        if client is None:
            denied = exchange.data.get("not_writable", (_NOT_ASKED, _HOW_TO_ASK))
            return self._note_of(exchange, "Shared-Storage-Write of {url} ignored", *denied)
        header = replace(parse_write_header(b", ".join(values), self._limits), http=http_of(exchange))
        return self._write(client, origin_of(exchange.url, exchange.url), header)

    async def _note_of(self, exchange: Exchange, summary: str, reason: str, fix: str) -> None:
        check = Check("request", False, reason, fix or _HOW_TO_ASK)
        now = self._clock.now()
        await self._note(stopped(StorageEvent.BATCH_UPDATE, StorageVerdict.IGNORED, summary, exchange, check, now))


def _obstacle(url: str, client: Document | None) -> tuple[str, str] | None:
    """Why the response at ``url`` may write nothing, and what to do; None where it may."""
    if client is None:
        return "the document that asked is not known", ""
    if not client.secure:
        return f"the document of {client.origin} is no secure context", "serve it over https, or from localhost"
    if not is_suitable_origin(url):
        return "the response's origin is not potentially trustworthy", "serve it over https, or from localhost"
    origin = origin_of(url, url)
    if not client.policy.allows(SHARED_STORAGE, origin):
        reason = f"the permissions policy of {client.origin} forbids {SHARED_STORAGE} for {origin}"
        return reason, "look at Permissions-Policy, and at the allow attribute of the frames around it"
    return None

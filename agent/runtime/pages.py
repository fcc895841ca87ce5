"""The agent behind its pages: what the browser and the front tell, handed to the API that it concerns."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable
from typing import Protocol

from agent.browser.documents import Document, Frame
from agent.browser.host_channel import (
    ATTRIBUTION_REPORTING_CALLS,
    PROTECTED_AUDIENCE_CALLS,
    SHARED_STORAGE_CALLS,
    HostChannel,
    PageCall,
)
from agent.browser.network import hosts
from agent.browser.network.hooks import Exchange
from agent.browser.request_client import RequestClients, read_sender
from agent.model.clock import Clock
from agent.model.events import Check
from agent.model.rng import Rng
from agent.model.settings import Settings
from agent.model.site import is_potentially_trustworthy
from agent.model.tasks import Tasks
from agent.runtime.announced_requests import ANNOUNCED, AnnouncedRequests, Interested
from agent.runtime.attribution_pages import AttributionPages, AttributionVerbs
from agent.runtime.auctions import Auctions
from agent.runtime.exchange_events import stopped
from agent.runtime.registrations import Registrar, Registrations
from agent.runtime.shared_storage import SharedStorage
from agent.runtime.shared_storage_requests import SharedStorageRequests

_NOT_MAPPED = 403
"""Status of the front's own page for a host that is not mapped."""
_DOCUMENTS = frozenset({b"document", b"iframe", b"frame"})


class Verbs(Registrar, AttributionVerbs, Protocol):
    """What pages can make the agent do."""

    async def navigated(self) -> None:
        """A page has navigated; reports may wait for that."""
        ...


class Pages:
    """One BrowserContext's pages; a :class:`ProfileHost` for the channel and :class:`FrontHooks` for the front."""

    def __init__(
        self,
        verbs: Verbs,
        settings: Settings,
        clock: Clock,
        rng: Rng,
        channel: HostChannel,
        clients: RequestClients,
        shared_storage: SharedStorage,
        auctions: Auctions,
    ) -> None:
        self.shared_storage, self.auctions = shared_storage, auctions
        self._verbs, self._settings, self._clock = verbs, settings, clock
        self._channel = channel
        self.attribution = AttributionPages(verbs, settings, clock, channel, clients)
        self.registrations = Registrations(verbs, settings, clock, rng, clients, channel.debug_cookies)
        self._header_writes = SharedStorageRequests(settings, clock, verbs.note, shared_storage.header_written)
        interested: list[Interested] = [self._header_writes]
        if settings.attribution_reporting:
            interested.append(self.registrations)
        self._announced = AnnouncedRequests(settings, clients, channel.accept_parameter, interested)
        self.context_id = ""
        self._tasks = Tasks()

    @property
    def settings(self) -> Settings:
        """See :class:`ProfileHost`."""
        return self._settings

    async def close(self) -> None:
        """Answer no more."""
        await self._announced.close()
        await self.registrations.close()
        await self.attribution.close()
        await self.auctions.close()
        await self.shared_storage.close()
        await self._tasks.close()

    async def clock_moved(self) -> None:
        """Let come first what scripts had begun before the clock was moved; then what is due by now."""
        await self.auctions.settled()
        await self.shared_storage.clock_moved()

    # What the browser tells of its frames.

    def user_acted(self, frame: Frame) -> None:
        """See :class:`ProfileHost`."""
        self.shared_storage.user_acted(frame)
        self.user_activated(frame.top)

    def user_activated(self, frame: Frame) -> None:
        """See :class:`ProfileHost`."""
        self.attribution.user_activated(frame)

    def script_given(self, command: bytes) -> None:
        """See :class:`ProfileHost`."""
        self._announced.script_given(command)

    def browser_ui_navigated(self, frame: Frame) -> None:
        """See :class:`ProfileHost`."""
        self.attribution.browser_ui_navigated(frame)

    def navigated(self, frame: Frame, before: Document | None, document: Document) -> None:
        """See :class:`ProfileHost`."""
        self._tasks.start(self._verbs.navigated(), "tell of a navigation")
        self.attribution.navigated(frame, before, document)

    def document_committed(self, document: Document) -> None:
        """See :class:`ProfileHost`."""
        self.shared_storage.selected_urls.committed(document)

    def document_ended(self, document: Document) -> None:
        """See :class:`ProfileHost`."""
        self.shared_storage.document_ended(document)
        self.auctions.document_ended(document)

    def shows_selected_url(self, document: Document) -> bool:
        """See :class:`ProfileHost`."""
        return self.shared_storage.selected_urls.is_shown_in(document.frame)

    def fenced_frame_depth(self, document: Document) -> int:
        """See :class:`ProfileHost`."""
        return self.shared_storage.selected_urls.fenced_frame_depth(document.frame)

    def frame_navigation_asked(self, frame: Frame, url: str) -> None:
        """See :class:`ProfileHost`."""
        self.shared_storage.selected_urls.navigation_asked(frame, url)

    def tab_navigation_asked(self, session: str, url: str) -> None:
        """See :class:`ProfileHost`."""
        self.shared_storage.tab_navigation_asked(session, url)

    # Calls from scripts.

    def page_called(self, call: PageCall) -> None:
        """See :class:`ProfileHost`."""
        if call.api == ATTRIBUTION_REPORTING_CALLS or (call.api == SHARED_STORAGE_CALLS and call.method in ANNOUNCED):
            self._announced.announced(call)
        elif call.api == SHARED_STORAGE_CALLS:
            self.shared_storage.page_called(call)
        elif call.api == PROTECTED_AUDIENCE_CALLS:
            self.auctions.page_called(call)
        else:
            self.attribution.page_called(call)

    # Responses.

    def on_request(self, exchange: Exchange) -> Awaitable[None] | None:
        """See :class:`FrontHooks`."""
        exchange.data["sender"] = read_sender(exchange.request_headers)
        exchange.data["began"], exchange.data["began_at"] = asyncio.get_running_loop().time(), self._clock.now()
        if self._channel.worklet_scripts.on_request(exchange, self.context_id):
            return None
        if exchange.request_headers.get(b"sec-fetch-dest") == b"document":
            referrer = (exchange.request_headers.get(b"referer") or b"").decode("latin-1")
            self.shared_storage.tab_navigation_sent(exchange.url, referrer)
        return self._announced.on_request(exchange, self.context_id)

    def on_response(self, exchange: Exchange) -> Awaitable[None] | None:
        """See :class:`FrontHooks`."""
        if exchange.answered_by_front:
            return self._not_answered(exchange)
        if exchange.request_headers.get(b"sec-fetch-dest") in _DOCUMENTS and not 300 <= exchange.status < 400:
            notices = self._channel.policy_notices
            exchange.before_body = notices.before_body(
                exchange,
                self.context_id,
                exchange.data["sender"],
                is_awaited=self.shared_storage.selected_urls.is_to_be_shown(exchange.url),
            )
        if self._channel.worklet_scripts.on_response(exchange) or _is_playwrights(exchange):
            return None
        self._announced.on_response(exchange)
        processing = [
            self._header_writes.on_response(exchange),
            self.registrations.on_response(exchange, self.context_id),
            self.attribution.on_response(exchange, self.context_id),
        ]
        return _in_order([one for one in processing if one is not None])

    def on_refusal(self, exchange: Exchange, refusal: hosts.Refusal) -> None:
        """See :class:`FrontHooks`."""
        if not self._channel.worklet_scripts.on_refusal(exchange, refusal):
            self.registrations.on_refusal(exchange, refusal)

    async def _not_answered(self, exchange: Exchange) -> None:
        """The front answered a document request itself."""
        mapped = exchange.status != _NOT_MAPPED
        reason = "the host's server does not answer" if mapped else "the host is not mapped"
        fix = "start the server" if mapped else "--map HOST=http://localhost:3000, or --allow-network"
        check = Check("host map", False, reason, fix)
        event = stopped("navigation", "refused", "{url} cannot be opened", exchange, check, self._clock.now())
        await self._verbs.note(event)


def _is_playwrights(exchange: Exchange) -> bool:
    """Whether Playwright itself asked (``page.request``, ``route.fetch``), of which Chromium would know nothing."""
    # Chromium tells every origin that is potentially trustworthy what a request is for; no API works elsewhere.
    return exchange.request_headers.get(b"sec-fetch-dest") is None and is_potentially_trustworthy(exchange.url)


def _in_order(waiting: list[Awaitable[None]]) -> Awaitable[None] | None:
    if len(waiting) < 2:
        return waiting[0] if waiting else None

    async def one_by_one() -> None:
        for one in waiting:
            await one

    return one_by_one()

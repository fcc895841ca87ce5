"""Requests that their pages announced: what each was announced as, from its first hop to its last."""

from __future__ import annotations

from collections.abc import Awaitable, Sequence
from typing import Protocol

from agent.browser.barrier import Barrier
from agent.browser.document_scan import Expected, read_text, scan_response
from agent.browser.documents import Document
from agent.browser.eligible_requests import LAST_WORDS, Claim, EligibleRequests
from agent.browser.host_channel import SHARED_STORAGE_CALLS, PageCall
from agent.browser.network.hooks import Exchange
from agent.browser.request_client import RequestClients, Sender
from agent.browser.request_tokens import TokenReader
from agent.model.settings import Settings
from agent.model.tasks import Tasks

ANNOUNCED = frozenset({"request", "element"})
"""The methods of Shared Storage on the channel that announce requests; of Attribution Reporting all do."""


class Interested(Protocol):
    """An interface whose requests pages announce."""

    def announced(self, claim: Claim) -> None:
        """A page announced a request that is about to begin; one of an element is not told."""
        ...

    async def begins(self, exchange: Exchange, claim: Claim) -> None:
        """The first request that a claim stands for is held until this is done."""
        ...

    def goes_on(self, exchange: Exchange, claim: Claim) -> None:
        """A redirect of a request that :meth:`begins` has seen is about to go."""
        ...

    async def unknown(self, exchange: Exchange, letter: str) -> None:
        """A request came with a token that stands for nothing; ``letter`` is the token's last."""
        ...


class AnnouncedRequests:
    """One profile's announcements, and the requests on the wire that they stand for."""

    def __init__(
        self, settings: Settings, clients: RequestClients, accept_parameter: str, interested: Sequence[Interested]
    ) -> None:
        self._clients, self._interested, self._tasks = clients, interested, Tasks()
        self._tokens = TokenReader(accept_parameter)
        self._barrier = Barrier(clients.observer, self._tasks)
        self._eligible = EligibleRequests(clients.observer)
        self._expected: Expected = {"sharedstoragewritable": self._eligible.writable}
        self._registers = settings.attribution_reporting
        if self._registers:
            self._expected["attributionsrc"] = self._eligible.registering

    async def close(self) -> None:
        """Follow no more."""
        await self._tasks.close()

    def announced(self, call: PageCall) -> None:
        """A page's script announces a request that is about to begin."""
        writable = call.api == SHARED_STORAGE_CALLS
        options, document = call.options, call.caller.document
        claim = self._eligible.announced(call.method, options, document, call.session, writable=writable)
        if claim is not None:
            for one in self._interested:
                one.announced(claim)

    def script_given(self, command: bytes) -> None:
        """Playwright gave a page a script, by the DevTools command ``command``."""
        read_text(command, self._expected)

    # Requests.

    def on_request(self, exchange: Exchange, context_id: str) -> Awaitable[None] | None:
        """Find what a request was announced as; gives what it must wait for, if anything."""
        headers, sender = exchange.request_headers, exchange.data["sender"]
        token, destination = self._tokens.take(headers), headers.get(b"sec-fetch-dest")
        exchange.data["destination"] = destination
        if (claim := self._eligible.hop(exchange, token, sender)) is not None:
            exchange.data["claim"], exchange.data["token"] = claim, token
            for one in self._interested:
                one.goes_on(exchange, claim)
            return None
        if token:
            return self._requested_by_script(exchange, token, sender, context_id)
        if destination == b"document":
            may_register = self._registers and headers.get(b"sec-fetch-site") != b"none"
            return self._navigation(exchange, sender) if may_register else None
        if destination is not None:
            kind = destination.decode("latin-1")
            if any(elements.concerns(kind) for elements in self._expected.values()):
                return self._element(exchange, kind, sender, context_id)
        return None

    async def _requested_by_script(self, exchange: Exchange, token: str, sender: Sender, context_id: str) -> None:
        claim = await self._eligible.by_token(exchange, token, sender)
        if claim is None and token[-1] in LAST_WORDS:
            # What a document announces in its last moments is lost; it may ask for this much anyway.
            leaving = self._clients.leaving(context_id, sender)
            if isinstance(leaving, Document):
                claim = self._eligible.unannounced(exchange, token, leaving)
        if claim is not None:
            await self._begin(exchange, claim, token)
            return
        for one in self._interested:
            await one.unknown(exchange, token[-1])

    async def _navigation(self, exchange: Exchange, sender: Sender) -> None:
        await self._barrier.passed()
        claim = self._eligible.by_navigation(exchange, sender)
        if claim is not None:
            await self._begin(exchange, claim, "")

    async def _element(self, exchange: Exchange, destination: str, sender: Sender, context_id: str) -> None:
        # A frame's navigation goes through the browser's own process, behind what was announced; the rest pass it by.
        session = None if destination == "iframe" else self._clients.observer.marked(sender.mark, context_id)
        await self._barrier.passed(None if session is None else session.id)
        claim = self._eligible.by_element(exchange, destination, sender, context_id)
        if claim is None and destination == "iframe":
            claim = self._eligible.by_frame(exchange, sender, context_id)
        if claim is None:
            return
        if claim.writable and claim.client is None:
            # Its HTML stands in several frames: any of them will do where no decision could tell them apart.
            standing = self._clients.leaving(context_id, sender)
            claim.client = standing if isinstance(standing, Document) else None
        await self._begin(exchange, claim, "")

    async def _begin(self, exchange: Exchange, claim: Claim, token: str) -> None:
        exchange.data["claim"], exchange.data["token"] = claim, token
        for one in self._interested:
            await one.begins(exchange, claim)

    # Responses.

    def on_response(self, exchange: Exchange) -> None:
        """Follow a request to where its response redirects it; read documents and scripts on their way."""
        if exchange.withheld:
            return
        claim: Claim | None = exchange.data.get("claim")
        if claim is not None:
            self._eligible.answered(exchange.data["token"])
            if redirects(exchange):
                self._eligible.redirected(exchange, claim, exchange.data["token"], exchange.data["sender"])
        scan_response(exchange, exchange.data["destination"], self._expected, exchange.data["sender"].mark)


def redirects(exchange: Exchange) -> bool:
    """Whether the response sends the request on to another place."""
    return 300 <= exchange.status < 400 and exchange.response_headers.get(b"location") is not None

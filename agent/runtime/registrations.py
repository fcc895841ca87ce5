"""Attribution Reporting between the browser and the engine: what requests may register, and what responses do."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable
from dataclasses import dataclass
from typing import Protocol

from agent.browser.debug_cookie import DebugCookies
from agent.browser.documents import Document
from agent.browser.eligible_requests import LAST_WORDS, Claim
from agent.browser.network.hooks import Exchange
from agent.browser.network.hosts import Refusal
from agent.browser.network.urls import shown_url
from agent.browser.permissions import ATTRIBUTION_REPORTING
from agent.browser.request_client import NOT_A_WINDOW, NoClient, RequestClients, Sender
from agent.engines.attribution_reporting import grease
from agent.model.attribution_reporting.eligibility import (
    INFO,
    REGISTER_TRIGGER,
    RESPONSE_FIELDS,
    Eligibility,
    RegistrationResponse,
)
from agent.model.clock import Clock
from agent.model.events import Check, Event
from agent.model.rng import Draw, Rng
from agent.model.settings import Settings
from agent.model.site import is_suitable_origin, schemeful_site
from agent.model.tasks import Tasks
from agent.runtime.announced_requests import redirects
from agent.runtime.arrivals import Arrivals
from agent.runtime.exchange_events import http_of, stopped
from agent.runtime.navigation_sources import NavigationSources

_HOW_TO_ASK = "have a document of an open page make the request: an element, a link or fetch()"
_FIELDS = {name.lower().encode(): name for name in RESPONSE_FIELDS}
_TOLD = frozenset(name.lower() for name in RESPONSE_FIELDS)
_TRIGGERS = frozenset({Eligibility.UNSET, Eligibility.TRIGGER, Eligibility.EVENT_SOURCE_OR_TRIGGER})
_PLACE = b"sec-fetch-site"
"""Chromium puts the two request headers before this one."""
_AMBIENT = frozenset({b"empty", b"audio", b"font", b"image", b"manifest", b"script", b"style", b"track", b"video"})
"""Destinations whose responses may register triggers although nothing announced them."""


class Registrar(Protocol):
    """What comes of registrations."""

    async def register(self, response: RegistrationResponse) -> None:
        """Process a response that registers."""
        ...

    async def note(self, event: Event) -> None:
        """Record an event that changes nothing."""
        ...


@dataclass(frozen=True, slots=True)
class _Arrival:
    """A response that registers, with what is known of where it comes from."""

    response: RegistrationResponse
    page: Document
    """The top-level document."""
    claim: Claim | None
    is_last: bool
    """Whether it ends its request, and redirects no further."""


class Registrations:
    """One profile's part in Attribution Reporting, as its front and its pages need it."""

    def __init__(
        self,
        registrar: Registrar,
        settings: Settings,
        clock: Clock,
        rng: Rng,
        clients: RequestClients,
        debug_cookies: DebugCookies,
    ) -> None:
        self._registrar, self._settings, self._clock, self._rng = registrar, settings, clock, rng
        self._clients, self._debug_cookies, self._tasks = clients, debug_cookies, Tasks()
        self._arrivals = Arrivals(self._in_turn)
        self._navigations = NavigationSources()
        self._held_back: set[asyncio.Task[None]] = set()

    async def close(self) -> None:
        """Take no more."""
        await self._arrivals.close()
        await self._tasks.close()

    async def settled(self) -> None:
        """Wait until all that has arrived by now is registered."""
        await self._arrivals.settled()
        if self._held_back:
            await asyncio.wait(self._held_back)

    async def _in_turn(self, arrival: _Arrival) -> None:
        response = arrival.response

        async def register() -> None:
            await self._registrar.register(response)

        held = None
        if response.eligibility in _TRIGGERS and REGISTER_TRIGGER in response.fields:
            held = self._navigations.held_back(arrival.page, register)
        if held is None:
            await register()
        else:
            task = self._tasks.start(held, "registration held back")
            self._held_back.add(task)
            task.add_done_callback(self._held_back.discard)
        if arrival.claim is not None and arrival.is_last:
            self._navigations.finished(arrival.claim)

    # Requests; see :class:`Interested`.

    def announced(self, claim: Claim) -> None:
        """See :class:`Interested`."""
        self._navigations.announced(claim)

    async def begins(self, exchange: Exchange, claim: Claim) -> None:
        """See :class:`Interested`: the request headers go on where the document may register."""
        if claim.eligibility is None:
            return
        if claim.client is None or await self._obstacle(claim.client) is None:
            self._mark(exchange, claim)
            return
        claim.eligibility, exchange.withheld = None, claim.background
        self._navigations.finished(claim)

    def goes_on(self, exchange: Exchange, claim: Claim) -> None:
        """See :class:`Interested`."""
        self._mark(exchange, claim)

    async def unknown(self, exchange: Exchange, letter: str) -> None:
        """See :class:`Interested`."""
        said = LAST_WORDS.get(letter)
        if said is None or said[0] is not None:
            await self._ignored(exchange, "its announcement is unknown, used up, or another request's")

    async def _obstacle(self, document: Document) -> tuple[str, str] | None:
        """Why a document's requests register nothing, and what to do; None where they may."""
        if not document.secure or not is_suitable_origin(document.top.origin):
            return f"the document of {document.origin} is no secure context", "serve it over https, or from localhost"
        await document.policy_known()
        if not document.policy.allows(ATTRIBUTION_REPORTING):
            reason = f"the permissions policy of {document.origin} forbids {ATTRIBUTION_REPORTING}"
            return reason, "look at Permissions-Policy, and at the allow attribute of the frames around it"
        return None

    def _mark(self, exchange: Exchange, claim: Claim) -> None:
        """Put the request headers on, the same on every hop of a request."""
        if not is_suitable_origin(exchange.url) or claim.eligibility is None:
            return
        if not claim.request_headers:
            eligible = grease.eligible_header(claim.eligibility, self._bits())
            assert eligible is not None
            claim.request_headers = (
                (grease.ELIGIBLE.encode(), eligible.encode()),
                (grease.SUPPORT.encode(), grease.support_header(self._bits()).encode()),
            )
        headers = exchange.request_headers
        for name, _ in claim.request_headers:
            headers.drop(name)
        place = next((i for i, (name, _) in enumerate(headers) if name.lower() == _PLACE), len(headers))
        headers[place:place] = claim.request_headers

    def _bits(self) -> int:
        return self._rng.below(Draw.GREASE, grease.COMBINATIONS) if self._settings.grease else grease.PLAIN

    # Responses.

    def on_response(self, exchange: Exchange, context_id: str) -> Awaitable[None] | None:
        """Take what a response registers; it is released when it is known who stands behind it."""
        if not self._settings.attribution_reporting or exchange.withheld:
            return None
        claim = _claim(exchange)
        if claim is not None and not claim.background and not redirects(exchange):
            self._navigations.landed(claim, exchange.url)
        fields = _fields(exchange)
        if not fields or (claim is None and exchange.data["destination"] not in _AMBIENT):
            if claim is not None and not redirects(exchange):
                self._navigations.finished(claim)
            return None
        exchange.data["arrived_at"], exchange.data["http"] = self._clock.now(), http_of(exchange, _TOLD)
        return self._arrivals.add(self._vouched(exchange, context_id, claim, fields))

    def on_refusal(self, exchange: Exchange, refusal: Refusal) -> None:
        """An eligible request got no answer: nothing waits for it any more, and its owner is told."""
        if (claim := _claim(exchange)) is not None:
            self._navigations.finished(claim)
            self._tasks.start(self._ignored(exchange, refusal.what, refusal.fix), "registration refused")

    async def _vouched(
        self, exchange: Exchange, context_id: str, claim: Claim | None, fields: dict[str, bytes]
    ) -> _Arrival | None:
        """The response with all that the engine needs to know of it; None where nothing may be registered."""
        client = None if claim is None else claim.client
        if client is None:
            sender: Sender = exchange.data["sender"]
            named = await self._clients.client_of(exchange, context_id, sender)
            if named is NOT_A_WINDOW:
                named = await self._clients.passed_on_for(exchange, context_id, sender)
            if isinstance(named, NoClient):
                await self._ignored(exchange, named.reason)
                return None
            client = named
        if (obstacle := await self._obstacle(client)) is not None:
            await self._ignored(exchange, *obstacle)
            return None
        if not is_suitable_origin(exchange.url):
            fix = "serve it over https, or from localhost"
            await self._ignored(exchange, "the response's origin is not potentially trustworthy", fix)
            return None
        origin = client.top.origin
        response = RegistrationResponse(
            context_origin=origin,
            url=shown_url(exchange.url),
            eligibility=(None if claim is None else claim.eligibility) or Eligibility.UNSET,
            fields=fields,
            navigation="" if claim is None else claim.navigation,
            debug_permission=await self._may_debug(exchange, context_id, origin),
            arrived_at=exchange.data["arrived_at"],
            http=exchange.data["http"],
        )
        return _Arrival(response, client.top, claim, is_last=not redirects(exchange))

    async def _may_debug(self, exchange: Exchange, context_id: str, context_origin: str) -> bool:
        """The cookie-based debug permission (engine, section 8)."""
        settings = self._settings
        allowed = settings.third_party_cookies or schemeful_site(context_origin) == schemeful_site(exchange.url)
        if not (allowed and settings.attribution_reporting_limits.debug_cookie_required):
            return allowed
        return await self._debug_cookies.is_set(exchange, context_id)

    async def _ignored(self, exchange: Exchange, reason: str, fix: str = "") -> None:
        check = Check("request", False, reason, fix or _HOW_TO_ASK)
        summary = "Attribution Reporting of {url} ignored"
        await self._registrar.note(stopped("registration", "ignored", summary, exchange, check, self._clock.now()))


def _claim(exchange: Exchange) -> Claim | None:
    """What the request was announced as, where it may register anything."""
    claim: Claim | None = exchange.data.get("claim")
    return None if claim is None or claim.eligibility is None else claim


def _fields(exchange: Exchange) -> dict[str, bytes]:
    """The fields of a response that registers, by canonical name; none where nothing is to be registered."""
    found: dict[str, list[bytes]] = {}
    for field, value in exchange.response_headers:
        if len(field) > 24 and (name := _FIELDS.get(field.lower())) is not None:
            found.setdefault(name, []).append(value)
    if found.keys() == {INFO}:
        return {}
    return {name: b", ".join(values) for name, values in found.items()}

"""W3C Attribution behind pages: calls of its two dialects, user activation, and the fields of responses."""

from __future__ import annotations

import asyncio
import base64
import logging
import math
from collections.abc import Awaitable, Mapping
from dataclasses import replace
from typing import Any, Protocol
from weakref import WeakKeyDictionary

from agent.browser.documents import Document, Frame, intermediary, origin_of
from agent.browser.host_channel import HostChannel, PageCall, Refusal
from agent.browser.network.hooks import Exchange
from agent.browser.request_client import NoClient, RequestClients
from agent.engines.attribution import activation, headers, webidl
from agent.engines.attribution.activation import Activation
from agent.model.attribution import CallContext, Dialect
from agent.model.clock import Clock
from agent.model.errors import PageException, TallyhostError
from agent.model.events import Check, Event, Trace
from agent.model.settings import Settings
from agent.model.site import is_potentially_trustworthy, registrable_domain, site_of_origin
from agent.model.tasks import Tasks
from agent.runtime.exchange_events import http_of, stopped

_log = logging.getLogger("tallyhost.pages")
_DIALECTS = {"attribution": Dialect.CURRENT, "privateAttribution": Dialect.LEVEL1_2024}
_FIELDS = frozenset(
    name.lower().encode() for name in (headers.SAVE_IMPRESSION, headers.MEASURE_CONVERSION, headers.CLEAR_SITE_DATA)
)
_SLOT = 0.01
"""Seconds. What a call costs depends on what is stored, which its page must not learn from the time it took."""
_COARSE = 0.002
"""Seconds before a slot in which it is awaited turn by turn: the event loop rounds a sleep up to whole milliseconds."""
_FEATURES = {"saveImpression": "save-impression", "measureConversion": "measure-conversion"}
_KINDS = {"saveImpression": "impression", "measureConversion": "conversion"}


class AttributionVerbs(Protocol):
    """What pages can make the agent do in the name of W3C Attribution, and what responses may clear."""

    async def save_impression(
        self, dialect: Dialect, context: CallContext, options: Mapping[str, Any]
    ) -> PageException | None:
        """Save an impression; gives what the page sees thrown."""
        ...

    async def measure_conversion(
        self, dialect: Dialect, context: CallContext, options: Mapping[str, Any], *, report_url: str | None = None
    ) -> PageException | bytes:
        """Measure a conversion; gives the sealed report, or what the page sees thrown."""
        ...

    async def clear_impressions_for_site(self, site: str) -> None:
        """``Clear-Site-Data: "impressions"`` from ``site``."""
        ...

    async def clear_reporting_origin(self, origin: str) -> None:
        """``Clear-Site-Data: "storage"`` from ``origin``: what it stored and would report goes."""
        ...

    async def note(self, event: Event) -> None:
        """Record an event that changes nothing."""
        ...


class AttributionPages:
    """One BrowserContext's pages, as far as W3C Attribution goes."""

    def __init__(
        self, verbs: AttributionVerbs, settings: Settings, clock: Clock, channel: HostChannel, clients: RequestClients
    ) -> None:
        self._verbs, self._settings, self._clock = verbs, settings, clock
        self._channel, self._clients = channel, clients
        self._activations: WeakKeyDictionary[Frame, Activation] = WeakKeyDictionary()
        self._turns: WeakKeyDictionary[Frame, asyncio.Lock] = WeakKeyDictionary()
        self._tasks = Tasks()

    async def close(self) -> None:
        """Answer no more."""
        await self._tasks.close()

    # Activation (current draft, section 9): one state for each top-level traversable.

    def user_activated(self, frame: Frame) -> None:
        """The top-level ``frame`` was activated."""
        state = self._activations.get(frame, Activation())
        self._activations[frame] = activation.on_user_activation(state, self._clock.now())

    def browser_ui_navigated(self, frame: Frame) -> None:
        """The top-level ``frame`` is navigated as by the address bar."""
        state = activation.on_cross_site_navigation(self._activations.get(frame, Activation()))
        self._activations[frame] = activation.on_browser_navigation(state, self._clock.now())

    def navigated(self, frame: Frame, before: Document | None, document: Document) -> None:
        """The top-level ``frame`` committed ``document`` in the place of ``before``."""
        # What navigates a tab is the document in it, or what opened it; the flag is the site's, not the tab's.
        initiator = before
        if (before is None or not before.loader_id) and frame.opener is not None:
            initiator = frame.opener.document
        state = self._activations.get(frame)
        if state is not None and (initiator is None or intermediary(document.origin, initiator.top.origin) is not None):
            self._activations[frame] = activation.on_cross_site_navigation(state)

    async def _context(
        self, document: Document, feature: str, intermediary_site: str | None, dialect: Dialect
    ) -> CallContext:
        if dialect is Dialect.LEVEL1_2024:
            return CallContext(document.top_level_site, intermediary_site)
        await document.policy_known()
        allowed, activated = document.policy.allows(feature), False
        if allowed:
            tab = document.frame.top
            state = self._activations.get(tab, Activation())
            self._activations[tab], activated = activation.on_call(state, self._clock.now(), self._settings.limits)
        return CallContext(document.top_level_site, intermediary_site, allowed, activated)

    # Calls from scripts.

    def page_called(self, call: PageCall) -> None:
        """A page called one of the two dialects."""
        self._tasks.start(self._answer(call, asyncio.get_running_loop().time()), "page call")

    def _turn(self, document: Document) -> asyncio.Lock:
        """Calls and responses of one tab take turns in their order; tabs do not wait for one another."""
        return self._turns.setdefault(document.frame.top, asyncio.Lock())

    async def _answer(self, call: PageCall, received: float) -> None:
        async with self._turn(call.caller.document):
            try:
                reply = await self._reply(call)
            except TallyhostError as error:
                # Nothing was stored and nothing may be acknowledged: the page's promise stays pending.
                _log.error("%s", error)
                return
        await _next_slot(received)
        self._channel.answer(call, reply)

    async def _reply(self, call: PageCall) -> Mapping[str, Any]:
        if call.refused is not None:
            await self._verbs.note(self._refused(call, call.refused))
            return {}
        dialect = _DIALECTS[call.api]
        caller = call.caller
        context = await self._context(caller.document, _FEATURES[call.method], caller.intermediary_site, dialect)
        if not caller.document.secure:
            return _error(PageException("NotAllowedError", "the API needs a secure context", is_dom_exception=True))
        # The page's script has converted already; JSON made integers of doubles such as 1.0.
        convert = webidl.convert_impression if call.method == "saveImpression" else webidl.convert_conversion
        options = convert(dialect, call.options)
        if isinstance(options, PageException):
            return _error(options)
        if call.method == "saveImpression":
            exception = await self._verbs.save_impression(dialect, context, options)
            return {} if exception is None else _error(exception)
        report = await self._verbs.measure_conversion(dialect, context, options)
        if isinstance(report, PageException):
            return _error(report)
        return {"report": base64.b64encode(report).decode("ascii")}

    def _refused(self, call: PageCall, refusal: Refusal) -> Event:
        kind, site = _KINDS[call.method], call.caller.document.top_level_site
        check = Check("options", False, refusal.message, "the page sees this exception; correct the call")
        return Event(
            kind,
            self._clock.now(),
            refusal.name,
            f"{kind} on {site} refused: {refusal.message}",
            site,
            {"dialect": _DIALECTS[call.api].value, "intermediarySite": call.caller.intermediary_site},
            Trace((check,)),
        )

    # Responses.

    def on_response(self, exchange: Exchange, context_id: str) -> Awaitable[None] | None:
        """Do what the fields of a response say; gives what the response must wait for, if anything."""
        if _FIELDS.isdisjoint(name.lower() for name, _ in exchange.response_headers):
            return None
        return self._read_fields(exchange, context_id, asyncio.get_running_loop().time())

    async def _read_fields(self, exchange: Exchange, context_id: str, received: float) -> None:
        """Draft section 11: on every response, redirects included, before the page can see it."""
        response_origin = origin_of(exchange.url, exchange.url)
        clear = _field(exchange, headers.CLEAR_SITE_DATA)
        save, measure = _field(exchange, headers.SAVE_IMPRESSION), _field(exchange, headers.MEASURE_CONVERSION)
        secure = self._is_secure(exchange.url)
        if secure and clear is not None and headers.clears_impressions(clear):
            site = site_of_origin(response_origin)
            if registrable_domain(site) is not None:
                await self._verbs.clear_impressions_for_site(site)
        if secure and clear is not None and _clears_storage(clear):
            await self._verbs.clear_reporting_origin(response_origin)
        if save is None and measure is None:
            return
        if not secure:
            await self._ignored(exchange, "the response did not come by https")
            return
        destination = (exchange.request_headers.get(b"sec-fetch-dest") or b"empty").decode("latin-1")
        if (destination if destination != "empty" else "") not in headers.DESTINATIONS:
            await self._ignored(exchange, f"a response for destination {destination!r} carries no attribution")
            return
        client = await self._clients.client_of(exchange, context_id, exchange.data["sender"])
        if isinstance(client, NoClient):
            await self._ignored(exchange, client.reason)
            return
        if not client.secure:
            await self._ignored(exchange, "the document is no secure context")
            return
        # The browser tells of a page's calls before it tells of a request that the page made after them.
        async with self._turn(client):
            await self._apply_fields(exchange, client, intermediary(response_origin, client.top.origin), save, measure)
        await _next_slot(received)

    def _is_secure(self, url: str) -> bool:
        # The draft asks for https; a developer who lets localhost be a site may serve it plainly.
        plain = self._settings.limits.allow_localhost and url.startswith("http:")
        return (plain or url.startswith("https:")) and is_potentially_trustworthy(url)

    async def _apply_fields(
        self, exchange: Exchange, client: Document, intermediary_site: str | None, save: str | None, measure: str | None
    ) -> None:
        if save is not None:
            impression = headers.parse_save_impression(save)
            if impression is None:
                await self._ignored(exchange, "Save-Impression does not parse or has a value of the wrong type")
            else:
                context = await self._context(client, "save-impression", intermediary_site, Dialect.CURRENT)
                context = replace(context, http=http_of(exchange))
                await self._verbs.save_impression(Dialect.CURRENT, context, impression)
        if measure is not None:
            conversion = headers.parse_measure_conversion(measure, exchange.url)
            if conversion is None:
                await self._ignored(exchange, "Measure-Conversion does not parse or has a value of the wrong type")
            else:
                context = await self._context(client, "measure-conversion", intermediary_site, Dialect.CURRENT)
                context = replace(context, http=http_of(exchange))
                await self._verbs.measure_conversion(
                    Dialect.CURRENT, context, conversion.options, report_url=conversion.report_url
                )

    async def _ignored(self, exchange: Exchange, reason: str) -> None:
        check = Check("response field", False, reason, "see the draft's HTTP API, section 11")
        summary = "attribution fields of {url} ignored"
        event = stopped("response-field", "ignored", summary, exchange, check, self._clock.now())
        await self._verbs.note(event)


async def _next_slot(began: float) -> None:
    """Wait until a whole number of slots has passed since ``began``: the work that a call was shows in none."""
    time = asyncio.get_running_loop().time
    due = began + _SLOT * math.ceil((time() - began) / _SLOT)
    await asyncio.sleep(max(0, due - time() - _COARSE))
    while time() < due:  # noqa: ASYNC110 - there is nothing to be told of but time
        await asyncio.sleep(0)


def _clears_storage(value: str) -> bool:
    return not {'"storage"', '"*"'}.isdisjoint(part.strip(" \t") for part in value.split(","))


def _field(exchange: Exchange, name: str) -> str | None:
    values = exchange.response_headers.get_all(name.encode())
    return b", ".join(values).decode("latin-1") if values else None


def _error(exception: PageException) -> Mapping[str, Any]:
    return {"error": {"name": exception.name, "message": exception.message, "dom": exception.is_dom_exception}}

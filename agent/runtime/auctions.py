"""Protected Audience behind the pages of one profile: their calls, and the auctions that they run."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from agent.browser.documents import OPAQUE, Document
from agent.browser.host_channel import PageCall
from agent.browser.permissions import RUN_AD_AUCTION
from agent.engines.protected_audience.arguments import Scene
from agent.engines.protected_audience.auction import bidders
from agent.engines.protected_audience.auction_configs import checked_auction
from agent.engines.protected_audience.checks import hostname_of
from agent.engines.protected_audience.explanation import auction_event
from agent.model.errors import PageException
from agent.model.events import Check, Event, Trace
from agent.model.protected_audience import AuctionConfig, AuctionScriptHost, AudienceEvent
from agent.model.rng import Rng
from agent.runtime.auction_reports import AuctionReports, Noted
from agent.runtime.auction_scripts import AuctionScripts, Fetches
from agent.runtime.interest_groups import (
    GROUP_CALLS,
    InterestGroups,
    exception_reply,
    policy_message,
    refused_event,
)
from agent.runtime.page_worklets import error
from agent.runtime.running_auction import RunningAuction
from agent.runtime.selected_urls import SelectedUrls
from agent.runtime.storage_access import Obstacle, audience_obstacle, policy_obstacle
from agent.runtime.stored_interest_groups import StoredInterestGroups
from agent.runtime.worklet_surroundings import Surroundings

Reply = Mapping[str, Any]
_RUN = "runAdAuction"
_PATIENCE = 2.0
"""Seconds for what was begun to be stored, when the clock is moved or the agent ends."""
_NOTHING: Reply = {"urn": None}
_NO_COMPONENTS = Obstacle(
    "not-supported", Check("component auctions", False, "they are not run here", "let one seller ask the buyers")
)
_MOST_RUNNING = 1000
_TOO_MANY = Obstacle(
    "too-many", Check("auctions under way", False, f"there are {_MOST_RUNNING} already", "await them first")
)
_TOO_MANY_URNS = Obstacle(
    "too-many-urns", Check("urns of the page", False, "it has too many already", "run auctions on other pages")
)
_ABORTED = Obstacle("aborted", Check("signal", False, "the page has aborted it", "abort it later, or not at all"))
_Key = tuple[str, int, int]
"""The realm, as DevTools session and execution context, and the page's own number of an auction."""


@dataclass(frozen=True, slots=True)
class _Running:
    """An auction between its call and its answer."""

    call: PageCall
    task: asyncio.Task[None]


class Auctions:
    """One profile's Protected Audience, as its pages use it."""

    def __init__(
        self,
        around: Surroundings,
        stored: StoredInterestGroups,
        host: AuctionScriptHost,
        fetches: Fetches,
        urls: SelectedUrls,
        rng: Rng,
    ) -> None:
        self._around, self._stored, self._rng = around, stored, rng
        self._host, self._fetches = host, fetches
        self._groups = InterestGroups(around, stored, fetches)
        self._reports = AuctionReports(around, stored, urls)
        self._running: dict[_Key, _Running] = {}
        self._calls: set[asyncio.Task[None]] = set()
        """Those that are not answered."""

    # Calls of pages.

    def page_called(self, call: PageCall) -> None:
        """A page of the profile called; calls come in the order of the page's program."""
        if call.refused is not None:
            exception = PageException(call.refused.name, call.refused.message)
            kind = AudienceEvent.AUCTION if call.method == _RUN else AudienceEvent.JOIN
            self._note(refused_event(call, kind, exception, self._around.clock.now()))
        elif call.method == "abortAuction":
            self._abort(_key(call))
        elif call.method == _RUN and len(self._running) >= _MOST_RUNNING:
            self._refuse(call, _TOO_MANY)
            self._around.realms.answer(call, _NOTHING)
        elif call.caller.document.secure and call.caller.origin != OPAQUE:
            answering = self._answer(call, self._around.clock.now())
            task = self._around.tasks.start(answering, "protected audience call")
            self._calls.add(task)
            task.add_done_callback(self._calls.discard)
            if call.method == _RUN:
                key = _key(call)
                self._running[key] = _Running(call, task)
                task.add_done_callback(lambda _: self._running.pop(key, None))

    async def _answer(self, call: PageCall, now: int) -> None:
        document = call.caller.document
        await document.policy_known()
        match call.method:
            case method if method in GROUP_CALLS:
                reply = await self._groups.called(call, now)
            case "runAdAuction":
                reply = await self._run(call, now)
            case "deprecatedURNToURL":
                reply = {"url": self._reports.url_of(document, call.options["urn"])}
            case "reportEvent":
                reply = await self._report_event(call, now)
            case method:
                raise ValueError(f"Protected Audience has no {method}")
        self._around.realms.answer(call, reply)

    async def _report_event(self, call: PageCall, now: int) -> Reply:
        if isinstance(event := call.options.get("event"), str):
            await self._reports.event_reported(call.caller.document, event, now)
        return {}

    # Auctions.

    async def _run(self, call: PageCall, now: int) -> Reply:
        document, settings = call.caller.document, self._around.settings
        denied = policy_obstacle(document, RUN_AD_AUCTION, document.origin)
        if denied is not None:
            self._refuse(call, denied)
            return error("NotAllowedError", policy_message(_RUN, RUN_AD_AUCTION))
        config = checked_auction(call.options, settings.private_aggregation_limits.aggregation_coordinator_origins)
        if isinstance(config, PageException):
            self._note(refused_event(call, AudienceEvent.AUCTION, config, self._around.clock.now()))
            return exception_reply(config)
        why = audience_obstacle(settings, config.seller)
        if why is None and call.options["config"]["componentAuctions"]:
            why = _NO_COMPONENTS
        if why is not None:
            self._refuse(call, why)
            return _NOTHING
        return self._conclude(call, await self._conduct(call, config, now))

    async def _conduct(self, call: PageCall, config: AuctionConfig, now: int) -> RunningAuction:
        document, settings = call.caller.document, self._around.settings
        buyers = [buyer for buyer in config.buyers if audience_obstacle(settings, buyer) is None]
        groups = await self._stored.bidding(buyers, now=now)
        scene = Scene(config, hostname_of(document.top.origin), settings.protected_audience_limits)
        scripts = AuctionScripts(call, self._around, self._host, self._fetches)
        auction = RunningAuction(scene, bidders(groups, config, self._rng), scripts, self._rng, now)
        await auction.run()
        return auction

    def _conclude(self, call: PageCall, auction: RunningAuction) -> Reply:
        """What the page learns of an auction that has ended."""
        site, now = call.caller.document.top_level_site, self._around.clock.now()
        noted = self._note(auction_event(auction.config, auction.biddings, auction.result, site, now=now))
        if auction.result.winner is not None:
            urn = self._reports.won(call, auction, noted)
            if urn is None:
                self._refuse(call, _TOO_MANY_URNS)
            return {"urn": urn}
        self._reports.without_winner(call, auction, noted, now)
        return _NOTHING

    # Ends.

    def _abort(self, key: _Key) -> None:
        if (running := self._running.get(key)) is not None:
            running.task.cancel()
            self._refuse(running.call, _ABORTED)
            self._around.realms.answer(running.call, _NOTHING)

    def document_ended(self, document: Document) -> None:
        """A document is gone, and with it the auctions that it was running."""
        for running in list(self._running.values()):
            if running.call.caller.document is document:
                running.task.cancel()

    async def settled(self) -> None:
        """Wait a while until calls are answered, and what auctions are about to report is stored."""
        loop = asyncio.get_running_loop()
        until = loop.time() + _PATIENCE
        while (pending := self._calls | self._reports.pending) and (left := until - loop.time()) > 0:
            await asyncio.wait(pending, timeout=left)

    async def close(self) -> None:
        """Run no more; what is shown already is reported."""
        for running in list(self._running.values()):
            running.task.cancel()
        await self.settled()

    def _refuse(self, call: PageCall, why: Obstacle) -> None:
        site, now = call.caller.document.top_level_site, self._around.clock.now()
        summary, data = f"auction on {site}: {why.verdict}", {"origin": call.caller.origin}
        self._note(Event(AudienceEvent.AUCTION, now, why.verdict, summary, site, data, Trace((why.check,))))

    def _note(self, event: Event) -> Noted:
        return self._around.tasks.start(self._around.transactions.note(event), "note an auction")


def _key(call: PageCall) -> _Key:
    return call.session, call.execution_context, call.options["auction"]

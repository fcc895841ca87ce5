"""What auctions report: at once without a winner, else when the winning ad is first shown, and then its events."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine, Iterable, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any, TypeVar
from uuid import UUID
from weakref import WeakKeyDictionary

from agent.browser.documents import Document
from agent.browser.host_channel import PageCall
from agent.engines.protected_audience.auction import AuctionResult
from agent.engines.protected_audience.signals import Contributed, Setting, auction_batches, custom_event_batches
from agent.model.events import Check, Event, Trace
from agent.model.private_aggregation import Batch
from agent.model.protected_audience import AudienceEvent, InterestGroup
from agent.model.rng import token
from agent.model.site import serialized_origin
from agent.runtime.auction_scripts import tell
from agent.runtime.running_auction import RunningAuction
from agent.runtime.selected_urls import SelectedUrl, SelectedUrls
from agent.runtime.shared_storage_calls import shown
from agent.runtime.stored_interest_groups import StoredInterestGroups
from agent.runtime.worklet_surroundings import Surroundings

T = TypeVar("T")
Noted = asyncio.Task[Sequence[Event]]
"""Stores the event of an auction, by whose number its batches are told."""
_AGAIN = Check("first of that name", False, "the ad has reported it before", "report it once, or by another name")


@dataclass(frozen=True, slots=True)
class _Said:
    """What the functions of an auction said, its reporting functions among them."""

    contributed: Sequence[Contributed]
    urls: Sequence[str]
    """What ``sendReportTo`` was given."""


@dataclass(slots=True, eq=False)
class _Won:
    """An auction with a winner, from its end on."""

    caller: PageCall
    result: AuctionResult
    setting: Setting
    groups: Sequence[InterestGroup]
    """Those that bid."""
    noted: Noted
    saying: asyncio.Task[_Said]
    """Its reporting functions are under way."""
    released: asyncio.Task[_Said] | None = None
    """Set when its ad is first shown."""
    events: set[str] = field(default_factory=set)
    """The custom events that were reported."""


class AuctionReports:
    """The reports of one profile's auctions, for as long as the pages live that ran them."""

    def __init__(self, around: Surroundings, stored: StoredInterestGroups, urls: SelectedUrls) -> None:
        self._around, self._stored, self._urls = around, stored, urls
        self._won: WeakKeyDictionary[SelectedUrl, _Won] = WeakKeyDictionary()
        self.pending: set[asyncio.Task[Any]] = set()
        """What is about to be stored."""

    def without_winner(self, call: PageCall, auction: RunningAuction, noted: Noted, now: int) -> None:
        """Report an auction that ended at ``now`` and nobody won."""
        self._store(self._end(auction, self._setting(call, auction), noted, now), "end of an auction")

    async def _end(self, auction: RunningAuction, setting: Setting, noted: Noted, now: int) -> None:
        await self._stored.count_bids(_groups(auction), None, now=now)
        await self._report(auction_batches(auction.contributed(), auction.result, setting), noted, now)

    def won(self, call: PageCall, auction: RunningAuction, noted: Noted) -> str | None:
        """The urn for the ad that won; None where the page has too many already. Its reports wait for a frame."""
        assert auction.result.winner is not None
        bid = auction.result.winner.bid
        urn = f"urn:uuid:{UUID(token(), version=4)}"
        selected = self._urls.open(call.caller.document, urn, bid.group.group.owner, (bid.render_url,))
        if selected is None:
            return None
        saying = self._store(_say(auction), "reporting functions")
        won = _Won(call, auction.result, self._setting(call, auction), _groups(auction), noted, saying)
        self._won[selected] = won
        selected.first_asked = partial(self._shown, won)
        selected.chosen.set_result(bid.render_url)
        return urn

    def _setting(self, call: PageCall, auction: RunningAuction) -> Setting:
        return Setting(call.caller.document.top.origin, auction.started, self._debug_mode_allowed)

    def _debug_mode_allowed(self, top_level_origin: str, origin: str) -> bool:
        settings = self._around.settings
        allowed = settings.debug_mode_allowed
        return settings.third_party_cookies if allowed is None else allowed(top_level_origin, origin)

    def _shown(self, won: _Won) -> None:
        """A frame was first given the urn of an auction."""
        # What follows takes a while, in which the clock may be moved.
        won.released = self._store(self._release(won, self._around.clock.now()), "reports of an auction")

    async def _release(self, won: _Won, now: int) -> _Said:
        said = await asyncio.shield(won.saying)
        assert won.result.winner is not None
        await self._stored.count_bids(won.groups, won.result.winner.bid, now=now)
        await self._report(auction_batches(said.contributed, won.result, won.setting), won.noted, now)
        for url in said.urls:
            problem = f"The reporting destination {url} is not attested for Protected Audience."
            tell(self._around.realms, won.caller, problem)
            await self._around.transactions.note(self._not_sent(won, url, now))
        return said

    def _not_sent(self, won: _Won, url: str, now: int) -> Event:
        site = won.caller.caller.document.top_level_site
        detail = f"{serialized_origin(url)} is not attested, as nobody is in a fresh Chromium"
        check = Check("attestation", False, detail, "contribute to Private Aggregation instead")
        summary = f"sendReportTo({shown(url)}): not sent"
        data = {"url": shown(url)}
        return Event(AudienceEvent.REPORT, now, "not-attested", summary, site, data, Trace((check,)))

    def url_of(self, document: Document, urn: str) -> str | None:
        """``deprecatedURNToURL``: the ad behind an auction's urn; what selectURL chose stays a secret."""
        selected = self._urls.find(document, urn)
        return None if selected is None or selected not in self._won else selected.url

    async def event_reported(self, document: Document, event: str, now: int) -> None:
        """``window.fence.reportEvent`` with a name at ``now``, by ``document``: it counts in the winning ad."""
        selected = self._urls.shown_in(document.frame) if self._urls.is_shown_in(document.frame) else None
        won = None if selected is None else self._won.get(selected)
        if selected is None or won is None or won.released is None:
            return
        if document.origin != serialized_origin(selected.url):
            return
        if event in won.events:
            await self._around.transactions.note(_custom_event(document, event, "already-reported", _AGAIN, now))
            return
        won.events.add(event)
        said = await asyncio.shield(won.released)
        batches = custom_event_batches(said.contributed, event, won.result, won.setting)
        count = sum(len(batch.contributions) for batch in batches)
        fix = "" if batches else "contributeToHistogramOnEvent with that event, for the bid that wins"
        check = Check("contributions", bool(batches), f"{count} wait for {shown(event)!r}", fix)
        await self._around.transactions.note(
            _custom_event(document, event, "reported" if batches else "empty", check, now)
        )
        await self._report(batches, won.noted, now)

    async def _report(self, batches: Iterable[Batch], noted: Noted, now: int) -> None:
        (event,) = await asyncio.shield(noted)
        for batch in batches:
            await self._around.complete(batch, now=now, auction=event.id)

    def _store(self, work: Coroutine[Any, Any, T], name: str) -> asyncio.Task[T]:
        task: asyncio.Task[T] = self._around.tasks.start(work, name)
        self.pending.add(task)
        task.add_done_callback(self.pending.discard)
        return task


def _custom_event(document: Document, event: str, verdict: str, check: Check, now: int) -> Event:
    summary = f"event {shown(event)!r} of an ad of {document.origin}: {verdict}"
    data, site = {"event": shown(event), "origin": document.origin}, document.top_level_site
    return Event(AudienceEvent.CUSTOM_EVENT, now, verdict, summary, site, data, Trace((check,)))


async def _say(auction: RunningAuction) -> _Said:
    urls = await auction.report()
    return _Said(auction.contributed(), urls)


def _groups(auction: RunningAuction) -> list[InterestGroup]:
    return [joined.group for joined in auction.groups_that_bid]

"""The functions of one auction's scripts: fetched once, called each in a realm of its own, their writes applied."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass, field
from typing import Any, Protocol, TypeVar

from agent.browser.auction_fetches import TrustedSignals, Unusable
from agent.browser.documents import Document
from agent.browser.host_channel import PageCall
from agent.browser.permissions import PRIVATE_AGGREGATION, SHARED_STORAGE
from agent.engines.protected_audience.arguments import Signals
from agent.engines.protected_audience.checks import hostname_of
from agent.engines.protected_audience.trusted_signals import (
    NEW_FORMAT,
    OUTDATED,
    bidding_request,
    bidding_signals_url,
    bidding_value,
    scoring_request,
    scoring_value,
)
from agent.engines.shared_storage.explanation import refusal
from agent.model.errors import HostEnvironmentError
from agent.model.protected_audience import (
    AuctionFunction,
    AuctionScriptHost,
    FunctionCall,
    FunctionResult,
    JoinedGroup,
    StorageWrite,
)
from agent.model.shared_storage import StorageEvent, Writer, WrittenBy
from agent.model.site import serialized_origin
from agent.model.worklets import WorkletScript
from agent.runtime.storage_access import obstacle
from agent.runtime.worklet_surroundings import Realms, Surroundings

T = TypeVar("T")


class Fetches(Protocol):
    """Fetches what auctions need; see :class:`agent.browser.auction_fetches.AuctionFetches`."""

    async def script(self, document: Document, url: str) -> WorkletScript | Unusable:
        """A bidder's or a seller's script."""
        ...

    async def signals(self, document: Document, url: str) -> TrustedSignals | Unusable:
        """What a trusted server says."""
        ...

    async def permissions(self, document: Document, owner: str) -> dict[str, Any]:
        """What ``owner`` lets the document do with its groups."""
        ...


@dataclass(slots=True, eq=False)
class AuctionScripts:
    """The scripts and trusted signals of one auction, for the document and the realm that ``caller`` is of."""

    caller: PageCall
    around: Surroundings
    host: AuctionScriptHost
    fetches: Fetches
    _fetched: dict[str, asyncio.Task[Any]] = field(default_factory=dict)

    @property
    def document(self) -> Document:
        """The document that runs the auction."""
        return self.caller.caller.document

    def script(self, url: str) -> Awaitable[WorkletScript | None]:
        """The script behind ``url``, fetched once; None where it cannot be used."""
        return self._once(url, self.fetches.script)

    async def script_again(self, url: str) -> WorkletScript | None:
        """The same, fetched anew: for the reporting of a bidder, whose script was let go by then."""
        return await self._usable(url, self.fetches.script)

    async def call(
        self, script: WorkletScript, function: AuctionFunction, arguments: str, milliseconds: int
    ) -> FunctionResult:
        """Call a function, for so long at most; its writes are stored, and the console has its exception."""
        origin, policy = serialized_origin(script.url), self.document.policy
        call = FunctionCall(
            script,
            function,
            arguments,
            milliseconds,
            private_aggregation_allowed=policy.allows(PRIVATE_AGGREGATION, origin),
            shared_storage_allowed=policy.allows(SHARED_STORAGE, origin),
        )
        try:
            result = await self.host.call(call)
        except HostEnvironmentError as problem:
            result = FunctionResult(failure=problem.what)
        if result.failure is not None:
            self.tell(result.failure)
        for write in result.writes:
            self.around.tasks.start(self._write(origin, write), "write of an auction")
        return result

    def tell(self, problem: str) -> None:
        """Write what went wrong to the page's console, if it is anything."""
        tell(self.around.realms, self.caller, problem)

    # Trusted signals.

    async def bidding_signals(self, group: JoinedGroup, groups: Iterable[JoinedGroup]) -> Signals:
        """What the trusted server says to ``generateBid`` of ``group``, one of the auction's ``groups``."""
        url, script_url = bidding_signals_url(group.group), group.group.bidding_logic_url
        if url is None or script_url is None:
            return Signals()
        request = bidding_request(url, self._hostname, groups)
        is_first = request not in self._fetched
        answer = await self._signals(request)
        if answer is None:
            return Signals()
        # Who reads them is the script; without one nobody notices.
        if is_first and answer.format_version < NEW_FORMAT and await self.script(script_url) is not None:
            self.tell(OUTDATED.format(url))
        keys = group.group.trusted_bidding_signals_keys
        value = bidding_value(answer.value, answer.format_version, keys)
        return Signals(value, answer.data_version, answer.fetch_time)

    async def scoring_signals(self, url: str | None, render_url: str) -> Signals:
        """What the seller's trusted server says of an ad."""
        if url is None:
            return Signals()
        answer = await self._signals(scoring_request(url, self._hostname, render_url))
        if answer is None:
            return Signals()
        return Signals(scoring_value(answer.value, render_url), answer.data_version, answer.fetch_time)

    @property
    def _hostname(self) -> str:
        return hostname_of(self.document.top.origin)

    def _signals(self, url: str) -> Awaitable[TrustedSignals | None]:
        return self._once(url, self.fetches.signals)

    async def _usable(self, url: str, fetch: Callable[[Document, str], Awaitable[T | Unusable]]) -> T | None:
        fetched = await fetch(self.document, url)
        if isinstance(fetched, Unusable):
            self.tell(fetched.message)
            return None
        return fetched

    def _once(self, url: str, fetch: Callable[[Document, str], Awaitable[T | Unusable]]) -> Awaitable[T | None]:
        if (task := self._fetched.get(url)) is None:
            task = self._fetched[url] = self.around.tasks.start(self._usable(url, fetch), "fetch for an auction")
        return asyncio.shield(task)

    async def _write(self, origin: str, write: StorageWrite) -> None:
        writer = Writer(origin, WrittenBy.WORKLET, self.document.top_level_site)
        if (why := obstacle(self.around.settings, origin)) is not None:
            now = self.around.clock.now()
            event = refusal(writer, StorageEvent.BATCH_UPDATE, why.verdict, (why.check,), now=now)
            await self.around.transactions.note(event)
            return
        async with self.around.locks.holding(origin, write.lock):
            await self.around.storage.update(writer, write.methods, batch=write.batch)


def tell(realms: Realms, caller: PageCall, problem: str) -> None:
    """Write what went wrong in an auction to the console of the page that ran it, if it is anything."""
    if problem:
        realms.inform(caller, {"console": {"level": "error", "text": f"Worklet error: {problem}"}})

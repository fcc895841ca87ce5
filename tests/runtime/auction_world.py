"""Protected Audience of one profile without a browser: pages are calls, and scripts are functions of a test."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

from agent.browser.auction_fetches import TrustedSignals, Unusable
from agent.browser.documents import Document
from agent.browser.host_channel import PROTECTED_AUDIENCE_CALLS, Caller, PageCall, Refusal
from agent.model.clock import Clock
from agent.model.private_aggregation import Batch
from agent.model.protected_audience import AuctionFunction, AudienceEvent, FunctionCall, FunctionResult
from agent.model.rng import SeededRng
from agent.model.settings import Settings
from agent.model.shared_storage import StorageEvent
from agent.model.worklets import WorkletScript
from agent.runtime.auctions import Auctions
from agent.runtime.stored_interest_groups import StoredInterestGroups
from storage import events
from tests.runtime import worklet_world
from tests.runtime.worklet_world import World

BUYER, SELLER, PUBLISHER = "https://buyer.test", "https://seller.test", "https://publisher.test"
BID, DECISION = f"{BUYER}/bid.js", f"{SELLER}/dec.js"
Body = Callable[[list[Any]], FunctionResult]
"""What a script's function does with its arguments."""

GROUP: Mapping[str, Any] = {
    "owner": BUYER,
    "name": "a",
    "lifetimeMs": 3_600_000,
    "priority": None,
    "enableBiddingSignalsPrioritization": False,
    "executionMode": None,
    "biddingLogicURL": BID,
    "biddingWasmHelperURL": None,
    "updateURL": None,
    "trustedBiddingSignalsURL": None,
    "trustedBiddingSignalsKeys": None,
    "trustedBiddingSignalsSlotSizeMode": None,
    "userBiddingSignals": None,
    "ads": [{"renderURL": f"{BUYER}/ad-a", "metadata": '{"m":"a"}', "adRenderId": None}],
    "adComponents": None,
    "privateAggregationConfig": None,
}
CONFIG: Mapping[str, Any] = {
    "seller": SELLER,
    "decisionLogicURL": DECISION,
    "trustedScoringSignalsURL": None,
    "interestGroupBuyers": [BUYER],
    "auctionSignals": None,
    "sellerSignals": None,
    "perBuyerSignals": None,
    "sellerTimeout": None,
    "reportingTimeout": None,
    "perBuyerTimeouts": None,
    "perBuyerGroupLimits": None,
    "privateAggregationConfig": None,
    "componentAuctions": 0,
}


def bids_its_signals(arguments: list[Any]) -> FunctionResult:
    """``generateBid`` that bids what ``userBiddingSignals`` says, for the group's first ad."""
    group = arguments[0]
    return FunctionResult({"bid": group["userBiddingSignals"], "render": group["ads"][0]["renderURL"]}, duration=4)


def wants_the_highest(arguments: list[Any]) -> FunctionResult:
    """``scoreAd`` that finds a bid as desirable as it is high."""
    return FunctionResult({"desirability": arguments[1]})


@dataclass
class Scripts:
    """The scripts of the web, and what was asked of them."""

    functions: dict[AuctionFunction, Body] = field(default_factory=dict)
    calls: list[FunctionCall] = field(default_factory=list)
    unusable: dict[str, str] = field(default_factory=dict)
    """Messages by URL."""
    answers: dict[str, TrustedSignals] = field(default_factory=dict)
    """Of trusted servers, by URL without query."""
    permitted: dict[str, Any] = field(default_factory=dict)
    """What owners say of their groups to other origins."""
    fetched: list[str] = field(default_factory=list)
    called: asyncio.Event = field(default_factory=asyncio.Event)
    """Set: a function was called."""
    open: asyncio.Event = field(default_factory=asyncio.Event)
    """Set: functions come to their ends."""
    answering: asyncio.Event = field(default_factory=asyncio.Event)
    """Set: owners answer."""

    def __post_init__(self) -> None:
        self.open.set()
        self.answering.set()

    async def call(self, call: FunctionCall) -> FunctionResult:
        """See :class:`AuctionScriptHost`."""
        self.calls.append(call)
        self.called.set()
        await self.open.wait()
        body = self.functions.get(call.function)
        return FunctionResult() if body is None else body(json.loads(call.arguments))

    async def script(self, document: Document, url: str) -> WorkletScript | Unusable:
        """See :class:`Fetches`."""
        del document
        self.fetched.append(url)
        return Unusable(self.unusable[url]) if url in self.unusable else WorkletScript(url, "")

    async def signals(self, document: Document, url: str) -> TrustedSignals | Unusable:
        """See :class:`Fetches`."""
        del document
        self.fetched.append(url)
        return self.answers.get(url.partition("?")[0]) or Unusable(f"no {url}")

    async def permissions(self, document: Document, owner: str) -> dict[str, Any]:
        """See :class:`Fetches`."""
        del document, owner
        await self.answering.wait()
        return self.permitted

    def arguments(self, function: AuctionFunction) -> list[Any]:
        """What the last call of ``function`` was given."""
        return list(json.loads([one for one in self.calls if one.function is function][-1].arguments))


@dataclass
class AuctionWorld:
    """One profile, with a page of the buyer and one of the publisher."""

    world: World
    auctions: Auctions
    groups: StoredInterestGroups
    scripts: Scripts
    buyer: Document
    publisher: Document
    calls: int = 10_000

    @property
    def batches(self) -> list[Batch]:
        """What was reported so far."""
        return [batch for batch, _ in self.world.batches]

    def buckets(self) -> dict[str, list[tuple[int, int]]]:
        """Bucket and value of what was reported, by reporting origin."""
        told: dict[str, list[tuple[int, int]]] = {}
        for batch in self.batches:
            told.setdefault(batch.reporting_origin, []).extend((one.bucket, one.value) for one in batch.contributions)
        return {origin: sorted(ones) for origin, ones in told.items()}

    async def ask(
        self, method: str, options: Mapping[str, Any], document: Document, refused: Refusal | None = None
    ) -> Any:
        """A call of a page; gives its answer."""
        self.tell(method, options, document, refused)
        answers = self.world.browser.answers
        for _ in range(200):
            if self.calls in answers:
                return answers[self.calls]
            await self.world.settle()
        raise AssertionError(f"{method} was not answered")

    def tell(self, method: str, options: Mapping[str, Any], document: Document, refused: Refusal | None = None) -> None:
        """A call whose answer is not awaited."""
        self.calls += 1
        caller = Caller(document, document.origin)
        self.auctions.page_called(
            PageCall(caller, PROTECTED_AUDIENCE_CALLS, method, options, self.calls, "session", 1, refused)
        )

    async def join(self, name: str = "a", bid: float = 1, document: Document | None = None, **members: Any) -> Any:
        """Join a group that bids ``bid``."""
        ads = [{"renderURL": f"{BUYER}/ad-{name}", "metadata": None, "adRenderId": None}]
        group = {**GROUP, "name": name, "userBiddingSignals": json.dumps(bid), "ads": ads, **members}
        options = {"baseURL": f"{BUYER}/", "durationSeconds": None, "group": group}
        return await self.ask("joinAdInterestGroup", options, document or self.buyer)

    async def run(self, **members: Any) -> Any:
        """``runAdAuction`` of the publisher."""
        return await self.ask("runAdAuction", self.auction(**members), self.publisher)

    @staticmethod
    def auction(**members: Any) -> dict[str, Any]:
        """The options of ``runAdAuction``."""
        return {"auction": 1, "baseURL": f"{PUBLISHER}/", "config": {**CONFIG, **members}}

    async def show(self, urn: str, frame: str = "ad") -> Document:
        """Put ``urn`` into a frame of the publisher; gives the document that it shows."""
        urls = self.world.shared_storage.selected_urls
        url = await urls.resolve(self.publisher, urn)
        assert url is not None
        urls.navigation_asked(self.world.browser.frames.add(frame, "context", "session", "P"), url)
        document = self.world.open(url.rpartition("/")[0], frame, "P")
        await self.rest()
        return document

    async def told(self, kind: AudienceEvent | StorageEvent) -> list[str]:
        """Verdicts of the events of a kind, once everything has come to rest."""
        await self.rest()
        read = await self.world.database.transact("read", lambda c: events.read(c, after=0, limit=1000))
        return [event.verdict for event in read if event.kind == kind]

    async def rest(self) -> None:
        """Let everything come to rest."""
        for _ in range(5):
            await self.auctions.settled()
            await self.world.settle()


@asynccontextmanager
async def auction_world(settings: Settings | None = None, clock: Clock | None = None) -> AsyncIterator[AuctionWorld]:
    """A world, for the time of the ``async with``."""
    async with worklet_world.world(settings, clock) as world:
        around = world.around
        groups = StoredInterestGroups(
            world.database, around.transactions, world.clock, world.settings.protected_audience_limits
        )
        scripts = Scripts({AuctionFunction.GENERATE_BID: bids_its_signals, AuctionFunction.SCORE_AD: wants_the_highest})
        urls = world.shared_storage.selected_urls
        auctions = Auctions(around, groups, scripts, scripts, urls, SeededRng(1))
        buyer, publisher = world.open(BUYER, "B"), world.open(PUBLISHER, "P")
        yield AuctionWorld(world, auctions, groups, scripts, buyer, publisher)
        await auctions.close()

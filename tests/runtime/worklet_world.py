"""Shared Storage of one profile without a browser: pages are calls, and worklets do what a test says."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

from agent.browser.documents import Document, FrameTree
from agent.browser.host_channel import Caller, PageCall, Refusal
from agent.browser.worklet_scripts import BlobText
from agent.model.clock import Clock
from agent.model.errors import HostEnvironmentError
from agent.model.private_aggregation import Batch
from agent.model.settings import Settings
from agent.model.shared_storage_limits import SharedStorageLimits
from agent.model.tasks import Tasks
from agent.model.worklets import (
    Operation,
    OperationResult,
    ScriptFailure,
    StorageFailure,
    WorkletScript,
    WorkletServices,
)
from agent.runtime.alarms import Alarms
from agent.runtime.locks import LockManager
from agent.runtime.shared_storage import SharedStorage
from agent.runtime.stored_shared_storage import StoredSharedStorage
from agent.runtime.transactions import Transactions
from agent.runtime.worklet_surroundings import Surroundings
from storage.database import MEMORY, AsyncDatabase

NEWS, ADTECH = "https://news.test", "https://adtech.test"
SCRIPT = f"{NEWS}/worklet.js"
CONFIG: Mapping[str, Any] = {
    "contextId": None,
    "filteringIdMaxBytes": 1,
    "aggregationCoordinatorOrigin": None,
    "maxContributions": None,
}
DETERMINISTIC = {**CONFIG, "contextId": "one"}


class StandIn:
    """A worklet whose operations end when the test says so."""

    def __init__(self, services: WorkletServices, module: ScriptFailure | None) -> None:
        self.services, self.closed = services, False
        self.calls: dict[str, Operation] = {}
        """By the name of the operation."""
        self.broken_locks: list[int] = []
        self._module, self._ends = module, dict[str, asyncio.Future[OperationResult]]()

    async def add_module(self, script: WorkletScript) -> ScriptFailure | None:
        """See :class:`Worklet`."""
        del script
        return self._module

    async def call(self, operation: Operation) -> OperationResult:
        """See :class:`Worklet`."""
        self.calls[operation.name] = operation
        end: asyncio.Future[OperationResult] = asyncio.get_running_loop().create_future()
        self._ends[operation.name] = end
        return await end

    def end(self, name: str, result: OperationResult | None = None) -> None:
        """The operation ``name`` has ended."""
        self._ends[name].set_result(result or OperationResult())

    def lock_broken(self, lock: int) -> None:
        """See :class:`Worklet`."""
        self.broken_locks.append(lock)

    async def close(self) -> None:
        """See :class:`Worklet`."""
        self.closed = True
        for end in self._ends.values():
            if not end.done():
                end.set_result(OperationResult(died=True))


@dataclass
class Browser:
    """What the browser and its pages saw."""

    frames: FrameTree = field(default_factory=FrameTree)
    worklets: list[StandIn] = field(default_factory=list)
    room: bool = True
    """Whether worklets can be made."""
    options: list[Mapping[str, Any]] = field(default_factory=list)
    """With which each was made."""
    module: ScriptFailure | None = None
    """What module scripts throw."""
    script: WorkletScript | StorageFailure = field(default_factory=lambda: WorkletScript(SCRIPT, ""))
    loading: asyncio.Event = field(default_factory=asyncio.Event)
    """Set: scripts arrive."""
    answers: dict[int, Mapping[str, Any]] = field(default_factory=dict)
    console: list[tuple[str, str]] = field(default_factory=list)
    crashed: list[Document] = field(default_factory=list)

    async def caught_up(self) -> None:
        """See :class:`KnownFrames`."""

    async def create(
        self, services: WorkletServices, *, options: Mapping[str, Any], limits: SharedStorageLimits | None = None
    ) -> StandIn:
        """See :class:`WorkletHost`."""
        del limits
        if not self.room:
            raise HostEnvironmentError("no room")
        self.options.append(options)
        self.worklets.append(StandIn(services, self.module))
        return self.worklets[-1]

    async def load(
        self, document: Document, url: str, *, credentials: str, data_origin: str, blob: BlobText | None
    ) -> WorkletScript | StorageFailure:
        """See :class:`LoadScript`."""
        del document, url, credentials, data_origin, blob
        await self.loading.wait()
        return self.script

    def answer(self, call: PageCall, reply: Mapping[str, Any]) -> None:
        """See :class:`Realms`."""
        self.answers[call.answer_id] = reply

    def inform(self, call: PageCall, what: Mapping[str, Any]) -> None:
        """See :class:`Realms`."""
        del call
        self.console.append((what["console"]["level"], what["console"]["text"]))

    def crash(self, document: Document) -> None:
        """See :class:`Realms`."""
        self.crashed.append(document)


@dataclass
class World:
    """One profile, with one page at ``news.test`` unless a test makes more."""

    database: AsyncDatabase
    clock: Clock
    settings: Settings
    browser: Browser = field(default_factory=Browser)
    batches: list[tuple[Batch, int]] = field(default_factory=list)
    """With the instant at which each was complete."""
    auctions: list[int | None] = field(default_factory=list)
    """The numbers of the auctions' events that the batches are of."""
    calls: int = 0

    def __post_init__(self) -> None:
        transactions = Transactions(self.database, lambda: None)
        self.locks = LockManager()
        self.storage = StoredSharedStorage(self.database, transactions, self.clock, self.settings.shared_storage_limits)
        self.around = around = Surroundings(
            host=self.browser,
            storage=self.storage,
            transactions=transactions,
            locks=self.locks,
            alarms=Alarms(self.clock),
            clock=self.clock,
            settings=self.settings,
            tasks=Tasks(),
            complete=self._complete,
            realms=self.browser,
            browser=self.browser,
        )
        self.shared_storage = SharedStorage(around, self.browser.load)
        self.browser.loading.set()
        self.page = self.open()

    async def _complete(self, batch: Batch, *, now: int, auction: int | None = None) -> int | None:
        self.batches.append((batch, now))
        self.auctions.append(auction)
        return len(self.batches)

    def open(self, origin: str = NEWS, frame: str = "T", parent: str | None = None) -> Document:
        """A document, committed in a frame; what stood there before has ended."""
        frames = self.browser.frames
        frames.on_unloaded[:] = [self.shared_storage.document_ended]
        frames.on_committed[:] = [self.shared_storage.selected_urls.committed]
        document = frames.commit(
            frames.add(frame, "context", "session", parent), "1", f"{origin}/", origin, secure=True
        )
        document.container = {}
        document.container_known.set()
        return document

    async def call(self, method: str, options: Mapping[str, Any], document: Document | None = None) -> Any:
        """A call that awaits its answer."""
        number = self.tell(method, options, document)
        async with asyncio.timeout(5):
            while number not in self.browser.answers:
                await self.settle()
        return self.browser.answers[number]

    def tell(
        self,
        method: str,
        options: Mapping[str, Any],
        document: Document | None = None,
        refused: Refusal | None = None,
    ) -> int:
        """A call whose answer nobody awaits; gives its number."""
        self.calls += 1
        asker = document or self.page
        caller = Caller(asker, asker.origin)
        call = PageCall(caller, "sharedStorage", method, options, self.calls, "session", 1, refused)
        self.shared_storage.page_called(call)
        return self.calls

    async def settle(self) -> None:
        """Let everything come to rest that waits for nothing but the store."""
        for _ in range(4):
            await self.database.transact("settle", lambda _: None)
            await asyncio.sleep(0)

    # What pages say.

    def set(self, key: str, value: str, *, lock: str | None = None, document: Document | None = None) -> int:
        """``sharedStorage.set``."""
        method = {"op": "set", "key": key, "value": value, "ignoreIfPresent": False}
        return self.tell("update", {"methods": [method], "lock": lock, "batch": False}, document)

    async def create_worklet(self, number: int = 1, **options: Any) -> Any:
        """``createWorklet``; gives the answer."""
        defaults = {"worklet": number, "url": SCRIPT, "credentials": "same-origin", "dataOrigin": "context-origin"}
        return await self.call("createWorklet", {**defaults, **options})

    async def run(self, name: str = "op", *, keep_alive: bool = True, **options: Any) -> int:
        """``run``, until it is called; gives the number of the call."""
        number = self.tell("run", self.operation(name, keep_alive=keep_alive, **options))
        await self.settle()
        return number

    async def select_url(self, name: str, urn: str, urls: int = 8, **options: Any) -> int:
        """``selectURL`` among so many URLs, until it is called; gives the number of the call."""
        entries = [{"url": f"{NEWS}/{index}", "reportingMetadata": {}} for index in range(urls)]
        selection = {"urls": entries, "urn": urn, "savedQuery": "", "resolveToConfig": False}
        number = self.tell("selectURL", {**self.operation(name), **selection, **options})
        await self.settle()
        return number

    @staticmethod
    def operation(name: str, *, keep_alive: bool = True, **options: Any) -> dict[str, Any]:
        """The options of ``run``."""
        return {"worklet": 1, "name": name, "data": None, "keepAlive": keep_alive, "config": CONFIG, **options}

    async def entries(self, origin: str = NEWS) -> dict[str, str]:
        """What ``origin`` has stored."""
        return {entry.key: entry.value for entry in await self.storage.entries(origin)}

    @property
    def worklet(self) -> StandIn:
        """The worklet made last."""
        return self.browser.worklets[-1]


@asynccontextmanager
async def world(settings: Settings | None = None, clock: Clock | None = None) -> AsyncIterator[World]:
    """A world, for the time of the ``async with``."""
    clock = clock or Clock.frozen()
    async with await AsyncDatabase.open(MEMORY, now=clock.now()) as database:
        made = World(database, clock, settings or Settings())
        yield made
        await made.shared_storage.close()

"""The host of auctions' scripts: a fresh realm for each call of a function, in a hidden page of their own.

A realm takes tens of milliseconds to make, and an auction needs one for each bid and each score; so a few are made
ahead.
"""

from __future__ import annotations

import asyncio
from collections import deque
from contextlib import suppress

from agent.browser.auction_realm import AuctionRealm
from agent.browser.devtools_pipe import DevToolsPipe
from agent.browser.worklet_page import WorkletPage
from agent.browser.worklet_pages import WorkletPages
from agent.browser.worklet_script import WorkletScriptConfig, auction_script
from agent.browser.worklet_watch import PROCESS_GONE, WorkletWatch
from agent.model.errors import HostEnvironmentError
from agent.model.protected_audience import FunctionCall, FunctionResult
from agent.model.rng import token
from agent.model.shared_storage_limits import SharedStorageLimits
from agent.model.tasks import Tasks

_AHEAD = 3
"""How many realms wait for calls."""
_AT_ONCE = 4
"""How many calls run. Their time is measured by the clock, so they must not take too much of it from one another."""
_SHORT = 100
"""Milliseconds. What ran out of less may have had the bad luck of a busy machine, and gets a second chance."""


class AuctionScripts:
    """Runs functions of auctions' scripts (:class:`agent.model.protected_audience.AuctionScriptHost`)."""

    def __init__(self, pipe: DevToolsPipe, tasks: Tasks) -> None:
        self._tasks = tasks
        self._pages = WorkletPages(pipe, tasks, self._process_gone)
        self._binding, self._hear = f"b{token()}", f"h{token()}"
        self._text = auction_script(WorkletScriptConfig(self._binding, self._hear))
        self._ahead: deque[asyncio.Task[AuctionRealm]] = deque()
        self._realms: set[AuctionRealm] = set()
        self._watch = WorkletWatch(tasks)
        self._turn = asyncio.Semaphore(_AT_ONCE)
        self._making = asyncio.Lock()

    async def call(self, call: FunctionCall) -> FunctionResult:
        """Call a function in a fresh realm; raises HostEnvironmentError where the browser makes none."""
        result = await self._call(call)
        return await self._call(call) if result.timed_out and call.timeout <= _SHORT else result

    async def _call(self, call: FunctionCall) -> FunctionResult:
        async with self._turn:
            realm = await self._take()
            self._watch.add(realm, SharedStorageLimits())
            try:
                return await realm.call(call)
            finally:
                realm.end("it has done its work")

    async def close(self) -> None:
        """End all realms and take the page away."""
        for making in self._ahead:
            making.cancel()
        for realm in list(self._realms):
            realm.end("the browser closes")
        await self._pages.close()

    async def _take(self) -> AuctionRealm:
        """A realm that has been made ahead, if its process still lives; then the next one is begun."""
        while len(self._ahead) <= _AHEAD:
            self._ahead.append(self._tasks.start(self._make(), "make a realm for an auction"))
        for _ in range(len(self._ahead)):
            with suppress(HostEnvironmentError):  # of a process that died meanwhile
                realm = await self._ahead.popleft()
                if not realm.has_ended:
                    return realm
        return await self._make()

    async def _make(self) -> AuctionRealm:
        async with self._making:  # or the making of many would take its time from the calls
            realm = AuctionRealm(await self._pages.opened(), self._hear, self._tasks, self._ended)
            self._realms.add(realm)
            try:
                await realm.start(self._text, self._binding)
            except BaseException:
                realm.end("it did not start")
                raise
            return realm

    def _process_gone(self, page: WorkletPage) -> None:
        for realm in [realm for realm in self._realms if realm.page is page]:
            realm.end(PROCESS_GONE)

    def _ended(self, realm: AuctionRealm) -> None:
        self._realms.discard(realm)
        self._watch.remove(realm)

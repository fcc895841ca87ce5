"""Ends worklets that do not pause, hold too much memory, or say too much.

Chromium has no such limits. Here one worklet must not take down the others, with which it shares a process: where that
runs out of memory all of them are gone.
"""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from dataclasses import dataclass
from typing import Any, Protocol

from agent.browser.devtools_pipe import Message
from agent.browser.worklet_messages import TOO_MANY_MESSAGES
from agent.browser.worklet_page import Worker, WorkletPage
from agent.model.shared_storage_limits import SharedStorageLimits
from agent.model.tasks import Tasks

_TICK = 0.2
"""Seconds from one look to the next."""
_PULSE = 1.0
"""Seconds from one answer to the next question."""
_MOST_EVENTS = 20_000
"""What a worklet may say from one answer to the next: more would keep the agent from everything else."""
_BUSY = 0.3
"""Seconds without an answer after which a worklet counts as busy."""
_SETTLING = 0.5
"""Seconds in which the memory of one that has ended comes back, before another is ended for it."""
_SHARES = 4
"""How many worklets' worth of memory all may hold together; as much that nobody owns up to ends all of them."""
_KINDS_OF_MEMORY = ("usedSize", "embedderHeapUsedSize", "backingStorageSize")
"""Fields of ``Runtime.getHeapUsage``, in bytes."""
UNRESPONSIVE = "it did not respond"
TOO_MUCH_MEMORY = "it held too much memory"
PROCESS_GONE = "its process is gone"


class WatchedWorklet(Protocol):
    """What is watched."""

    page: WorkletPage
    worker: Worker
    events_received: int

    @property
    def is_called(self) -> bool:
        """Whether its code runs, or is awaited."""
        ...

    def end(self, reason: str) -> None:
        """End it, and tell whom it concerns why."""
        ...

    async def while_alive(self, work: Coroutine[Any, Any, Message]) -> Message | None:
        """What ``work`` gives; None where the worklet ends first."""
        ...


@dataclass(slots=True, eq=False)
class _Watched:
    worklet: WatchedWorklet
    limits: SharedStorageLimits
    held: int = 0
    """Bytes, when they were last measured."""
    is_measured: bool = False
    """Whether they are being measured now."""
    asked: float | None = None
    """Since when it has not answered."""
    answered: float = -_PULSE
    called: float = 0
    """Since when operations have been under way; 0 where none are."""
    events: int = 0
    """How many it had sent by its last answer."""

    def busy(self, now: float) -> float:
        """For how many seconds it has not answered."""
        return 0 if self.asked is None else now - self.asked


class WorkletWatch:
    """Watches worklets while there are any."""

    def __init__(self, tasks: Tasks) -> None:
        self._tasks = tasks
        self._watched: dict[WatchedWorklet, _Watched] = {}
        self._running: asyncio.Task[None] | None = None
        self._now = 0.0
        """Seconds in which this process could hear answers: it may have been kept from that itself."""

    def add(self, worklet: WatchedWorklet, limits: SharedStorageLimits) -> None:
        """Watch a worklet from now on."""
        self._watched[worklet] = _Watched(worklet, limits)
        if self._running is None or self._running.done():
            self._running = self._tasks.start(self._watch(), "watch worklets")

    def remove(self, worklet: WatchedWorklet) -> None:
        """The worklet has ended."""
        self._watched.pop(worklet, None)

    async def _watch(self) -> None:
        loop = asyncio.get_running_loop()
        last = loop.time()
        while True:
            await asyncio.sleep(_TICK)
            if not self._watched:
                return
            # Where one worklet says much, the answers of the others come behind that.
            await next(iter(self._watched)).page.pipe.caught_up()
            self._now += min(loop.time() - last, 2 * _TICK)
            last = loop.time()
            for watched in list(self._watched.values()):
                self._look_at(watched, self._now)
            for page in {watched.worklet.page for watched in self._watched.values()}:
                self._bound_process(page, self._now)

    def _look_at(self, watched: _Watched, now: float) -> None:
        worklet = watched.worklet
        if worklet.events_received - watched.events > _MOST_EVENTS:
            worklet.end(TOO_MANY_MESSAGES)
        elif watched.asked is None:
            if now - watched.answered >= _PULSE:
                watched.asked = now
                self._tasks.start(self._ask(watched), "feel a worklet's pulse")
        elif watched.busy(now) * 1000 >= watched.limits.worklet_unresponsive:
            worklet.end(UNRESPONSIVE)
        watched.called = 0 if not worklet.is_called else watched.called or now
        if not watched.is_measured and (worklet.is_called or watched.asked is not None):
            watched.is_measured = True
            self._tasks.start(self._measure(watched), "measure a worklet")

    async def _ask(self, watched: _Watched) -> None:
        worklet = watched.worklet
        answer = await worklet.while_alive(worklet.worker.call("Runtime.evaluate", {"expression": "0"}))
        watched.asked, watched.answered = None, self._now
        watched.events = worklet.events_received
        if answer is not None and "error" in answer:
            worklet.end(PROCESS_GONE)

    async def _measure(self, watched: _Watched) -> None:
        # This one the browser answers also in the midst of a loop.
        worklet = watched.worklet
        usage = await worklet.while_alive(worklet.worker.call("Runtime.getHeapUsage", {}))
        watched.is_measured = False
        watched.held = 0 if usage is None else sum(int(usage.get(kind, 0)) for kind in _KINDS_OF_MEMORY)
        if watched.held > watched.limits.worklet_memory:
            worklet.end(TOO_MUCH_MEMORY)

    def _bound_process(self, page: WorkletPage, now: float) -> None:
        """Bound what worklets hold together, and what V8 does not count: WebAssembly's, say, of nobody known."""
        mine = [watched for watched in self._watched.values() if watched.worklet.page is page]
        process, most = page.process, _SHARES * max(watched.limits.worklet_memory for watched in mine)
        held = sum(watched.held for watched in mine)
        if held > most:
            # All of them have one address range of V8's: where that is used up, all of them are gone.
            max(mine, key=lambda watched: watched.held).worklet.end(TOO_MUCH_MEMORY)
            return
        unowned = process.grown() - held
        if unowned > most:
            page.crash()
        if page.ending:
            process.settled = now + _SETTLING
        busy = [watched for watched in mine if watched.busy(now) > _BUSY]
        called = [watched for watched in mine if watched.called]
        if not (busy or called) or now < process.settled:
            # What the process needs for itself, and what it has not given back.
            process.own_growth = unowned
            return
        # Where nobody is busy, those that have just begun are not taken for it: most of them are done at once.
        suspects = busy or [watched for watched in called if now - watched.called >= _PULSE]
        # What fills memory does it at once, so it is the one that began last.
        suspect = max(suspects, key=lambda watched: watched.called, default=None)
        bound = min(watched.limits.worklet_memory for watched in busy + called)
        if suspect is not None and unowned - process.own_growth > suspect.limits.worklet_memory:
            suspect.worklet.end(TOO_MUCH_MEMORY)
        elif suspect is None and unowned - process.own_growth > bound:
            for watched in called:
                watched.answered = min(watched.answered, now - _PULSE)

"""The locks of Shared Storage: one manager for each profile, partitioned by data origin.

Writes that name a lock, of pages, worklets and responses, and ``navigator.locks`` of worklets share it (shared-storage
section 2; Web Locks section 4).
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

EXCLUSIVE, SHARED = "exclusive", "shared"


@dataclass(slots=True, eq=False)
class Lock:
    """A lock that is held, or asked for."""

    origin: str
    name: str
    mode: str
    broken: Callable[[], None] | None = None
    """Called where another request steals it."""


@dataclass(slots=True)
class _Queue:
    origin: str
    name: str
    """One copy for all who ask for it."""
    held: list[Lock] = field(default_factory=list)
    waiting: deque[tuple[Lock, asyncio.Future[None]]] = field(default_factory=deque)

    def may_hold(self, lock: Lock) -> bool:
        return not self.held or (lock.mode == SHARED and self.held[0].mode == SHARED)


class LockManager:
    """Grants locks in the order in which they were asked for."""

    def __init__(self) -> None:
        self._queues: dict[tuple[str, str], _Queue] = {}

    async def acquire(
        self,
        origin: str,
        name: str,
        *,
        mode: str = EXCLUSIVE,
        if_available: bool = False,
        steal: bool = False,
        broken: Callable[[], None] | None = None,
    ) -> Lock | None:
        """Wait for the lock ``name`` of ``origin``; gives None at once with ``if_available`` where it is not free.

        ``steal``: take it from those that hold it, whose ``broken`` is called. Cancelled, it is asked for no more.
        """
        queue = self._queues.setdefault((origin, name), _Queue(origin, name))
        lock = Lock(queue.origin, queue.name, mode, broken)
        if steal:
            stolen, queue.held = queue.held, [lock]
            for other in stolen:
                if other.broken is not None:
                    other.broken()
            return lock
        if not queue.waiting and queue.may_hold(lock):
            queue.held.append(lock)
            return lock
        if if_available:
            return None
        granted: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        request = lock, granted
        queue.waiting.append(request)
        try:
            await granted
        except asyncio.CancelledError:
            if request in queue.waiting:
                queue.waiting.remove(request)
                self._grant(queue)
            else:
                self.release(lock)
            raise
        return lock

    def release(self, lock: Lock) -> None:
        """Hold ``lock`` no more; does nothing for one that was released or stolen."""
        key = lock.origin, lock.name
        queue = self._queues.get(key)
        if queue is None or lock not in queue.held:
            return
        queue.held.remove(lock)
        self._grant(queue)
        if not queue.held and not queue.waiting:
            del self._queues[key]

    def _grant(self, queue: _Queue) -> None:
        while queue.waiting and queue.may_hold(queue.waiting[0][0]):
            lock, granted = queue.waiting.popleft()
            queue.held.append(lock)
            if not granted.done():
                granted.set_result(None)

    @asynccontextmanager
    async def holding(self, origin: str, name: str | None) -> AsyncIterator[None]:
        """Hold the exclusive lock ``name`` meanwhile; none where it is None."""
        if name is None:
            yield
            return
        lock = await self.acquire(origin, name)
        assert lock is not None
        try:
            yield
        finally:
            self.release(lock)

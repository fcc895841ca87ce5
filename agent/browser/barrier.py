"""Waiting until the browser's messages have caught up, one question for all who wait."""

from __future__ import annotations

import asyncio

from agent.browser.observer import Observer
from agent.model.tasks import Tasks


class Barrier:
    """Turns any number of waits into few questions to the browser: at most one under way and one to follow."""

    def __init__(self, observer: Observer, tasks: Tasks) -> None:
        self._observer, self._tasks = observer, tasks
        self._under_way: asyncio.Task[None] | None = None
        self._following: asyncio.Task[None] | None = None

    async def passed(self) -> None:
        """Wait until all is known here that the browser knew when this was called."""
        if self._under_way is None or self._under_way.done():
            self._under_way = self._tasks.start(self._observer.caught_up(), "catch up")
            await asyncio.shield(self._under_way)
            return
        # The question under way may have been asked too early for this one.
        if self._following is None or self._following.done():
            self._following = self._tasks.start(self._after(self._under_way), "catch up again")
        await asyncio.shield(self._following)

    async def _after(self, earlier: asyncio.Task[None]) -> None:
        await asyncio.wait((earlier,))
        self._following = None
        self._under_way = self._tasks.start(self._observer.caught_up(), "catch up")
        await asyncio.shield(self._under_way)

"""Waiting until messages have caught up, one question for all who wait for the same ones."""

from __future__ import annotations

import asyncio

from agent.browser.observer import Observer
from agent.model.tasks import Tasks


class Barrier:
    """Turns any number of waits into few questions: for each session at most one under way and one to follow."""

    def __init__(self, observer: Observer, tasks: Tasks) -> None:
        self._observer, self._tasks = observer, tasks
        self._under_way: dict[str | None, asyncio.Task[None]] = {}
        self._following: dict[str | None, asyncio.Task[None]] = {}

    async def passed(self, session: str | None = None) -> None:
        """Wait until all is known here that the browser, or the page behind ``session``, knew when this was called."""
        if (under_way := self._under_way.get(session)) is None:
            await asyncio.shield(self._ask(session))
            return
        # The question under way may have been asked too early for this one.
        if (following := self._following.get(session)) is None:
            following = self._tasks.start(self._after(under_way, session), "catch up again")
            self._following[session] = following
        await asyncio.shield(following)

    def _ask(self, session: str | None) -> asyncio.Task[None]:
        asking = self._under_way[session] = self._tasks.start(self._observer.caught_up(session), "catch up")
        asking.add_done_callback(lambda _: self._answered(session, asking))
        return asking

    def _answered(self, session: str | None, asked: asyncio.Task[None]) -> None:
        if self._under_way.get(session) is asked:
            del self._under_way[session]

    async def _after(self, earlier: asyncio.Task[None], session: str | None) -> None:
        await asyncio.wait((earlier,))
        del self._following[session]
        await asyncio.shield(self._ask(session))

"""What arrives is handed on in the order in which it arrived."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Generic, TypeVar

from agent.model.tasks import Tasks

_ROOM = 64
"""How many may wait in line; more are held back where they come from, so that memory stays bounded."""
T = TypeVar("T")


class Arrivals(Generic[T]):
    """A line: what is to be handed on may take its time to become known, and keeps its place."""

    def __init__(self, hand_on: Callable[[T], Awaitable[None]]) -> None:
        self._hand_on = hand_on
        self._room = asyncio.Semaphore(_ROOM)
        self._last = asyncio.Event()
        self._last.set()
        self._tasks = Tasks()

    def add(self, coming: Awaitable[T | None]) -> Awaitable[None]:
        """Take a place in the line for what ``coming`` gives, None for nothing.

        What this gives must be awaited; it is done when the item is known and has room in the line.
        """
        before, self._last = self._last, asyncio.Event()
        return self._take(coming, before, self._last)

    async def _take(self, coming: Awaitable[T | None], before: asyncio.Event, done: asyncio.Event) -> None:
        item = None
        try:
            item = await coming
        finally:
            if item is None:
                self._tasks.start(_leave(before, done), "nothing arrived")
        if item is not None:
            await self._room.acquire()
            self._tasks.start(self._in_turn(item, before, done), "arrival")

    async def _in_turn(self, item: T, before: asyncio.Event, done: asyncio.Event) -> None:
        try:
            await before.wait()
            await self._hand_on(item)
        finally:
            done.set()
            self._room.release()

    async def settled(self) -> None:
        """Wait until all that has a place in the line by now is handed on."""
        await self._last.wait()

    async def close(self) -> None:
        """Hand on no more."""
        await self._tasks.close()


async def _leave(before: asyncio.Event, done: asyncio.Event) -> None:
    await before.wait()
    done.set()

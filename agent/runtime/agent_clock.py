"""The agent's clock as its owner moves it, and what follows when it moves."""

from __future__ import annotations

import asyncio
import logging
import re
from collections.abc import Awaitable, Callable

from agent.model.clock import FASTEST, SECOND, Clock, format_instant, parse_instant
from agent.model.errors import HostEnvironmentError, UsageError
from agent.model.tasks import Tasks
from storage import clock as stored_clock
from storage import report_queue
from storage.database import AsyncDatabase

_log = logging.getLogger("tallyhost")
_SPEED = re.compile(r"(\d{1,6}(?:\.\d{1,3})?)\s*x?", re.IGNORECASE)
_KEEP_EVERY = 1.0
"""Real seconds after which a clock that runs faster is shown to pages and kept anew."""


class AgentClock:
    """The agent's clock as its owner moves it. Instants are milliseconds since 1970.

    ``settle`` does what became due and keeps how far the clock was moved; ``show`` shows it to pages.
    """

    def __init__(
        self,
        clock: Clock,
        settle: Callable[[], Awaitable[None]],
        show: Callable[[], Awaitable[None]],
        database: AsyncDatabase,
    ) -> None:
        self._clock, self._settle, self._show, self._database = clock, settle, show, database
        self._settling: set[asyncio.Future[None]] = set()
        self._tasks = Tasks()
        self._keeper: asyncio.Task[None] | None = None
        self._course_set = False

    def now(self) -> int:
        """The present instant."""
        return self._clock.now()

    @property
    def speed(self) -> float:
        """How many times as fast as real time it goes: 1, more while it runs faster, 0 while it stands still."""
        return self._clock.speed

    @property
    def ahead(self) -> int:
        """How many milliseconds it was moved ahead by :meth:`advance` and :meth:`to`, whatever its course."""
        return self._clock.ahead

    def advance(self, duration: int | str) -> Awaitable[None]:
        """Move forward by milliseconds or by text such as ``"2d"``; the clock has moved when this returns.

        Await the result to have everything done that became due. Raises ValueError for a negative or unreadable
        duration.
        """
        self._clock.advance(duration)
        return self._settled()

    def to(self, instant: int | str) -> Awaitable[None]:
        """Move forward to an instant, or to ISO 8601 text such as ``"2026-12-24T09:00Z"``; else as :meth:`advance`.

        Raises UsageError for an instant that has passed, or that cannot be read.
        """
        where = f"time to {instant}"
        try:
            wanted = parse_instant(instant) if isinstance(instant, str) else instant
        except (ValueError, OverflowError):
            raise UsageError(
                f"{instant!r} is no time",
                where=where,
                rule="ISO 8601; without an offset it is in UTC",
                fix="2026-12-24T09:00Z",
            ) from None
        now = self._clock.now()
        if wanted < now:
            raise UsageError(
                f"that has passed: it is {format_instant(now)} now",
                where=where,
                rule="the clock never goes back",
                fix="name a later time, or start with another profile",
            )
        try:
            return self.advance(wanted - now)
        except ValueError as error:
            raise UsageError(str(error), where=where) from None

    async def next(self) -> int | None:
        """Move to the time of the next pending report and send it; gives that instant, None when none is pending."""
        due = await self._database.transact("next due report", report_queue.next_due)
        if due is None:
            return None
        await self.advance(max(0, due - self._clock.now()))
        return due

    async def freeze(self) -> None:
        """Stand still from now on: time passes by :meth:`advance`, :meth:`to` and :meth:`next` alone."""
        self._clock.freeze()
        await self._course_changed()

    async def run(self, speed: float | str = 1) -> None:
        """Go on from here, so many times as fast as real time; text such as ``"10x"`` is read.

        Raises UsageError for a speed that is none; nothing changes then, nor where how far it may come cannot be kept.
        """
        try:
            wanted = _read_speed(speed)
        except ValueError:
            raise UsageError(
                f"{speed!r} is no speed of a clock",
                where="time run",
                rule=f"how many times as fast as real time it goes, from 1x to {FASTEST}x",
                fix="10x; `tallyhost time freeze` stops the clock",
            ) from None
        await self._keep_for(wanted)  # first: what happens at its times must not outlive them
        self._clock.run(wanted)
        await self._course_changed()

    async def close(self) -> None:
        """Keep how far a clock whose course was changed has come."""
        await self._tasks.close()
        if self._course_set:
            await self._keep(self._clock.lead)

    async def keep(self) -> None:
        """Keep how far the clock stands ahead; of a fast one, where it will stand when it is kept anew.

        An agent that is killed must not make it go back.
        """
        await self._keep_for(self._clock.speed)

    async def _keep_for(self, speed: float) -> None:
        margin = max(0.0, speed - 1) * 2 * _KEEP_EVERY * SECOND
        await self._keep(self._clock.lead + round(margin))

    def _settled(self) -> Awaitable[None]:
        settling = asyncio.ensure_future(self._settle())  # noqa: TID251 - awaited by the caller, or kept until done
        self._settling.add(settling)
        settling.add_done_callback(self._settling.discard)
        return settling

    async def _course_changed(self) -> None:
        self._course_set = True
        if self._keeper is not None:
            self._keeper.cancel()
            self._keeper = None
        if self._clock.speed > 1:
            self._keeper = self._tasks.start(self._keep_up(), "keep a fast clock")
        await self.keep()
        await self._show()

    async def _keep_up(self) -> None:
        while True:
            await asyncio.sleep(_KEEP_EVERY)
            try:
                await self.keep()
            except HostEnvironmentError as error:  # a full disk, a lock: the next time it may be kept again
                _log.error("how far the clock has come cannot be kept: %s", error)
            try:
                await self._show()
            except Exception:  # noqa: BLE001 - a page that just closes must not end this
                _log.debug("a page was not shown the time", exc_info=True)

    async def _keep(self, lead: int) -> None:
        # One that was stopped may stand behind the wall clock, with which a profile is opened again.
        ahead = max(0, lead)
        await self._database.transact("move clock", lambda c: stored_clock.write_ahead(c, ahead))


def _read_speed(speed: float | str) -> float:
    """The number that is meant. Raises ValueError for what no clock can run at."""
    match = _SPEED.fullmatch(speed.strip()) if isinstance(speed, str) else None
    wanted = float(match[1]) if match else speed
    if isinstance(wanted, bool) or not isinstance(wanted, int | float) or not 1 <= wanted <= FASTEST:
        raise ValueError
    return wanted

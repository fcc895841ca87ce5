"""When reports are sent: each at its time on the agent's clock, a few at one time.

An attempt is recorded as begun before its first byte leaves, and its result afterwards, so no attempt is made
twice. A result that was never recorded, because the agent ended meanwhile, counts as a failed attempt: the report
may have arrived, and the retry is the one that the draft allows.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable

from agent.delivery.retries import INTERRUPTED, after_attempt
from agent.delivery.sender import Attempt, Outcome, Sender
from agent.model.clock import Clock
from agent.model.errors import HostEnvironmentError
from agent.model.events import Event
from agent.model.interfaces import DeliveryResult, ReportQueue
from agent.model.reports import Report
from agent.model.tasks import Tasks

CONCURRENT_ATTEMPTS = 8
_LONGEST_SLEEP = 60.0
"""Seconds; bounds how late a report goes out when the machine was suspended."""
_SHORTEST_SLEEP = 0.05
"""Seconds; bounds how often a frozen clock is asked that stands just before a report's time."""

_log = logging.getLogger("tallyhost")


class Scheduler:
    """Sends what is due. One per profile: :meth:`start` it, :meth:`wake` it for a new report, :meth:`close` it."""

    def __init__(self, queue: ReportQueue, sender: Sender, clock: Clock, publish: Callable[[Event], None]) -> None:
        self._queue, self._sender, self._clock, self._publish = queue, sender, clock, publish
        self._tasks = Tasks()
        self._loop: asyncio.Task[None] | None = None
        self._attempts = 0
        self._results: list[DeliveryResult] = []
        self._failure: HostEnvironmentError | None = None
        self._awake = asyncio.Event()
        self._idle = asyncio.Event()
        clock.on_advance(lambda _: self.wake())

    async def start(self) -> None:
        """Count what an earlier agent left unfinished as failed attempts, then begin to send."""
        now = self._clock.now()
        self._results = [after_attempt(report, INTERRUPTED, now) for report in await self._queue.interrupted()]
        self._loop = self._tasks.start(self._run(), "report scheduler")

    def wake(self) -> None:
        """Look again at once: there is a new report, or a new time."""
        self._idle.clear()
        self._awake.set()

    async def release(self, host: str) -> None:
        """Send what waits for ``host`` (or ``*.host``, or ``*``), which has just been mapped."""
        if await self._queue.release(host, self._clock.now()):
            self.wake()

    async def settle(self) -> None:
        """Wait until nothing is due and no attempt runs. Raises HostEnvironmentError when the store fails."""
        if self._loop is None:
            return
        if not self._loop.done():
            self.wake()
            await self._idle.wait()
        if self._failure is not None:
            raise self._failure
        if self._loop.done() and not self._loop.cancelled():
            self._loop.result()

    async def close(self) -> None:
        """Stop. An attempt that is cut off counts as failed when the profile is used again."""
        await self._tasks.close()

    async def _run(self) -> None:
        try:
            while True:
                self._awake.clear()
                try:
                    pause = await self._step()
                    self._failure = None
                except HostEnvironmentError as error:
                    # Results stay in memory until the store takes them.
                    _log.error("reports wait: %s", error)
                    self._failure, pause = error, _LONGEST_SLEEP
                    self._idle.set()
                try:
                    async with asyncio.timeout(pause):
                        await self._awake.wait()
                except TimeoutError:
                    pass
        finally:
            self._idle.set()

    async def _step(self) -> float:
        """Record what ended, begin what is due; gives the seconds until there may be more to do."""
        if self._results:
            events = await self._queue.record(list(self._results))
            # Attempts that ended meanwhile stand behind those recorded.
            del self._results[: len(events)]
            for event in events:
                self._publish(event)
        free = CONCURRENT_ATTEMPTS - self._attempts
        for report in await self._queue.claim_due(self._clock.now(), free) if free else []:
            self._attempts += 1
            self._tasks.start(self._attempt(report), f"send report {report.id[:8]}")
        if self._attempts or self._results or self._awake.is_set():
            return _LONGEST_SLEEP
        due = await self._queue.next_due()
        if not self._awake.is_set():
            self._idle.set()
        seconds = _LONGEST_SLEEP if due is None else (due - self._clock.now()) / 1000
        return min(max(seconds, _SHORTEST_SLEEP), _LONGEST_SLEEP)

    async def _attempt(self, report: Report) -> None:
        try:
            attempt = await self._sender.send(report)
        except Exception as error:  # noqa: BLE001 - a bug on the way must not leave the report without a result
            _log.exception("sending report %s failed", report.id)
            attempt = Attempt(Outcome.FAILED, f"{type(error).__name__}: {error}")
        self._attempts -= 1
        self._results.append(after_attempt(report, attempt, self._clock.now()))
        self.wake()

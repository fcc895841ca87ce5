"""When reports are sent: each at its time on the agent's clock, a few at one time.

An attempt is recorded as begun before its first byte leaves, and its result afterwards. One whose result was never
recorded, because the agent ended meanwhile, is known at the next start (:func:`after_interruption`). Reports of
Attribution Reporting and of Private Aggregation that are due together leave shuffled; those that were overdue when the
agent began, or came back online, leave within a minute of that. Debug reports, and conversion reports, go first and in
order.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from contextlib import suppress

from agent.delivery.assembly import Assembler
from agent.delivery.lanes import SHUFFLED, Lane, lanes
from agent.delivery.retries import NAVIGATION_DELAY, RETRIES, after_attempt, after_interruption
from agent.delivery.sender import Attempt, Outcome, Sender
from agent.model.attribution_reporting.limits import AttributionReportingLimits
from agent.model.clock import Clock
from agent.model.errors import HostEnvironmentError
from agent.model.events import Event
from agent.model.interfaces import DeliveryResult, ReportQueue
from agent.model.reports import Report
from agent.model.rng import Draw, Rng
from agent.model.tasks import Tasks

_LONGEST_SLEEP = 60.0
"""Seconds; bounds how late a report goes out when the machine was suspended."""
_SHORTEST_SLEEP = 0.05
"""Seconds; bounds how often the clock is asked just before a report's time."""

_POSTPONED_AT_ONCE = 10_000
"""Reports of a kind in one transaction, so that pages wait for none of them long."""

_log = logging.getLogger("tallyhost")


class Scheduler:
    """Sends what is due. One per profile: :meth:`start` it, :meth:`wake` it for a new report, :meth:`close` it."""

    def __init__(
        self,
        queue: ReportQueue,
        assembler: Assembler,
        sender: Sender,
        clock: Clock,
        publish: Callable[[Event], None],
        *,
        limits: AttributionReportingLimits,
        rng: Rng,
    ) -> None:
        self._queue, self._assembler, self._sender = queue, assembler, sender
        self._clock, self._publish, self._rng = clock, publish, rng
        self._longest_delay = limits.start_up_delay
        self._waiting_retry = RETRIES.index(limits.retry_after_new_navigation)
        self._opened = clock.now()
        self._tasks = Tasks()
        self._loop: asyncio.Task[None] | None = None
        self._starting = asyncio.Lock()
        self._lanes = lanes()
        self._results: list[DeliveryResult] = []
        self._recording = asyncio.Lock()
        self._events: list[Event] = []
        self._failure: HostEnvironmentError | None = None
        self._offline = False
        self._awake = asyncio.Event()
        self._idle = asyncio.Event()
        clock.on_change(lambda _: self.wake())

    async def start(self) -> None:
        """Take up what an earlier agent left, then begin to send; a second call does nothing but wait for the first."""
        async with self._starting:
            if self._loop is not None:
                return
            interrupted = await self._queue.interrupted()
            await self._postpone(self._opened)
            now, opened = self._clock.now(), self._opened
            self._results = [after_interruption(report, now, opened + self._start_up_delay()) for report in interrupted]
            self._loop = self._tasks.start(self._run(), "report scheduler")

    def wake(self) -> None:
        """Look again at once: there is a new report, or a new time."""
        self._idle.clear()
        self._awake.set()

    def pause(self) -> None:
        """Begin no more attempts: the machine is offline."""
        self._offline = True

    async def resume(self) -> None:
        """Send again: the machine is back online."""
        if self._offline:
            self._offline = False
            await self._postpone(self._clock.now())
            self.wake()

    async def navigated(self) -> None:
        """Retry what waits for a navigation, if the settings let reports do so."""
        if self._waiting_retry and await self._queue.after_navigation(self._clock.now() + NAVIGATION_DELAY):
            self.wake()

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
        """Stop. An attempt that is cut off is taken up when the profile is used again."""
        await self._tasks.close()
        with suppress(Exception):  # then its attempts are taken up like those that were cut off
            await self._record()

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
        await self._record()
        while self._events:
            self._publish(self._events.pop(0))
        for lane in self._lanes:
            await self._begin_due(lane)
        if any(lane.running for lane in self._lanes) or self._results or self._events or self._awake.is_set():
            return _LONGEST_SLEEP
        due = None if self._offline else await self._queue.next_due()
        if not self._awake.is_set():
            self._idle.set()
        seconds = None if due is None else self._clock.seconds_until(due)
        return _LONGEST_SLEEP if seconds is None else min(max(seconds, _SHORTEST_SLEEP), _LONGEST_SLEEP)

    async def _begin_due(self, lane: Lane) -> None:
        all_stand_in_line = False
        while lane.free and not all_stand_in_line and not self._offline:
            if not lane.line:
                due = await self._queue.due(lane.kinds, self._clock.now(), lane.length)
                lane.line_up(due, self._rng)
                all_stand_in_line = len(due) < lane.length
            if not lane.line:
                return
            for report in await self._queue.claim(lane.take(), self._clock.now()):
                lane.running += 1
                self._tasks.start(self._attempt(report, lane), f"send report {report.id[:8]}")

    async def _attempt(self, report: Report, lane: Lane) -> None:
        body: bytes | None = None
        try:
            assembled = await self._assembler.assemble(report)
            if isinstance(assembled, Attempt):
                attempt = assembled
            else:
                body = assembled
                async with lane.slots:
                    attempt = await self._sender.send(report, body)
        except Exception as error:  # noqa: BLE001 - a bug on the way must not leave the report without a result
            _log.exception("sending report %s failed", report.id)
            attempt = Attempt(Outcome.FAILED, f"{type(error).__name__}: {error}", transient=True)
        if body == report.body:
            body = None
        now, waiting = self._clock.now(), self._waiting_retry
        self._results.append(after_attempt(report, attempt, now, body=body, waiting=waiting))
        # At once and not by the loop: a result that is not recorded when the agent ends makes the report leave again.
        with suppress(Exception):  # the loop will meet it too, and tell
            await self._record()
        lane.running -= 1
        self.wake()

    async def _record(self) -> None:
        """Record the results so far; those that come while this waits are recorded together, by the next."""
        async with self._recording:
            results, self._results = self._results, []
            if not results:
                return
            try:
                self._events += await self._queue.record(results)
            except Exception:
                self._results = results + self._results
                raise

    async def _postpone(self, before: int) -> None:
        while await self._queue.postpone(SHUFFLED, before, self._start_up_delay, _POSTPONED_AT_ONCE):
            pass

    def _start_up_delay(self) -> int:
        return self._rng.below(Draw.START_UP_DELAY, self._longest_delay + 1)

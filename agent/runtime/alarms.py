"""What is to happen at an instant of the agent's clock, be it that time passes or that the clock is moved."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass

from agent.model.clock import SECOND, Clock


@dataclass(slots=True, eq=False)
class Alarm:
    """One call to come."""

    due: int
    """Milliseconds since 1970 on the agent's clock."""
    call: Callable[[], None]
    in_real_time: bool
    """Whether it rings also where the clock stands still."""
    timer: asyncio.TimerHandle | None = None


class Alarms:
    """Calls at instants of one clock.

    Time that passes rings them by itself, in real seconds however fast the clock runs, for scripts run in real time.
    :meth:`ring` is for whoever has moved the clock, so that what comes first can be done first.
    """

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._set: set[Alarm] = set()
        self._stood_still = clock.stands_still
        clock.on_change(self._course_changed)

    def after(self, duration: int, call: Callable[[], None], *, in_real_time: bool = False) -> Alarm:
        """Call after ``duration`` milliseconds on the agent's clock.

        ``in_real_time``: also after as much real time where the clock stands still.
        """
        alarm = Alarm(self._clock.now() + duration, call, in_real_time)
        self._set.add(alarm)
        if in_real_time or not self._clock.stands_still:
            self._time(alarm, duration)
        return alarm

    def _time(self, alarm: Alarm, duration: int) -> None:
        alarm.timer = asyncio.get_running_loop().call_later(duration / SECOND, self._ring, alarm)

    def _course_changed(self, now: int) -> None:
        """A clock that has been stopped rings nothing by itself; one that goes on again does."""
        if self._stood_still == self._clock.stands_still:
            return
        self._stood_still = self._clock.stands_still
        for alarm in self._set:
            if alarm.in_real_time:
                continue
            if alarm.timer is not None:
                alarm.timer.cancel()
            if not self._stood_still:
                self._time(alarm, max(0, alarm.due - now))

    def cancel(self, alarm: Alarm) -> None:
        """Call no more; does nothing for an alarm that has rung."""
        self._set.discard(alarm)
        if alarm.timer is not None:
            alarm.timer.cancel()

    def ring(self) -> None:
        """Make the calls that are due, first due first."""
        now = self._clock.now()
        for alarm in sorted((alarm for alarm in self._set if alarm.due <= now), key=lambda alarm: alarm.due):
            self._ring(alarm)

    def _ring(self, alarm: Alarm) -> None:
        if alarm in self._set:
            self.cancel(alarm)
            alarm.call()

    def close(self) -> None:
        """Call no more."""
        for alarm in list(self._set):
            self.cancel(alarm)

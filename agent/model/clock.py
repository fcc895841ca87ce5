"""The one clock of an agent: page, decisions and delivery read the same time.

Instants are integer milliseconds since 1970-01-01T00:00:00Z; durations are integer milliseconds.
"""

from __future__ import annotations

import re
import time
from collections.abc import Callable
from datetime import UTC, datetime

SECOND = 1_000
MINUTE = 60 * SECOND
HOUR = 60 * MINUTE
DAY = 24 * HOUR
WEEK = 7 * DAY

_UNITS = {"ms": 1, "s": SECOND, "m": MINUTE, "h": HOUR, "d": DAY, "w": WEEK}
_DURATION = re.compile(r"(\d+)(ms|s|m|h|d|w)")
DEFAULT_FROZEN_START = 1_767_603_600_000
"""2026-01-05T09:00:00Z, a Monday morning: where a frozen clock starts unless told otherwise."""
LATEST = 253_402_300_799_000
"""9999-12-31T23:59:59Z: the last instant that ISO 8601 writes with four digits of a year."""
FASTEST = 10_000
"""How many times as fast as real time a clock can run."""


def wall_time() -> int:
    """The operating system's time in milliseconds; the only place that asks for it."""
    return time.time_ns() // 1_000_000


class Clock:
    """A clock that never goes back; it can be moved forward, frozen, and run faster. At :data:`LATEST` it stands.

    ``source`` gives milliseconds and defaults to the operating system's time. ``ticks`` gives those that pass, the
    source's own by default.
    """

    def __init__(
        self, source: Callable[[], int] = wall_time, *, ahead: int = 0, ticks: Callable[[], int] | None = None
    ) -> None:
        self._source, self._ticks = source, ticks or source
        self._ahead = ahead
        self._speed = 1.0
        self._since = self._ticks()
        """The ticks when its course was last set."""
        self._base = self._latest = self._source_at(self._since) + ahead
        """Where it stood then."""
        self._listeners: list[Callable[[int], None]] = []

    @classmethod
    def frozen(cls, start: int = DEFAULT_FROZEN_START) -> Clock:
        """A clock that stands at ``start`` (milliseconds) until it is advanced or run."""
        clock = cls(lambda: start, ticks=wall_time)
        clock._speed = 0.0
        return clock

    def now(self) -> int:
        """The present instant in milliseconds, never smaller than one given before."""
        return self._shown_at(self._ticks())

    @property
    def speed(self) -> float:
        """How many of its milliseconds pass in one real one: 1, more where it was made to run, 0 while frozen."""
        return self._speed

    @property
    def stands_still(self) -> bool:
        """Whether it moves by :meth:`advance` alone."""
        return self._speed == 0

    @property
    def ahead(self) -> int:
        """How many milliseconds this clock was moved ahead by :meth:`advance`, whatever its course."""
        return self._ahead

    @property
    def lead(self) -> int:
        """How many milliseconds it stands ahead of its source now; negative behind it, where it was frozen."""
        ticks = self._ticks()
        return self._shown_at(ticks) - self._source_at(ticks)

    def seconds_until(self, instant: int) -> float | None:
        """Real seconds until it shows ``instant``, 0 from then on; None where it stands still before that."""
        left = instant - self.now()
        if left <= 0:
            return 0.0
        return left / self._speed / SECOND if self._speed else None

    def advance(self, duration: int | str) -> int:
        """Move forward by milliseconds or by text such as ``"2d"`` or ``"1h30m"``; gives the new instant.

        Raises ValueError for a negative or unreadable duration, and beyond :data:`LATEST`; nothing moves then.
        """
        step = duration if isinstance(duration, int) else parse_duration(duration)
        if step < 0:
            raise ValueError(f"cannot advance by {step} ms: the clock never goes back")
        if self.now() + step > LATEST:
            raise ValueError(f"cannot advance by {step} ms: the clock ends at {format_instant(LATEST)}")
        self._ahead += step
        return self._go_on(self._speed, step)

    def freeze(self) -> int:
        """Stand still from now on, until :meth:`advance` or :meth:`run`; gives the instant."""
        return self._go_on(0.0)

    def run(self, speed: float = 1.0) -> int:
        """Go on from here, ``speed`` times as fast as its ticks; gives the instant.

        Raises ValueError unless ``speed`` is from 1 to :data:`FASTEST`; nothing changes then.
        """
        if not 1 <= speed <= FASTEST:
            raise ValueError(f"cannot run {speed:g} times as fast: 1 to {FASTEST:,} are possible")
        return self._go_on(float(speed))

    def on_change(self, listener: Callable[[int], None]) -> None:
        """Call ``listener(now)`` after every :meth:`advance`, :meth:`freeze` and :meth:`run`."""
        self._listeners.append(listener)

    def _go_on(self, speed: float, step: int = 0) -> int:
        ticks = self._ticks()
        self._base, self._since, self._speed = self._shown_at(ticks) + step, ticks, speed
        now = self._shown_at(ticks)
        for listener in self._listeners:
            listener(now)
        return now

    def _shown_at(self, ticks: int) -> int:
        passed = int((ticks - self._since) * self._speed) if self._speed else 0
        self._latest = max(self._latest, min(self._base + passed, LATEST))
        return self._latest

    def _source_at(self, ticks: int) -> int:
        return ticks if self._ticks is self._source else self._source()


def parse_duration(text: str) -> int:
    """Milliseconds of ``"2d"``, ``"90s"``, ``"1h30m"`` (units w d h m s ms). Raises ValueError with an example."""
    compact = text.strip().lower().removeprefix("+").replace(" ", "")
    if not compact or "".join(m.group(0) for m in _DURATION.finditer(compact)) != compact:
        raise ValueError(f"{text!r} is no duration; write for example 2d, 12h or 1h30m (units w d h m s ms)")
    return sum(int(count) * _UNITS[unit] for count, unit in _DURATION.findall(compact))


def parse_instant(text: str) -> int:
    """Milliseconds of an ISO 8601 time such as ``2026-06-01T09:00:00Z``; no offset means UTC. Raises ValueError."""
    moment = datetime.fromisoformat(text)
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=UTC)
    return round(moment.timestamp() * 1000)


def format_instant(instant: int) -> str:
    """``2026-06-01T09:00:00.250+00:00``: ISO 8601 in UTC with its offset, milliseconds only where there are any.

    What is behind :data:`LATEST`, such as the end of a lifetime, is written as that: no clock comes there.
    """
    instant = min(instant, LATEST)
    moment = datetime.fromtimestamp(instant / 1000, UTC)
    return moment.isoformat(timespec="milliseconds" if instant % SECOND else "seconds")

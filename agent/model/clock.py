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


def wall_time() -> int:
    """The operating system's time in milliseconds; the only place that asks for it."""
    return time.time_ns() // 1_000_000


class Clock:
    """A clock that never goes back; it can be moved forward, and frozen.

    ``source`` gives milliseconds and defaults to the operating system's time; a frozen clock
    stands still at ``start`` until :meth:`advance`.
    """

    def __init__(self, source: Callable[[], int] = wall_time, *, ahead: int = 0) -> None:
        self.stands_still = False
        """Whether it moves by :meth:`advance` alone."""
        self._source = source
        self._ahead = ahead
        self._latest = source() + ahead
        self._listeners: list[Callable[[int], None]] = []

    @classmethod
    def frozen(cls, start: int = DEFAULT_FROZEN_START) -> Clock:
        """A clock that stands at ``start`` (milliseconds) until it is advanced."""
        clock = cls(lambda: start)
        clock.stands_still = True
        return clock

    def now(self) -> int:
        """The present instant in milliseconds, never smaller than one given before."""
        self._latest = max(self._latest, self._source() + self._ahead)
        return self._latest

    @property
    def ahead(self) -> int:
        """How many milliseconds this clock was moved ahead of its source."""
        return self._ahead

    def advance(self, duration: int | str) -> int:
        """Move forward by milliseconds or by text such as ``"2d"`` or ``"1h30m"``; gives the new instant.

        Raises ValueError for a negative or unreadable duration; nothing moves then.
        """
        step = duration if isinstance(duration, int) else parse_duration(duration)
        if step < 0:
            raise ValueError(f"cannot advance by {step} ms: the clock never goes back")
        self._ahead += step
        now = self.now()
        for listener in self._listeners:
            listener(now)
        return now

    def on_advance(self, listener: Callable[[int], None]) -> None:
        """Call ``listener(now)`` after every :meth:`advance`."""
        self._listeners.append(listener)


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
    """``2026-06-01T09:00:00.250+00:00``: ISO 8601 in UTC with its offset, milliseconds only where there are any."""
    moment = datetime.fromtimestamp(instant / 1000, UTC)
    return moment.isoformat(timespec="milliseconds" if instant % SECOND else "seconds")

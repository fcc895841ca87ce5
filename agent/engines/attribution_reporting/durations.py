"""Durations as text, in the units that the clock reads back."""

from __future__ import annotations

from functools import lru_cache

from agent.model.clock import DAY, HOUR, MINUTE, SECOND

_UNITS = ((DAY, "d"), (HOUR, "h"), (MINUTE, "m"), (SECOND, "s"), (1, "ms"))


@lru_cache(maxsize=1024)
def duration_text(duration: int) -> str:
    """Exact text of a duration in milliseconds, >= 0: ``2d``, ``1h30m``, ``0s``."""
    parts = []
    for unit, name in _UNITS:
        count, duration = divmod(duration, unit)
        if count:
            parts.append(f"{count}{name}")
    return "".join(parts) or "0s"

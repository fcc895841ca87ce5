"""Which events somebody wants to see."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class EventFilter:
    """What an event must fit; all of it, and what is left out fits every event. Parts of words will do, in any case."""

    kind: str = ""
    site: str = ""
    verdict: str = ""
    words: tuple[str, ...] = ()
    """Each is in the kind, the site, the verdict or the summary."""
    failed: bool | None = None
    """Whether a check failed."""
    about_url: bool = False
    """Only those whose data name a URL: that of a request, or of the response that asked."""


EVERY_EVENT = EventFilter()

"""The filter of the timeline: ``site:shop.test kind:trigger verdict:failure "two words"``."""

from __future__ import annotations

import shlex
from typing import Any

from agent.model.errors import UsageError
from agent.model.event_filter import EventFilter

TERMS = ("site", "kind", "verdict")
LONGEST, MOST_PARTS = 1_000, 20
"""Characters and terms of a filter: every event is held against each of them."""
_OUTCOMES = {"failure": True, "success": False}
"""Verdicts that stand for whether a check failed."""


def read_filter(text: str) -> EventFilter:
    """The filter that ``text`` asks for.

    Raises UsageError for a quote that is not closed, a term given twice, and more than the bounds allow.
    """
    if len(text) > LONGEST:
        raise UsageError("the filter is too long", where="filter", rule=f"at most {LONGEST:,} characters")
    try:
        parts = shlex.split(text)
    except ValueError:
        raise UsageError(
            "a quote is not closed", where="filter", rule='words in quotes belong together: "two words"'
        ) from None
    if len(parts) > MOST_PARTS:
        raise UsageError("the filter has too many terms", where="filter", rule=f"at most {MOST_PARTS}")
    wanted: dict[str, Any] = {}
    words = []
    for part in parts:
        term, colon, value = part.partition(":")
        if not colon or term not in TERMS or not value:
            words.append(part)
            continue
        outcome = _OUTCOMES.get(value) if term == "verdict" else None
        name = term if outcome is None else "failed"
        if name in wanted:
            raise UsageError(f"{term}: is there twice", where="filter", rule="each term once; they must all fit")
        wanted[name] = value if outcome is None else outcome
    return EventFilter(**wanted, words=tuple(words))

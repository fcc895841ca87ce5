"""What a page's address asks for, read with mercy for none of it: a number that is none is the user's mistake."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from agent.model.errors import UsageError

Document = dict[str, Any]
Query = Mapping[str, str]
PAGE_LENGTH, LONGEST_PAGE = 50, 500
"""Rows of a page unless ``limit`` says otherwise, and the most that it can ask for."""
_LARGEST = 2**53


def whole_number(query: Query, name: str, default: int | None = None, *, most: int = _LARGEST) -> int | None:
    """The number from 0 to ``most`` under ``name``, ``default`` where there is none. Raises UsageError."""
    text = query.get(name, "").strip()
    if not text:
        return default
    if not (text.isascii() and text.isdecimal() and len(text) <= len(str(_LARGEST)) and int(text) <= most):
        raise UsageError(f"{text!r} is no number from 0 to {most:,}", where=name)
    return int(text)


def page_length(query: Query) -> int:
    """How many rows a page has. Raises UsageError."""
    return whole_number(query, "limit", PAGE_LENGTH, most=LONGEST_PAGE) or PAGE_LENGTH


def one_of(query: Query, name: str, allowed: tuple[str, ...]) -> str:
    """The word under ``name``, empty where there is none. Raises UsageError for one that is not allowed."""
    word = query.get(name, "")
    if word and word not in allowed:
        raise UsageError(f"{word!r} is unknown", where=name, rule=f"one of {', '.join(allowed)}")
    return word


def paged(name: str, rows: list[Document], length: int, key: str) -> Document:
    """At most ``length`` of ``rows``, newest first, under ``name``; ``older``: what to ask for as ``before`` next.

    There is a next page where there were more rows than that.
    """
    shown = rows[:length]
    return {name: shown, "older": shown[-1][key] if len(rows) > length else None}

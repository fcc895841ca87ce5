"""Remembering the answers to short questions."""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache, wraps
from typing import Concatenate, ParamSpec, TypeVar, cast

P = ParamSpec("P")
T = TypeVar("T")
LONGEST = 256
"""Length of the longest text that is remembered: pages choose the texts, and must not choose our memory."""


def remember_short(function: Callable[Concatenate[str, P], T]) -> Callable[Concatenate[str, P], T]:
    """Remember the last 4096 answers of a pure function of a text; a text above :data:`LONGEST` is asked anew."""
    remembered = cast("Callable[Concatenate[str, P], T]", lru_cache(maxsize=4096)(function))

    @wraps(function)
    def answer(text: str, /, *args: P.args, **kwargs: P.kwargs) -> T:
        return (remembered if len(text) <= LONGEST else function)(text, *args, **kwargs)

    return answer

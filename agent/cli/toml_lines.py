"""The line of a key in a TOML text, which the parser of the standard library does not tell."""

from __future__ import annotations

import re
from collections import Counter

Place = tuple[str | int, ...]
"""A key: the names of its tables and its own, with a position after the name of an array of tables."""

_NAME = r"(?:[\w-]+|\"[^\"]*\"|'[^']*')"
_NAMES = rf"\s*({_NAME}(?:\s*\.\s*{_NAME})*)\s*"
_HEADER = re.compile(rf"\s*(\[+){_NAMES}\]")
_KEY = re.compile(rf"{_NAMES}=")


def line_of(text: str, place: Place) -> int:
    """The line of the key at ``place``, from 1: its own, else its table's, else the first."""
    table: Place = ()
    positions: Counter[Place] = Counter()
    best, depth = 1, 0
    for number, line in enumerate(text.splitlines(), start=1):
        if header := _HEADER.match(line):
            table = _names(header.group(2))
            if header.group(1) == "[[":
                positions[table] += 1
                table = (*table, positions[table] - 1)
            here = table
        elif key := _KEY.match(line):
            here = (*table, *_names(key.group(1)))
        else:
            continue
        if here == place[: len(here)] and len(here) > depth:
            best, depth = number, len(here)
    return best


def _names(dotted: str) -> Place:
    return tuple(name.strip("\"'") for name in re.findall(_NAME, dotted))

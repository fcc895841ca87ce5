"""Whether something is what a test asked for, and where not: pure comparison of members, and the nearest candidate."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from enum import Enum
from typing import Any, Final


class _Absent(Enum):
    ABSENT = "absent"


_TRUTHS: Mapping[bool, frozenset[str]] = {
    True: frozenset({"true", "on", "yes"}),
    False: frozenset({"false", "off", "no"}),
}
"""What people write for truth values."""
ABSENT: Final = _Absent.ABSENT
"""Stands for a member that a candidate does not have."""


@dataclass(frozen=True, slots=True)
class AnyOf:
    """Matches what one of ``values`` matches."""

    values: tuple[Any, ...]


@dataclass(frozen=True, slots=True)
class Candidate:
    """Something that may be what was asked for."""

    value: Any
    """What an expectation gives to its caller: the source, the report, the event."""
    members: Mapping[str, Any]
    """What it is compared by, under the names that tests write. A tuple has a member's several values."""
    told: str
    """What it is, for a person; follows "nearest was"."""
    explains: str = ""
    """What to ask ``agent.explain`` for; empty where nothing is recorded."""
    hint: str = ""
    """What to do where it is nearly right."""


NOTHING = Candidate(None, {}, "nothing")
"""Stands for no candidate at all."""


@dataclass(frozen=True, slots=True)
class Difference:
    """One member in which the nearest candidate is not what was wanted."""

    member: str
    wanted: Any
    found: Any
    """:data:`ABSENT` where the candidate has no such member."""

    def __str__(self) -> str:
        found = "it has none" if self.found is ABSENT else f"is {shown(self.found)}"
        return f"{self.member}: {found}, wanted {shown(self.wanted)}"


def matches(wanted: Any, found: Any) -> bool:
    """Whether ``found`` is ``wanted``, as people write values.

    Numbers equal their text (``"2"``, ``"0x4d2"``), a truth value its text and no number, a host its https origin, a
    scalar one of several values, a mapping what has all of its entries; a list or tuple has the same values in the same
    order, a set in any. A compiled pattern is searched.
    """
    if isinstance(wanted, AnyOf):
        return any(matches(one, found) for one in wanted.values)
    if isinstance(found, Mapping):
        if not isinstance(wanted, Mapping):
            return False
        # Keys of JSON are text.
        entries = {str(key): value for key, value in found.items()}
        return all(str(key) in entries and matches(value, entries[str(key)]) for key, value in wanted.items())
    if isinstance(found, Sequence | AbstractSet) and not isinstance(found, str | bytes):
        return _matches_several(wanted, list(found))
    if isinstance(wanted, re.Pattern):
        return wanted.search(str(found)) is not None
    if isinstance(wanted, bool) or (isinstance(found, bool) and isinstance(wanted, int | float | str)):
        # Python has it that 1 == True.
        return wanted is found or _same_truth(wanted, found)
    return bool(wanted == found) or _same_text(wanted, found)


def differences(wanted: Mapping[str, Any], members: Mapping[str, Any]) -> tuple[Difference, ...]:
    """The members of ``wanted`` that ``members`` does not match, in the order of ``wanted``."""
    pairs = ((name, value, members.get(name, ABSENT)) for name, value in wanted.items())
    return tuple(
        Difference(name, value, found) for name, value, found in pairs if found is ABSENT or not matches(value, found)
    )


def nearest(wanted: Mapping[str, Any], candidates: Iterable[Candidate]) -> Candidate | None:
    """The candidate with the fewest differences; among equals the last, which is the newest."""
    best: tuple[int, Candidate] | None = None
    for candidate in candidates:
        count = len(differences(wanted, candidate.members))
        if best is None or count <= best[0]:
            best = (count, candidate)
    return None if best is None else best[1]


def shown(value: Any) -> str:
    """A value as messages show it."""
    if isinstance(value, AnyOf):
        return " or ".join(shown(one) for one in value.values)
    if isinstance(value, re.Pattern):
        return f"/{value.pattern}/"
    if isinstance(value, Mapping):
        return "{" + ", ".join(f"{key}: {shown(one)}" for key, one in value.items()) + "}"
    if isinstance(value, Sequence | AbstractSet) and not isinstance(value, str | bytes):
        return "[" + ", ".join(shown(one) for one in value) + "]"
    if isinstance(value, str):
        return str(value) or '""'
    return repr(value)


def _matches_several(wanted: Any, found: list[Any]) -> bool:
    if isinstance(wanted, AbstractSet):
        each_is_there = all(any(matches(one, value) for value in found) for one in wanted)
        return each_is_there and all(any(matches(one, value) for one in wanted) for value in found)
    if isinstance(wanted, list | tuple):
        return len(wanted) == len(found) and all(map(matches, wanted, found))
    return any(matches(wanted, one) for one in found)


def _same_truth(wanted: Any, found: Any) -> bool:
    """Whether a truth value and a text stand for the same; neither equals a number."""
    text, truth = (wanted, found) if isinstance(found, bool) else (found, wanted)
    return isinstance(text, str) and text.lower() in _TRUTHS[truth]


def _same_text(wanted: Any, found: Any) -> bool:
    """Whether a number and its text, or a host and its origin, stand for the same."""
    if isinstance(found, int) and isinstance(wanted, str):
        return _number(wanted) == found
    if isinstance(found, str) and isinstance(wanted, int):
        return _number(found) == wanted
    if isinstance(found, str) and isinstance(wanted, str):
        return wanted.removeprefix("https://").removesuffix("/") == found.removeprefix("https://").removesuffix("/")
    return False


def _number(text: str) -> int | None:
    try:
        return int(text, 0)
    except ValueError:
        return None

"""Every decision leaves an event with its trace: the checks in order, what each compared, where it stopped."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True, slots=True)
class Check:
    """One step of a decision: a rule by name, whether it passed, and what was compared, in plain words."""

    rule: str
    passed: bool
    detail: str = ""
    fix: str = ""
    """What a developer can do about a failed check; empty when it passed or nothing can be done."""


@dataclass(frozen=True, slots=True)
class Trace:
    """The checks of one decision in their order."""

    checks: tuple[Check, ...] = ()

    @property
    def stopped_at(self) -> Check | None:
        """The first failed check, or None when all passed."""
        return next((check for check in self.checks if not check.passed), None)


@dataclass(frozen=True, slots=True)
class Event:
    """Something that happened or was decided.

    ``kind`` is a dotted noun such as ``impression``, ``conversion``, ``report.sent``; ``verdict`` is the outcome
    in the words of the specification (``stored``, ``RangeError``, ``budget-exhausted`` ...).
    """

    kind: str
    time: int
    """Milliseconds since 1970 on the agent's clock."""
    verdict: str
    summary: str
    """One line for a person."""
    site: str = ""
    """The top-level site concerned, as a host name."""
    data: Mapping[str, Any] = field(default_factory=dict)
    """Plain JSON values."""
    trace: Trace = Trace()
    id: int = 0
    """Position in the stream, from 1; 0 until stored."""

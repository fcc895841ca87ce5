"""The lanes in which reports leave: those that wait for a coordinator's key hold up no others."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from agent.model.interfaces import DueReport
from agent.model.reports import ReportKind
from agent.model.rng import Draw, Rng

CONCURRENT_ATTEMPTS = 8
"""How many reports of a lane are sent at one time."""
WAITING_FOR_KEYS = 256
"""How many reports may wait for the answer of a coordinator at one time."""
LINE_LENGTH = 1024
"""How many due reports stand in a line, and are shuffled together."""
SEALED = (
    ReportKind.AGGREGATABLE,
    ReportKind.AGGREGATABLE_DEBUG,
    ReportKind.AGGREGATE_DEBUG,
    ReportKind.PRIVATE_AGGREGATION,
    ReportKind.PRIVATE_AGGREGATION_DEBUG,
)
"""The kinds that need a coordinator's key."""
SHUFFLED = (ReportKind.EVENT_LEVEL, ReportKind.AGGREGATABLE, ReportKind.PRIVATE_AGGREGATION)
"""The kinds whose order of sending is to tell nothing."""


@dataclass(slots=True)
class Lane:
    """The reports of some kinds that are due, and those of them that are under way."""

    kinds: tuple[ReportKind, ...]
    capacity: int
    """How many may be under way."""
    length: int = LINE_LENGTH
    running: int = 0
    line: deque[DueReport] = field(default_factory=deque)
    slots: asyncio.Semaphore = field(default_factory=lambda: asyncio.Semaphore(CONCURRENT_ATTEMPTS))
    """Held while a report is sent."""

    @property
    def free(self) -> int:
        """How many more may be under way."""
        return self.capacity - self.running

    def line_up(self, due: Iterable[DueReport], rng: Rng) -> None:
        """Let reports stand in line: those whose order may be told first and in order, the others shuffled."""
        shuffled: list[DueReport] = []
        for report in due:
            (shuffled if report.kind in SHUFFLED else self.line).append(report)
        for last in range(len(shuffled) - 1, 0, -1):
            other = rng.below(Draw.SENDING_ORDER, last + 1)
            shuffled[last], shuffled[other] = shuffled[other], shuffled[last]
        self.line += shuffled

    def take(self) -> list[int]:
        """The positions of those at the front for which there is room; they leave the line."""
        return [self.line.popleft().position for _ in range(min(self.free, len(self.line)))]


def lanes() -> Sequence[Lane]:
    """The lanes of one scheduler, empty."""
    others = tuple(kind for kind in ReportKind if kind not in SEALED)
    return Lane(others, CONCURRENT_ATTEMPTS), Lane(SEALED, WAITING_FOR_KEYS)

"""What became of journeys: data for the terminal, JUnit, the page and the bundle."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path

from agent.model.events import Event


class Outcome(StrEnum):
    """How a step, or a journey, ended."""

    PASSED = "passed"
    FAILED = "failed"
    """What was expected did not come: exit code 1."""
    ERROR = "error"
    """It could not be tried: exit code 2 or 3."""
    SKIPPED = "skipped"
    """A step after one that failed."""


@dataclass(frozen=True, slots=True)
class Failure:
    """Why a step failed."""

    headline: str
    """One line, without file and line."""
    text: str
    """The whole of it: the headline, what was nearest, the explanation; several lines."""
    exit_code: int = 1


@dataclass(frozen=True, slots=True)
class SumRow:
    """One bucket of a summary."""

    label: str
    bucket: int
    expected: int | None
    found: int
    deviation: float = 0
    """Standard deviation of the noise; 0 where it was off."""


@dataclass(frozen=True, slots=True)
class SumsTold:
    """What a summary step found."""

    title: str
    rows: tuple[SumRow, ...]
    remark: str = ""


@dataclass(frozen=True, slots=True)
class StepResult:
    """One step: what it was, how it ended, and what the agent did in it."""

    line: int
    """Of the file, from 1."""
    told: str
    """The step in one line."""
    outcome: Outcome
    seconds: float = 0
    """In real time."""
    time: int = 0
    """The agent's at its end, ms since 1970."""
    failure: Failure | None = None
    events: tuple[Event, ...] = ()
    picture: bytes = b""
    """PNG of the page at its end; empty where none was asked for, or could be taken."""
    picture_name: str = ""
    sums: SumsTold | None = None


@dataclass(frozen=True, slots=True)
class JourneyResult:
    """One journey."""

    name: str
    file: str
    outcome: Outcome
    steps: tuple[StepResult, ...] = ()
    seconds: float = 0
    seed: int | None = None
    failure: Failure | None = None
    line: int = 0
    """Where it failed; 0 where that is no line of the file."""
    bundle: Path | None = field(default=None)
    """Folder with what a failed journey left, where one was asked for."""
    notes: tuple[str, ...] = ()
    """What a recorded story did that is not played, in words."""

    @property
    def where(self) -> str:
        """``file:line`` of the failure."""
        return f"{self.file}:{self.line}" if self.line else self.file

    @property
    def exit_code(self) -> int:
        """0, or that of its failure."""
        return 0 if self.failure is None else self.failure.exit_code

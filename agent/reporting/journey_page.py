"""What became of journeys as one HTML file: steps with pictures, what the agent did, sums, and why something failed."""

from __future__ import annotations

import base64
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from agent.reporting.journey_results import JourneyResult, Outcome, StepResult, SumsTold
from agent.reporting.static_page import render_static

COLUMN, LANE, LEFT, TOP = 34, 40, 132, 26
BAR_WIDTH = 300
MAX_DOTS = 12
"""Most events of one step and site that the timeline shows as dots; the step's list has all."""
_NO_SITE = "the agent"
_KINDS = (
    ("impression", "impression", "impression"),
    ("source", "source", "source"),
    ("trigger", "trigger", "trigger"),
    ("conversion", "conversion", "conversion"),
    ("report", "report", "report"),
    ("aggregation", "aggregation", "aggregation"),
    ("shared-storage", "reach", "Shared Storage, contributions, auctions"),
    ("private-aggregation", "reach", "Shared Storage, contributions, auctions"),
    ("protected-audience", "reach", "Shared Storage, contributions, auctions"),
    ("", "clock", "other"),
)
"""What kinds of events begin with, which colour they have, and how that is called."""


@dataclass(frozen=True, slots=True)
class Dot:
    """One event of the timeline."""

    x: float
    y: float
    kind: str
    text: str


@dataclass(frozen=True, slots=True)
class StepChart:
    """What the agent did in which step: a column for each step, a lane for each site."""

    width: int
    height: int
    columns: tuple[tuple[int, int, bool], ...]
    """Number of each step, where its column begins, and whether it failed."""
    lanes: tuple[tuple[str, int], ...]
    dots: tuple[Dot, ...]


@dataclass(frozen=True, slots=True)
class SumBar:
    """One bucket of a summary; ``expected_x`` is None where nothing was expected of it."""

    label: str
    found: int
    expected: int | None
    x: float
    width: float
    zero: float
    expected_x: float | None


def write_journeys(results: Sequence[JourneyResult], path: Path) -> Path:
    """Write the page to ``path`` and give it; folders are made. Raises OSError."""
    path.parent.mkdir(parents=True, exist_ok=True)
    # Halves of surrogate pairs, which pages may write, are no UTF-8.
    path.write_text(render_journeys(results), encoding="utf-8", errors="replace", newline="\n")
    return path


def render_journeys(results: Sequence[JourneyResult]) -> str:
    """The page as HTML text. Pictures are in it; it loads nothing."""
    passed = sum(result.outcome is Outcome.PASSED for result in results)
    return render_static(
        "journeys.html",
        inline_images=True,
        results=[(result, step_chart(result.steps)) for result in results],
        passed=passed,
        failed=len(results) - passed,
        seconds=sum(result.seconds for result in results),
        data_url=data_url,
        sum_bars=sum_bars,
        bar_width=BAR_WIDTH,
        kinds=list(dict.fromkeys((colour, label) for _, colour, label in _KINDS)),
    )


def data_url(picture: bytes) -> str:
    """A PNG or JPEG as an address that holds it."""
    kind = "png" if picture.startswith(b"\x89PNG") else "jpeg"
    return f"data:image/{kind};base64,{base64.b64encode(picture).decode()}"


def colour_of(kind: str) -> str:
    """The class that colours events of ``kind``."""
    return next(colour for beginning, colour, _ in _KINDS if kind.startswith(beginning))


def step_chart(steps: Sequence[StepResult]) -> StepChart:
    """The timeline of a journey."""
    sites = list(dict.fromkeys(event.site or _NO_SITE for step in steps for event in step.events))
    dots: list[Dot] = []
    for position, step in enumerate(steps):
        for lane, site in enumerate(sites):
            events = [event for event in step.events if (event.site or _NO_SITE) == site][:MAX_DOTS]
            for number, event in enumerate(events):
                x = LEFT + position * COLUMN + 8 + number % 3 * 9
                y = TOP + lane * LANE + 8 + number // 3 * 8
                dots.append(Dot(x, y, colour_of(event.kind), f"{event.kind}: {event.summary}"))
    return StepChart(
        width=LEFT + len(steps) * COLUMN + 8,
        height=TOP + len(sites) * LANE,
        columns=tuple(
            (number, LEFT + (number - 1) * COLUMN, step.failure is not None) for number, step in enumerate(steps, 1)
        ),
        lanes=tuple((site, TOP + position * LANE) for position, site in enumerate(sites)),
        dots=tuple(dots),
    )


def sum_bars(sums: SumsTold) -> tuple[SumBar, ...]:
    """The bars of a summary, all on one scale that includes zero and what was expected."""
    values = [value for row in sums.rows for value in (row.found, row.expected or 0)]
    low, high = min([0, *values]), max([1, *values])

    def x(value: int) -> float:
        return round(4 + (value - low) / (high - low) * (BAR_WIDTH - 8), 1)

    return tuple(
        SumBar(
            row.label,
            row.found,
            row.expected,
            x=min(x(0), x(row.found)),
            width=round(max(1.5, abs(x(row.found) - x(0))), 1),
            zero=x(0),
            expected_x=None if row.expected is None else x(row.expected),
        )
        for row in sums.rows
    )

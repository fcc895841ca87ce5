"""Geometry of the report's pictures: facts in, coordinates out; the templates draw them.

Coordinates are user units of the picture's own ``viewBox``, rounded so that equal facts give equal bytes.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from agent.model.clock import WEEK
from agent.reporting.model import ApiSummary, DemoRun, RowKind, SummaryPart, SummaryRow, Unit, WeekBudget

BARS_WIDTH, BAR_ROW, BARS_LEFT, BARS_RIGHT = 340, 66, 4, 44
WEEKS_WIDTH, LANE, LANES_LEFT, LANES_TOP = 760, 54, 128, 26
HEAT_LEFT, HEAT_TOP, HEAT_CELL, HEAT_SMALL_CELL = 64, 20, 24, 12
MANY_USERS = 40
"""From this many users on, heat cells are small."""


@dataclass(frozen=True, slots=True)
class Bar:
    """One bucket: two bars from the zero line, and the interval of the noised one."""

    label: str
    true: str
    """The true sum, as it is shown."""
    noised: str
    top: float
    true_x: float
    true_width: float
    noised_x: float
    noised_width: float
    error_from: float
    error_to: float


@dataclass(frozen=True, slots=True)
class BarChart:
    """Grouped bars, one group for each bucket."""

    width: int
    height: int
    zero: float
    bars: tuple[Bar, ...]


@dataclass(frozen=True, slots=True)
class Lane:
    """One site of the timeline."""

    site: str
    top: float


@dataclass(frozen=True, slots=True)
class Dot:
    """One row of the timeline."""

    x: float
    y: float
    kind: RowKind
    text: str


@dataclass(frozen=True, slots=True)
class WeekChart:
    """What happened when: a lane for each site, a line of dots in it for each user."""

    width: int
    height: int
    weeks: tuple[tuple[int, float], ...]
    """Number of each week and where it begins."""
    lanes: tuple[Lane, ...]
    dots: tuple[Dot, ...]


@dataclass(frozen=True, slots=True)
class HeatCell:
    """One user's week; ``share`` of the budget is spent, from 0 to 1."""

    x: int
    y: int
    share: float
    text: str


@dataclass(frozen=True, slots=True)
class HeatChart:
    """Budget spent at one site: a row for each week, a column for each user."""

    site: str
    width: int
    height: int
    cell: int
    """Width of a cell."""
    weeks: tuple[tuple[int, int], ...]
    """Number of each week and the top of its row."""
    cells: tuple[HeatCell, ...]


def bar_charts(summaries: Sequence[ApiSummary]) -> tuple[tuple[BarChart, ...], ...]:
    """True and noised sums, side by side: for each summary a chart for each of its parts.

    What counts in the same unit is drawn on one scale, which includes zero.
    """
    rows: dict[Unit, list[SummaryRow]] = {}
    for summary in summaries:
        for part in summary.parts:
            rows.setdefault(part.unit, []).extend(part.rows)
    scales = {unit: _scale(counted) for unit, counted in rows.items()}
    return tuple(tuple(_bar_chart(part, *scales[part.unit]) for part in summary.parts) for summary in summaries)


def _scale(rows: Sequence[SummaryRow]) -> tuple[float, float]:
    values = [value for row in rows for value in (row.true, row.noised, row.p5, row.p95)]
    return min([0, *values]), max([1, *values])


def _bar_chart(part: SummaryPart, low: float, high: float) -> BarChart:
    def x(value: float) -> float:
        return round(BARS_LEFT + (value - low) / (high - low) * (BARS_WIDTH - BARS_LEFT - BARS_RIGHT), 1)

    def span(value: float) -> tuple[float, float]:
        return min(x(0), x(value)), round(max(1.5, abs(x(value) - x(0))), 1)

    bars = tuple(
        Bar(
            label=row.label,
            true=part.text(row.true),
            noised=part.text(row.noised),
            top=position * BAR_ROW,
            true_x=span(row.true)[0],
            true_width=span(row.true)[1],
            noised_x=span(row.noised)[0],
            noised_width=span(row.noised)[1],
            error_from=x(row.p5),
            error_to=x(row.p95),
        )
        for position, row in enumerate(part.rows)
    )
    return BarChart(BARS_WIDTH, len(bars) * BAR_ROW, x(0), bars)


def week_chart(run: DemoRun) -> WeekChart:
    """The timeline of the run; rows that belong to no site are left out."""
    rows = [row for row in run.timeline if row.site]
    sites = list(dict.fromkeys(row.site for row in rows))
    users = sorted({row.user for row in rows if row.user}, key=natural)
    length = max(1, run.ended - run.started)

    def x(time: int) -> float:
        return round(LANES_LEFT + (time - run.started) / length * (WEEKS_WIDTH - LANES_LEFT - 10), 1)

    def y(site: str, user: str) -> float:
        share = users.index(user) / max(1, len(users) - 1) if user else 0.5
        return round(LANES_TOP + sites.index(site) * LANE + 7 + share * (LANE - 14), 1)

    return WeekChart(
        width=WEEKS_WIDTH,
        height=LANES_TOP + len(sites) * LANE,
        weeks=tuple(
            (number + 1, x(run.started + number * WEEK))
            for number in range(math.ceil((run.ended - run.started) / WEEK))
        ),
        lanes=tuple(Lane(site, LANES_TOP + position * LANE) for position, site in enumerate(sites)),
        dots=tuple(Dot(x(row.time), y(row.site, row.user), row.kind, f"{row.user} {row.text}".strip()) for row in rows),
    )


def heat_charts(budgets: Sequence[WeekBudget]) -> tuple[HeatChart, ...]:
    """One chart for each site with a budget, in order of first appearance."""
    return tuple(
        _heat_chart(site, [budget for budget in budgets if budget.site == site])
        for site in dict.fromkeys(budget.site for budget in budgets)
    )


def _heat_chart(site: str, budgets: Sequence[WeekBudget]) -> HeatChart:
    users = sorted({budget.user for budget in budgets}, key=natural)
    weeks = sorted({budget.week for budget in budgets})
    width = HEAT_CELL if len(users) < MANY_USERS else HEAT_SMALL_CELL
    found = {(budget.user, budget.week): budget for budget in budgets}

    def cell(column: int, line: int, user: str, week: int) -> HeatCell:
        budget = found.get((user, week))
        share = min(1, budget.spent / budget.available) if budget and budget.available else 0
        text = f"{user}, week {week}: {share:.0%} spent"
        return HeatCell(HEAT_LEFT + column * width, HEAT_TOP + line * HEAT_CELL, round(share, 3), text)

    return HeatChart(
        site=site,
        width=HEAT_LEFT + len(users) * width,
        height=HEAT_TOP + len(weeks) * HEAT_CELL,
        cell=width,
        weeks=tuple((week, HEAT_TOP + line * HEAT_CELL) for line, week in enumerate(weeks)),
        cells=tuple(
            cell(column, line, user, week) for line, week in enumerate(weeks) for column, user in enumerate(users)
        ),
    )


def natural(name: str) -> tuple[str, int]:
    """Sort key that puts ``user 2`` before ``user 10``."""
    words = name.rstrip("0123456789")
    return words, int(name[len(words) :] or 0)

"""Geometry of the dashboard's pictures: numbers in, coordinates out; the templates draw them.

Those of lanes and heights are pixels; sums go across in per cent of the picture's width, so that they fit any page.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

LANES_WIDTH, LANE, LANES_LEFT, LANES_RIGHT = 1140, 26, 12, 12
SUMS_WIDTH, SUM_ROW, SUMS_LEFT, SUMS_RIGHT = 100, 46, 0.5, 0.5
FAMILIES = (
    ("source", "source"),
    ("trigger", "trigger"),
    ("impression", "impression"),
    ("conversion", "conversion"),
    ("report", "report"),
    ("shared-storage", "storage"),
    ("private-aggregation", "storage"),
    ("protected-audience", "storage"),
    ("aggregation", "aggregation"),
)
"""Beginnings of kinds of events, and the colour that they have."""


@dataclass(frozen=True, slots=True)
class Dot:
    """One event of a lane."""

    x: float
    y: float
    family: str
    failed: bool
    event: int
    text: str


@dataclass(frozen=True, slots=True)
class Lanes:
    """What happened where: a lane for each site, the newest event at the right."""

    width: int
    height: int
    lanes: tuple[tuple[str, float], ...]
    """Site and middle of each."""
    dots: tuple[Dot, ...]


@dataclass(frozen=True, slots=True)
class Sum:
    """One bucket: its true sum and its noised one as bars from the zero line, and the interval around the latter."""

    label: str
    top: float
    true: tuple[float, float]
    """Where the bar begins, and how wide it is; so is the next."""
    noised: tuple[float, float] | None
    """None where no noise was drawn yet."""
    error: tuple[float, float]
    """From where to where the interval goes."""


@dataclass(frozen=True, slots=True)
class Sums:
    """The sums of buckets, all on one scale that includes zero and every interval."""

    width: int
    height: int
    zero: float
    bars: tuple[Sum, ...]


@dataclass(frozen=True, slots=True)
class HeatRow:
    """The budgets of one kind and site; ``cells``: what is left in each epoch, None where it is untouched."""

    kind: str
    site: str
    limit: int
    cells: tuple[int | None, ...]


@dataclass(frozen=True, slots=True)
class Heat:
    """Budgets by site and epoch."""

    epochs: tuple[tuple[int, str], ...]
    """Number and beginning of each."""
    rows: tuple[HeatRow, ...]


def share(part: float, whole: float) -> float:
    """``part`` of ``whole`` in per cent, from 0 to 100; 0 where there is no whole."""
    return round(max(0.0, min(1.0, part / whole)) * 100, 2) if whole else 0.0


def family(kind: str) -> str:
    """The colour of a kind of event."""
    return next((name for beginning, name in FAMILIES if kind.startswith(beginning)), "other")


def lanes(events: Sequence[Mapping[str, Any]]) -> Lanes:
    """The lanes of ``events``, which come newest first."""
    sites = sorted({event["site"] or "the agent" for event in events})
    middles = {site: position * LANE + LANE / 2 for position, site in enumerate(sites)}
    step = (LANES_WIDTH - LANES_LEFT - LANES_RIGHT) / max(1, len(events) - 1)
    dots = tuple(
        Dot(
            x=round(LANES_LEFT + position * min(step, LANE), 1),
            y=middles[event["site"] or "the agent"],
            family=family(event["kind"]),
            failed=event["failed"],
            event=event["id"],
            text=f"{event['kind']}: {event['verdict']}",
        )
        for position, event in enumerate(reversed(events))
    )
    width = math.ceil(max((dot.x for dot in dots), default=LANES_LEFT)) + LANES_RIGHT
    return Lanes(width, len(sites) * LANE, tuple(middles.items()), dots)


def sums(rows: Sequence[Mapping[str, Any]]) -> Sums:
    """The sums of ``rows``: each with ``bucket``, ``true``, ``p5`` and ``p95``, and ``metric`` where there is noise."""
    values: list[int] = [
        row[name] for row in rows for name in ("true", "metric", "p5", "p95") if row.get(name) is not None
    ]
    low, high = min([0, *values]), max([1, *values])

    def x(value: float) -> float:
        return round(SUMS_LEFT + (value - low) / (high - low) * (SUMS_WIDTH - SUMS_LEFT - SUMS_RIGHT), 1)

    def span(value: float) -> tuple[float, float]:
        return min(x(0), x(value)), round(max(0.3, abs(x(value) - x(0))), 1)

    bars = [
        Sum(
            label=row["bucket"],
            top=position * SUM_ROW,
            true=span(row["true"]),
            noised=None if row.get("metric") is None else span(row["metric"]),
            error=(x(row["p5"]), x(row["p95"])),
        )
        for position, row in enumerate(rows)
    ]
    return Sums(SUMS_WIDTH, len(rows) * SUM_ROW, x(0), tuple(bars))


def heat(budgets: Sequence[Mapping[str, Any]], limits: Mapping[str, int]) -> Heat:
    """The budgets of W3C Attribution by kind and site, a column for each epoch that was charged, the newest first."""
    epochs = sorted({(one["epoch"], one["epoch_start"]) for one in budgets}, reverse=True)
    left = {(one["kind"], one["site"], one["epoch"]): one["remaining"] for one in budgets}
    rows = tuple(
        HeatRow(kind, site, limits[kind], tuple(left.get((kind, site, epoch)) for epoch, _ in epochs))
        for kind, site in sorted({(one["kind"], one["site"]) for one in budgets})
    )
    return Heat(tuple(epochs), rows)

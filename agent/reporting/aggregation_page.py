"""A summary as one static HTML file: each bucket with its noised sum, its interval and a picture of both."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from agent.reporting.aggregation_view import MEANINGS, Row, SummaryView, have_scale
from agent.reporting.static_page import render_static

PAGE_NAME = "summary.html"
MAX_ROWS = 1_000
"""Most buckets of which the page tells; the files have all of them."""
PICTURE_WIDTH = 260
_MARGIN = 4


@dataclass(frozen=True, slots=True)
class Picture:
    """One bucket: bars from the zero line and the interval, in user units of :data:`PICTURE_WIDTH`."""

    row: Row
    zero: float
    noised_x: float
    noised_width: float
    true_x: float
    true_width: float
    error_from: float
    error_to: float


def write_page(view: SummaryView, path: Path) -> Path:
    """Write the page of a summary, and give its path; folders are made. Raises OSError.

    Equal summaries give equal bytes.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    # A job's parameters may hold half of a surrogate pair, or bytes of a command line that are no UTF-8.
    path.write_text(render_page(view), encoding="utf-8", errors="backslashreplace", newline="\n")
    return path


def render_page(view: SummaryView) -> str:
    """The page of a summary as HTML text."""
    shown = view.rows[:MAX_ROWS]
    return render_static(
        "aggregation.html",
        view=view,
        meaning=MEANINGS[view.return_code],
        pictures=pictures(shown),
        scaled=have_scale(shown),
        hidden=len(view.rows) - len(shown),
        width=PICTURE_WIDTH,
    )


def pictures(rows: Sequence[Row]) -> tuple[Picture, ...]:
    """The pictures of ``rows``, all on one scale, which includes zero and every interval."""
    low = min([0, *(row.p5 for row in rows), *(row.true or 0 for row in rows)])
    high = max([1, *(row.p95 for row in rows), *(row.true or 0 for row in rows)])

    def x(value: int) -> float:
        return round(_MARGIN + (value - low) / (high - low) * (PICTURE_WIDTH - 2 * _MARGIN), 1)

    def span(value: int) -> tuple[float, float]:
        return min(x(0), x(value)), round(max(1.5, abs(x(value) - x(0))), 1)

    return tuple(
        Picture(row, x(0), *span(row.metric), *span(row.true or 0), error_from=x(row.p5), error_to=x(row.p95))
        for row in rows
    )

"""A summary as a table in the terminal: each bucket with its noised sum, its interval and a bar."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from rich import box
from rich.console import Console, ConsoleOptions, RenderableType, RenderResult
from rich.measure import Measurement
from rich.table import Table
from rich.text import Text

from agent.reporting.aggregation_view import Row, SummaryView, have_scale
from agent.reporting.terminal_text import harmless

BAR_WIDTH, LEAST_BAR_WIDTH = 28, 10


def summary_table(view: SummaryView, rows: Sequence[Row], *, narrow: bool = False) -> Table:
    """``rows`` of the summary; bars are on one scale, which includes zero and every interval.

    ``narrow``: buckets that all have names are told without their numbers.
    """
    scaled = have_scale(rows)
    told_in_hex = not narrow or any(row.name is None for row in rows)
    table = Table(
        box=box.SIMPLE_HEAD,
        pad_edge=False,
        title=Text(f"{view.job_request_id}: {view.return_code}", style="bold"),
        title_justify="left",
    )
    table.add_column("Bucket", overflow="fold")
    if told_in_hex:
        table.add_column("Hex", style="dim", overflow="fold")
    if view.revealed:
        table.add_column("True", justify="right", no_wrap=True)
    table.add_column("Noised" if view.scale else "Sum", justify="right", no_wrap=True)
    table.add_column("")
    if view.scale:
        table.add_column("90 % interval", justify="right", no_wrap=True)
    if scaled:
        table.add_column("That is", justify="right", no_wrap=True)
    low = min([0, *(row.p5 for row in rows)])
    high = max([1, *(row.p95 for row in rows), *(row.true or 0 for row in rows)])
    for row in rows:
        cells: list[RenderableType] = [Text(harmless(row.label))]
        if told_in_hex:
            cells.append(Text(f"{row.bucket:#x}"))
        if view.revealed:
            cells.append(Text(f"{row.true:,}"))
        cells += [
            Text(f"{row.metric:,}", style="bold" if row.told_from_zero else ""),
            SumBar(row, low, high),
        ]
        if view.scale:
            cells.append(Text(f"{row.p5:,} to {row.p95:,}"))
        if scaled:
            cells.append(Text(harmless(row.scaled(row.metric))))
        table.add_row(*cells)
    return table


@dataclass(frozen=True, slots=True)
class SumBar:
    """The bar of a row, as wide as the terminal lets it be."""

    row: Row
    low: int
    high: int

    def __rich_measure__(self, console: Console, options: ConsoleOptions) -> Measurement:
        """From 10 cells to 28."""
        del console
        return Measurement(LEAST_BAR_WIDTH, BAR_WIDTH).with_maximum(options.max_width)

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        """The bar in the cells that there are."""
        del console
        yield Text(bar(self.row, self.low, self.high, min(BAR_WIDTH, options.max_width)), style="cyan")


def bar(row: Row, low: int, high: int, width: int) -> str:
    """A bar from zero to the noised sum, with the interval laid over it: ``█████├──┼──┤``."""

    def cell(value: int) -> int:
        return min(width - 1, int((value - low) * width / (high - low)))

    zero, end = cell(0), cell(row.metric)
    cells = [" "] * width
    cells[zero] = "│"
    if row.metric:
        for position in range(min(zero, end), max(zero, end) + 1):
            cells[position] = "█"
    first, last = cell(row.p5), cell(row.p95)
    if last - first > 1:
        cells[first : last + 1] = "├" + "─" * (last - first - 1) + "┤"
        cells[end] = "┼"
    return "".join(cells)

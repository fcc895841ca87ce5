"""What the demo prints: lines of the timeline as they happen, and summaries as tables with bars."""

from __future__ import annotations

from rich import box
from rich.bar import Bar
from rich.table import Table
from rich.text import Text

from agent.model.clock import DAY, format_instant
from agent.reporting.model import (
    ApiSummary,
    AttributionReportingSummary,
    ReachSummary,
    RowKind,
    SummaryPart,
    TimelineRow,
)
from agent.reporting.numbers import significant

BAR_WIDTH = 8
_COLOURS = {
    RowKind.IMPRESSION: "cyan",
    RowKind.SOURCE: "blue",
    RowKind.CONVERSION: "green",
    RowKind.TRIGGER: "bright_green",
    RowKind.REACH: "bright_blue",
    RowKind.REPORT: "magenta",
    RowKind.AGGREGATION: "yellow",
    RowKind.CLOCK: "dim",
}


def timeline_line(row: TimelineRow, started: int) -> Text:
    """``day  3  09:00:12  shop.test  user 4  text``; days of the calendar (UTC), the one of ``started`` is 1."""
    day = row.time // DAY - started // DAY + 1
    time = format_instant(row.time)[11:19]
    return Text.assemble(
        (f"day {day:>2}  {time}  ", "dim"),
        (f"{row.site:<15} ", _COLOURS[row.kind]),
        (f"{row.user:<8} " if row.user else "", "bold"),
        row.text,
    )


def summary_tables(summary: ApiSummary) -> list[Table]:
    """A table for each part: true and noised sums side by side, with bars on one scale and the 90 % interval."""
    return [_summary_table(summary, part) for part in summary.parts]


def _summary_table(summary: ApiSummary, part: SummaryPart) -> Table:
    values = [value for row in part.rows for value in (row.true, row.noised)]
    low, high = min([0, *values]), max([1, *values])

    def bar(value: float, colour: str) -> Bar:
        return Bar(high - low, min(0, value) - low, max(0, value) - low, width=BAR_WIDTH, color=colour)

    table = _table(f"{summary.api}, {part.unit.name}: {summary.reports} reports, epsilon {summary.epsilon:g}")
    table.caption, table.collapse_padding = Text(_noise(summary, part), no_wrap=True, overflow="ignore"), True
    table.add_column(part.unit.heading)
    table.add_column("True", justify="right")
    table.add_column("")
    table.add_column("Noised", justify="right")
    table.add_column("")
    table.add_column("90 % interval", justify="right")
    for row in part.rows:
        table.add_row(
            Text(row.label),
            part.text(row.true),
            bar(row.true, "bright_black"),
            part.text(row.noised),
            bar(row.noised, "cyan"),
            part.interval(row),
        )
    return table


def _noise(summary: ApiSummary, part: SummaryPart) -> str:
    """How much noise was added and, below the first part, what the whole summary cost."""
    noise = (
        f"noise of scale {significant(part.scale, 6)} (standard deviation {significant(part.standard_deviation, 4)})"
    )
    spent = f", {summary.units:,} budget units spent" if summary.units is not None and part is summary.parts[0] else ""
    return f"{noise if part.scale else 'noise off'}{spent}"


def _table(title: str) -> Table:
    return Table(
        box=box.SIMPLE_HEAD,
        pad_edge=False,
        title=title,
        title_justify="left",
        title_style="bold",
        caption_justify="left",
    )


def attribution_reporting_table(summary: AttributionReportingSummary) -> Table:
    """What Attribution Reporting counted for each campaign, beside the truth."""
    event_level = sum(campaign.event_level for campaign in summary.campaigns)
    table = _table(
        f"Attribution Reporting: {event_level} event-level, {summary.aggregatable} aggregatable, "
        f"{summary.debug} debug reports"
    )
    table.add_column("Campaign")
    for heading in ("Seen", "Clicked", "Bought, true", "Event-level reports"):
        table.add_column(heading, justify="right")
    for campaign in summary.campaigns:
        numbers = (campaign.seen, campaign.clicked, campaign.purchases, campaign.event_level)
        table.add_row(Text(campaign.label), *map(str, numbers))
    return table


def shown_line(summary: ReachSummary) -> str:
    """How often each campaign was shown, which is what a server can count by itself."""
    shown = [f"{one.browsers.label} {one.shown}" for one in summary.campaigns if one.times == 1]
    return f"ads shown, to anybody: {', '.join(shown)}"


def creatives_line(summary: ReachSummary) -> str:
    """Which creatives selectURL showed, and how often."""
    shown = ", ".join(f"{creative.label} {creative.shown}" for creative in summary.creatives)
    return f"{summary.poster}, pictures in turn: {shown}"

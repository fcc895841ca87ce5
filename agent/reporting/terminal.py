"""What the demo prints: lines of the timeline as they happen, and histograms as tables with bars."""

from __future__ import annotations

from rich import box
from rich.bar import Bar
from rich.table import Table
from rich.text import Text

from agent.model.clock import DAY, format_instant
from agent.reporting.model import ApiSummary, AttributionReportingSummary, ReachSummary, RowKind, TimelineRow

BAR_WIDTH = 10
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


def histogram_table(summary: ApiSummary) -> Table:
    """True and noised sums of each campaign side by side, with bars on one scale and the 90 % interval."""
    values = [value for campaign in summary.campaigns for value in (campaign.true, campaign.noised)]
    low, high = min(0, *values), max(1, *values)

    def bar(value: int, colour: str) -> Bar:
        return Bar(high - low, min(0, value) - low, max(0, value) - low, width=BAR_WIDTH, color=colour)

    batch = summary.batch
    noise = f"noise of scale {batch.scale:g}" if batch.scale else "noise off"
    table = Table(
        box=box.SIMPLE_HEAD,
        pad_edge=False,
        title=f"{summary.api}: {batch.reports} reports, epsilon {batch.epsilon:g}, {noise}",
        title_justify="left",
        title_style="bold",
    )
    table.add_column("Campaign")
    table.add_column("True", justify="right")
    table.add_column("")
    table.add_column("Noised", justify="right")
    table.add_column("")
    table.add_column("90 % interval", justify="right")
    for campaign in summary.campaigns:
        table.add_row(
            Text(campaign.label),
            str(campaign.true),
            bar(campaign.true, "bright_black"),
            str(campaign.noised),
            bar(campaign.noised, "cyan"),
            f"{campaign.p5} to {campaign.p95}",
        )
    return table


def attribution_reporting_table(summary: AttributionReportingSummary) -> Table:
    """What Attribution Reporting counted for each campaign, beside the truth."""
    event_level = sum(campaign.event_level for campaign in summary.campaigns)
    table = Table(
        box=box.SIMPLE_HEAD,
        pad_edge=False,
        title=(
            f"Attribution Reporting: {event_level} event-level, {summary.aggregatable} aggregatable, "
            f"{summary.debug} debug reports"
        ),
        title_justify="left",
        title_style="bold",
    )
    table.add_column("Campaign")
    for heading in ("Seen", "Clicked", "Bought, true", "Event-level reports"):
        table.add_column(heading, justify="right")
    for campaign in summary.campaigns:
        numbers = (campaign.seen, campaign.clicked, campaign.purchases, campaign.event_level)
        table.add_row(Text(campaign.label), *map(str, numbers))
    return table


def reach_table(summary: ReachSummary) -> Table:
    """How often each campaign was shown, and how many browsers saw it: the truth beside what the reports say."""
    table = Table(
        box=box.SIMPLE_HEAD,
        pad_edge=False,
        title=(
            f"Private Aggregation: {summary.reports} reports, epsilon {summary.epsilon:g}, "
            f"noise of scale {summary.scale:g}"
        ),
        title_justify="left",
        title_style="bold",
    )
    table.add_column("Campaign")
    for heading in ("Shown", "Browsers, true", "Noised", "90 % interval"):
        table.add_column(heading, justify="right")
    for campaign in summary.campaigns:
        browsers = campaign.browsers
        table.add_row(
            Text(browsers.label),
            str(campaign.shown),
            str(browsers.true),
            str(browsers.noised),
            f"{browsers.p5} to {browsers.p95}",
        )
    return table


def creatives_line(summary: ReachSummary) -> str:
    """Which creatives selectURL showed, and how often."""
    shown = ", ".join(f"{creative.label} {creative.shown}" for creative in summary.creatives)
    return f"{summary.poster}, pictures in turn: {shown}"

"""What the demo prints."""

from __future__ import annotations

import dataclasses
import io

import pytest
from rich.console import Console, RenderableType

from agent.model.clock import DAY, HOUR
from agent.reporting.model import ApiSummary, RowKind, TimelineRow
from agent.reporting.terminal import (
    attribution_reporting_table,
    creatives_line,
    shown_line,
    summary_tables,
    timeline_line,
)
from tests.reporting.sample import ARRIVED, EXACT, JOB, REACH, REACHED, START, SUMMARY


def printed(renderable: RenderableType, width: int = 80) -> list[str]:
    console = Console(file=io.StringIO(), width=width, color_system=None)
    console.print(renderable)
    assert isinstance(console.file, io.StringIO)
    return console.file.getvalue().splitlines()


def test_a_line_tells_day_time_site_user_and_what_happened() -> None:
    row = TimelineRow(START + 2 * DAY + HOUR, "user 4", "shop.test", "bought a lamp", RowKind.CONVERSION)
    (line,) = printed(timeline_line(row, START))
    assert line.split() == ["day", "3", "10:00:00", "shop.test", "user", "4", "bought", "a", "lamp"]


def tables(summary: ApiSummary) -> list[str]:
    return [line for table in summary_tables(summary) for line in printed(table)]


@pytest.mark.parametrize(
    ("after", "begins"), [(0, "day  1  09:00:00"), (15 * HOUR - 1, "day  1  23:59:59"), (15 * HOUR, "day  2  00:00:00")]
)
def test_days_change_at_midnight_and_the_first_is_one(after: int, begins: str) -> None:
    row = TimelineRow(START + after, "", "", "the run goes on", RowKind.CLOCK)
    assert printed(timeline_line(row, START))[0].startswith(begins)


def test_square_brackets_of_a_text_are_no_markup() -> None:
    row = TimelineRow(START, "", "shop.test", "histogram [0, 1] [bold]", RowKind.REPORT)
    assert printed(timeline_line(row, START))[0].endswith("histogram [0, 1] [bold]")


def test_the_table_puts_true_and_noised_side_by_side_with_the_interval() -> None:
    line = next(line for line in tables(SUMMARY) if "Newsletter" in line)
    assert [word for word in line.split() if "█" not in word and "▌" not in word][:3] == ["Newsletter", "0", "-3"]
    assert line.rstrip().endswith("-12 to 6")


def test_longer_bars_stand_for_larger_sums() -> None:
    lines = tables(EXACT)

    def blocks(label: str) -> int:
        return next(line for line in lines if label in line).count("█")

    assert blocks("Video") > blocks("Front page") > blocks("Article") > blocks("Newsletter") == 0


@pytest.mark.parametrize("summary", [SUMMARY, EXACT, JOB, REACH], ids=lambda one: str(one.api))
def test_a_summary_fits_a_terminal_of_80_columns_without_breaking_a_line(summary: ApiSummary) -> None:
    lines = tables(summary)
    assert all(len(line) <= 80 for line in lines)
    for part in summary.parts:
        for row in part.rows:
            assert sum(row.label in line and part.interval(row) in line for line in lines) == 1


@pytest.mark.parametrize(
    ("summary", "title", "noise"),
    [
        (
            SUMMARY,
            "navigator.attribution, purchases: 36 reports, epsilon 0.5",
            "noise of scale 4 (standard deviation 5.6)",
        ),
        (EXACT, "navigator.privateAttribution, purchases: 36 reports, epsilon 0.5", "noise off"),
        (
            REACH,
            "Private Aggregation, browsers: 18 reports, epsilon 2",
            "noise of scale 2 (standard deviation 2.83), 14 budget units spent",
        ),
    ],
)
def test_every_summary_says_how_much_noise_was_added_and_what_it_cost(
    summary: ApiSummary, title: str, noise: str
) -> None:
    lines = tables(summary)
    assert lines[0].rstrip() == title
    assert lines[-1].rstrip() == noise


def test_what_counts_in_another_unit_is_a_table_of_its_own() -> None:
    lines = tables(JOB)
    assert "Attribution Reporting, purchases: 11 reports, epsilon 10" in (line.rstrip() for line in lines)
    assert "Attribution Reporting, euros: 11 reports, epsilon 10" in (line.rstrip() for line in lines)
    (banner,) = [line.split() for line in lines if "Front page banner" in line]
    assert (banner[3], banner[5], banner[-3:]) == ("8.0", "8.1", ["7.6", "to", "8.6"])


def test_reports_of_attribution_reporting_stand_beside_the_truth_in_80_columns() -> None:
    lines = printed(attribution_reporting_table(ARRIVED))
    assert all(len(line) <= 80 for line in lines)
    assert lines[0].startswith("Attribution Reporting: 9 event-level, 11 aggregatable, 3 debug reports")
    (line,) = [line for line in lines if "Front page banner" in line]
    assert line.split() == ["Front", "page", "banner", "14", "5", "9", "8"]


def test_how_often_an_ad_was_shown_is_one_line_that_counts_no_campaign_twice() -> None:
    often = dataclasses.replace(REACHED.campaigns[1], times=3)
    reached = dataclasses.replace(REACHED, campaigns=(*REACHED.campaigns, often))
    assert shown_line(reached) == "ads shown, to anybody: Article sidebar 9, Mending days 31"


def test_what_took_turns_is_one_line() -> None:
    assert creatives_line(REACHED) == "Mending days, pictures in turn: Bring the lamp 14, Bring the chair 10"

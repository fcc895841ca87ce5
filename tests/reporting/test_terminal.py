"""What the demo prints."""

from __future__ import annotations

import io

import pytest
from rich.console import Console, RenderableType

from agent.model.clock import DAY, HOUR
from agent.reporting.model import ApiSummary, RowKind, TimelineRow
from agent.reporting.terminal import (
    attribution_reporting_table,
    creatives_line,
    histogram_table,
    reach_table,
    timeline_line,
)
from tests.reporting.sample import ARRIVED, EXACT, REACHED, START, SUMMARY


def printed(renderable: RenderableType, width: int = 80) -> list[str]:
    console = Console(file=io.StringIO(), width=width, color_system=None)
    console.print(renderable)
    assert isinstance(console.file, io.StringIO)
    return console.file.getvalue().splitlines()


def test_a_line_tells_day_time_site_user_and_what_happened() -> None:
    row = TimelineRow(START + 2 * DAY + HOUR, "user 4", "shop.test", "bought a lamp", RowKind.CONVERSION)
    (line,) = printed(timeline_line(row, START))
    assert line.split() == ["day", "3", "10:00:00", "shop.test", "user", "4", "bought", "a", "lamp"]


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
    line = next(line for line in printed(histogram_table(SUMMARY)) if "Newsletter" in line)
    assert [word for word in line.split() if "█" not in word and "▌" not in word][:3] == ["Newsletter", "0", "-3"]
    assert line.rstrip().endswith("-12 to 6")


def test_longer_bars_stand_for_larger_sums() -> None:
    lines = printed(histogram_table(EXACT))

    def blocks(label: str) -> int:
        return next(line for line in lines if label in line).count("█")

    assert blocks("Video") > blocks("Front page") > blocks("Article") > blocks("Newsletter") == 0


def test_the_table_fits_a_terminal_of_80_columns_without_breaking_a_line() -> None:
    lines = printed(histogram_table(SUMMARY))
    assert all(len(line) <= 80 for line in lines)
    assert sum("Front page banner" in line for line in lines) == 1


@pytest.mark.parametrize(("summary", "words"), [(SUMMARY, "noise of scale 4"), (EXACT, "noise off")])
def test_the_title_says_how_much_noise_was_added(summary: ApiSummary, words: str) -> None:
    assert words in printed(histogram_table(summary))[0]


def test_reports_of_attribution_reporting_stand_beside_the_truth_in_80_columns() -> None:
    lines = printed(attribution_reporting_table(ARRIVED))
    assert all(len(line) <= 80 for line in lines)
    assert lines[0].startswith("Attribution Reporting: 9 event-level, 11 aggregatable, 3 debug reports")
    (line,) = [line for line in lines if "Front page banner" in line]
    assert line.split() == ["Front", "page", "banner", "14", "5", "9", "8"]


def test_reach_stands_beside_the_truth_and_how_often_it_was_shown_in_80_columns() -> None:
    lines = printed(reach_table(REACHED))
    assert all(len(line) <= 80 for line in lines)
    assert lines[0].rstrip() == "Private Aggregation: 18 reports, epsilon 2, noise of scale 2"
    (line,) = [line for line in lines if "Mending days" in line]
    assert line.split() == ["Mending", "days", "31", "11", "10", "5", "to", "15"]


def test_what_took_turns_is_one_line() -> None:
    assert creatives_line(REACHED) == "Mending days, pictures in turn: Bring the lamp 14, Bring the chair 10"

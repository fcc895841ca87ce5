"""Geometry of the pictures: lengths are true to the numbers, and everything stays inside the frame."""

from __future__ import annotations

import dataclasses

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.model.clock import DAY, WEEK
from agent.reporting.charts import (
    MANY_USERS,
    BarChart,
    bar_charts,
    heat_charts,
    natural,
    week_chart,
)
from agent.reporting.model import PURCHASES, ApiSummary, RowKind, SummaryPart, SummaryRow, TimelineRow, WeekBudget
from tests.reporting.sample import EXACT, JOB, REACH, RUN, START, SUMMARY, USERS

COUNTS = st.integers(-10_000, 10_000)


def bar_chart(summary: ApiSummary) -> BarChart:
    ((chart,),) = bar_charts([summary])
    return chart


def counted(*rows: SummaryRow) -> ApiSummary:
    return ApiSummary("api", (SummaryPart(PURCHASES, 2, 1, rows),), 20, 1)


def test_the_length_of_a_bar_is_in_proportion_to_its_sum() -> None:
    banner, sidebar, _, video = bar_chart(SUMMARY).bars
    assert banner.true_width / video.true_width == pytest.approx(12 / 14, abs=0.01)
    assert banner.noised_width / sidebar.noised_width == pytest.approx(9 / 11, abs=0.01)


def test_a_negative_sum_goes_left_of_zero_and_a_positive_one_right() -> None:
    chart = bar_chart(SUMMARY)
    newsletter = chart.bars[2]
    assert newsletter.noised_x + newsletter.noised_width == pytest.approx(chart.zero, abs=0.2)
    assert chart.bars[0].noised_x == chart.zero


def test_the_error_bar_spans_the_interval_around_the_noised_sum() -> None:
    chart = bar_chart(SUMMARY)
    video = chart.bars[3]
    end = video.noised_x + video.noised_width
    assert (end - video.error_from) / (video.error_to - end) == pytest.approx((15 - 6) / (24 - 15), abs=0.02)


@given(st.lists(st.tuples(COUNTS, COUNTS, st.integers(0, 500)), min_size=1, max_size=6))
def test_no_bar_leaves_the_picture(sums: list[tuple[int, int, int]]) -> None:
    chart = bar_chart(counted(*(SummaryRow("c", true, noised, noised - w, noised + w) for true, noised, w in sums)))
    for bar in chart.bars:
        assert min(bar.true_x, bar.noised_x, bar.error_from) >= 0
        assert max(bar.true_x + bar.true_width, bar.noised_x + bar.noised_width, bar.error_to) <= chart.width
        assert bar.top < chart.height


def test_what_counts_in_the_same_unit_is_drawn_on_one_scale() -> None:
    (noised,), (exact,), (counts, _) = bar_charts([SUMMARY, EXACT, JOB])
    assert noised.zero == exact.zero == counts.zero
    assert [bar.true_width for bar in noised.bars] == [bar.true_width for bar in exact.bars]
    assert counts.bars[0].true_width / noised.bars[0].true_width == pytest.approx(8 / 12, abs=0.02)


def test_another_unit_has_a_scale_of_its_own() -> None:
    _, (reach,) = bar_charts([SUMMARY, REACH])
    # The longest interval, to 14.3 browsers, ends at the right, where that of 24 purchases does on its scale.
    assert reach.bars[1].error_to == bar_chart(SUMMARY).bars[3].error_to
    assert reach.bars[0].true_width / 7 == pytest.approx(reach.bars[1].true_width / 11, abs=0.05)


def test_numbers_stand_beside_their_bars_as_the_part_shows_them() -> None:
    ((counts, prices),) = bar_charts([JOB])
    assert [(bar.true, bar.noised) for bar in counts.bars] == [("8.0", "8.1"), ("1.0", "1.0")]
    assert [(bar.true, bar.noised) for bar in prices.bars] == [("104", "-71")]


def test_no_api_is_no_chart() -> None:
    assert bar_charts([]) == ()


def test_all_sums_zero_is_a_picture_too() -> None:
    (bar,) = bar_chart(counted(SummaryRow("c", 0, 0, 0, 0))).bars
    assert bar.error_from == bar.error_to


def test_every_row_of_a_site_is_a_dot_in_the_lane_of_that_site() -> None:
    chart = week_chart(RUN)
    rows = [row for row in RUN.timeline if row.site]
    tops = {lane.site: lane.top for lane in chart.lanes}
    assert len(chart.dots) == len(rows)
    for row, dot in zip(rows, chart.dots, strict=True):
        assert tops[row.site] < dot.y < tops[row.site] + 54
        assert 0 < dot.x < chart.width


def test_a_person_keeps_to_one_line_within_a_site() -> None:
    lines = {
        (row.user, row.site, dot.y)
        for row, dot in zip((r for r in RUN.timeline if r.site), week_chart(RUN).dots, strict=True)
    }
    assert len(lines) == len({(user, site) for user, site, _ in lines})


def test_time_runs_from_left_to_right() -> None:
    dots = week_chart(RUN).dots
    assert [dot.x for dot in dots] == sorted(dot.x for dot in dots)


def test_a_row_of_no_site_is_no_dot() -> None:
    clock = TimelineRow(START + DAY, "", "", "a week passes", RowKind.CLOCK)
    assert week_chart(dataclasses.replace(RUN, timeline=(clock,))).dots == ()


def test_a_week_that_the_run_did_not_reach_is_not_drawn() -> None:
    short = dataclasses.replace(RUN, ended=START + WEEK + DAY)
    assert [number for number, _ in week_chart(short).weeks] == [1, 2]


def test_a_run_of_no_length_and_no_rows_is_a_picture_too() -> None:
    chart = week_chart(dataclasses.replace(RUN, ended=START, timeline=()))
    assert (chart.lanes, chart.dots, chart.weeks) == ((), (), ())


def test_heat_has_a_cell_for_each_user_and_week_with_the_share_spent() -> None:
    (chart,) = heat_charts(RUN.budgets)
    assert len(chart.cells) == len(USERS) * 3
    first = chart.cells[0]
    assert (first.text, first.share) == ("user 1, week 1: 50% spent", 0.5)
    assert {cell.share for cell in chart.cells} == {0, 0.5, 1}


def test_a_missing_week_counts_as_unspent() -> None:
    budgets = [WeekBudget("a", "shop.test", 1, 10, 10), WeekBudget("b", "shop.test", 2, 10, 10)]
    (chart,) = heat_charts(budgets)
    assert [cell.share for cell in chart.cells] == [1, 0, 0, 1]


def test_each_site_has_a_heat_chart_of_its_own() -> None:
    budgets = [WeekBudget("a", site, 1, 0, 10) for site in ("z.test", "a.test")]
    assert [chart.site for chart in heat_charts(budgets)] == ["z.test", "a.test"]


def test_no_budget_is_no_chart() -> None:
    assert heat_charts([]) == ()


def test_many_users_get_small_cells() -> None:
    def cell(users: int) -> int:
        return heat_charts([WeekBudget(f"user {n}", "s.test", 1, 0, 1) for n in range(users)])[0].cell

    assert cell(MANY_USERS) < cell(MANY_USERS - 1)


def test_names_with_numbers_sort_as_people_count() -> None:
    assert sorted(["user 10", "user 2", "bob", "user 1"], key=natural) == ["bob", "user 1", "user 2", "user 10"]

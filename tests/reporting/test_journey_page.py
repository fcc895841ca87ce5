"""Results as one page that loads nothing."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from agent.model.events import Event
from agent.reporting.journey_page import LEFT, render_journeys, step_chart, sum_bars, write_journeys
from agent.reporting.journey_results import Failure, JourneyResult, Outcome, StepResult, SumRow, SumsTold

PNG = b"\x89PNG\r\n\x1a\nxxxx"
SUMS = SumsTold("2 reports", (SumRow("Sidebar", 7, 10, 5), SumRow("0x8", 8, None, -5)))
STEPS = (
    StepResult(4, "open x", Outcome.PASSED, events=(Event("impression", 0, "stored", "an ad", site="news.test"),)),
    StepResult(5, "summary", Outcome.FAILED, failure=Failure("wrong", "wrong"), picture=PNG, sums=SUMS),
    StepResult(6, "click", Outcome.SKIPPED),
)
RESULT = JourneyResult("A sale", "sale.yaml", Outcome.FAILED, STEPS, 2, 7, STEPS[1].failure, 5)


def test_the_page_shows_steps_pictures_sums_events_and_the_failure(tmp_path: Path) -> None:
    text = write_journeys([RESULT], tmp_path / "deep" / "page.html").read_text("utf-8")
    for part in ("1 of 1 journey failed", "sale.yaml:5", "data:image/png;base64,", "Sidebar", "an ad", "line 6"):
        assert part in text


def test_the_page_loads_nothing_and_runs_nothing() -> None:
    text = render_journeys([RESULT])
    assert "<script" not in text
    assert not re.search(r'(?:src|href)="(?!#|data:)', text)
    (policy,) = re.findall(r'Content-Security-Policy" content="([^"]*)"', text)
    allowed = policy.replace("&#39;", "'")
    assert re.fullmatch(r"default-src 'none'; style-src 'sha256-[^']+'; img-src data:", allowed)


def test_text_of_a_site_is_shown_as_text() -> None:
    hostile = "<img src=x onerror=alert(1)>"
    event = Event("impression", 0, hostile, hostile, site=hostile)
    failure = Failure(hostile, hostile)
    step = StepResult(1, hostile, Outcome.FAILED, failure=failure, events=(event,), picture=PNG, picture_name=hostile)
    text = render_journeys([JourneyResult(hostile, hostile, Outcome.FAILED, (step,), failure=failure)])
    assert "<img src=x" not in text
    assert "&lt;img src=x" in text


def test_text_that_is_no_utf_8_is_written_all_the_same(tmp_path: Path) -> None:
    failure = Failure("half \ud800", "half \ud800 of a pair")
    result = JourneyResult("x", "\udcff.yaml", Outcome.FAILED, failure=failure)
    assert "of a pair" in write_journeys([result], tmp_path / "page.html").read_text("utf-8")


def test_each_event_is_a_dot_in_the_column_of_its_step_and_the_lane_of_its_site() -> None:
    chart = step_chart(STEPS)
    assert [number for number, _, _ in chart.columns] == [1, 2, 3]
    assert [wrong for _, _, wrong in chart.columns] == [False, True, False]
    (dot,) = chart.dots
    assert LEFT < dot.x < chart.columns[1][1]
    assert (dot.kind, chart.lanes[0][0]) == ("impression", "news.test")


def test_bars_of_a_summary_share_a_scale_with_zero_and_what_was_expected() -> None:
    found, other = sum_bars(SUMS)
    # From -5 to 10: zero lies a third along, 5 two thirds, the expected 10 at the end.
    assert found.zero == other.zero == round(4 + 292 / 3, 1)
    assert found.x == found.zero
    assert found.width == pytest.approx(292 / 3, abs=0.1)
    assert found.expected_x == 296.0
    assert (other.x, other.expected_x) == (4.0, None)

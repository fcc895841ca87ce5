"""How a run is told: a line for each journey, or bars on a terminal."""

from __future__ import annotations

from io import StringIO

from rich.console import Console

from agent.journeys.scripted.progress import Bars, Lines, console_line
from agent.journeys.scripted.reading import Journey
from agent.journeys.scripted.vocabulary import AgentOptions
from agent.reporting.journey_results import Failure, JourneyResult, Outcome, StepResult

JOURNEY = Journey("A [bold]sale[/bold]", "sale.yaml", AgentOptions(), {}, {}, ())
STEP = StepResult(4, "click x", Outcome.FAILED)
FAILED = JourneyResult(
    JOURNEY.name, "sale.yaml", Outcome.FAILED, (STEP,), 1.25, failure=Failure("no x", "no x\n  fix   write y"), line=4
)


def test_a_failure_is_told_with_file_and_line_and_all_that_is_known() -> None:
    told: list[str] = []
    Lines(lambda text, _style: told.append(text)).ended(JOURNEY, FAILED)
    assert told == ["FAIL  A [bold]sale[/bold]  1.2 s", "sale.yaml:4: no x", "  fix   write y"]


def test_steps_are_told_where_more_is_wanted() -> None:
    told: list[str] = []
    Lines(lambda text, _style: told.append(text), verbose=True).ended(JOURNEY, FAILED)
    assert told[1] == "      FAIL    4  click x"


def test_bars_show_what_runs_and_leave_the_results() -> None:
    shown = StringIO()
    console = Console(file=shown, force_terminal=True, width=100, color_system=None)
    with Bars(console, 1, Lines(console_line(console))) as bars:
        bars.began(JOURNEY)
        bars.stepped(JOURNEY, STEP)
        bars.ended(JOURNEY, FAILED)
    assert "A [bold]sale[/bold]" in shown.getvalue()
    assert "sale.yaml:4: no x" in shown.getvalue()


def test_what_a_terminal_would_obey_is_shown_instead() -> None:
    shown = StringIO()
    console_line(Console(file=shown, width=100))("a\x1b[2Jb", "")
    assert shown.getvalue() == "a\\x1b[2Jb\n"

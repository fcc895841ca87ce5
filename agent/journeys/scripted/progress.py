"""Tells how a run goes on: bars on a terminal, a line for each journey elsewhere."""

from __future__ import annotations

from collections.abc import Callable
from types import TracebackType
from typing import Self

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, SpinnerColumn, TaskID, TextColumn

from agent.journeys.scripted.reading import Journey
from agent.reporting.journey_results import JourneyResult, Outcome, StepResult

Line = Callable[[str, str], None]
"""Prints one line in a style of rich's; what it says is no markup."""
STYLES = {Outcome.PASSED: "green", Outcome.FAILED: "bold red", Outcome.ERROR: "bold red", Outcome.SKIPPED: "dim"}
_MARKS = {Outcome.PASSED: "ok   ", Outcome.FAILED: "FAIL ", Outcome.ERROR: "ERROR", Outcome.SKIPPED: "skip "}
_WIDTH = 48


class Lines:
    """One line when a journey has ended, and for a failure all that is known of it; with ``verbose`` its steps too."""

    def __init__(self, line: Line, *, verbose: bool = False) -> None:
        self._line, self._verbose = line, verbose

    def began(self, journey: Journey) -> None:
        """Nothing is told of a beginning."""

    def stepped(self, journey: Journey, step: StepResult) -> None:
        """Steps are told when their journey has ended, so that those of several do not mix."""

    def ended(self, journey: Journey, result: JourneyResult) -> None:
        """Tell the result."""
        del journey
        self.told(result)

    def told(self, result: JourneyResult) -> None:
        """Tell a result, of a story too."""
        for note in result.notes:
            self._line(f"note  {note}", "yellow")
        self._line(f"{_MARKS[result.outcome]} {result.name}  {result.seconds:.1f} s", STYLES[result.outcome])
        if self._verbose:
            for step in result.steps:
                self._line(f"      {_MARKS[step.outcome]} {step.line:>3}  {step.told}", STYLES[step.outcome])
        if result.failure is not None:
            first, *more = result.failure.text.splitlines()
            self._line(f"{result.where}: {first}", "")
            for text in more:
                self._line(text, "")
            if result.bundle is not None:
                self._line(f"bundle: {result.bundle}", "")


class Bars:
    """A bar for the run and one for each journey under way; above them what :class:`Lines` tells."""

    def __init__(self, console: Console, count: int, lines: Lines) -> None:
        self._progress = Progress(
            SpinnerColumn(),
            TextColumn("{task.description}", markup=False),
            BarColumn(),
            MofNCompleteColumn(),
            TextColumn("{task.fields[step]}", style="dim", markup=False),
            console=console,
            transient=True,
        )
        self._all = self._progress.add_task("journeys", total=count, step="")
        self._bars: dict[int, TaskID] = {}
        self._lines = lines

    def __enter__(self) -> Self:
        self._progress.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._progress.stop()

    def began(self, journey: Journey) -> None:
        """Show a bar for it."""
        total = max(1, len(journey.steps))
        self._bars[id(journey)] = self._progress.add_task(_short(journey.name), total=total, step="")

    def stepped(self, journey: Journey, step: StepResult) -> None:
        """Move its bar."""
        self._progress.update(self._bars[id(journey)], advance=1, step=_short(step.told))

    def ended(self, journey: Journey, result: JourneyResult) -> None:
        """Take its bar away, and tell the result."""
        self._progress.remove_task(self._bars.pop(id(journey)))
        self._progress.advance(self._all)
        self._lines.ended(journey, result)


def _short(text: str) -> str:
    plain = "".join(letter if letter.isprintable() else " " for letter in text)
    return plain if len(plain) <= _WIDTH else plain[: _WIDTH - 1] + "…"


def console_line(console: Console) -> Line:
    """Prints lines on ``console``, above the bars; control characters are shown, not obeyed."""

    def line(text: str, style: str) -> None:
        shown = "".join(letter if letter.isprintable() else ascii(letter)[1:-1] for letter in text)
        console.print(shown, style=style or None, markup=False, highlight=False, soft_wrap=True)

    return line

"""Runs journeys: several at once in one Chromium, each in an agent of its own."""

from __future__ import annotations

import asyncio
import itertools
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from agent.browser.launch import Browser
from agent.journeys.scripted.playing import Playing, fault, play
from agent.journeys.scripted.reading import Journey
from agent.reporting.journey_results import Failure, JourneyResult, Outcome, StepResult

_LONGEST = 120
INTERRUPTED = 130
"""Exit code after Ctrl-C, as shells have it."""


class Watching(Protocol):
    """Is told how a run goes on."""

    def began(self, journey: Journey) -> None:
        """``journey`` is being played."""
        ...

    def stepped(self, journey: Journey, step: StepResult) -> None:
        """One of its steps has ended."""
        ...

    def ended(self, journey: Journey, result: JourneyResult) -> None:
        """It has ended."""
        ...


class Keeping:
    """Tells another, and keeps what has ended: what there is to tell of a run that Ctrl-C ends."""

    def __init__(self, other: Watching) -> None:
        self._other = other
        self._ended: dict[int, JourneyResult] = {}

    def began(self, journey: Journey) -> None:
        """See :class:`Watching`."""
        self._other.began(journey)

    def stepped(self, journey: Journey, step: StepResult) -> None:
        """See :class:`Watching`."""
        self._other.stepped(journey, step)

    def ended(self, journey: Journey, result: JourneyResult) -> None:
        """See :class:`Watching`."""
        self._ended[id(journey)] = result
        self._other.ended(journey, result)

    def interrupted(self, journeys: Sequence[Journey]) -> tuple[JourneyResult, ...]:
        """The results of ``journeys``; those that have not ended were interrupted."""
        failure = Failure("interrupted", "interrupted before it had ended", INTERRUPTED)
        return tuple(
            self._ended.get(id(one)) or JourneyResult(one.name, one.file, Outcome.ERROR, failure=failure)
            for one in journeys
        )


@dataclass(frozen=True, slots=True)
class RunOptions:
    """How to run journeys."""

    workers: int = 1
    """Journeys at once."""
    headed: bool = False
    chromium: Path | None = None
    pictures: bool = False
    bundles: Path | None = None


async def run_journeys(
    journeys: Sequence[Journey], options: RunOptions, watching: Watching
) -> tuple[JourneyResult, ...]:
    """The results of ``journeys`` in their order. Raises HostEnvironmentError without a Chromium."""
    async with Browser(headed=options.headed, executable=options.chromium) as browser:
        how = Playing(browser, options.pictures)
        places = asyncio.Semaphore(options.workers)

        async def one(journey: Journey, bundle: Path | None) -> JourneyResult:
            async with places:
                watching.began(journey)
                try:
                    result = await play(journey, how, lambda step: watching.stepped(journey, step), bundle)
                except Exception as error:  # noqa: BLE001 - a fault of ours in one must not lose what became of others
                    result = JourneyResult(journey.name, journey.file, Outcome.ERROR, failure=fault(error))
                watching.ended(journey, result)
                return result

        async with asyncio.TaskGroup() as group:
            folders = bundle_folders(journeys, options.bundles)
            running = [group.create_task(one(*pair)) for pair in zip(journeys, folders, strict=True)]
    return tuple(task.result() for task in running)


def bundle_folders(journeys: Sequence[Journey], root: Path | None) -> list[Path | None]:
    """A folder below ``root`` for each journey, named after its file and, where several are in it, by number."""
    folders: dict[str, None] = {}
    for journey in journeys:
        name = re.sub(r"[^A-Za-z0-9_.]+", "-", Path(journey.file).stem).strip("-.")[:_LONGEST] or "journey"
        numbered = (f"{name}-{number}" for number in itertools.count(2))
        folders[next(one for one in (name, *itertools.islice(numbered, len(journeys))) if one not in folders)] = None
    return [None if root is None else root / name for name in folders]


def exit_code_of(results: Sequence[JourneyResult]) -> int:
    """That of a whole run: the highest of its journeys."""
    return max((result.exit_code for result in results), default=0)

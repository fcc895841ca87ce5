"""Stories among the journeys of a run: played by the engines without a browser, told as journeys are."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from agent.journeys.story import StoryError, StoryResult
from agent.journeys.story_files import run_file
from agent.reporting.journey_results import Failure, JourneyResult, Outcome


def play_stories(file: str, refused: Callable[[StoryError], None]) -> Iterator[JourneyResult]:
    """The result of every story in ``file``; ``refused`` is told what is not in the format, with file and line."""
    for story in run_file(file, refused=refused):
        yield _told(story, file)


def _told(story: StoryResult, file: str) -> JourneyResult:
    notes = tuple(story.notes)
    if not story.mismatches:
        return JourneyResult(story.id, file, Outcome.PASSED, notes=notes)
    lines = [str(mismatch) for mismatch in story.mismatches]
    return JourneyResult(story.id, file, Outcome.FAILED, failure=Failure(lines[0], "\n".join(lines)), notes=notes)

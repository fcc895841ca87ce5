"""The stories of a bundle: a folder or a .zip that `tallyhost export bundle` or a failed test wrote."""

from __future__ import annotations

import zipfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from agent.journeys.story import StoryError

STORY_FILE, EVENTS_FILE = "story.json", "events.jsonl"
_LARGEST = 1 << 30
"""Bytes of a story that is read out of a .zip."""


@dataclass(frozen=True, slots=True)
class RecordedStories:
    """The stories of one recorded run."""

    stories: tuple[Mapping[str, Any], ...]
    notes: tuple[str, ...]
    """What of the run they leave out, in words."""


def is_bundle(path: Path) -> bool:
    """Whether ``path`` is a bundle's folder, or a .zip."""
    return (path / STORY_FILE).is_file() and (path / EVENTS_FILE).is_file() if path.is_dir() else path.suffix == ".zip"


def read_bundle(path: Path) -> bytes:
    """The text of a bundle's story. Raises StoryError where there is none."""
    if path.is_dir():
        return (path / STORY_FILE).read_bytes()
    try:
        with zipfile.ZipFile(path) as archive:
            return archive.read(_story_in(archive, path))
    except StoryError:
        raise
    except Exception as error:  # besides its own errors, zipfile lets through those of each decompressor
        if isinstance(error, OSError) and error.errno is not None:
            raise  # the file cannot be read
        raise StoryError(f"is no readable .zip: {error}", where=str(path)) from error


def _story_in(archive: zipfile.ZipFile, path: Path) -> zipfile.ZipInfo:
    names = [one for one in archive.infolist() if Path(one.filename).name == STORY_FILE]
    if len(names) != 1 or names[0].file_size > _LARGEST:
        raise StoryError("the archive is no bundle: it has not one story.json", where=str(path))
    return names[0]


def recorded_stories(document: Mapping[str, Any]) -> RecordedStories | None:
    """The stories of a bundle's ``story.json``; None for a document that is no such thing. Raises StoryError."""
    match document:
        case {"recorded": {"notes": list(notes)}, "stories": list(stories)}:
            pass
        case {"stories": _}:
            raise StoryError("`stories` must be a list, beside `recorded` with its `notes`")
        case _:
            return None
    if not all(isinstance(story, dict) for story in stories) or not all(isinstance(note, str) for note in notes):
        raise StoryError("`stories` must hold objects, and `recorded.notes` text")
    return RecordedStories(tuple(stories), tuple(notes))

"""Reading stories: one case in a JSON file, or one case a line in a JSONL file, with file and line in every message."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from functools import lru_cache
from pathlib import Path
from typing import Any, NoReturn

from agent.journeys.bundle_story import RecordedStories, is_bundle, read_bundle, recorded_stories
from agent.journeys.interop_config import DEFAULT_CONFIG_NAME, without_comments
from agent.journeys.interop_story import is_interop_story, run_interop_story
from agent.journeys.story import StoryError, StoryResult, run_story
from agent.model.attribution import Policy

CONFIG_NAME = "CONFIG.json"
CONFIG_NAMES = (CONFIG_NAME, DEFAULT_CONFIG_NAME)
"""Files that are no stories."""
_EVENTS = re.compile(r'"(?:events|registrations)"\s*:\s*\[')
_LINES = (".jsonl", ".ndjson")


def _raise(error: StoryError) -> NoReturn:
    raise error


def story_files(path: str) -> list[str]:
    """``path`` itself, or the stories of the folder it names: JSON but no configuration, and JSONL, sorted.

    A bundle is one story, whether it is a folder or a .zip.

    Raises UsageError for a folder that holds none.
    """
    folder = Path(path)
    if not folder.is_dir() or is_bundle(folder):
        return [path]
    found = [file for file in folder.iterdir() if file.suffix in (".json", *_LINES) and file.name not in CONFIG_NAMES]
    if not found:
        raise StoryError("the folder holds no story: no *.json but configurations, and no *.jsonl", where=path)
    return [str(file) for file in sorted(found)]


def run_file(
    path: str, *, policy: Policy | None = None, refused: Callable[[StoryError], None] = _raise
) -> Iterator[StoryResult]:
    """Run every case of the file at ``path`` (``.jsonl``: one a line; a bundle: as recorded; else one JSON object).

    ``refused`` is told what is not in the format, with file, line and what was expected; the next line follows. By
    default that is raised, a UsageError.
    """
    try:
        for number, text, name in _texts(path):
            try:
                results = _run(text, path, number, name=name, policy=policy, one_line=name != path)
            except StoryError as error:
                refused(error)
            else:
                yield from results
    except OSError as error:
        refused(StoryError(f"cannot be read: {error.strerror}", where=path))


def _texts(path: str) -> Iterator[tuple[int, bytes, str]]:
    """Each case of a file as its first line's number, its text and the id of a case that has none."""
    file = Path(path)
    if is_bundle(file):
        yield 1, read_bundle(file), path
        return
    if file.suffix not in _LINES:
        yield 1, file.read_bytes(), path
        return
    with file.open("rb") as lines:
        for number, line in enumerate(lines, start=1):
            if line.strip():
                yield number, line, f"{path}:{number}"


def _run(
    content: bytes, path: str, line: int, *, name: str, policy: Policy | None, one_line: bool
) -> list[StoryResult]:
    try:
        text = content.decode("utf-8")
    except UnicodeDecodeError as error:
        raise StoryError("is not UTF-8 text", where=name) from error
    try:
        case = json.loads(text if one_line else without_comments(text))
    except json.JSONDecodeError as error:
        at = line if one_line else error.lineno
        raise StoryError(f"is not JSON: {error.msg} in column {error.colno}", where=f"{path}:{at}") from error
    except (RecursionError, ValueError) as error:
        raise StoryError(f"is JSON that cannot be read: {error}", where=f"{path}:{line}") from error
    if not isinstance(case, dict):
        raise StoryError("a story must be an object with `events`", where=f"{path}:{line}")
    try:
        recorded = recorded_stories(case)
        if recorded is None:
            return [_play(case, Path(path).parent, name, policy)]
        return _play_recorded(recorded, name)
    except StoryError as error:
        if error.where:  # a configuration's
            raise
        at = line if one_line or error.event is None else _line_of_event(without_comments(text), error.event)
        raise StoryError(error.what, event=error.event, where=f"{path}:{at}") from error


def _play(case: Mapping[str, Any], folder: Path, name: str, policy: Policy | None) -> StoryResult:
    if is_interop_story(case):
        return run_interop_story(
            case, default_config(folder, DEFAULT_CONFIG_NAME, resolved=folder.resolve()), name=name
        )
    default = None if "config" in case else default_config(folder, resolved=folder.resolve())
    return run_story(case, default, name=name, policy=policy)


def _play_recorded(recorded: RecordedStories, name: str) -> list[StoryResult]:
    results = []
    for story in recorded.stories:
        story_id = f"{name}: {story.get('id', '')}"
        try:
            result = run_interop_story(story) if is_interop_story(story) else run_story(story)
        except StoryError as error:
            raise StoryError(error.what, event=error.event, where=story_id) from error
        results.append(replace(result, id=story_id))
    first, *others = results or [StoryResult(name, [])]
    return [replace(first, notes=recorded.notes), *others]


@lru_cache(maxsize=16)
def default_config(folder: Path, name: str = CONFIG_NAME, *, resolved: Path | None = None) -> Mapping[str, Any] | None:
    """The configuration ``name`` of ``folder``, else of the folder above, else None; it may have comments.

    ``resolved``: what a relative folder is just now, as the answer is remembered. Raises StoryError for a file that is
    no JSON object.
    """
    for place in (folder, (resolved or folder.resolve()).parent):
        file = place / name
        if file.is_file():
            try:
                config = json.loads(without_comments(file.read_text("utf-8")))
            except json.JSONDecodeError as error:
                raise StoryError(f"is not JSON: {error.msg}", where=f"{file}:{error.lineno}") from error
            except (OSError, UnicodeDecodeError) as error:
                raise StoryError(f"cannot be read: {error}", where=str(file)) from error
            if not isinstance(config, dict):
                raise StoryError("a configuration must be an object", where=f"{file}:1")
            return config
    return None


def _line_of_event(text: str, position: int) -> int:
    """The line on which ``events[position]`` of a JSON text starts; 1 where it cannot be told."""
    found = _EVENTS.search(text)
    if found is None:
        return 1
    decoder = json.JSONDecoder()
    at = _skip(text, found.end())
    for _ in range(position):
        try:
            _, at = decoder.raw_decode(text, at)
        except json.JSONDecodeError:
            return 1
        at = _skip(text, at)
    return text.count("\n", 0, at) + 1


def _skip(text: str, at: int) -> int:
    while at < len(text) and text[at] in " \t\r\n,":
        at += 1
    return at

"""Reading stories: one case in a JSON file, or one case a line in a JSONL file, with file and line in every message."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from functools import lru_cache
from pathlib import Path
from typing import Any

from agent.journeys.story import StoryError, StoryResult, run_story
from agent.model.attribution import Policy

CONFIG_NAME = "CONFIG.json"
_EVENTS = re.compile(r'"events"\s*:\s*\[')


def run_file(path: str, *, policy: Policy | None = None) -> Iterator[StoryResult]:
    """Run every case of the file at ``path`` (``.jsonl``: one a line; else one JSON object).

    Raises UsageError with file, line and what was expected, when the file or a case is not in the format.
    """
    file = Path(path)
    text_lines = file.suffix in (".jsonl", ".ndjson")
    try:
        with file.open(encoding="utf-8") as lines:
            if not text_lines:
                yield _run(lines.read(), path, 1, name=path, policy=policy, one_line=False)
                return
            for number, line in enumerate(lines, start=1):
                if line.strip():
                    yield _run(line, path, number, name=f"{path}:{number}", policy=policy, one_line=True)
    except OSError as error:
        raise StoryError(f"cannot be read: {error.strerror}", where=path) from error
    except UnicodeDecodeError as error:
        raise StoryError("is not UTF-8 text", where=path) from error


def _run(text: str, path: str, line: int, *, name: str, policy: Policy | None, one_line: bool) -> StoryResult:
    try:
        case = json.loads(text)
    except json.JSONDecodeError as error:
        at = line if one_line else error.lineno
        raise StoryError(f"is not JSON: {error.msg} in column {error.colno}", where=f"{path}:{at}") from error
    if not isinstance(case, dict):
        raise StoryError("a story must be an object with `events`", where=f"{path}:{line}")
    default = None if "config" in case else default_config(Path(path).parent)
    try:
        return run_story(case, default, name=name, policy=policy)
    except StoryError as error:
        at = line if one_line or error.event is None else _line_of_event(text, error.event)
        raise StoryError(error.what, event=error.event, where=f"{path}:{at}") from error


@lru_cache(maxsize=16)
def default_config(folder: Path) -> Mapping[str, Any] | None:
    """The ``CONFIG.json`` of ``folder``, else of the folder above, else None. Raises UsageError for bad JSON."""
    for place in (folder, folder.resolve().parent):
        file = place / CONFIG_NAME
        if file.is_file():
            try:
                config = json.loads(file.read_text("utf-8"))
            except json.JSONDecodeError as error:
                raise StoryError(f"is not JSON: {error.msg}", where=f"{file}:{error.lineno}") from error
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

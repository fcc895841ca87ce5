"""Which files are journeys or stories: those named, and in folders those that look like some."""

from __future__ import annotations

from collections.abc import Mapping
from importlib import resources
from pathlib import Path

from agent.journeys.bundle_story import is_bundle
from agent.journeys.scripted.python_journeys import read_python
from agent.journeys.scripted.reading import Journey, read_journey
from agent.journeys.story import StoryError
from agent.journeys.story_files import story_files
from agent.model.errors import UsageError

YAML = (".yaml", ".yml")
PYTHON = ".py"
STORIES = (".json", ".jsonl", ".ndjson", ".zip")
_KINDS = f"{', '.join(YAML)} or {PYTHON}, stories in {', '.join(STORIES)}"


def journey_files(given: tuple[str, ...]) -> list[str]:
    """The files of what was given; each once. Raises UsageError.

    Folders are searched for YAML; one without any gives the stories in it. A bundle is one story, a folder too.
    """
    found: dict[str, None] = {}
    for name in given:
        path = Path(name)
        if not path.exists():
            raise UsageError("no such file or folder", where=name, fix="name a journey's file, or a folder of them")
        if path.is_dir() and not is_bundle(path):
            found |= dict.fromkeys(_in_folder(path))
        elif path.is_dir() or path.suffix in {*YAML, PYTHON, *STORIES}:
            found[name] = None
        else:
            raise UsageError("this is no journey", where=name, rule=f"journeys end in {_KINDS}")
    return list(found)


def is_story(file: str) -> bool:
    """Whether one of :func:`journey_files` is played by the engines alone: a story, or a bundle."""
    path = Path(file)
    return path.is_dir() or path.suffix in STORIES


def _in_folder(folder: Path) -> list[str]:
    journeys = sorted(str(file) for file in folder.rglob("*") if file.suffix in YAML)
    try:
        return journeys or story_files(str(folder))
    except StoryError:
        kinds = f"journeys end in {' or '.join(YAML)}, stories in {', '.join(STORIES)}"
        raise UsageError("no journey in this folder", where=str(folder), rule=kinds) from None


def read_file(file: str, variables: Mapping[str, str]) -> tuple[Journey, ...]:
    """The journeys of one file. Raises UsageError."""
    return read_python(file) if file.endswith(PYTHON) else (read_journey(file, variables),)


def example_file() -> str:
    """The journey over all APIs that comes with the package."""
    return str(resources.files("sites").joinpath("journeys", "every-api.yaml"))

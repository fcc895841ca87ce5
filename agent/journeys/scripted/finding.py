"""Which files are journeys: those named, and in folders those that look like some."""

from __future__ import annotations

from collections.abc import Mapping
from importlib import resources
from pathlib import Path

from agent.journeys.scripted.python_journeys import read_python
from agent.journeys.scripted.reading import Journey, read_journey
from agent.model.errors import UsageError

YAML = (".yaml", ".yml")
PYTHON = ".py"
_KINDS = f"{', '.join(YAML)} or {PYTHON}"


def journey_files(given: tuple[str, ...]) -> list[str]:
    """The files of what was given, folders searched for YAML; each once. Raises UsageError."""
    found: dict[str, None] = {}
    for name in given:
        path = Path(name)
        if not path.exists():
            raise UsageError("no such file or folder", where=name, fix="name a journey's file, or a folder of them")
        if path.is_dir():
            files = sorted(str(file) for file in path.rglob("*") if file.suffix in YAML)
            if not files:
                raise UsageError("no journey in this folder", where=name, rule=f"journeys end in {' or '.join(YAML)}")
            found |= dict.fromkeys(files)
        elif path.suffix in {*YAML, PYTHON}:
            found[name] = None
        else:
            raise UsageError("this is no journey", where=name, rule=f"journeys end in {_KINDS}")
    return list(found)


def read_file(file: str, variables: Mapping[str, str]) -> tuple[Journey, ...]:
    """The journeys of one file. Raises UsageError."""
    return read_python(file) if file.endswith(PYTHON) else (read_journey(file, variables),)


def example_file() -> str:
    """The journey over all APIs that comes with the package."""
    return str(resources.files("sites").joinpath("journeys", "every-api.yaml"))

"""agent/ARCHITECTURE.md is a map of what is there."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterator
from pathlib import Path

from tests.conformance_data import REPOSITORY

TEXT = (REPOSITORY / "agent" / "ARCHITECTURE.md").read_text("utf-8")
ROOTS = ("", "agent", "agent/engines", "agent/browser")
"""What paths in the text are below."""


def there(name: str) -> bool:
    """Whether a module, a file or a folder of that name is there; ``*`` stands for any text."""
    name = name.rstrip("/")
    return any(list((REPOSITORY / root).glob(name + end)) for root in ROOTS for end in ("", ".py", ".md"))


def named_paths() -> Iterator[str]:
    """The paths in code marks, and those that begin a line of a course."""
    for mark in re.findall(r"`([^`\n]+)`", TEXT):
        if re.fullmatch(r"(?:[a-z_]+/)+[a-z_]*(?:\.py)?|[a-z_]+\.py|(?:[a-z_]+/)+[a-z_-]+\.(?:md|toml)", mark):
            yield mark
    for line in re.findall(r"^    ([a-z_]+/[a-z_/*]+(?:, [a-z_*]+)*)", TEXT, re.MULTILINE):
        first, *others = line.split(", ")
        yield first
        yield from (f"{first.rpartition('/')[0]}/{other}" for other in others)


def test_every_path_that_the_map_names_is_there() -> None:
    paths = list(named_paths())
    assert len(paths) > 50
    files = {path.name for path in (REPOSITORY / "agent").rglob("*.py")}
    assert [path for path in paths if not (there(path) or path in files)] == []


def test_the_layers_are_those_that_are_checked() -> None:
    project = tomllib.loads((REPOSITORY / "pyproject.toml").read_text("utf-8"))
    (layers, *_) = [one["layers"] for one in project["tool"]["importlinter"]["contracts"] if one["type"] == "layers"]
    (drawn,) = re.findall(r"pyproject\.toml\):\n\n((?:    .*\n)+)", TEXT)
    told = [re.split(r"\s{4,}", line.strip())[0].split("  ") for line in drawn.splitlines()]
    assert told == [[name.removeprefix("agent.") for name in layer.split(" | ")] for layer in layers]


def test_the_tree_has_every_package() -> None:
    (tree,) = re.findall(r"## Tree\n\n```\n(.*?)^```", TEXT, re.MULTILINE | re.DOTALL)
    packages = {path.parent for path in REPOSITORY.glob("agent/*/__init__.py")}
    packages |= {path.parent for path in REPOSITORY.glob("agent/engines/*/__init__.py")}
    assert {path.name for path in packages if f"{path.name}/" not in tree} == set()
    folders = re.findall(r"^([\w/]+)/ ", tree, re.MULTILINE)
    assert [folder for folder in folders if not Path(REPOSITORY, folder).is_dir()] == []

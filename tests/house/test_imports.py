from __future__ import annotations

import ast
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.conformance_data import REPOSITORY

PACKAGES = ("agent", "storage", "sites", "injected_js")
ONLY_IMPORTERS = {
    "playwright": "agent/browser",
    "sqlite3": "storage",
    "aiosqlite": "storage",
    "pyhpke": "agent/crypto",
    "cbor2": "agent/crypto",
    "cryptography.hazmat.primitives.hpke": "agent/crypto",
}
NAMES_OF_ALL = {
    "sqlite3.Connection",
    "sqlite3.sqlite_version",
    "sqlite3.sqlite_version_info",
    "playwright.async_api.BrowserContext",
    "playwright.async_api.Page",
}
"""What passes through other hands: types that signatures name, and the version for the doctor."""
PURE = ("agent/engines", "agent/model")
IMPURE_MODULES = {"asyncio", "aiohttp", "sqlite3", "aiosqlite", "playwright", "socket", "subprocess", "random", "time"}
OWNERS = {
    ("agent/model/clock.py", "time"),
    ("agent/model/rng.py", "random"),
    ("agent/model/tasks.py", "asyncio"),
}
"""The one module of each: time, chance, background tasks."""


def sources() -> Iterator[Path]:
    for package in PACKAGES:
        yield from sorted((REPOSITORY / package).rglob("*.py"))


def imported(source: Path) -> Iterator[str]:
    """The modules that a file imports when it runs; imports for types alone do not count."""
    tree = ast.parse(source.read_text(encoding="utf-8"))
    for_types = {
        inner
        for node in ast.walk(tree)
        if isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING"
        for inner in ast.walk(node)
    }
    for node in ast.walk(tree):
        if node in for_types:
            continue
        if isinstance(node, ast.Import):
            yield from (name.name for name in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield node.module
            yield from (f"{node.module}.{name.name}" for name in node.names)


def within(module: str, package: str) -> bool:
    return module == package or module.startswith(f"{package}.")


def names_alone(source: Path, library: str) -> bool:
    """Whether a file uses no more of the library than ``NAMES_OF_ALL``."""
    tree = ast.parse(source.read_text(encoding="utf-8"))
    attributes = {ast.unparse(node) for node in ast.walk(tree) if isinstance(node, ast.Attribute)}
    taken = {
        f"{node.module}.{name.name}"
        for node in ast.walk(tree)
        if isinstance(node, ast.ImportFrom)
        for name in node.names
    }
    used = {name for name in attributes | taken if name.startswith(f"{library}.")}
    return bool(used) and used <= NAMES_OF_ALL


def test_imports_run_one_way() -> None:
    command = [sys.executable, "-c", "from importlinter.cli import lint_imports_command as c; c()", "--no-cache"]
    done = subprocess.run(command, cwd=REPOSITORY, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    contracts = tomllib.loads((REPOSITORY / "pyproject.toml").read_text(encoding="utf-8"))["tool"]["importlinter"]
    assert f"{len(contracts['contracts'])} kept, 0 broken" in done.stdout


@pytest.mark.parametrize(("library", "owner"), ONLY_IMPORTERS.items())
def test_a_library_is_imported_by_its_owner_alone(library: str, owner: str) -> None:
    strangers = [
        str(source.relative_to(REPOSITORY))
        for source in sources()
        if not source.is_relative_to(REPOSITORY / owner)
        and any(within(name, library) for name in imported(source))
        and not names_alone(source, library)
    ]
    assert strangers == []


def test_engines_and_words_know_no_clock_no_chance_and_no_machine() -> None:
    found = {
        (str(source.relative_to(REPOSITORY)), name.partition(".")[0])
        for package in PURE
        for source in (REPOSITORY / package).rglob("*.py")
        for name in imported(source)
        if name.partition(".")[0] in IMPURE_MODULES
    }
    assert found == OWNERS

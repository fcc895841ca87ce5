from __future__ import annotations

import subprocess
from collections.abc import Iterator
from pathlib import Path

from tests.conformance_data import REPOSITORY

TOP_LEVEL = {
    "pyproject.toml",
    "README.md",
    "agent",
    "injected_js",
    "storage",
    "sites",
    "tests",
    "Makefile",
    ".ci",
    "CHANGELOG.md",
    "LICENSE",
    "benchmarks",
    "docs",
    ".gitignore",
}
LINES = 400
LONGER_WITH_REASON = {
    "tests/browser/network/test_exchange.py": "the corners of one exchange on the wire, one test each",
}
"""Path of a file past 400 lines, and why it is one thing all the same."""
SOURCE_SUFFIXES = {".py", ".js", ".html", ".css", ".sql", ".jinja"}
ROOTS = ("storage", "sites", "injected_js", "benchmarks")
WITHOUT_COUNTERPART = {"conformance", "house", "scenarios", "simulation", "security", "stories"}
"""Folders of tests that hold the whole to something, and mirror no folder."""
ABOUT_SEVERAL = {
    "tests/aggregation/test_payload_goldens.py",
    "tests/browser/network/test_concurrency.py",
    "tests/cli/test_start.py",
    "tests/delivery/test_delivery_rules.py",
    "tests/engines/attribution/test_level1_examples.py",
    "tests/engines/attribution/test_properties.py",
    "tests/injected_js/test_conversions.py",
    "tests/injected_js/test_exceptions.py",
    "tests/injected_js/test_hostile_page.py",
    "tests/injected_js/test_page_script.py",
    "tests/injected_js/test_refusals.py",
    "tests/injected_js/test_selected_url_secrecy.py",
    "tests/runtime/test_opt_out.py",
    "tests/runtime/test_owner_verbs.py",
    "tests/sites/test_style.py",
    "tests/sites/test_visit.py",
    "tests/storage/test_saved_state.py",
}
"""Tests that hold several modules of their folder to a rule."""


def kept_files() -> Iterator[Path]:
    """The repository's files: what git keeps or would keep."""
    command = ["git", "ls-files", "--cached", "--others", "--exclude-standard", "-z"]
    listed = subprocess.run(command, cwd=REPOSITORY, capture_output=True, text=True, check=True).stdout
    yield from (path for name in listed.split("\0") if name and (path := REPOSITORY / name).is_file())


def test_the_top_level_is_fixed() -> None:
    assert {path.relative_to(REPOSITORY).parts[0] for path in kept_files()} <= TOP_LEVEL


def test_no_file_is_past_400_lines_without_a_reason() -> None:
    long = {
        str(path.relative_to(REPOSITORY))
        for path in kept_files()
        if path.suffix in SOURCE_SUFFIXES and len(path.read_text(encoding="utf-8").splitlines()) > LINES
    }
    assert long <= set(LONGER_WITH_REASON)


def test_tests_mirror_the_tree() -> None:
    astray = []
    for path in sorted((REPOSITORY / "tests").rglob("test_*.py")):
        folders = path.relative_to(REPOSITORY / "tests").parts[:-1]
        if not folders or folders[0] in WITHOUT_COUNTERPART:
            continue
        base = REPOSITORY if folders and folders[0] in ROOTS else REPOSITORY / "agent"
        name = str(path.relative_to(REPOSITORY))
        if name not in ABOUT_SEVERAL and not has_counterpart(base.joinpath(*folders), path.stem.removeprefix("test_")):
            astray.append(name)
    assert astray == []


def has_counterpart(folder: Path, subject: str) -> bool:
    """Whether ``folder`` holds what ``subject`` names: that very file or folder, or one that its name begins with."""
    if not folder.is_dir():
        return False
    names = {entry.stem for entry in folder.iterdir()} | {folder.name}
    return any(subject == name or subject.startswith(f"{name}_") for name in names)


def test_every_folder_of_tests_is_a_package() -> None:
    missing = {
        str(path.parent.relative_to(REPOSITORY))
        for path in (REPOSITORY / "tests").rglob("*.py")
        if not (path.parent / "__init__.py").exists()
    }
    assert missing == set()

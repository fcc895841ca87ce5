"""The README's section on pytest is what a reader would run: each block is written into a project and run there."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.conformance_data import REPOSITORY
from tests.pytest_projects import run_project, write_project

README = (REPOSITORY / "README.md").read_text(encoding="utf-8")


def pytest_blocks() -> list[str]:
    """The Python of the section."""
    section = README.partition("## In pytest\n")[2].partition("\n## ")[0]
    return re.findall(r"^```python\n(.*?)^```", section, flags=re.MULTILINE | re.DOTALL)


@pytest.mark.browser
def test_every_example_test_of_the_readme_passes(tmp_path: Path) -> None:
    tests = [block for block in pytest_blocks() if "def test_" in block]
    count = sum(len(re.findall(r"^(?:async )?def test_", block, re.MULTILINE)) for block in tests)
    assert count >= 3, "it shows tests"
    for number, block in enumerate(tests):
        write_project(tmp_path, block, name=f"test_readme_{number}.py")
    done = run_project(tmp_path)
    assert f"{count} passed" in done.stdout, done.stdout + done.stderr


@pytest.mark.browser
def test_the_fixture_that_makes_page_the_agents_does_so(tmp_path: Path) -> None:
    (conftest,) = [block for block in pytest_blocks() if "def page(" in block]
    write_project(tmp_path, "def test_mine(page, sync_agent):\n    assert page.context == sync_agent.context\n")
    (tmp_path / "conftest.py").write_text(conftest)
    done = run_project(tmp_path)
    assert "1 passed" in done.stdout, done.stdout + done.stderr

"""Files of Python as journeys, and what is no such file."""

from __future__ import annotations

from pathlib import Path

import pytest

from agent.journeys.scripted.python_journeys import read_python
from agent.model.errors import UsageError


def write(tmp_path: Path, text: str) -> str:
    file = tmp_path / "visits.py"
    file.write_text(text, encoding="utf-8")
    return str(file)


def refusal(tmp_path: Path, text: str) -> str:
    with pytest.raises(UsageError) as caught:
        read_python(write(tmp_path, text))
    return str(caught.value).removeprefix(str(tmp_path))


def test_each_function_is_a_journey_with_the_modules_sites_and_agent(tmp_path: Path) -> None:
    text = (
        "from pathlib import Path\nSITES = {'a.test': Path('pages')}\nAGENT = {'noise': False}\n"
        "async def journey(agent):\n    '''One visit.'''\nasync def journey_again(agent):\n    pass\n"
    )
    first, second = read_python(write(tmp_path, text))
    assert (first.name, second.name) == ("One visit", "visits: journey_again")
    assert first.sites == {"a.test": "pages"}
    assert first.agent.noise is False
    assert first.function is not None
    assert first.function.line == 4


def test_a_file_without_a_journey_is_refused_with_the_nearest_function(tmp_path: Path) -> None:
    told = refusal(tmp_path, "async def journy(agent): pass\n")
    assert told.startswith("/visits.py: there is no journey in this file; nearest is 'journy'")


@pytest.mark.parametrize(
    "text", ["def journey(agent): pass\n", "async def journey(): pass\n", "async def journey(a, b): 1\n"]
)
def test_a_function_that_cannot_be_run_as_a_journey_is_refused(tmp_path: Path, text: str) -> None:
    assert refusal(tmp_path, text).startswith("/visits.py:1: journey is no journey")


def test_what_is_no_python_is_refused_with_line_and_column(tmp_path: Path) -> None:
    assert refusal(tmp_path, "x = 1\nasync def journey(agent)\n").startswith("/visits.py:2:25: this is no Python")


def test_a_file_that_fails_is_refused_with_the_line(tmp_path: Path) -> None:
    assert refusal(tmp_path, "x = 1\ny = 1 / 0\n").startswith(
        "/visits.py:2: running the file failed: ZeroDivisionError: division by zero"
    )


def test_a_file_that_ends_python_does_not_end_the_run(tmp_path: Path) -> None:
    told = refusal(tmp_path, "import sys\nsys.exit(0)\n")
    assert told.startswith("/visits.py:2: running the file failed: SystemExit: 0")


def test_a_file_may_define_what_looks_for_its_own_module(tmp_path: Path) -> None:
    text = (
        "from __future__ import annotations\nfrom dataclasses import dataclass\n"
        "@dataclass\nclass Visit:\n    site: str\nasync def journey(agent): pass\n"
    )
    assert len(read_python(write(tmp_path, text))) == 1


def test_settings_that_cannot_be_used_are_refused(tmp_path: Path) -> None:
    told = refusal(tmp_path, "AGENT = {'nois': False}\nasync def journey(agent): pass\n")
    assert "AGENT['nois'] cannot be used" in told

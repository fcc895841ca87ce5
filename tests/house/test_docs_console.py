"""What the README shows of the command line is what is printed."""

from __future__ import annotations

import asyncio
import json
import os
import re
import subprocess
import sys
from collections.abc import Callable, Mapping
from pathlib import Path

import pytest

from agent.model.attribution_reporting.eligibility import Eligibility, RegistrationResponse
from agent.model.clock import Clock, format_instant
from agent.runtime import Agent
from tests.aggregation import jobs
from tests.conformance_data import REPOSITORY
from tests.house.test_docs_examples import blocks

OMISSION = "..."


def shown(command: str) -> list[str]:
    """The lines that the README shows of what a command prints."""
    (block,) = [each for each in blocks("console") if each.startswith(f"$ {command}")]
    return block.splitlines()[1:]


def words(line: str) -> str:
    """A line without its numbers, bars and made-up names."""
    line = re.sub(r"job-[0-9a-f]{8}", "job-ID", line)
    line = re.sub(r"-?\d[\d,.]*", "N", line)
    return " ".join(re.sub(r"[─-▟]+", " ", line).split())


def run(folder: Path, *arguments: str, environment: Mapping[str, str]) -> list[str]:
    """The lines that a command prints in ``folder``."""
    path = os.pathsep.join([str(REPOSITORY), os.environ.get("PYTHONPATH", "")])
    done = subprocess.run(
        [sys.executable, "-m", "agent", *arguments],
        cwd=folder,
        env={**os.environ, "PYTHONPATH": path, "COLUMNS": "130", **environment},
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.splitlines()


def assert_in_order(expected: list[str], lines: list[str], form: Callable[[str], str]) -> None:
    """Each line that the README shows is printed, as far as ``form`` lets it through, in that order."""
    rest = iter(map(form, lines))
    for line in expected:
        if line != OMISSION:
            assert form(line) in rest, f"not printed, or not there: {line}"


def without_version(line: str) -> str:
    """A line without the version of Chromium and white space at its end."""
    return re.sub(r"Chromium [\d.]+$", "Chromium", line.rstrip())


def test_the_summary_of_a_batch(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    command = "tallyhost aggregate batch/ --key-structure keys.toml --epsilon 64 --profile profiles/shopper"

    async def key_of_the_profile() -> None:
        async with Agent.open_profile(tmp_path / "profiles" / "shopper") as agent:
            key = agent.service_keys.current
            monkeypatch.setattr(jobs, "KEY", key)
            monkeypatch.setattr(jobs, "KEY_ID", key.id.hex())

    asyncio.run(key_of_the_profile())
    jobs.batch(tmp_path / "batch", [jobs.record(1, contributions=[(0x20D, 30_000)]), jobs.record(2)])
    (tmp_path / "keys.toml").write_text(blocks("toml")[1], encoding="utf-8")
    at = {"TALLYHOST_NOW": format_instant(jobs.NOW), "TALLYHOST_WORKERS": "1", "TALLYHOST_SEED": "7"}
    assert_in_order(shown(command), run(tmp_path, *command.split()[1:], environment=at), words)


def test_the_explanation_of_a_trigger(tmp_path: Path) -> None:
    async def mismatch() -> None:
        async with Agent.open_profile(tmp_path, clock=Clock.frozen(), seed=7) as agent:
            source = {"destination": "https://shop.test", "filter_data": {"campaign": ["21"]}}
            trigger = {"event_trigger_data": [{"trigger_data": "1"}], "filters": {"campaign": ["12"]}}
            await agent.register(_response("https://news.test", Eligibility.NAVIGATION_SOURCE, "Source", source))
            await agent.register(_response("https://shop.test", Eligibility.TRIGGER, "Trigger", trigger))

    asyncio.run(mismatch())
    lines = run(tmp_path, "explain", "last", environment={"TALLYHOST_PROFILE": str(tmp_path)})
    assert_in_order(shown("tallyhost explain last"), lines, str)


def _response(page: str, eligibility: Eligibility, what: str, asked: Mapping[str, object]) -> RegistrationResponse:
    field = {f"Attribution-Reporting-Register-{what}": json.dumps(asked).encode()}
    return RegistrationResponse(page, f"https://adtech.test/{what}", eligibility, field)


@pytest.mark.browser
@pytest.mark.slow
@pytest.mark.timeout(400)
def test_the_demo(tmp_path: Path) -> None:
    lines = run(tmp_path, "demo", "--exit", environment={})
    *expected, report = shown("tallyhost demo --exit")
    assert_in_order(expected, lines, without_version)
    assert (report.split()[0], lines[-1].split()[0]) == ("report:", "report:")


def test_the_targets_of_make_exist_and_do_what_is_said() -> None:
    (block,) = blocks("sh")
    told = dict(re.findall(r"^make (\w+) +# (.+)$", block, re.MULTILINE))
    makefile = (REPOSITORY / "Makefile").read_text("utf-8")
    recipes = dict(re.findall(r"^(\w+):.*\n((?:\t.*\n)+)", makefile, re.MULTILINE))
    assert {target: recipes[target].split("$(BIN)/")[1].split()[0] for target in told} == {
        "demo": "tallyhost",
        "test": "python",
    }
    assert "tallyhost demo" in recipes["demo"]
    assert "-m pytest" in recipes["test"]


def test_every_block_of_the_readme_is_run_or_read_by_a_test() -> None:
    readme = (REPOSITORY / "README.md").read_text("utf-8")
    languages = set(re.findall(r"^```(\w+)$", readme, re.MULTILINE))
    assert languages <= {"sh", "console", "python", "js", "toml", "ini", "yaml"}
    assert len(blocks("console")) == 3, "each has a test above"

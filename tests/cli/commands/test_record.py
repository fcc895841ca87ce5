"""``tallyhost record``: a journey in a file that was not there."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from agent.cli.commands.record import agent_options
from agent.cli.config import load_config
from agent.journeys.scripted.reading import read_journey
from agent.journeys.scripted.recording import Action, Recording, journey_text
from agent.journeys.scripted.steps import told
from agent.journeys.scripted.vocabulary import AgentOptions
from tests.cli.conftest import Tallyhost
from tests.pytest_projects import run_project, write_project


def test_a_file_that_is_there_is_not_written_over(tallyhost: Tallyhost) -> None:
    Path("journey.yaml").write_text("mine", encoding="utf-8")
    run = tallyhost("record", "https://news.test/")
    assert run.code == 2
    assert "there is a file already" in run.err


def test_a_journey_says_of_its_agent_what_was_asked_for_when_it_was_recorded() -> None:
    Path("tallyhost.toml").write_text(
        "shared_storage = false\nheaded = true\n[limits]\nmax_ads_for_conversion = 9\n", encoding="utf-8"
    )
    flags = {"params": "tiny", "noise": "off", "seed": "7", "now": "2026-06-01T09:00:00Z", "delays": None}
    options = agent_options(load_config(flags))
    text = journey_text(
        "x", options, {}, Recording(actions=[Action(0, {"name": "navigate", "url": "https://news.test/"})]), []
    )
    Path("journey.yaml").write_text(text, encoding="utf-8")
    asked = {"params": "tiny", "noise": False, "seed": 7, "now": "2026-06-01T09:00:00+00:00", "shared_storage": False}
    expected = AgentOptions.model_validate({**asked, "limits": {"max_ads_for_conversion": 9}})
    assert read_journey("journey.yaml").agent == expected


def test_a_name_that_is_none_is_refused_before_anything_is_recorded(tallyhost: Tallyhost) -> None:
    run = tallyhost("record", "https://news.test/", "-o", "sale.txt")
    assert run.code == 2
    assert "journeys end in .yaml or .yml, tests for pytest in .py" in run.err
    assert "-o sale.yaml" in run.err
    Path("file").touch()
    assert tallyhost("record", "https://news.test/", "-o", "file/sale.yaml").code == 3


def recorded(file: Path) -> str:
    """What is printed when a recording that writes ``file`` has ended."""
    command = [sys.executable, "-m", "agent", "record", "https://news.test/", "--demo", "--headless", "-o", str(file)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, start_new_session=True) as recorder:
        assert recorder.stdout is not None
        assert "recording" in recorder.stdout.readline()
        os.kill(recorder.pid, signal.SIGINT)
        out, _ = recorder.communicate(timeout=30)
    assert recorder.returncode == 0
    return out


@pytest.mark.browser
def test_a_recording_that_is_ended_leaves_a_journey_that_can_be_read(tmp_path: Path) -> None:
    file = tmp_path / "deep" / "journey.yaml"
    assert recorded(file).startswith(f"written: {file}; run it with: tallyhost run")
    assert told(read_journey(str(file)).steps[0].words) == "open https://news.test/"


@pytest.mark.browser
def test_a_recording_into_a_file_of_python_is_a_test_that_passes(tmp_path: Path) -> None:
    file = tmp_path / "test_visit.py"
    assert recorded(file).startswith(f"written: {file}; run it with: pytest")
    text = file.read_text("utf-8")
    assert 'await page.goto("https://news.test/")' in text
    write_project(tmp_path, text, name=file.name)
    done = run_project(tmp_path, "-q")
    assert "1 passed" in done.stdout, done.stdout + done.stderr

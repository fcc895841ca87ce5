"""``tallyhost record``: a journey in a file that was not there."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from agent.journeys.scripted.reading import read_journey
from agent.journeys.scripted.steps import told
from tests.cli.conftest import Tallyhost


def test_a_file_that_is_there_is_not_written_over(tallyhost: Tallyhost) -> None:
    Path("journey.yaml").write_text("mine", encoding="utf-8")
    run = tallyhost("record", "https://news.test/")
    assert run.code == 2
    assert "there is a file already" in run.err


@pytest.mark.browser
def test_a_recording_that_is_ended_leaves_a_journey_that_can_be_read(tmp_path: Path) -> None:
    file = tmp_path / "journey.yaml"
    command = [sys.executable, "-m", "agent", "record", "https://news.test/", "--demo", "--headless", "-o", str(file)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, start_new_session=True) as recorder:
        assert recorder.stdout is not None
        assert "recording" in recorder.stdout.readline()
        os.kill(recorder.pid, signal.SIGINT)
        out, _ = recorder.communicate(timeout=30)
    assert recorder.returncode == 0
    assert out.startswith(f"written: {file}")
    assert told(read_journey(str(file)).steps[0].words) == "open https://news.test/"

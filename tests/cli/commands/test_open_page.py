from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from tests.conformance_data import REPOSITORY

pytestmark = pytest.mark.browser

PAGE = """<!doctype html><html lang="en"><title>news</title><script>
navigator.attribution.saveImpression({histogramIndex: 3, conversionSites: ["shop.test"]});
</script>"""


def command(*arguments: str) -> list[str]:
    return [sys.executable, "-m", "agent", *arguments]


def environment() -> dict[str, str]:
    return {**os.environ, "PYTHONPATH": str(REPOSITORY)}


@pytest.fixture
def news(tmp_path: Path) -> str:
    """A ``--map`` of news.test to a page that saves an impression."""
    folder = tmp_path / "news"
    folder.mkdir()
    (folder / "index.html").write_text(PAGE, encoding="utf-8")
    return f"news.test={folder}"


@contextmanager
def opened(*arguments: str) -> Iterator[subprocess.Popen[str]]:
    """``tallyhost open`` in a process of its own, which is gone at the end."""
    process = subprocess.Popen(
        command("open", *arguments), env=environment(), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    try:
        yield process
    finally:
        process.kill()
        process.communicate()


def documents(process: subprocess.Popen[str]) -> Iterator[dict[str, Any]]:
    assert process.stdout is not None
    for line in process.stdout:
        yield json.loads(line)


def test_a_page_is_opened_and_what_the_agent_did_is_told(news: str) -> None:
    done = subprocess.run(
        command("open", "https://news.test/", "--map", news, "--exit", "--json"),
        env=environment(),
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert done.returncode == 0, done.stderr
    told = [json.loads(line) for line in done.stdout.splitlines()]
    assert all(document["schema"] == 1 for document in told)
    events = [document["event"] for document in told if "event" in document]
    assert [(event["kind"], event["verdict"], event["site"]) for event in events] == [
        ("impression", "stored", "news.test")
    ]


def test_a_running_agent_is_reached_and_leaves_at_ctrl_c(news: str) -> None:
    with opened("https://news.test/", "--map", news, "--json") as process:
        for document in documents(process):
            if "event" in document:
                break
        asked = subprocess.run(
            command("explain", "last", "--json"), env=environment(), capture_output=True, text=True, check=False
        )
        assert json.loads(asked.stdout)["event"]["site"] == "news.test", asked.stderr
        process.send_signal(signal.SIGINT)
        _, errors = process.communicate(timeout=30)
    assert process.returncode == 0, errors
    assert errors == ""


def test_a_second_agent_on_one_profile_is_refused(news: str, tmp_path: Path) -> None:
    profile = str(tmp_path / "profile")
    with opened("https://news.test/", "--map", news, "--json", "--profile", profile) as process:
        next(documents(process))
        second = subprocess.run(
            command("open", "https://news.test/", "--map", news, "--exit", "--profile", profile),
            env=environment(),
            capture_output=True,
            text=True,
            check=False,
            timeout=60,
        )
        assert second.returncode == 3
        assert "in use by process" in second.stderr
        assert "Traceback" not in second.stderr


def test_a_page_that_cannot_be_opened_is_one_clear_message() -> None:
    done = subprocess.run(
        command("open", "http://127.0.0.1:1/", "--exit"),
        env=environment(),
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert done.returncode == 3
    assert "http://127.0.0.1:1/" in done.stderr
    assert "Traceback" not in done.stderr

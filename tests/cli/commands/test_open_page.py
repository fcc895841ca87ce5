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

from agent.cli.opening import check_answer, print_event
from agent.cli.output import Output
from agent.model.errors import HostEnvironmentError
from agent.model.events import Event
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
    assert [event["id"] for event in events] == [1]


def test_each_line_begins_with_the_number_that_explain_takes(capsys: pytest.CaptureFixture[str]) -> None:
    event = Event("impression", 1_767_603_600_000, "stored", "impression on news.test", "news.test", id=41)
    print_event(event, Output())
    assert capsys.readouterr().out.split()[:3] == ["41", "09:00:00", "news.test"]


def refusal(url: str, number: int) -> Event:
    return Event("navigation", 1, "refused", f"{url} cannot be opened", "shop.test", {"url": url}, id=number)


def test_the_agent_s_own_answer_in_the_place_of_a_host_s_is_a_failure() -> None:
    url = "https://shop.test/"
    with pytest.raises(HostEnvironmentError, match="cannot be opened") as caught:
        check_answer(url, None, refusal(url, 1))
    assert "--map shop.test=" in caught.value.fix


def test_what_was_refused_before_or_is_another_page_s_is_no_failure() -> None:
    url = "https://shop.test/"
    check_answer(url, None, None)
    check_answer(url, refusal(url, 1), refusal(url, 1))
    check_answer(url, None, refusal("https://frame.test/", 1))


@pytest.mark.parametrize("target", ["", "shop.test=http://127.0.0.1:1"], ids=["not mapped", "server does not answer"])
def test_a_host_behind_which_nothing_answers_exits_3_with_the_map_to_set(target: str) -> None:
    done = subprocess.run(
        command("open", "https://shop.test/#top", "--exit", *(["--map", target] if target else [])),
        env=environment(),
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert done.returncode == 3
    assert "https://shop.test/ cannot be opened" in done.stderr
    assert "--map shop.test=" in done.stderr


def test_a_running_agent_is_reached_and_leaves_at_ctrl_c(news: str) -> None:
    with opened("https://news.test/", "--map", news, "--json") as process:
        for document in documents(process):
            if "event" in document:
                break
        asked = subprocess.run(
            command("explain", "last", "--json"), env=environment(), capture_output=True, text=True, check=False
        )
        assert json.loads(asked.stdout)["explanation"]["site"] == "news.test", asked.stderr
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

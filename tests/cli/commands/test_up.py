from __future__ import annotations

import json
import signal
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.client import HTTPConnection
from pathlib import Path
from typing import Any

import pytest

from tests.cli.commands.test_open_page import PAGE, command, environment

pytestmark = pytest.mark.browser


@contextmanager
def up(*arguments: str) -> Iterator[tuple[dict[str, Any], subprocess.Popen[str]]]:
    """``tallyhost up`` on a free port in a process of its own, and what it says of itself."""
    process = subprocess.Popen(
        command("up", "--port", "0", "--json", *arguments), env=environment(), stdout=subprocess.PIPE, text=True
    )
    try:
        assert process.stdout is not None
        yield json.loads(process.stdout.readline()), process
    finally:
        process.kill()
        process.communicate()


def get(address: str) -> Any:
    host, _, path = address.removeprefix("http://").partition("/")
    connection = HTTPConnection(host, timeout=30)
    try:
        connection.request("GET", f"/{path}")
        return json.loads(connection.getresponse().read())
    finally:
        connection.close()


def test_agent_and_dashboard_are_there_until_ctrl_c(tmp_path: Path) -> None:
    folder, profile = tmp_path / "news", tmp_path / "profile"
    folder.mkdir()
    (folder / "index.html").write_text(PAGE, encoding="utf-8")
    with up("https://news.test/", "--map", f"news.test={folder}", "--profile", str(profile)) as (told, process):
        assert told["dashboard"].startswith("http://127.0.0.1:")
        assert told["hosts"] == ["news.test"]
        for _ in range(200):
            if events := get(f"{told['dashboard']}/timeline.json")["events"]:
                break
            time.sleep(0.1)
        assert [event["kind"] for event in events] == ["impression"]
        # The command line asks at the same door.
        shown = subprocess.run(
            command("state", "show", "--profile", str(profile), "--json"),
            env=environment(),
            capture_output=True,
            text=True,
            timeout=60,
            check=True,
        )
        assert [one["impression_site"] for one in json.loads(shown.stdout)["impressions"]] == ["news.test"]
        process.send_signal(signal.SIGINT)
        assert process.wait(30) == 0
    assert not (profile / "control.json").exists()


def test_the_demo_s_sites_are_there_when_asked_for() -> None:
    with up("--demo") as (told, process):
        assert {"home.test", "news.test", "shop.test", "adtech.test", "aggregator.test"} <= set(told["hosts"])
        assert get(f"{told['dashboard']}/readyz")["ready"] is True
        process.send_signal(signal.SIGTERM)
        assert process.wait(30) == 0


def test_the_demo_s_agent_has_the_settings_that_were_asked_for(tmp_path: Path) -> None:
    folder = tmp_path / "site"
    folder.mkdir()
    (folder / "index.html").write_text(PAGE, encoding="utf-8")
    asked = ("--demo", "--params", "tiny", "--noise", "off", "--map", f"other.test={folder}")
    with up(*asked) as (told, process):
        assert "other.test" in told["hosts"]
        tables = get(f"{told['dashboard']}/settings.json")["tables"]
        process.send_signal(signal.SIGTERM)
        assert process.wait(30) == 0
    values = {row["name"]: row["value"] for table in tables.values() for row in table}
    assert (values["max_sources_per_origin"], values["minimum_batch"]) == (3, 2)
    assert values["null_report_rate_exclude"] == 0
    assert values["value_cap"] == 1, "as the demo's service has it"


def test_a_profile_is_refused_by_the_demo_which_keeps_nothing(tmp_path: Path) -> None:
    ended = subprocess.run(
        command("up", "--demo", "--profile", str(tmp_path / "profile")),
        env=environment(),
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert ended.returncode == 2
    assert "flag --profile" in ended.stderr
    assert not (tmp_path / "profile").exists()


def test_a_port_that_is_taken_is_no_traceback() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        ended = subprocess.run(
            command("up", "--port", str(port)),
            env=environment(),
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
    assert ended.returncode == 3
    assert f"port {port} is taken" in ended.stderr
    assert "--port 0" in ended.stderr
    assert "Traceback" not in ended.stderr

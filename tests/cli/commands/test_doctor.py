from __future__ import annotations

import os
import subprocess
import tempfile
from pathlib import Path
from typing import Any

import pytest

from agent.cli import machine
from agent.cli.running import announce
from agent.journeys.demo import REPORT_FOLDER
from storage.profile import Control
from tests.cli.conftest import Run, Tallyhost


@pytest.fixture
def chromium(tmp_path: Path) -> str:
    """Something that answers ``--version`` as Chromium does."""
    path = tmp_path / "chromium"
    path.write_text("#!/bin/sh\necho Chromium 150.0.1\n", encoding="utf-8")
    path.chmod(0o755)
    return str(path)


def findings(run: Run) -> dict[str, Any]:
    return {finding["name"]: finding for finding in run.document["findings"]}


def test_every_finding_is_one_line(tallyhost: Tallyhost, chromium: str) -> None:
    run = tallyhost("doctor", "--chromium", chromium)
    assert run.code == 0
    names = [line.split()[1] for line in run.out.splitlines()]
    assert names == [
        "python",
        "tallyhost",
        "playwright",
        "chromium",
        "sandbox",
        "sqlite",
        "profile",
        "database",
        "keys",
        "control",
        "config",
        "temporary",
        "browsers",
        "report",
        "conformance",
        "node",
    ]


def test_chromium_is_told_with_version_path_and_the_way_it_was_found(tallyhost: Tallyhost, chromium: str) -> None:
    found = findings(tallyhost("doctor", "--json", "--chromium", chromium))["chromium"]
    assert found == {
        "name": "chromium",
        "health": "ok",
        "found": f"Chromium 150.0.1  {chromium}  (from setting)",
        "fix": "",
    }


def test_without_a_chromium_it_exits_3_and_says_how_to_mend_it(tallyhost: Tallyhost, tmp_path: Path) -> None:
    run = tallyhost("doctor", "--json", "--chromium", str(tmp_path / "none"))
    assert run.code == 3
    assert run.document["ok"] is False
    assert findings(run)["chromium"]["health"] == "FAIL"
    assert "playwright install" in findings(run)["chromium"]["fix"]


def test_a_profile_folder_that_cannot_be_made_exits_3(tallyhost: Tallyhost, chromium: str, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    run = tallyhost("doctor", "--json", "--chromium", chromium, "--profile", str(tmp_path / "file" / "profile"))
    assert run.code == 3
    assert findings(run)["profile"]["health"] == "FAIL"


def test_a_missing_conformance_folder_is_only_noted(
    tallyhost: Tallyhost, chromium: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TALLYHOST_CONFORMANCE", str(tmp_path / "none"))
    run = tallyhost("doctor", "--json", "--chromium", chromium)
    assert run.code == 0
    assert findings(run)["conformance"]["health"] == "note"


def test_the_paths_in_use_are_told(tallyhost: Tallyhost, chromium: str, tmp_path: Path) -> None:
    Path("tallyhost.toml").write_text("seed = 1\n", encoding="utf-8")
    found = findings(tallyhost("doctor", "--json", "--chromium", chromium, "--profile", str(tmp_path / "p")))
    folder = tmp_path / "p"
    assert found["config"]["found"] == f"{tmp_path / 'work' / 'tallyhost.toml'}  present"
    assert found["profile"]["found"].startswith(f"{folder}  absent")
    assert found["database"]["found"].startswith(f"{folder / 'tallyhost.sqlite3'}  absent")
    assert found["keys"]["found"].startswith(f"{folder / 'keys.json'}  absent")
    assert found["control"]["found"] == f"{folder / 'control.json'}  absent: no agent running"
    assert found["report"]["found"].startswith(f"{tmp_path / 'work' / 'tallyhost-report'}  absent")


def test_what_a_profile_holds_is_found_where_the_agent_put_it(
    tallyhost: Tallyhost, chromium: str, profile: str
) -> None:
    found = findings(tallyhost("doctor", "--json", "--chromium", chromium, "--profile", profile))
    assert [found[name]["found"] for name in ("profile", "database", "keys")] == [
        f"{profile}  present",
        f"{profile}/tallyhost.sqlite3  present",
        f"{profile}/keys.json  present",
    ]


def test_without_a_config_file_it_is_told_where_one_is_looked_for(
    tallyhost: Tallyhost, chromium: str, tmp_path: Path
) -> None:
    found = findings(tallyhost("doctor", "--json", "--chromium", chromium))
    assert found["config"]["found"].startswith(f"{tmp_path / 'work' / 'tallyhost.toml'}  absent")


def test_the_report_folder_is_the_demo_s() -> None:
    assert machine.REPORT_FOLDER == REPORT_FOLDER


def test_playwright_s_folder_is_the_one_that_its_variable_names(
    tallyhost: Tallyhost, chromium: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PLAYWRIGHT_BROWSERS_PATH", str(tmp_path / "browsers"))
    found = findings(tallyhost("doctor", "--json", "--chromium", chromium))
    assert found["browsers"]["found"].startswith(f"{tmp_path / 'browsers'}  absent")


def test_a_temporary_folder_that_cannot_be_written_exits_3_with_its_mend(
    tallyhost: Tallyhost, chromium: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "file").touch()
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "file" / "tmp"))
    run = tallyhost("doctor", "--json", "--chromium", chromium)
    assert run.code == 3
    assert "TMPDIR" in findings(run)["temporary"]["fix"]


def test_a_folder_of_something_else_is_no_profile(tallyhost: Tallyhost, chromium: str, tmp_path: Path) -> None:
    (tmp_path / "photos").mkdir()
    (tmp_path / "photos" / "cat.png").touch()
    run = tallyhost("doctor", "--json", "--chromium", chromium, "--profile", str(tmp_path / "photos"))
    assert run.code == 3
    assert "holds no profile" in findings(run)["profile"]["found"]
    assert "--profile" in findings(run)["profile"]["fix"]


def test_a_control_file_tells_of_the_agent_that_runs_and_of_one_that_is_gone(
    tallyhost: Tallyhost, chromium: str
) -> None:
    with subprocess.Popen(["true"]) as gone:
        gone.wait()
    for pid, told in ((os.getpid(), "present: process"), (gone.pid, "which is gone")):
        announce(":memory:", Control(address="http://127.0.0.1:1", token="x", pid=pid))
        found = findings(tallyhost("doctor", "--json", "--chromium", chromium))["control"]
        assert told in found["found"]
        assert str(pid) in found["found"]

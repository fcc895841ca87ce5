from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

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
        "control",
        "config",
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
    assert found["config"]["found"] == str(tmp_path / "work" / "tallyhost.toml")
    assert found["profile"]["found"].startswith(str(tmp_path / "p"))
    assert found["control"]["found"] == str(tmp_path / "p" / "control.json")

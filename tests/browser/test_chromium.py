from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest

from agent.browser import chromium as module
from agent.browser.chromium import Chromium, Origin, chromium_version, ensure_chromium, find_chromium
from agent.model.errors import HostEnvironmentError


@pytest.fixture(autouse=True)
def bare_machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A machine with nothing on its PATH, no downloads of Playwright's and a fresh virtual environment."""
    (tmp_path / "bin").mkdir()
    (tmp_path / "venv").mkdir()
    monkeypatch.setenv("PATH", str(tmp_path / "bin"))
    monkeypatch.setenv("PLAYWRIGHT_BROWSERS_PATH", str(tmp_path / "downloads"))
    monkeypatch.delenv("TALLYHOST_CHROMIUM", raising=False)
    monkeypatch.setattr(sys, "prefix", str(tmp_path / "venv"))
    monkeypatch.setattr(module, "_MAC_APPLICATIONS", ())


def executable(path: Path, *, says: str = "Chromium 150.0", code: int = 0) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f"#!/bin/sh\necho '{says}'\nexit {code}\n", encoding="utf-8")
    path.chmod(0o755)
    return path


def download(tmp_path: Path, name: str, file: str) -> Path:
    folder = tmp_path / "downloads" / f"{name.replace('-', '_')}-{module._playwright_revisions()[name]}"
    path = executable(folder / "chrome-linux" / file)
    (folder / "INSTALLATION_COMPLETE").touch()
    return path


def no_download(monkeypatch: pytest.MonkeyPatch) -> list[list[str]]:
    ran: list[list[str]] = []

    def run(command: list[str], timeout: int, **_: str) -> bool:
        assert timeout > 0
        ran.append(command)
        return False

    monkeypatch.setattr(module, "_run", run)
    return ran


def test_a_machine_without_chromium_is_told_what_to_install() -> None:
    with pytest.raises(HostEnvironmentError) as caught:
        find_chromium()
    assert caught.value.exit_code == 3
    assert "playwright install chromium-headless-shell" in caught.value.fix
    assert "TALLYHOST_CHROMIUM" in caught.value.fix


def test_the_setting_wins_over_everything(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    executable(tmp_path / "bin" / "chromium")
    chosen = executable(tmp_path / "mine" / "chrome")
    monkeypatch.setenv("TALLYHOST_CHROMIUM", str(chosen))
    assert find_chromium() == Chromium(chosen, Origin.SETTING)
    other = executable(tmp_path / "other" / "chrome")
    assert find_chromium(setting=other) == Chromium(other, Origin.SETTING)


def test_a_setting_that_names_no_executable_is_refused_rather_than_passed_over(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    executable(tmp_path / "bin" / "chromium")
    with pytest.raises(HostEnvironmentError, match="no executable file") as caught:
        find_chromium(setting=tmp_path / "none")
    assert caught.value.where == "setting chromium", "a flag or a key of the file, not the variable"
    monkeypatch.setenv("TALLYHOST_CHROMIUM", str(tmp_path / "none"))
    with pytest.raises(HostEnvironmentError, match="no executable file") as caught:
        find_chromium()
    assert caught.value.where == "TALLYHOST_CHROMIUM"


def test_playwrights_own_comes_before_the_system_s(tmp_path: Path) -> None:
    system = executable(tmp_path / "bin" / "chromium")
    assert find_chromium() == Chromium(system, Origin.SYSTEM)
    own = download(tmp_path, "chromium-headless-shell", "headless_shell")
    assert find_chromium() == Chromium(own, Origin.PLAYWRIGHT, headless_only=True)


def test_a_download_that_was_not_finished_does_not_count(tmp_path: Path) -> None:
    own = download(tmp_path, "chromium", "chrome")
    (own.parents[1] / "INSTALLATION_COMPLETE").unlink()
    with pytest.raises(HostEnvironmentError):
        find_chromium()


def test_a_window_needs_more_than_the_headless_shell(tmp_path: Path) -> None:
    download(tmp_path, "chromium-headless-shell", "headless_shell")
    with pytest.raises(HostEnvironmentError):
        find_chromium(headed=True)
    full = download(tmp_path, "chromium", "chrome")
    assert find_chromium(headed=True) == Chromium(full, Origin.PLAYWRIGHT)


def test_what_is_there_is_not_downloaded_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    ran = no_download(monkeypatch)
    own = download(tmp_path, "chromium-headless-shell", "headless_shell")
    assert ensure_chromium().path == own
    assert ran == []


def test_after_a_failed_download_the_system_s_is_taken_and_recorded(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    ran = no_download(monkeypatch)
    system = executable(tmp_path / "bin" / "google-chrome")
    assert ensure_chromium() == Chromium(system, Origin.SYSTEM)
    assert [command[-2:] for command in ran] == [["install", "chromium-headless-shell"]]
    record = json.loads((tmp_path / "venv" / "tallyhost-chromium.json").read_text(encoding="utf-8"))
    assert record == {"path": str(system), "origin": "system", "headless_only": False}
    assert ensure_chromium() == Chromium(system, Origin.SYSTEM)
    assert len(ran) == 1


def test_a_recorded_choice_that_is_gone_is_searched_anew(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    no_download(monkeypatch)
    executable(tmp_path / "bin" / "chromium")
    first = ensure_chromium().path
    first.unlink()
    second = executable(tmp_path / "bin" / "google-chrome")
    assert find_chromium().path == second


def test_the_package_is_installed_where_the_user_is_root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    apt = executable(tmp_path / "bin" / "apt-get")
    ran: list[list[str]] = []

    def run(command: list[str], timeout: int, **_: str) -> bool:
        assert timeout > 0
        ran.append(command)
        if command == [str(apt), "install", "-y", "chromium"]:
            executable(tmp_path / "bin" / "chromium")
        return command[0] == str(apt)

    monkeypatch.setattr(module, "_run", run)
    monkeypatch.setattr("os.geteuid", lambda: 1000)
    with pytest.raises(HostEnvironmentError):
        ensure_chromium()
    monkeypatch.setattr("os.geteuid", lambda: 0)
    assert ensure_chromium() == Chromium(tmp_path / "bin" / "chromium", Origin.SYSTEM)
    assert ran[-2:] == [[str(apt), "update"], [str(apt), "install", "-y", "chromium"]]


def test_one_that_does_not_start_is_passed_over(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    no_download(monkeypatch)
    executable(tmp_path / "bin" / "chromium", says="", code=127)
    working = executable(tmp_path / "bin" / "google-chrome")
    assert ensure_chromium().path == working


def test_the_version_is_what_the_executable_says(tmp_path: Path) -> None:
    chromium = Chromium(executable(tmp_path / "chrome", says="Chromium 156.0.1"), Origin.SYSTEM)
    assert chromium_version(chromium) == "Chromium 156.0.1"
    broken = Chromium(executable(tmp_path / "broken", code=1), Origin.SYSTEM)
    with pytest.raises(HostEnvironmentError) as caught:
        chromium_version(broken)
    assert caught.value.where == str(tmp_path / "broken")

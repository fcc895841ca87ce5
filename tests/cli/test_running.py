from __future__ import annotations

import stat
from pathlib import Path

from agent.cli.running import announce, control_file, find_running, withdraw
from storage.profile import Control

FIRST = Control(address="http://127.0.0.1:4000", token="first", pid=1)
SECOND = Control(address="http://127.0.0.1:4001", token="second", pid=2)
MEMORY = ":memory:"


def test_what_is_announced_is_found() -> None:
    assert find_running(MEMORY) is None
    announce(MEMORY, FIRST)
    assert find_running(MEMORY) == FIRST


def test_address_and_token_are_for_their_owner_alone() -> None:
    announce(MEMORY, FIRST)
    path = control_file(MEMORY)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700


def test_an_agent_with_a_profile_folder_announces_itself_there(tmp_path: Path) -> None:
    folder = tmp_path / "profile"
    announce(str(folder), FIRST)
    assert (folder / "control.json").is_file()
    assert find_running(str(folder)) == FIRST
    assert find_running(MEMORY) is None


def test_of_two_agents_in_memory_the_later_is_found_and_keeps_its_place() -> None:
    announce(MEMORY, FIRST)
    announce(MEMORY, SECOND)
    withdraw(MEMORY, FIRST)
    assert find_running(MEMORY) == SECOND
    withdraw(MEMORY, SECOND)
    assert find_running(MEMORY) is None


def test_a_file_that_tells_no_address_is_as_none() -> None:
    path = control_file(MEMORY)
    path.parent.mkdir(parents=True)
    for text in ("", "{}", "[]", '{"address": 1'):
        path.write_text(text, encoding="utf-8")
        assert find_running(MEMORY) is None

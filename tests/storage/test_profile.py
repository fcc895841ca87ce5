"""One agent on one profile; nobody else reads its secrets."""

from __future__ import annotations

import errno
import os
import signal
import stat
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from agent.model.errors import HostEnvironmentError, UsageError
from storage.database import Database
from storage.migrations import Migration
from storage.profile import Profile, ProfileInUse, write_private

NOW = 1_767_603_600_000

HOLD = """
import sys
from pathlib import Path
from storage.profile import Profile
profile = Profile.open(Path(sys.argv[1]))
profile.announce("http://127.0.0.1:4321", "secret-token")
print("ready", flush=True)
sys.stdin.read()
profile.close()
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "profiles" / "mine"


@pytest.fixture
def holder(folder: Path) -> Iterator[subprocess.Popen[str]]:
    """Another process that runs on the profile."""
    command = [sys.executable, "-c", HOLD, str(folder)]
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE}
    with subprocess.Popen(command, text=True, cwd=Path(__file__).parents[2], **pipes) as process:  # type: ignore[call-overload]
        assert process.stdout.readline() == "ready\n"
        yield process
        process.kill()


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def test_a_new_profile_is_a_folder_for_its_owner_alone(folder: Path) -> None:
    old = os.umask(0)
    try:
        with Profile.open(folder) as profile, Database.open(profile.database, now=NOW) as database:
            database.transact("write", lambda c: c.execute("CREATE TABLE t (n)"))
            write_private(profile.keys_path, "{}")
            profile.announce("http://127.0.0.1:1", "secret")
            modes = {path.name: mode(path) for path in folder.iterdir()}
            assert mode(profile.ca_folder) == 0o700
        assert mode(folder) == 0o700
    finally:
        os.umask(old)
    private = ["control.json", "keys.json", "lock", "tallyhost.sqlite3", "tallyhost.sqlite3-shm"]
    assert modes == dict.fromkeys([*private, "tallyhost.sqlite3-wal"], 0o600)


def test_a_second_running_agent_on_one_profile_is_refused_with_a_clear_message(
    folder: Path, holder: subprocess.Popen[str]
) -> None:
    with pytest.raises(ProfileInUse) as caught:
        Profile.open(folder)
    text = str(caught.value)
    assert str(folder) in text
    assert f"process {holder.pid}" in text
    assert "http://127.0.0.1:4321" in text
    assert "secret-token" not in text
    assert caught.value.fix
    assert caught.value.exit_code == 3
    assert caught.value.control is not None
    assert caught.value.control.token == "secret-token"
    assert caught.value.control.pid == holder.pid


def test_a_second_agent_of_the_same_process_is_refused_too(folder: Path) -> None:
    with Profile.open(folder), pytest.raises(ProfileInUse, match=f"process {os.getpid()}") as caught:
        Profile.open(folder)
    assert caught.value.control is None


def test_a_closed_profile_can_be_opened_again_and_tells_of_no_agent(folder: Path) -> None:
    profile = Profile.open(folder)
    profile.announce("http://127.0.0.1:1", "secret")
    profile.close()
    profile.close()
    assert sorted(path.name for path in folder.iterdir()) == ["lock", "tallyhost.sqlite3"]
    assert (folder / "lock").read_bytes() == b""
    with Profile.open(folder) as again:
        assert again.database == folder / "tallyhost.sqlite3"


def test_a_killed_agent_leaves_a_profile_that_opens_and_tells_of_no_agent(
    folder: Path, holder: subprocess.Popen[str]
) -> None:
    holder.send_signal(signal.SIGKILL)
    holder.wait()
    assert (folder / "control.json").exists()
    with Profile.open(folder):
        assert not (folder / "control.json").exists()


def test_a_refused_newer_database_leaves_every_byte_of_a_closed_profile(folder: Path) -> None:
    newer = [Migration("0001_later.sql", "CREATE TABLE later (n);\n")]
    with Profile.open(folder) as profile:
        Database.open(profile.database, now=NOW, schema=newer).close()
    before = {path.name: path.read_bytes() for path in folder.iterdir()}
    with Profile.open(folder) as profile, pytest.raises(HostEnvironmentError, match="newer"):
        Database.open(profile.database, now=NOW)
    assert {path.name: path.read_bytes() for path in folder.iterdir()} == before


def test_memory_profile_is_a_private_folder_that_close_removes() -> None:
    with Profile.open(":memory:") as profile:
        write_private(profile.keys_path, "{}")
        assert profile.database == ":memory:"
        assert mode(profile.folder) == 0o700
        assert profile.folder.parent == Path(tempfile.gettempdir())
    assert not profile.folder.exists()


def test_memory_profiles_do_not_exclude_one_another() -> None:
    with Profile.open(":memory:") as one, Profile.open(":memory:") as other:
        assert one.folder != other.folder


def test_a_folder_with_other_files_is_refused_not_touched(tmp_path: Path) -> None:
    (tmp_path / "letter.txt").write_text("mine")
    with pytest.raises(UsageError, match="holds no tallyhost profile") as caught:
        Profile.open(tmp_path)
    assert str(tmp_path) in str(caught.value)
    assert [path.name for path in tmp_path.iterdir()] == ["letter.txt"]


def test_a_folder_that_cannot_be_made_is_told_with_its_name_and_the_way_out(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("no folder")
    with pytest.raises(HostEnvironmentError, match="cannot be used") as caught:
        Profile.open(tmp_path / "file" / "profile")
    assert str(tmp_path / "file") in caught.value.where
    assert "--profile" in caught.value.fix


def test_a_profile_that_could_not_be_opened_opens_once_the_cause_is_gone(folder: Path) -> None:
    Profile.open(folder).close()
    (folder / "control.json").mkdir()
    with pytest.raises(HostEnvironmentError, match="cannot be used"):
        Profile.open(folder)
    (folder / "control.json").rmdir()
    with Profile.open(folder) as again:
        assert again.database == folder / "tallyhost.sqlite3"


def test_a_profile_gives_its_lock_back_though_what_told_of_its_agent_cannot_be_removed(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refused(_path: Path, **_options: bool) -> None:
        raise OSError(errno.EROFS, "Read-only file system")

    profile = Profile.open(folder)
    profile.announce("http://127.0.0.1:1", "secret")
    with monkeypatch.context() as read_only:
        read_only.setattr(Path, "unlink", refused)
        profile.close()
    with Profile.open(folder):
        assert not (folder / "control.json").exists()


def test_write_private_replaces_the_whole_file_and_leaves_nothing_beside_it(tmp_path: Path) -> None:
    path = tmp_path / "keys.json"
    path.write_text("a longer text than the new one")
    path.chmod(0o644)
    write_private(path, "ü")
    assert path.read_text("utf-8") == "ü"
    assert mode(path) == 0o600
    assert [file.name for file in tmp_path.iterdir()] == ["keys.json"]


def test_write_private_returns_once_the_new_name_is_on_disk_too(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path, done = tmp_path / "keys.json", []
    fsync, replace = os.fsync, Path.replace

    def note_fsync(descriptor: int) -> None:
        done.append("folder" if stat.S_ISDIR(os.fstat(descriptor).st_mode) else "file")
        fsync(descriptor)

    def note_replace(self: Path, target: Path) -> Path:
        done.append("rename")
        return replace(self, target)

    monkeypatch.setattr(os, "fsync", note_fsync)
    monkeypatch.setattr(Path, "replace", note_replace)
    write_private(path, "text")
    assert done == ["file", "rename", "folder"]
    assert path.read_text() == "text"

from __future__ import annotations

import os
import threading
from pathlib import Path

import pytest

from agent.aggregation.durable_files import is_unfinished, write_file


def test_a_file_that_cannot_be_finished_leaves_what_was_there_and_nothing_beside(tmp_path: Path) -> None:
    path = tmp_path / "output.json"
    path.write_text("before")

    def fails(part: Path) -> None:
        part.write_text("half")
        assert is_unfinished(part.name)
        raise OSError(28, "No space left on device")

    with pytest.raises(OSError, match="No space"):
        write_file(path, fails)
    assert (path.read_text(), list(tmp_path.iterdir())) == ("before", [path])


def test_what_a_killed_writer_left_is_overwritten_by_the_next(tmp_path: Path) -> None:
    path = tmp_path / "output.json"
    (tmp_path / ".output.json.part").write_text("half of what a killed one wrote, longer than all")
    write_file(path, lambda part: part.write_text("whole"))
    assert (path.read_text(), list(tmp_path.iterdir())) == ("whole", [path])


def test_a_file_is_durable_before_it_has_its_name_and_its_name_and_folders_before_the_end(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    done: list[tuple[str, str]] = []
    fsync, replace = os.fsync, Path.replace

    def told_fsync(descriptor: int) -> None:
        done.append(("fsync", os.path.relpath(os.readlink(f"/proc/self/fd/{descriptor}"), tmp_path)))  # noqa: PTH115
        fsync(descriptor)

    def told_replace(path: Path, target: Path) -> Path:
        done.append(("replace", str(target.relative_to(tmp_path))))
        return replace(path, target)

    monkeypatch.setattr(os, "fsync", told_fsync)
    monkeypatch.setattr(Path, "replace", told_replace)
    write_file(tmp_path / "a" / "b" / "output.json", lambda part: part.write_text("whole"))
    assert done == [
        ("fsync", "."),
        ("fsync", "a"),
        ("fsync", "a/b/.output.json.part"),
        ("replace", "a/b/output.json"),
        ("fsync", "a/b"),
    ]


def test_writers_of_one_file_at_once_take_turns(tmp_path: Path) -> None:
    path = tmp_path / "output.json"
    inside: list[int] = []

    def write(part: Path) -> None:
        assert not inside
        inside.append(1)
        part.write_text("x" * 10_000)
        assert part.stat().st_size == 10_000
        inside.clear()

    failures: list[BaseException] = []

    def run() -> None:
        try:
            for _ in range(20):
                write_file(path, write)
        except BaseException as error:  # noqa: BLE001
            failures.append(error)

    threads = [threading.Thread(target=run) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == []
    assert os.listdir(tmp_path) == ["output.json"]  # noqa: PTH208


@pytest.mark.parametrize(
    ("name", "unfinished"), [(".a.avro.part", True), ("a.part", False), (".a", False), ("a.avro", False)]
)
def test_an_unfinished_file_is_known_by_its_name(name: str, unfinished: bool) -> None:
    assert is_unfinished(name) is unfinished


def test_what_a_killed_writer_left_is_no_part_of_what_the_next_one_appends(tmp_path: Path) -> None:
    (tmp_path / ".output.json.part").write_text("half")

    def append(part: Path) -> None:
        with part.open("a") as file:
            file.write("whole")

    write_file(tmp_path / "output.json", append)
    assert (tmp_path / "output.json").read_text() == "whole"


def test_a_link_in_place_of_the_unfinished_file_is_not_written_through(tmp_path: Path) -> None:
    other = tmp_path / "precious"
    other.write_text("kept")
    (tmp_path / ".output.json.part").symlink_to(other)
    with pytest.raises(OSError, match="symbolic links"):
        write_file(tmp_path / "output.json", lambda part: part.write_text("x"))
    assert other.read_text() == "kept"


def test_a_link_in_place_of_the_file_is_replaced_and_not_written_through(tmp_path: Path) -> None:
    other = tmp_path / "precious"
    other.write_text("kept")
    (tmp_path / "output.json").symlink_to(other)
    write_file(tmp_path / "output.json", lambda part: part.write_text("x"))
    assert (other.read_text(), (tmp_path / "output.json").is_symlink()) == ("kept", False)

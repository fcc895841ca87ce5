"""A .zip that is no bundle, damaged or made to harm, is refused in words, and nothing of it is unpacked."""

from __future__ import annotations

import json
import struct
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest

from agent.journeys.story import StoryError
from agent.journeys.story_files import run_file

NAME = "run/story.json"
TEXT = json.dumps({"recorded": {"notes": ["one"]}, "stories": []}) + " " * 5000
AT_DATA = 30 + len(NAME)
"""Where the data of an archive's first file begin: behind the local header."""


def packed(path: Path, *names: str, method: int = zipfile.ZIP_DEFLATED, text: str = TEXT) -> Path:
    with zipfile.ZipFile(path, "w", method) as archive:
        for name in names or (NAME,):
            archive.writestr(name, text)
    return path


def changed(path: Path, at: int, value: bytes) -> Path:
    content = bytearray(path.read_bytes())
    content[at : at + len(value)] = value
    path.write_bytes(content)
    return path


def directory(path: Path) -> int:
    """Where the entry of the first file stands in the archive's directory."""
    return path.read_bytes().index(b"PK\x01\x02")


def deflated_badly(path: Path) -> Path:
    return changed(packed(path), AT_DATA, b"\xff" * 8)


def lzma_badly(path: Path) -> Path:
    return changed(packed(path, method=zipfile.ZIP_LZMA), AT_DATA + 4, b"\xff" * 12)


def bzip2_badly(path: Path) -> Path:
    return changed(packed(path, method=zipfile.ZIP_BZIP2), AT_DATA, b"\xff" * 10)


def truncated(path: Path) -> Path:
    whole = packed(path).read_bytes()
    path.write_bytes(whole[: len(whole) // 2])
    return path


def larger_than_it_says(path: Path) -> Path:
    packed(path)
    return changed(path, directory(path) + 24, struct.pack("<I", 10))


def beyond_the_end(path: Path) -> Path:
    packed(path)
    return changed(path, directory(path) + 42, struct.pack("<I", 1 << 20))


def too_large(path: Path) -> Path:
    packed(path)
    return changed(path, directory(path) + 24, struct.pack("<I", (1 << 30) + 1))


def two_stories(path: Path) -> Path:
    return packed(path, NAME, "other/story.json")


@pytest.mark.parametrize(
    "make",
    [
        deflated_badly,
        lzma_badly,
        bzip2_badly,
        truncated,
        larger_than_it_says,
        beyond_the_end,
        too_large,
        two_stories,
    ],
)
def test_an_archive_that_cannot_be_read_is_refused_by_its_name(make: Callable[[Path], Path], tmp_path: Path) -> None:
    path = make(tmp_path / "run.zip")
    with pytest.raises(StoryError, match=r"no readable \.zip: .|it has not one story\.json") as caught:
        list(run_file(str(path)))
    assert str(path) in str(caught.value)


@pytest.mark.parametrize("text", ["[1, 2]", '{"a": 1}', "\x00", "[" * 200_000, '{"stories": 1}'])
def test_a_story_that_is_none_is_refused(text: str, tmp_path: Path) -> None:
    with pytest.raises(StoryError):
        list(run_file(str(packed(tmp_path / "run.zip", text=text))))


def test_a_name_that_leads_out_of_the_archive_writes_nothing(tmp_path: Path) -> None:
    folder = tmp_path / "inner"
    folder.mkdir()
    path = packed(folder / "run.zip", "../../story.json")
    assert [result.notes for result in run_file(str(path))] == [("one",)]
    assert sorted(tmp_path.rglob("*")) == [folder, path]

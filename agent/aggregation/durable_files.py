"""Files that are there whole or not at all, whatever ends the process or the machine.

Each comes into being under a name of its own, is made durable, and takes its final name at once.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
from collections.abc import Callable, Iterator
from pathlib import Path

Write = Callable[[Path], object]
"""Fills the file of that path, which is empty."""


def write_file(path: Path, write: Write) -> None:
    """Have ``write`` fill a file, and give it the name ``path`` once it is whole and durable. Raises OSError.

    One writer at a time; what one that was killed left behind is overwritten by the next.
    """
    _make_folder(path.parent)
    with _locked(path.with_name(_unfinished(path.name))) as (part, descriptor):
        write(part)
        os.fsync(descriptor)
        part.replace(path)
    _keep_names(path.parent)


def _make_folder(folder: Path) -> None:
    """Make a folder, and those that it lies in, durably."""
    if folder.is_dir():
        return
    _make_folder(folder.parent)
    folder.mkdir(exist_ok=True)
    _keep_names(folder.parent)


def _keep_names(folder: Path) -> None:
    """Make durable which names a folder has."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def is_unfinished(name: str) -> bool:
    """Whether a file of that name is one that :func:`write_file` has not finished."""
    return name == _unfinished(name.removeprefix(".").removesuffix(".part"))


def _unfinished(name: str) -> str:
    return f".{name}.part"


@contextlib.contextmanager
def _locked(part: Path) -> Iterator[tuple[Path, int]]:
    """An empty file ``part`` that nobody else writes; it is removed unless it was given another name."""
    while True:
        descriptor = os.open(part, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW, 0o666)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX)
            if _is(part, descriptor):
                os.ftruncate(descriptor, 0)
                try:
                    yield part, descriptor
                finally:
                    if _is(part, descriptor):
                        part.unlink()
                return
            # While this run waited, another one finished the file: it has its final name now.
        finally:
            os.close(descriptor)


def _is(path: Path, descriptor: int) -> bool:
    try:
        return os.path.samestat(path.stat(), os.fstat(descriptor))
    except FileNotFoundError:
        return False

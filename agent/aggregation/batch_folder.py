"""A batch in files: a folder of shards that is there whole or not at all, and documents on lines."""

from __future__ import annotations

import contextlib
import shutil
from collections.abc import Callable
from pathlib import Path
from types import TracebackType
from typing import IO, Generic, Protocol, Self, TypeVar

from agent.model.errors import HostEnvironmentError, UsageError
from agent.model.rng import token

T = TypeVar("T")
T_contra = TypeVar("T_contra", contravariant=True)
SHARD_REPORTS = 10_000
"""Most entries of a file, unless told otherwise."""


class BatchFile(Protocol[T_contra]):
    """A file that a batch, or a part of one, is written to."""

    def write(self, entry: T_contra, /) -> None:
        """Put one more behind those that are there."""
        ...

    def close(self) -> None:
        """Write what is still held back; the file below stays open."""
        ...


class JsonLinesWriter:
    """Writes documents to a binary file as they were received, one on each line."""

    def __init__(self, file: IO[bytes]) -> None:
        self._file = file

    def write(self, entry: bytes) -> None:
        """Put one more behind those that are there."""
        # Between tokens a line break is a blank like others, and within a string there is none.
        self._file.write(entry.replace(b"\r", b" ").replace(b"\n", b" ") + b"\n")

    def close(self) -> None:
        """Nothing is held back."""


class BatchFolder(Generic[T]):
    """A folder of shards, ``STEM-1-of-3.avro`` and so on; as a context manager it leaves nothing of a failure.

    ``folder`` must not be there, or be empty: what is in one folder is aggregated together. Nothing is there before
    :meth:`finish`. Raises UsageError for a folder with something in it.
    """

    def __init__(
        self, folder: Path, stem: str, suffix: str, form: Callable[[IO[bytes]], BatchFile[T]], shard_reports: int
    ) -> None:
        self._folder, self._stem, self._suffix = folder, stem, suffix
        self._form, self._shard_reports = form, shard_reports
        self._parts: list[Path] = []
        self._open: tuple[IO[bytes], BatchFile[T]] | None = None
        self._in_part = 0
        if folder.is_dir() and any(folder.iterdir()):
            raise UsageError(
                "the folder is not empty",
                where=str(folder),
                rule="one folder is one batch: what else lies there would be aggregated with it",
                fix="export to another folder, or empty this one",
            )
        self._under_way = folder.with_name(f".{folder.name}-{token(4)}")

    def write(self, entry: T) -> None:
        """Put one more entry behind those that are there."""
        if self._open is None or self._in_part == self._shard_reports:
            self._end_part()
            part = self._under_way / f"{len(self._parts)}"
            file = part.open("wb")
            self._open, self._in_part = (file, self._form(file)), 0
            self._parts.append(part)
        self._open[1].write(entry)
        self._in_part += 1

    def finish(self) -> tuple[Path, ...]:
        """Put the folder in its place; gives its files, none where there was no entry."""
        self._end_part()
        if not self._parts:
            return ()
        total = len(self._parts)
        names = [f"{self._stem}-{number:0{len(str(total))}}-of-{total}{self._suffix}" for number in range(1, total + 1)]
        for part, name in zip(self._parts, names, strict=True):
            part.rename(part.with_name(name))
        self._under_way.rename(self._folder)
        return tuple(self._folder / name for name in names)

    def _end_part(self) -> None:
        if self._open is not None:
            file, form = self._open
            self._open = None
            with file:
                form.close()

    def __enter__(self) -> Self:
        try:
            self._under_way.mkdir(parents=True)
        except OSError as error:
            raise self._failure(error) from error
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        if self._open is not None:
            with contextlib.suppress(OSError):
                self._open[0].close()
        shutil.rmtree(self._under_way, ignore_errors=True)
        if isinstance(error, OSError):
            raise self._failure(error) from error

    def _failure(self, error: OSError) -> HostEnvironmentError:
        return HostEnvironmentError(
            f"the batch cannot be written ({error.strerror})", where=str(self._folder), fix="choose another folder"
        )

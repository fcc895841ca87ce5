"""The whole memory of a profile as one file: saved, and loaded in the place of what is stored.

The file is a SQLite database of the same schema; one of an older version is brought up to date while it is loaded.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import sqlite3
import tempfile
from collections.abc import Iterator
from pathlib import Path

from agent.model.errors import UsageError
from storage.database import Database

_TABLES = "SELECT name FROM sqlite_master WHERE type = 'table' AND name != 'migrations' ORDER BY name"


def save(connection: sqlite3.Connection, file: Path, *, now: int) -> None:
    """Save everything that ``connection`` stores to ``file``, mode 0600; what was there is replaced in one step.

    Runs inside the caller's transaction. Raises HostEnvironmentError when the file cannot be written.
    """
    with _beside(file) as fresh:
        with Database.open(fresh, now=now) as copy:
            copy.transact("save", lambda target: _replace_rows(target, connection))
        fresh.replace(file)


def load(connection: sqlite3.Connection, file: Path, *, now: int) -> None:
    """Put what ``file`` keeps in the place of everything that ``connection`` stores; ``file`` is only read.

    Runs inside the caller's transaction. Raises UsageError when there is no such file, HostEnvironmentError when it
    is none that :func:`save` wrote, torn, or of a newer version.
    """
    # SQLite takes an empty file for a new database.
    if not file.is_file() or file.stat().st_size == 0:
        what = "is empty" if file.exists() else "no such file"
        raise UsageError(what, where=str(file), fix="`tallyhost state save FILE` writes one")
    with tempfile.TemporaryDirectory(prefix="tallyhost-") as folder:
        copy = Path(shutil.copyfile(file, Path(folder) / file.name))
        with Database.open(copy, now=now) as source:
            source.transact("load", lambda saved: _replace_rows(connection, saved))


@contextlib.contextmanager
def _beside(file: Path) -> Iterator[Path]:
    """A new file in the folder of ``file``, gone in the end unless it was moved."""
    try:
        descriptor, name = tempfile.mkstemp(dir=file.parent, prefix=f".{file.name}-")
    except OSError as error:
        raise UsageError(
            f"cannot be written ({error.strerror})", where=str(file), fix="name a file in a folder that is there"
        ) from error
    os.close(descriptor)
    fresh = Path(name)
    try:
        yield fresh
    finally:
        for suffix in ("", "-wal", "-shm"):
            fresh.with_name(fresh.name + suffix).unlink(missing_ok=True)


def _replace_rows(target: sqlite3.Connection, source: sqlite3.Connection) -> None:
    """Make every table of ``target`` hold the rows of ``source``, which has the same schema."""
    # Tables refer to one another; what counts is that all is there when the transaction ends.
    target.execute("PRAGMA defer_foreign_keys = ON")
    tables = [name for (name,) in source.execute(_TABLES)]
    for table in tables:
        target.execute(f'DELETE FROM "{table}"')  # noqa: S608 - a name from the schema
    for table in tables:
        rows = source.execute(f'SELECT * FROM "{table}"')  # noqa: S608
        marks = ", ".join("?" for _ in rows.description)
        if table == "sqlite_sequence":
            # The inserts above have counted on; what was given out once must not be given out again.
            target.execute("DELETE FROM sqlite_sequence")
        target.executemany(f'INSERT INTO "{table}" VALUES ({marks})', rows)  # noqa: S608

"""The folder of one profile: what lies in it, who may read it, and that one agent at a time runs on it.

tallyhost.sqlite3   everything the profile remembers
lock                held (flock) by the process that runs on the profile; names it
control.json        0600: address and token of the running agent's control endpoint
keys.json           0600: private keys of the local aggregation service
ca/                 0700: the throw-away certificate authority
"""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import shutil
import tempfile
from dataclasses import asdict, dataclass
from pathlib import Path
from types import TracebackType
from typing import Literal, Self

from agent.model.errors import HostEnvironmentError, UsageError
from storage.database import MEMORY, Location

_DATABASE = "tallyhost.sqlite3"
_LOCK = "lock"
_CONTROL = "control.json"


@dataclass(frozen=True, slots=True)
class Control:
    """How to reach a running agent."""

    address: str
    """``http://127.0.0.1:PORT``."""
    token: str
    pid: int


class ProfileInUse(HostEnvironmentError):  # noqa: N818 - what happened, in the words of the message
    """Another process runs on the profile; ``control`` says how to reach it, once it listens."""

    def __init__(self, folder: Path, pid: str, control: Control | None) -> None:
        self.control = control
        holder = f"process {pid}" if pid else "another process"
        listening = f", which listens at {control.address}" if control else ""
        super().__init__(
            f"the profile is in use by {holder}{listening}",
            where=str(folder),
            rule="one running agent per profile",
            fix="end that agent, or choose another profile folder with --profile",
        )


class Profile:
    """An open profile folder; nobody else can open it until :meth:`close`."""

    def __init__(self, folder: Path, database: Location, lock: int) -> None:
        self.folder = folder
        self.database = database
        """What ``Database.open`` takes: the file in the folder, or ``":memory:"``."""
        self._lock = lock

    @classmethod
    def open(cls, location: Path | Literal[":memory:"]) -> Self:
        """Open the profile in folder ``location``, created with mode 0700 if need be; take its lock.

        ``":memory:"`` is a temporary folder, removed by :meth:`close`, and a database in memory.
        Raises ProfileInUse when a process runs on it, UsageError when the folder holds something else,
        HostEnvironmentError when it cannot be created or written.
        """
        if location == MEMORY:
            folder, database = Path(tempfile.mkdtemp(prefix="tallyhost-")), MEMORY
            return cls(folder, database, _take_lock(folder))
        folder = Path(location).absolute()
        try:
            folder.parent.mkdir(parents=True, exist_ok=True)
            folder.mkdir(mode=0o700, exist_ok=True)
            _refuse_other_folder(folder)
            # SQLite gives its side files the mode of the database file, and takes an empty file for a new database.
            os.close(os.open(folder / _DATABASE, os.O_RDWR | os.O_CREAT, 0o600))
            return cls(folder, folder / _DATABASE, _take_lock(folder))
        except OSError as error:
            raise HostEnvironmentError(
                f"the profile folder cannot be used ({error.strerror})",
                where=str(error.filename or folder),
                rule="the profile folder must be writable",
                fix="make it writable for the user who runs the agent, or choose another with --profile",
            ) from error

    @property
    def keys_path(self) -> Path:
        """``keys.json``; write it with :func:`write_private`."""
        return self.folder / "keys.json"

    @property
    def ca_folder(self) -> Path:
        """``ca/``, created with mode 0700."""
        folder = self.folder / "ca"
        folder.mkdir(mode=0o700, exist_ok=True)
        return folder

    def announce(self, address: str, token: str) -> None:
        """Write ``control.json`` for whoever wants to speak to this running agent."""
        control = Control(address, token, os.getpid())
        write_private(self.folder / _CONTROL, json.dumps(asdict(control)))

    def close(self) -> None:
        """Remove what told of the running agent and give the lock back; a second call does nothing."""
        if self._lock < 0:
            return
        lock, self._lock = self._lock, -1
        try:
            # What cannot be removed tells of a process that is gone: whoever opens the profile next removes it.
            with contextlib.suppress(OSError):
                (self.folder / _CONTROL).unlink(missing_ok=True)
                os.ftruncate(lock, 0)
        finally:
            os.close(lock)
        if self.database == MEMORY:
            shutil.rmtree(self.folder, ignore_errors=True)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.close()


def holds_profile(folder: Path) -> bool:
    """Whether a profile lies in ``folder``, open or at rest."""
    return (folder / _DATABASE).exists()


def write_private(path: Path, text: str) -> None:
    """Replace the file at ``path`` by ``text`` in one step, durable on return; only its owner reads it (mode 0600)."""
    descriptor, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}-")
    try:
        with os.fdopen(descriptor, "w", encoding="utf-8") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        Path(name).replace(path)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise
    # Until the folder is written too, the name may go back to what it named before.
    folder = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)


def _refuse_other_folder(folder: Path) -> None:
    names = {entry.name for entry in folder.iterdir()}
    if names and not names & {_DATABASE, _LOCK}:
        raise UsageError(
            "the folder is not empty and holds no tallyhost profile",
            where=str(folder),
            rule="a profile has a folder of its own",
            fix="name an empty or a new folder with --profile",
        )


def _take_lock(folder: Path) -> int:
    """The descriptor that holds the folder's lock; the system gives it back whenever this process ends."""
    lock = os.open(folder / _LOCK, os.O_RDWR | os.O_CREAT, 0o600)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        pid = os.pread(lock, 32, 0).decode("ascii", "replace").strip()
        os.close(lock)
        raise ProfileInUse(folder, pid, _read_control(folder)) from None
    try:
        os.ftruncate(lock, 0)
        os.pwrite(lock, str(os.getpid()).encode(), 0)
        # A process that was killed left its own behind.
        (folder / _CONTROL).unlink(missing_ok=True)
    except BaseException:
        os.close(lock)  # else this process could not open the profile when the disk has space again
        raise
    return lock


def _read_control(folder: Path) -> Control | None:
    # The holder may not have written the file yet, or be removing it just now.
    with contextlib.suppress(OSError, ValueError, TypeError):
        return Control(**json.loads((folder / _CONTROL).read_text("utf-8")))
    return None

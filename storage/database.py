"""The database of one profile: SQLite, one named transaction per event.

:class:`Database` runs in the calling thread; :class:`AsyncDatabase` runs the same code in a thread of its
own, one hop per transaction. Both open a file in WAL mode with ``synchronous=FULL``: when
:meth:`Database.transact` has returned, the change survives the death of the process and of the machine.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import sqlite3
import threading
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from pathlib import Path
from types import TracebackType
from typing import Any, Literal, Self, TypeVar

import aiosqlite

from agent.model.errors import HostEnvironmentError, UsageError
from storage import migrations
from storage.failures import as_host_environment_error
from storage.read_only import Rows, ask, ask_file

T = TypeVar("T")
Location = Path | Literal[":memory:"]
MEMORY: Literal[":memory:"] = ":memory:"
MINIMUM_SQLITE = (3, 37)
"""First version with STRICT tables (and RETURNING, JSON functions and UPSERT)."""
_BUSY_SECONDS = 1.0
_HEADER = b"SQLite format 3\0"
_IN_MEMORY = "file:profile?vfs=memdb"
"""A database in memory of this connection's own. Under plain ``:memory:`` every page is in the page cache, and a commit
that lets the database grow walks through all of it: at a million impressions that cost more than the commit itself."""


class Database:
    """A SQLite database of this version's schema, used from the thread that opened it."""

    def __init__(self, connection: sqlite3.Connection, where: str) -> None:
        self.connection = connection
        self._where = where
        self._running = ""

    @classmethod
    def open(cls, path: Location, *, now: int, schema: Sequence[migrations.Migration] | None = None) -> Self:
        """Open or create the database at ``path`` and bring its schema up to date.

        ``now`` (milliseconds) is recorded with new migrations; ``schema`` defaults to the shipped ones.
        Raises HostEnvironmentError when the file cannot be used, is locked or torn, belongs to another program,
        or was written by a newer version; the last two leave every byte as it was.
        """
        if sqlite3.sqlite_version_info < MINIMUM_SQLITE:
            raise HostEnvironmentError(
                f"this Python brings SQLite {sqlite3.sqlite_version}",
                rule="SQLite {}.{} or later is needed".format(*MINIMUM_SQLITE),
                fix="use a Python that is linked with a newer SQLite",
            )
        steps = migrations.shipped() if schema is None else schema
        where = str(path)
        with _translated(where):
            if isinstance(path, Path):
                _refuse_foreign(path, steps)
            # isolation_level=None: transactions are ours alone, the module opens none by itself.
            target = path if isinstance(path, Path) else _IN_MEMORY
            connection = sqlite3.connect(target, uri=target is not path, isolation_level=None, timeout=_BUSY_SECONDS)
            database = cls(connection, where)
            try:
                connection.execute("PRAGMA journal_mode = WAL")
                connection.execute("PRAGMA synchronous = FULL")
                connection.execute("PRAGMA foreign_keys = ON")
                database.migrate(steps, now=now)
            except BaseException:
                connection.close()
                raise
        return database

    def transact(self, name: str, work: Callable[[sqlite3.Connection], T]) -> T:
        """Run ``work`` in the transaction ``name`` and give what it returns, once that is committed.

        Whatever ``work`` raises undoes all its changes and is raised again. Raises HostEnvironmentError when the
        disk is full, another process holds the file, or the file is torn; the database stays usable.
        """
        if self._running:
            raise RuntimeError(f"transaction {name!r} inside transaction {self._running!r}")
        connection = self.connection
        self._running = name
        try:
            connection.execute("BEGIN IMMEDIATE")
            result = work(connection)
            connection.execute("COMMIT")
        except BaseException as error:
            self._roll_back()
            if isinstance(error, sqlite3.Error) and (failure := as_host_environment_error(error, self._where)):
                raise failure from error
            raise
        else:
            return result
        finally:
            self._running = ""

    def _roll_back(self) -> None:
        # SQLite has already rolled back after some errors, and rolling back can fail on a broken disk:
        # the first error is the one to tell.
        if self.connection.in_transaction:
            with contextlib.suppress(sqlite3.Error):
                self.connection.execute("ROLLBACK")

    def save(self, path: Path) -> None:
        """Write a copy of everything to the file ``path``, replaced at once when the copy is complete.

        Nothing that was forgotten is left in it: it may be given to others. Raises UsageError for the database's own
        file, and HostEnvironmentError when it cannot be written.
        """
        own = self.connection.execute("PRAGMA database_list").fetchone()[2]
        partial_copy = path.parent / (path.name + ".part")
        try:
            if own and path.exists() and path.samefile(own):
                raise UsageError("that is the profile itself", where=str(path), fix="name another file for its copy")
            try:
                with _translated(str(path)):
                    # The copy is private like the profile: SQLite keeps the mode of a file that is there.
                    os.close(os.open(partial_copy, os.O_RDWR | os.O_CREAT | os.O_TRUNC, 0o600))
                    with contextlib.closing(sqlite3.connect(partial_copy)) as copy:
                        self.connection.backup(copy, progress=_refuse_to_wait)
                        copy.execute("PRAGMA journal_mode = DELETE")
                        copy.execute("VACUUM")
                partial_copy.replace(path)
            finally:
                partial_copy.unlink(missing_ok=True)
        except OSError as error:
            raise HostEnvironmentError(
                f"the copy cannot be written ({error.strerror})", where=str(path), fix="choose another file"
            ) from error

    def copied(self) -> sqlite3.Connection:
        """A copy of everything in memory, which one other thread may use at a time."""
        copy = sqlite3.connect(_IN_MEMORY, uri=True, isolation_level=None, check_same_thread=False)
        self.connection.backup(copy)
        return copy

    def load(self, path: Path, *, now: int, then: Callable[[sqlite3.Connection], T]) -> T:
        """Replace everything by what the file ``path``, made by :meth:`save`, holds; the file is not changed.

        ``then`` changes what was loaded before it takes the old one's place, in one step with it; gives what it does.
        Raises UsageError where there is no such file, else what :meth:`open` raises; nothing is replaced then.
        """
        if not _size(path):
            raise UsageError("there is no saved state", where=str(path), fix="tallyhost state save FILE makes one")
        with _translated(str(path)), Database.open(MEMORY, now=now, schema=()) as loaded:
            try:
                _refuse_foreign(path, migrations.shipped(), may_be_new=False)
            except OSError as error:
                raise HostEnvironmentError(
                    f"the saved state cannot be read ({error.strerror})", where=str(path), fix="name a file of yours"
                ) from error
            with contextlib.closing(sqlite3.connect(path.resolve().as_uri() + "?mode=ro", uri=True)) as source:
                source.backup(loaded.connection)
            loaded.migrate(migrations.shipped(), now=now)
            _refuse_other_tables(loaded.connection, path)
            result = loaded.transact("go on from what was loaded", then)
            loaded.connection.backup(self.connection, progress=_refuse_to_wait)
        return result

    def migrate(self, steps: Sequence[migrations.Migration], *, now: int) -> None:
        """Apply those of ``steps`` that the database does not hold yet."""
        known = {name for name, _ in migrations.applied(self.connection, self._where)}
        for step in steps:
            if step.name not in known:
                self.transact("migrate", partial(migrations.apply, migration=step, now=now))

    def on_statement(self, listener: Callable[[str], None] | None) -> None:
        """Call ``listener`` with the text of every statement that SQLite runs from now on; None ends that."""
        self.connection.set_trace_callback(listener)

    def close(self) -> None:
        """Close the file; a second call does nothing."""
        self.connection.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.close()


class AsyncDatabase:
    """A :class:`Database` in a thread of its own, where a whole transaction is one hop."""

    def __init__(self, thread: aiosqlite.Connection, database: Database, location: Location) -> None:
        self._thread = thread
        self._database = database
        self._location = location

    @classmethod
    async def open(cls, path: Location, *, now: int) -> Self:
        """See :meth:`Database.open`."""
        opened: list[Database] = []

        def connect() -> sqlite3.Connection:
            opened.append(Database.open(path, now=now))
            return opened[0].connection

        connection = aiosqlite.Connection(connect, iter_chunk_size=64)
        connecting = asyncio.ensure_future(connection)  # noqa: TID251 - awaited, whoever cancels
        try:
            thread = await asyncio.shield(connecting)
        except asyncio.CancelledError:
            # Else the thread would answer a loop that is gone, as after Ctrl-C, and leave the file open.
            with contextlib.suppress(Exception):
                await (await connecting).close()
            raise
        return cls(thread, opened[0], path)

    async def _hop(self, function: Callable[[], T]) -> T:
        # The public methods of aiosqlite hop once per statement; this private one runs any function in the
        # thread. Used here alone; pyproject.toml pins the series and a test notices a change.
        execute: Any = self._thread._execute  # noqa: SLF001
        result: T = await execute(function)
        return result

    async def transact(self, name: str, work: Callable[[sqlite3.Connection], T]) -> T:
        """See :meth:`Database.transact`; ``work`` runs in the database's thread.

        A caller that is cancelled while it waits does not undo the transaction: it is committed or not as if it
        had waited.
        """
        return await self._hop(lambda: self._database.transact(name, work))

    async def save(self, path: Path) -> None:
        """See :meth:`Database.save`."""
        await self._hop(lambda: self._database.save(path))

    async def load(
        self, path: Path, *, now: int, then: Callable[[sqlite3.Connection], T], stands: Callable[[T], None]
    ) -> T:
        """See :meth:`Database.load`; ``stands`` is told what ``then`` gave once it is durable, before anybody meets it.

        Both are called in the database's thread.
        """

        def work() -> T:
            result = self._database.load(path, now=now, then=then)
            stands(result)
            return result

        return await self._hop(work)

    async def ask(self, sql: str, *, limit: int, seconds: float) -> Rows:
        """See :func:`storage.read_only.ask`: on a connection of its own, in memory on a copy, so that nothing waits.

        A caller that is cancelled ends the question: its thread would keep the process from ending.
        """
        given_up = threading.Event()
        asked = partial(ask_file, self._location) if isinstance(self._location, Path) else await self._asked_copy()
        try:
            return await asyncio.to_thread(asked, sql, limit=limit, seconds=seconds, given_up=given_up.is_set)
        finally:
            given_up.set()

    async def _asked_copy(self) -> Callable[..., Rows]:
        copy = await self._hop(self._database.copied)

        def work(sql: str, **bounds: Any) -> Rows:
            with contextlib.closing(copy):
                return ask(copy, sql, **bounds)

        return work

    async def on_statement(self, listener: Callable[[str], None] | None) -> None:
        """See :meth:`Database.on_statement`; ``listener`` is called in the database's thread."""
        await self._hop(lambda: self._database.on_statement(listener))

    async def close(self) -> None:
        """Finish what is queued, close the file and end the thread; a second call does nothing."""
        await self._thread.close()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None
    ) -> None:
        await self.close()


@contextlib.contextmanager
def _translated(where: str) -> Iterator[None]:
    """Raise the error for people that a SQLite error stands for."""
    try:
        yield
    except sqlite3.Error as error:
        if failure := as_host_environment_error(error, where):
            raise failure from error
        raise


def _refuse_to_wait(status: int, _remaining: int, _total: int) -> None:
    """End a copy that a lock of others stops, after SQLite's own wait: the sqlite3 module would try without end."""
    if status & 0xFF == sqlite3.SQLITE_BUSY:
        error = sqlite3.OperationalError("database is locked")
        error.sqlite_errorcode = status
        raise error


def _refuse_foreign(path: Path, steps: Sequence[migrations.Migration], *, may_be_new: bool = True) -> None:
    """Refuse a file that is not ours or newer, before anything could write to it."""
    if not _size(path):
        return
    with path.open("rb") as content:
        # SQLite takes a file that is too short to have a page for an empty database.
        torn = content.read(len(_HEADER)) != _HEADER
    if torn:
        error = sqlite3.DatabaseError("the header is not SQLite's")
        error.sqlite_errorcode = sqlite3.SQLITE_NOTADB
        raise error
    live = any(_size(path.with_name(path.name + suffix)) for suffix in ("-wal", "-journal"))
    # Even a read-only connection leaves -wal and -shm files beside a database in WAL mode; an immutable one leaves
    # nothing, but does not see what a process that was killed left in them.
    mode = "?mode=ro" if live else "?mode=ro&immutable=1"
    with contextlib.closing(sqlite3.connect(path.resolve().as_uri() + mode, uri=True, timeout=_BUSY_SECONDS)) as peek:
        applied = migrations.applied(peek, str(path))
    if not applied and not may_be_new:
        raise UsageError("the file holds no saved state", where=str(path), fix="tallyhost state save FILE makes one")
    migrations.check(applied, str(path), steps)


def _refuse_other_tables(connection: sqlite3.Connection, path: Path) -> None:
    """Refuse a state whose schema is not ours: a trigger in a file of somebody else's would run in every profile."""
    with Database.open(MEMORY, now=0) as ours:
        if migrations.schema(connection) == migrations.schema(ours.connection):
            return
    raise UsageError(
        "the file's tables are not those that tallyhost makes",
        where=str(path),
        rule="a saved state has no table, index, trigger or view of others",
        fix="load what `tallyhost state save FILE` wrote",
    )


def _size(path: Path) -> int:
    """Bytes of the file at ``path``; 0 where there is none or it cannot be reached, which SQLite then tells."""
    try:
        return path.stat().st_size
    except OSError:
        return 0

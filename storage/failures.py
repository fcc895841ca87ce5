"""What a person reads when SQLite cannot go on: the file, the rule, the way out."""

from __future__ import annotations

import sqlite3

from agent.model.errors import HostEnvironmentError

_NOTHING_LOST = "nothing acknowledged is lost: what was committed stays, the transaction that failed left no trace"
_RECOVER = (
    "stop the agent, keep a copy of the file, then recover what is readable with `sqlite3 {where} .recover`,"
    " or begin with a new profile folder"
)
_PERMISSIONS = "make the folder and the file writable for the user who runs the agent, or choose another profile folder"

_FAILURES = {
    sqlite3.SQLITE_FULL: ("no space left for the database", "free space on that disk and try again"),
    sqlite3.SQLITE_BUSY: (
        "the database is locked by another process",
        "end the process that has the file open (`fuser {where}` names it) and try again",
    ),
    sqlite3.SQLITE_NOTADB: ("the file is no SQLite database, or its first page is torn", _RECOVER),
    sqlite3.SQLITE_CORRUPT: ("the database is torn", _RECOVER),
    sqlite3.SQLITE_IOERR: ("reading or writing the database failed", "check the disk that holds the file"),
    sqlite3.SQLITE_READONLY: ("the database cannot be written", _PERMISSIONS),
    sqlite3.SQLITE_CANTOPEN: ("the database cannot be opened or created", _PERMISSIONS),
    sqlite3.SQLITE_PERM: ("the database may not be accessed", _PERMISSIONS),
}


def as_host_environment_error(error: sqlite3.Error, where: str) -> HostEnvironmentError | None:
    """The error for people that ``error`` on file ``where`` stands for; None when it is a bug of ours."""
    # The low byte is the primary code; errors of the sqlite3 module itself carry none.
    failure = _FAILURES.get(getattr(error, "sqlite_errorcode", 0) & 0xFF)
    if failure is None:
        return None
    what, fix = failure
    return HostEnvironmentError(f"{what} ({error})", where=where, rule=_NOTHING_LOST, fix=fix.format(where=where))

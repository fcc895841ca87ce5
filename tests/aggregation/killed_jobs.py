"""Ends a job at every line of its code in turn, in a process of its own, and runs it again.

    python -m tests.aggregation.killed_jobs kill|stop FOLDER STEP

``kill``: SIGKILL at the line, then another run to the end. ``stop``: SIGSTOP at the line, another run of the same job
to its end or until it waits for the first, then SIGCONT. ``STEP`` 3 is every third line. Prints one JSON document: for
each line what was there in between and at the end. Every run draws its noise anew, so that a second draw would show.
"""

from __future__ import annotations

import asyncio
import hashlib
import json
import os
import shutil
import signal
import sqlite3
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from types import FrameType
from typing import Any

import agent.aggregation
import storage
from agent.model.rng import SystemRng
from storage import database
from storage.aggregation_jobs import DatabaseJobLedger
from storage.database import AsyncDatabase
from tests.aggregation.jobs import NOW, job, run

Line = tuple[str, int]
TRACED = {
    Path(module.__path__[0]) / name
    for module, names in (
        (agent.aggregation, ("job.py", "job_steps.py", "outputs.py", "durable_files.py")),
        (storage, ("aggregation_jobs.py", "database.py")),
    )
    for name in names
}
_LONGEST_WAIT = 20.0
_WAITS_FOR_THE_OTHER = 0.25
"""A run of tens of milliseconds that takes this long waits for the one that is stopped."""


async def run_the_job(folder: Path) -> None:
    """The job over ``folder/reports.avro`` with the ledger in ``folder``, with noise of the system's."""
    async with await AsyncDatabase.open(folder / "ledger.sqlite3", now=NOW) as opened:
        await run(job(folder), DatabaseJobLedger(opened), noise=True, rng=SystemRng())


def traced(at_line: Callable[[Line], None]) -> Any:
    """A trace function that calls ``at_line`` when a line of the job's code is about to run."""
    names = {str(path): path.name for path in TRACED}

    def local(frame: FrameType, event: str, _argument: Any) -> Any:
        if event == "line":
            at_line((names[frame.f_code.co_filename], frame.f_lineno))
        return local

    return lambda frame, _event, _argument: local if frame.f_code.co_filename in names else None


def forked(folder: Path, at_line: Callable[[Line], None] | None = None) -> int:
    """Begin a run of the job in a process of its own."""
    process = os.fork()
    if process:
        return process
    code = 1
    try:
        if at_line is not None:
            trace = traced(at_line)
            threading.settrace(trace)
            sys.settrace(trace)
        with (folder / "log").open("a") as log:
            os.dup2(log.fileno(), 2)
        asyncio.run(run_the_job(folder))
        code = 0
    except Exception as error:  # noqa: BLE001
        print(type(error).__name__, error, file=sys.stderr, flush=True)
    finally:
        os._exit(code)


def ended(process: int, seconds: float = _LONGEST_WAIT) -> int | None:
    """The exit code once it has ended, below 0 for a signal; None where it takes longer."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        done, status = os.waitpid(process, os.WNOHANG)
        if done:
            return os.waitstatus_to_exitcode(status)
        time.sleep(0.002)
    return None


def lines_of(folder: Path) -> list[Line]:
    """The lines that a job runs, in the order in which it first does."""
    found: dict[Line, None] = {}
    reading, writing = os.pipe()

    def tell(line: Line) -> None:
        os.write(writing, f"{line[0]} {line[1]}\n".encode())

    process = forked(folder, tell)
    os.close(writing)
    with os.fdopen(reading) as told:
        for text in told:
            name, number = text.split()
            found.setdefault((name, int(number)))
    assert ended(process) == 0
    return list(found)


def at(wanted: Line, number: int) -> Callable[[Line], None]:
    """Sends this process the signal when it first comes to ``wanted``."""
    waiting = [True]

    def at_line(line: Line) -> None:
        if line == wanted and waiting:
            waiting.clear()
            os.kill(os.getpid(), number)

    return at_line


def state(folder: Path) -> dict[str, Any]:
    """What is there: files by name with the hash of their bytes, and what the ledger has."""
    output = folder / "out"
    files = {
        path.name: hashlib.sha256(path.read_bytes()).hexdigest()
        for path in (sorted(output.iterdir()) if output.exists() else [])
    }
    seen: dict[str, Any] = {"files": files, "units": 0, "events": 0, "outcome": None, "code": None}
    with sqlite3.connect(folder / "ledger.sqlite3") as connection:
        tables = {name for (name,) in connection.execute("SELECT name FROM sqlite_master")}
        if "aggregation_jobs" in tables:
            seen["units"] = connection.execute("SELECT count(*) FROM aggregation_budget_units").fetchone()[0]
            seen["events"] = connection.execute("SELECT count(*) FROM events").fetchone()[0]
            sql = "SELECT outcome, result_info FROM aggregation_jobs WHERE job_request_id = 'job-1'"
            for outcome, info in connection.execute(sql):
                seen["outcome"] = None if outcome is None else json.loads(outcome)
                seen["code"] = None if info is None else json.loads(info)["return_code"]
    connection.close()
    return seen


def killed_at(line: Line, folder: Path) -> dict[str, Any]:
    """Kill a run there, and run the job again."""
    first = ended(forked(folder, at(line, signal.SIGKILL)))
    between = state(folder)
    return {"exits": [first, ended(forked(folder))], "between": between, "end": state(folder)}


def stopped_at(line: Line, folder: Path) -> dict[str, Any]:
    """Stop a run there until another has run, or waits for it."""
    first = forked(folder, at(line, signal.SIGSTOP))
    _, status = os.waitpid(first, os.WUNTRACED)
    assert os.WIFSTOPPED(status), status
    second = forked(folder)
    exits = [ended(second, _WAITS_FOR_THE_OTHER)]
    between = state(folder)
    os.kill(first, signal.SIGCONT)
    exits.insert(0, ended(first))
    if exits[1] is None:
        exits[1] = ended(second)
    return {"exits": exits, "between": between, "end": state(folder)}


def main() -> None:
    """See the module."""
    way, base, step = {"kill": killed_at, "stop": stopped_at}[sys.argv[1]], Path(sys.argv[2]), int(sys.argv[3])
    database._BUSY_SECONDS = 0.01  # who is stopped while it holds the database holds it for long
    prepared = base / "prepared"

    def fresh(name: str) -> Path:
        # The last copy shows what went wrong; the profile is made once, as a user's is.
        folder = base / name
        shutil.rmtree(folder, ignore_errors=True)
        shutil.copytree(prepared, folder)
        return folder

    outcomes = [{"line": line, **way(line, fresh("job"))} for line in lines_of(fresh("whole"))[::step]]
    print(json.dumps(outcomes))


if __name__ == "__main__":
    main()

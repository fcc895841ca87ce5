"""Whenever a job is ended, and however often it runs: one result, whose budget was spent once, and no other result."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from agent.aggregation.avro import read_facts
from agent.aggregation.durable_files import is_unfinished
from agent.aggregation.outputs import Output
from storage.aggregation_jobs import DatabaseJobLedger
from storage.database import AsyncDatabase
from tests.aggregation.jobs import BUCKET, NOW, batch, job, record, run

REPOSITORY = Path(__file__).parents[2]
RESULTS = {"output.avro", "output.json", "output.csv", "job.json", "result_info.json"}


@pytest.fixture
def folder() -> Iterator[Path]:
    """In memory where there is such a place: a killed process needs no disk, and hundreds of jobs wait for it long."""
    memory = Path("/dev/shm")  # noqa: S108
    with tempfile.TemporaryDirectory(dir=memory if memory.is_dir() else None) as name:
        yield Path(name)


async def prepare(folder: Path, *, spent_before: bool = False) -> None:
    """A batch and a ledger, in which another job may have spent its budget."""
    prepared = folder / "prepared"
    batch(prepared, [record(number) for number in range(3)])
    async with await AsyncDatabase.open(prepared / "ledger.sqlite3", now=NOW) as database:
        if spent_before:
            await run(job(prepared, "job-0", output=Output(folder / "other")), DatabaseJobLedger(database))


def ends(way: str, folder: Path, *, step: int = 1) -> list[dict[str, Any]]:
    """What :mod:`tests.aggregation.killed_jobs` finds for each line, or for every ``step``-th."""
    command = [sys.executable, "-m", "tests.aggregation.killed_jobs", way, str(folder), str(step)]
    done = subprocess.run(command, cwd=REPOSITORY, check=False, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    found: list[dict[str, Any]] = json.loads(done.stdout)
    assert len(found) * step > 150, "the job's code is not traced"
    return found


def assert_nothing_half_done(one: dict[str, Any]) -> None:
    """What was there in between was whole, decided, and paid for."""
    between, end = one["between"], one["end"]
    finals = {name: content for name, content in between["files"].items() if not is_unfinished(name)}
    assert {name: end["files"][name] for name in finals} == finals, one
    if finals:
        assert between["outcome"] is not None, one
    if between["outcome"] is not None:
        assert between["units"] == 1, one
        assert end["outcome"] == between["outcome"], one


def assert_one_end(one: dict[str, Any], code: str, files: set[str], *, events: int = 1) -> None:
    end = one["end"]
    assert end["code"] == code, one
    assert end["units"] == 1, one
    assert end["events"] == events, one
    # No unfinished file is left either: its name would be another.
    assert set(end["files"]) == files, one


def assert_killed_and_refused_only_when_finished(one: dict[str, Any]) -> None:
    first, second = one["exits"]
    assert first == -signal.SIGKILL, one
    assert second == (0 if one["between"]["code"] is None else 1), one


@pytest.mark.slow
@pytest.mark.timeout(600)  # hundreds of processes
async def test_a_job_killed_at_any_line_ends_in_one_result_when_it_runs_again(folder: Path) -> None:
    await prepare(folder)
    for one in ends("kill", folder):
        assert_killed_and_refused_only_when_finished(one)
        assert_nothing_half_done(one)
        assert_one_end(one, "SUCCESS", RESULTS)
    facts = read_facts(folder / "job" / "out" / "output.avro")
    assert set(facts) == {BUCKET, 7}


@pytest.mark.slow
@pytest.mark.timeout(600)  # hundreds of processes
async def test_a_job_whose_budget_is_exhausted_killed_at_any_line_spends_nothing(folder: Path) -> None:
    await prepare(folder, spent_before=True)
    dump = "privacy_budget_exhausted_debugging_information_2026-01-05T09:00:00Z.json"
    for one in ends("kill", folder, step=3):
        assert_killed_and_refused_only_when_finished(one)
        assert_nothing_half_done(one)
        assert_one_end(one, "PRIVACY_BUDGET_EXHAUSTED", {dump, "result_info.json"}, events=2)


@pytest.mark.slow
@pytest.mark.timeout(600)  # hundreds of processes
async def test_two_runs_of_a_job_at_once_leave_one_result_wherever_they_meet(folder: Path) -> None:
    await prepare(folder)
    for one in ends("stop", folder, step=2):
        # Either may be refused: because the other finished the job, or holds the database.
        assert 0 in one["exits"], one
        assert_nothing_half_done(one)
        assert_one_end(one, "SUCCESS", RESULTS)

"""agent.aggregation.pool: any split and any number of workers come to the same, and no process is left."""

from __future__ import annotations

import asyncio
import errno
import itertools
import os
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from agent.aggregation.avro import Record, write_reports
from agent.aggregation.pool import process_all
from agent.aggregation.report_files import Shard, plan_shards
from agent.aggregation.shards import ShardTask, process_shard
from agent.aggregation.unreadable import InputUnreadableError
from agent.model.aggregation import ErrorCounter, Partial
from agent.model.errors import HostEnvironmentError
from tests.aggregation.batches import clear, sealed, task
from tests.conformance_data import REPOSITORY

CLEAR = task(clear_text=True, filtering_ids=frozenset({0, 1}))
E = ErrorCounter


def shards_of(folder: Path, *parts: Sequence[Record]) -> list[Shard]:
    """One shard for each part, in one file each."""
    for number, part in enumerate(parts):
        write_reports(folder / f"part{number:03}.avro", part)
    return plan_shards([folder])


async def run(shards: Sequence[Shard], job: ShardTask = CLEAR, *, workers: int = 1) -> Partial:
    return await process_all(shards, job, workers=workers, progress=lambda *_: None)


def children() -> set[int]:
    """Processes whose parent is this one."""
    found = set()
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                stat = (entry / "stat").read_text().rpartition(")")[2].split()
            except OSError:
                continue
            if int(stat[1]) == os.getpid():
                found.add(int(entry.name))
    return found


def many(count: int) -> list[Record]:
    """Reports of which some are left out and some stand twice."""
    return [
        clear(number % (count - 3), [(number % 4, number, number % 3)], **({"api": "x"} if number % 11 == 5 else {}))
        for number in range(count)
    ]


_reports = st.builds(
    lambda number, bucket, changes: clear(number, [(bucket, 1 << bucket, bucket % 3)], **changes),
    st.integers(0, 9),
    st.integers(0, 5),
    st.sampled_from([{}, {}, {"debug_mode": "enabled"}, {"api": "x"}]),
)


@pytest.fixture
def few_ids_in_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("agent.aggregation.pool._IDS_IN_MEMORY", 6)


@pytest.mark.usefixtures("few_ids_in_memory")
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(reports=st.lists(_reports, min_size=1, max_size=24), cuts=st.lists(st.integers(0, 24), max_size=5))
async def test_duplicates_across_shards_count_once_whatever_the_split(
    tmp_path_factory: pytest.TempPathFactory, reports: list[Record], cuts: list[int]
) -> None:
    folder = tmp_path_factory.mktemp("split")
    edges = [0, *sorted(cuts), len(reports)]
    parts = [reports[begin:end] for begin, end in itertools.pairwise(edges)]
    write_reports(folder / "whole", reports)
    (whole,) = plan_shards([folder / "whole"])
    (folder / "parts").mkdir()
    found = await run(shards_of(folder / "parts", *parts))
    assert replace(found, left_out=[]) == replace(process_shard(whole, CLEAR), left_out=[])
    assert [told.report_id for told in found.left_out] == [
        told.report_id for told in process_shard(whole, CLEAR).left_out
    ]


async def test_two_workers_come_to_what_one_comes_to(tmp_path: Path) -> None:
    reports = many(60)
    shards = shards_of(tmp_path, reports[:25], reports[25:40], [], reports[40:])
    one, two = await run(shards), await run(shards, workers=2)
    assert one == two
    assert (one.reports, one.duplicates > 0, one.errors[E.NUM_REPORTS_WITH_ERRORS] > 0) == (60, True, True)


async def test_sealed_reports_open_in_worker_processes(tmp_path: Path) -> None:
    shards = shards_of(tmp_path, [sealed(0, [(5, 1)])], [sealed(1, [(5, 2)]), sealed(0, [(7, 7)])])
    partial = await run(shards, task(), workers=2)
    assert (partial.sums, partial.duplicates, partial.errors) == ({5: 3}, 1, Counter())
    assert list(partial.units.values()) == [2]


async def test_progress_is_told_shard_by_shard(tmp_path: Path) -> None:
    shards = shards_of(tmp_path, many(5), many(5), many(6))
    steps: list[tuple[int, int]] = []
    await process_all(shards, CLEAR, workers=1, progress=lambda *step: steps.append(step))
    assert steps == [(1, 3), (2, 3), (3, 3)]


@pytest.mark.parametrize("workers", [1, 2])
async def test_reading_stops_where_too_many_reports_failed(tmp_path: Path, workers: int) -> None:
    wrong = [clear(number, api="x") for number in range(3)]
    shards = shards_of(tmp_path, [clear(10)], wrong, [clear(11)], *[[clear(20 + number)] for number in range(10)])
    none_may_fail = replace(CLEAR, parameters=replace(CLEAR.parameters, report_error_threshold_percentage=0))
    partial = await run(shards, none_may_fail, workers=workers)
    assert (partial.reports, partial.errors[E.NUM_REPORTS_WITH_ERRORS]) == (4, 3)
    counted = replace(CLEAR, parameters=replace(CLEAR.parameters, input_report_count=20))
    assert (await run(shards, counted, workers=workers)).reports == 4
    assert (await run(shards, CLEAR, workers=workers)).reports == 15


@pytest.mark.parametrize("workers", [1, 2])
async def test_reading_stops_at_a_report_of_a_newer_major_version(tmp_path: Path, workers: int) -> None:
    shards = shards_of(tmp_path, [clear(0)], [clear(1, version="2.0")], [clear(2)], [clear(3, version="3.0")])
    partial = await run(shards, workers=workers)
    assert (partial.reports, partial.unsupported_version) == (2, "2.0")


@pytest.mark.parametrize("workers", [1, 2])
async def test_the_first_shard_that_cannot_be_read_is_named(tmp_path: Path, workers: int) -> None:
    shards = shards_of(tmp_path, [clear(0)], [clear(1)], [clear(2)], [clear(3)])
    shards[1].path.unlink()
    shards[3].path.unlink()
    with pytest.raises(InputUnreadableError) as caught:
        await run(shards, workers=workers)
    assert caught.value.where == str(shards[1].path)
    assert caught.value.fix


@pytest.mark.parametrize("workers", [1, 2])
async def test_a_file_that_vanishes_before_duplicates_are_looked_at_again_is_named(
    tmp_path: Path, workers: int
) -> None:
    shards = shards_of(tmp_path, [clear(0)], [clear(0)])

    def vanish(done: int, total: int) -> None:
        if done == total:
            shards[1].path.unlink()

    with pytest.raises(InputUnreadableError):
        await process_all(shards, CLEAR, workers=workers, progress=vanish)


async def test_a_lost_process_is_named_and_the_others_end(tmp_path: Path) -> None:
    shards = shards_of(tmp_path, *[[clear(number)] for number in range(6)])
    before = children()

    def kill(done: int, total: int) -> None:
        del total
        if done == 1:
            for pid in children() - before:
                os.kill(pid, signal.SIGKILL)

    with pytest.raises(HostEnvironmentError, match="a worker process of the job ended"):
        await process_all(shards, CLEAR, workers=2, progress=kill)
    assert children() == before


async def test_a_failure_of_the_system_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    shards = shards_of(tmp_path, [clear(0)], [clear(1)])

    def full(*_: object) -> object:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr("agent.aggregation.pool._Kept", full)
    with pytest.raises(HostEnvironmentError, match="the job cannot go on: No space left on device") as caught:
        await run(shards)
    assert "TMPDIR" in caught.value.fix


async def test_a_bug_is_raised_as_it_is(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("agent.aggregation.pool.stops_early", None)
    with pytest.raises(TypeError):
        await run(shards_of(tmp_path, [clear(0)], [clear(1)]), workers=2)


async def test_cancelling_leaves_no_process(tmp_path: Path) -> None:
    shards = shards_of(tmp_path, *[many(100) for _ in range(30)])
    before = children()
    begun = asyncio.Event()
    async with asyncio.TaskGroup() as group:
        job = group.create_task(process_all(shards, CLEAR, workers=2, progress=lambda *_: begun.set()))
        await begun.wait()
        assert len(children() - before) == 2
        job.cancel()
    assert job.cancelled()
    assert children() == before


async def test_a_job_done_leaves_no_process(tmp_path: Path) -> None:
    before = children()
    await run(shards_of(tmp_path, many(5), many(5)), workers=2)
    assert children() == before


# A parent of its own: a script without the guard that multiprocessing wants, as users write them.

SCRIPT = """
import asyncio, sys
from pathlib import Path
from agent.aggregation.pool import process_all
from agent.aggregation.report_files import plan_shards
from tests.aggregation.test_pool import CLEAR

def told(done, total):
    print(done, flush=True)

try:
    partial = asyncio.run(process_all(plan_shards([Path(sys.argv[1])]), CLEAR, workers=2, progress=told))
except KeyboardInterrupt:
    sys.exit(130)
print("reports", partial.reports, flush=True)
"""


def start(folder: Path) -> subprocess.Popen[str]:
    """The script over ``folder``, in a process group of its own."""
    script = folder.parent / "script.py"
    script.write_text(SCRIPT, encoding="utf-8")
    return subprocess.Popen(
        [sys.executable, str(script), str(folder)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
        env={**os.environ, "PYTHONPATH": str(REPOSITORY)},
    )


def workers_at_work(parent: subprocess.Popen[str]) -> set[int]:
    """The processes that work for ``parent``, once its first shard is done."""
    assert parent.stdout is not None
    assert parent.stdout.readline() == "1\n"
    tasks = Path(f"/proc/{parent.pid}/task").iterdir()
    return {int(child) for task in tasks for child in (task / "children").read_text().split()}


async def gone(pids: set[int]) -> bool:
    """Whether the processes end within some seconds."""
    deadline = time.monotonic() + 10
    while any(alive(pid) for pid in pids):
        if time.monotonic() > deadline:
            return False
        await asyncio.sleep(0.02)
    return True


def alive(pid: int) -> bool:
    try:
        return (Path("/proc") / str(pid) / "stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


@pytest.fixture
def big(tmp_path: Path) -> Path:
    """A folder whose reports take some seconds."""
    folder = tmp_path / "big"
    folder.mkdir()
    write_reports(folder / "part000.avro", [clear(0)])
    write_reports(folder / "part001.avro", many(2000))
    for number in range(2, 60):
        (folder / f"part{number:03}.avro").hardlink_to(folder / "part001.avro")
    return folder


async def test_workers_end_with_a_parent_that_is_killed(big: Path) -> None:
    parent = start(big)
    workers = workers_at_work(parent)
    assert len(workers) == 2
    parent.kill()
    parent.communicate()
    assert await gone(workers)


async def test_ctrl_c_ends_workers_quietly(big: Path) -> None:
    parent = start(big)
    workers = workers_at_work(parent)
    os.killpg(parent.pid, signal.SIGINT)
    _, errors = parent.communicate(timeout=30)
    assert (parent.returncode, errors) == (130, "")
    assert await gone(workers)


async def test_a_script_without_a_main_guard_may_run_a_job(tmp_path: Path) -> None:
    folder = tmp_path / "small"
    folder.mkdir()
    shards_of(folder, many(5), many(6))
    parent = start(folder)
    out, errors = parent.communicate(timeout=30)
    assert (out, errors) == ("1\n2\nreports 11\n", "")

"""All shards of a job, by one process or several, and what they come to together.

What a shard came to is kept in an unnamed temporary file until all are done: memory holds what the workers have in hand
and, at the end, one table of sums. Then the sorted ids of all shards pass by side by side. A report that stands in two
shards counts in the first; each later one is processed again, knowing which ids are taken.
"""

from __future__ import annotations

import asyncio
import os
import pickle
import sys
import tempfile
from bisect import bisect_right
from collections import defaultdict
from collections.abc import AsyncIterator, Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import IO, Protocol

from agent.aggregation.report_files import Shard
from agent.aggregation.shards import ID_BYTES, ShardTask, merge_all
from agent.aggregation.unreadable import InputUnreadableError
from agent.aggregation.worker import LENGTH_BYTES, ShardResult, packed, run_shard
from agent.engines.aggregation.thresholds import stops_early
from agent.model.aggregation import Partial
from agent.model.errors import HostEnvironmentError, TallyhostError

_IDS_IN_MEMORY = 10_000
"""How many ids are in memory while those of all shards pass by."""

Progress = Callable[[int, int], None]
"""Told shards done, and shards in all."""


async def process_all(shards: Sequence[Shard], task: ShardTask, *, workers: int, progress: Progress) -> Partial:
    """What all reports of a job come to, whatever the number of ``workers``; 1 is a thread of this process.

    Stops after the shard, in their order, in which too many reports failed or one is too new for this service: the job
    fails then, and what is given covers the shards up to it, each for itself. Raises the InputUnreadableError of the
    first shard that has one, and HostEnvironmentError where a process is lost. Cancelling ends the processes.
    """
    try:
        with tempfile.TemporaryFile() as file:
            return await _process_all(shards, task, workers, progress, file)
    except OSError as error:
        raise HostEnvironmentError(
            f"the job cannot go on: {error.strerror or error}",
            where=error.filename or tempfile.gettempdir(),
            rule="a job has room for temporary files, and may start its worker processes",
            fix="make room there, name another folder with TMPDIR, or run the job with fewer workers",
        ) from error


async def _process_all(
    shards: Sequence[Shard], task: ShardTask, workers: int, progress: Progress, file: IO[bytes]
) -> Partial:
    async with AsyncExitStack() as stack:
        runners: list[_Runner] = [_run_here]
        if workers > 1:
            count = min(workers, len(shards))
            runners = [await stack.enter_async_context(_process()) for _ in range(count)]
        sendable = replace(task, private_keys=dict(task.private_keys))
        job = _Job(shards, sendable, runners, file)
        await job.run(range(len(shards)), {}, progress)
        used = job.used()
        if len(used) == len(shards) and (taken := await asyncio.to_thread(job.find_taken, used)):
            await job.run(taken, taken, lambda *_: None)
            used = job.used()
    return await asyncio.to_thread(job.merged, used)


class _Runner(Protocol):
    async def __call__(self, shard: Shard, task: ShardTask) -> ShardResult | TallyhostError: ...


@dataclass(frozen=True, slots=True)
class _Kept:
    """Where the file holds what a shard came to."""

    failed: int
    unsupported_version: str
    offset: int
    ids: int
    """Bytes of the ids."""
    partial: int
    """Bytes of the Partial behind them."""


class _Job:
    """The shards of a job on their way."""

    def __init__(self, shards: Sequence[Shard], task: ShardTask, runners: Sequence[_Runner], file: IO[bytes]) -> None:
        self._shards, self._task, self._runners, self._file = shards, task, runners, file
        self._done: dict[int, _Kept | TallyhostError] = {}

    async def run(self, indices: Iterable[int], taken: Mapping[int, frozenset[bytes]], progress: Progress) -> None:
        """Process those shards, each with the ids that are taken of it, until all are done or more are pointless."""
        waiting = iter(indices)
        failed = 0
        stopped = False

        async def work(runner: _Runner) -> None:
            # Shards begin in their order, and what has begun is finished: so the first that stops the job is known.
            nonlocal failed, stopped
            while not stopped and (index := next(waiting, None)) is not None:
                task = replace(self._task, taken=taken[index]) if index in taken else self._task
                kept = self._done[index] = self._kept_of(await runner(self._shards[index], task))
                progress(len(self._done), len(self._shards))
                if isinstance(kept, TallyhostError):
                    stopped = True
                else:
                    failed += kept.failed
                    stopped = stopped or self._ends(failed, kept)

        try:
            async with asyncio.TaskGroup() as group:
                for runner in self._runners:
                    group.create_task(work(runner))
        except ExceptionGroup as failures:
            raise failures.exceptions[0] from None

    def used(self) -> range:
        """The shards that the answer covers. Raises the error of the first of them that has one."""
        failed = 0
        for index in range(len(self._done)):
            kept = self._done[index]
            if isinstance(kept, TallyhostError):
                raise kept
            failed += kept.failed
            if self._ends(failed, kept):
                return range(index + 1)
        return range(len(self._done))

    def find_taken(self, used: range) -> dict[int, frozenset[bytes]]:
        """For each shard in which a report stands that an earlier one counts: the ids of those."""
        taken: defaultdict[int, set[bytes]] = defaultdict(set)
        for windows in self._id_windows(used):
            seen = set[bytes]().union(*windows.values())
            if len(seen) == sum(map(len, windows.values())):
                continue
            seen.clear()
            for index, ids in windows.items():
                if again := seen.intersection(ids):
                    taken[index] |= again
                seen.update(ids)
        return {index: frozenset(ids) for index, ids in taken.items()}

    def merged(self, used: range) -> Partial:
        """All of them together."""
        return merge_all(map(self._partial, used))

    def _ends(self, failed: int, kept: _Kept) -> bool:
        """Whether the job fails after a shard, ``failed`` reports of it and those before it being left out."""
        return bool(kept.unsupported_version) or stops_early(failed, self._task.parameters)

    def _kept_of(self, result: ShardResult | TallyhostError) -> _Kept | TallyhostError:
        if isinstance(result, TallyhostError):
            return result
        offset = self._file.seek(0, os.SEEK_END)
        self._file.write(result.ids)
        self._file.write(result.partial)
        return _Kept(result.failed, result.unsupported_version, offset, len(result.ids), len(result.partial))

    def _id_windows(self, used: range) -> Iterator[dict[int, list[bytes]]]:
        """All ids in their order, some at a time: those of each shard up to an id that all of them share."""
        at_once = max(_IDS_IN_MEMORY // max(len(used), 1), 1)
        rest = {index: self._ids(index, at_once) for index in used}
        held: dict[int, list[bytes]] = {index: [] for index in used}
        while held:
            for index, ids in list(held.items()):
                if not ids:
                    held[index] = next(rest[index], [])
            held = {index: ids for index, ids in held.items() if ids}
            end = min((ids[-1] for ids in held.values()), default=b"")
            cuts = {index: bisect_right(ids, end) for index, ids in held.items()}
            yield {index: ids[: cuts[index]] for index, ids in held.items()}
            held = {index: ids[cuts[index] :] for index, ids in held.items()}

    def _ids(self, index: int, at_once: int) -> Iterator[list[bytes]]:
        """The ids of a shard in their order, some at a time."""
        kept, size = self._kept(index), at_once * ID_BYTES
        for begin in range(0, kept.ids, size):
            self._file.seek(kept.offset + begin)
            ids = self._file.read(min(size, kept.ids - begin))
            yield [ids[place : place + ID_BYTES] for place in range(0, len(ids), ID_BYTES)]

    def _partial(self, index: int) -> Partial:
        kept = self._kept(index)
        self._file.seek(kept.offset + kept.ids)
        partial = pickle.loads(self._file.read(kept.partial))  # noqa: S301 - of our own worker
        assert isinstance(partial, Partial)
        return partial

    def _kept(self, index: int) -> _Kept:
        kept = self._done[index]
        assert isinstance(kept, _Kept)
        return kept


async def _run_here(shard: Shard, task: ShardTask) -> ShardResult | TallyhostError:
    return await asyncio.to_thread(run_shard, shard, task)


@asynccontextmanager
async def _process() -> AsyncIterator[_Runner]:
    """A worker process, which is gone at the end."""
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-P",  # the folder that we are in is not looked into for modules
        "-c",
        "from agent.aggregation.worker import main; main()",
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(folder or str(Path.cwd()) for folder in sys.path)},
        start_new_session=True,  # Ctrl-C is for us alone to hear
    )
    requests, answers = process.stdin, process.stdout
    assert requests is not None
    assert answers is not None

    async def run(shard: Shard, task: ShardTask) -> ShardResult | TallyhostError:
        try:
            requests.write(packed((shard, task)))
            await requests.drain()
            size = int.from_bytes(await answers.readexactly(LENGTH_BYTES), "big")
            result = pickle.loads(await answers.readexactly(size))  # noqa: S301 - of our own worker
        except (asyncio.IncompleteReadError, ConnectionError):
            return HostEnvironmentError(
                "a worker process of the job ended",
                where=str(shard.path),
                rule="workers live as long as their job: they are ended by the system where memory is short",
                fix="run the job again, with fewer workers",
            )
        assert isinstance(result, ShardResult | InputUnreadableError)
        return result

    try:
        yield run
    finally:
        with suppress(ProcessLookupError):
            process.kill()
        await process.wait()

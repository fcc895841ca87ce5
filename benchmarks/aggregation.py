"""Reports aggregated per second, by one process and by two, and the memory that a million of them takes.

Measured: a job from its Avro file to the merged sums: blocks read, payloads opened, parsed and checked, ids compared
across shards, sums merged; sealed reports of 20 contributions, 2 of which are real.

- One process, against HPKE alone: bare opens of the same payloads with infos that were made before; and a second such
  subject, which shows how far two equal ones differ. Time is the processor's.
- Two processes, over one: time by the wall, the start of the processes included; with the work that both did, as the
  processor counts it, beside it, since on a busy machine the wall shows who else is there.
- Peak memory of a process of its own that aggregates clear text, which is opened by nobody and kept just as long:
  10^6 reports less 10^5. Both have the same buckets, so that the difference is what reports cost beside them.
"""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable, Iterator
from functools import partial
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey
from cryptography.hazmat.primitives.hpke import AEAD, KDF, KEM, Suite

from agent.aggregation.avro import Record, write_reports
from agent.aggregation.pool import process_all
from agent.aggregation.report_files import plan_shards, read_records
from agent.aggregation.shards import ShardTask
from agent.crypto.aggregatable_payload import encode_payload, seal_payload
from agent.crypto.keys import KeyPair, generate_key
from agent.model.aggregation import JobParameters
from agent.model.attribution_reporting.reports import Contribution
from agent.model.clock import DAY, DEFAULT_FROZEN_START, SECOND
from agent.model.rng import SeededRng
from benchmarks.figures import Figure, Goal, differences, ratio, ratios
from benchmarks.processes import processor_time
from benchmarks.rounds import Plan, interleave

REPORTS = 10_000
"""Reports of a round of one process: two shards."""
MANY_REPORTS = 200_000
"""Reports of a round of two processes: enough that their start is a small part."""
MEMORY_REPORTS = (100_000, 1_000_000)
BUCKETS = 50_000
"""Of the reports whose memory is measured."""
SHARD_REPORTS = REPORTS // 2
LONG_ROUNDS = 5
"""At most so many of what takes long."""
SHARE_GOAL = Goal(at_least=0.7)
TWO_GOAL = Goal(at_least=1.8)
MEMORY_GOAL = Goal(at_most=8)
"""MB that 900,000 more reports may take beside the table of buckets."""
_TINY = 40
_TICK = 10.0
"""Milliseconds: less than the system's clock of processor time shows is counted as one step of it."""
_BARE, _AGAIN, _JOB = "bare", "bare again", "job"
_ORIGIN = "https://adtech.test"
_PEAK = "import sys; from benchmarks.aggregation import print_peak; print_peak(sys.argv[1])"


async def measure(plan: Plan) -> list[Figure]:
    """Aggregate rounds of reports by one process and by two, and open as many payloads."""
    with tempfile.TemporaryDirectory() as folder:
        return [
            *await _share(plan, Path(folder)),
            *await _two_over_one(plan, Path(folder)),
            *await _memory(plan, Path(folder)),
        ]


async def _share(plan: Plan, folder: Path) -> list[Figure]:
    rng = SeededRng(1)
    key = generate_key(rng)
    count = _TINY if plan.tiny else REPORTS
    batch = _batch(folder / "reports.avro", count, key)
    infos = [(record.payload, b"aggregation_service" + record.shared_info.encode()) for record in _records(batch)]
    suite = Suite(KEM.X25519, KDF.HKDF_SHA256, AEAD.CHACHA20_POLY1305)
    owner = X25519PrivateKey.from_private_bytes(key.private_key)

    async def bare() -> float:
        began = time.process_time()
        for payload, info in infos:
            suite.decrypt(payload, owner, info)
        return count / (time.process_time() - began)

    async def job() -> float:
        began = time.process_time()
        await _run(batch, key, workers=1, reports=SHARD_REPORTS)
        return count / (time.process_time() - began)

    rates = await interleave("aggregation", plan, {_BARE: bare, _AGAIN: bare, _JOB: job})
    return [
        *(Figure(f"aggregation.{name}", "reports/s", rates[name]) for name in (_JOB, _BARE)),
        ratio("aggregation.job_over_bare", rates[_JOB], rates[_BARE], rates[_AGAIN], SHARE_GOAL),
    ]


async def _two_over_one(plan: Plan, folder: Path) -> list[Figure]:
    key = generate_key(SeededRng(1))
    count = _TINY if plan.tiny else MANY_REPORTS
    batch = _batch(folder / "many.avro", count, key)
    few = _batch(folder / "few.avro", 2, key)

    async def job(workers: int) -> tuple[float, float]:
        began, work = time.perf_counter(), processor_time()
        await _run(batch, key, workers=workers, reports=max(count // 20, 1))
        return time.perf_counter() - began, max(processor_time() - work, _TICK)

    async def start_up() -> tuple[float, float]:
        began = time.perf_counter()
        await _run(few, key, workers=2, reports=1)
        return time.perf_counter() - began, 0.0

    subjects: dict[str, Callable[[], Awaitable[tuple[float, float]]]] = {
        "one": partial(job, 1),
        "two": partial(job, 2),
        "start": start_up,
    }
    samples = await interleave("aggregation by two", _long(plan), subjects)
    wall = {name: [sample[0] for sample in taken] for name, taken in samples.items()}
    work = {name: [sample[1] for sample in taken] for name, taken in samples.items()}
    return [
        Figure("aggregation.start_up", "ms", [1000 * seconds for seconds in wall["start"]]),
        Figure("aggregation.two_over_one", "ratio", ratios(wall["one"], wall["two"]), goal=TWO_GOAL),
        Figure("aggregation.two_over_one.work", "ratio", ratios(work["two"], work["one"])),
    ]


async def _memory(plan: Plan, folder: Path) -> list[Figure]:
    sizes = (_TINY, 10 * _TINY) if plan.tiny else MEMORY_REPORTS
    batches = {size: folder / f"{size}.avro" for size in sizes}
    for size, path in batches.items():
        write_reports(path, _clear_records(size))

    async def peak(path: Path) -> float:
        command = [sys.executable, "-c", _PEAK, str(path)]
        done = await asyncio.to_thread(subprocess.run, command, capture_output=True, text=True, check=True)
        return float(done.stdout)

    peaks = await interleave(
        "aggregation's memory", _long(plan), {size: partial(peak, path) for size, path in batches.items()}
    )
    less, more = peaks[sizes[0]], peaks[sizes[1]]
    return [
        Figure("aggregation.memory.1e5", "MB", less),
        Figure("aggregation.memory.1e6", "MB", more),
        Figure("aggregation.memory.1e6_less_1e5", "MB", differences(more, less), goal=MEMORY_GOAL),
    ]


def print_peak(path: str) -> None:
    """Aggregate the clear text of a file, and print the most memory that this process ever had, in MB."""
    shards = plan_shards([Path(path)])
    asyncio.run(process_all(shards, _task(clear_text=True), workers=1, progress=_nothing))
    status = Path("/proc/self/status").read_text(encoding="ascii")
    (kilobytes,) = (line.split()[1] for line in status.splitlines() if line.startswith("VmHWM:"))
    print(int(kilobytes) * 1024 / 1e6)


async def _run(batch: Path, key: KeyPair, *, workers: int, reports: int) -> None:
    shards = plan_shards([batch], reports=reports)
    found = await process_all(shards, _task(key), workers=workers, progress=_nothing)
    assert not found.errors
    assert found.sums


def _long(plan: Plan) -> Plan:
    return Plan(min(plan.rounds, LONG_ROUNDS), plan.tiny, plan.progress)


def _task(key: KeyPair | None = None, *, clear_text: bool = False) -> ShardTask:
    keys = {} if key is None else {"key": key.private_key}
    return ShardTask(JobParameters(attribution_report_to=_ORIGIN), DEFAULT_FROZEN_START + DAY, keys, clear_text)


def _batch(path: Path, count: int, key: KeyPair) -> Path:
    """An Avro file of ``count`` sealed reports."""
    rng = SeededRng(2)

    def records() -> Iterator[Record]:
        for number in range(count):
            info = _shared_info(number)
            yield Record(seal_payload(_plaintext(number, 500, 20), info, key.public_key, rng), "key", info)

    write_reports(path, records())
    return path


def _clear_records(count: int) -> Iterator[Record]:
    return (Record(_plaintext(number, BUCKETS // 2, 2), "", _shared_info(number)) for number in range(count))


def _records(batch: Path) -> Iterator[Record]:
    for shard in plan_shards([batch]):
        yield from read_records(shard)


def _plaintext(number: int, buckets: int, length: int) -> bytes:
    """Two contributions, of ``buckets`` different buckets each."""
    place = number % buckets
    contributions = [Contribution(place, 32_768), Contribution(1 << 64 | place, 1_664)]
    return encode_payload(contributions, id_bytes=1, length=length)


def _shared_info(number: int) -> str:
    members = {
        "api": "attribution-reporting",
        "attribution_destination": "https://shop.test",
        "report_id": f"00000000-0000-4000-8000-{number * 0x9E3779B1 % 2**48:012x}",
        "reporting_origin": _ORIGIN,
        "scheduled_report_time": str(DEFAULT_FROZEN_START // SECOND),
        "source_registration_time": "0",
        "version": "1.0",
    }
    return json.dumps(members, separators=(",", ":"))


def _nothing(done: int, total: int) -> None:
    del done, total

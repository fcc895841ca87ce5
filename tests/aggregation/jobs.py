"""Batches and jobs, for the tests beside this module."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from agent.aggregation.avro import Record, write_domain, write_reports
from agent.aggregation.job import FinishedJob, Job, run_job
from agent.aggregation.outputs import Output
from agent.crypto.aggregatable_payload import encode_payload, open_payload, seal_payload
from agent.crypto.keys import generate_key
from agent.model.aggregation import JobLedger
from agent.model.attribution_reporting.reports import Contribution
from agent.model.clock import HOUR, SECOND, Clock
from agent.model.rng import SeededRng

NOW = 1_767_603_600_000
ORIGIN = "https://adtech.test"
KEY = generate_key(SeededRng(1))
KEY_ID = KEY.id.hex()
KEYS = {KEY_ID: KEY.private_key}
BUCKET = 0x559
_RNG = SeededRng(7)


def record(
    number: int, *, contributions: Sequence[tuple[int, int]] = ((BUCKET, 100),), filtering_id: int = 0, **changes: Any
) -> Record:
    """The report ``number`` of an hour: sealed, one contribution of 100; ``changes`` are those of shared_info."""
    shared_info = {
        "api": "attribution-reporting",
        "attribution_destination": "https://shop.test",
        "report_id": f"00000000-0000-4000-8000-{number:012x}",
        "reporting_origin": ORIGIN,
        "scheduled_report_time": str((NOW - HOUR) // SECOND),
        "source_registration_time": "0",
        "version": "1.0",
    } | changes
    text = json.dumps({name: value for name, value in shared_info.items() if value is not None})
    entries = [Contribution(bucket, value, filtering_id) for bucket, value in contributions]
    plaintext = encode_payload(entries, id_bytes=1, length=4)
    return Record(seal_payload(plaintext, text, KEY.public_key, _RNG), KEY_ID, text)


def clear(report: Record) -> Record:
    """The same report as the local testing tool takes it."""
    plaintext = open_payload(report.payload, report.shared_info, KEY.private_key)
    assert plaintext is not None
    return report._replace(payload=plaintext)


def batch(folder: Path, records: Iterable[Record], name: str = "reports.avro") -> Path:
    """A file of reports in ``folder``."""
    folder.mkdir(parents=True, exist_ok=True)
    write_reports(folder / name, list(records))
    return folder / name


def domain_file(folder: Path, buckets: Iterable[int], name: str = "domain.avro") -> Path:
    """A file of buckets in ``folder``."""
    folder.mkdir(parents=True, exist_ok=True)
    write_domain(folder / name, list(buckets))
    return folder / name


def job(folder: Path, job_request_id: str = "job-1", **changes: Any) -> Job:
    """A job over ``folder/reports.avro`` that publishes two buckets into ``folder/out``."""
    fields: dict[str, Any] = {
        "job_request_id": job_request_id,
        "inputs": (folder / "reports.avro",),
        "output": Output(folder / "out"),
        "parameters": {"attribution_report_to": ORIGIN},
        "domain": (BUCKET, 7),
    }
    return Job(**fields | changes)


async def run(wanted: Job, ledger: JobLedger, *, seed: int = 3, noise: bool = False, **changes: Any) -> FinishedJob:
    """Run a job at the instant ``NOW``."""
    given: dict[str, Any] = {"keys": KEYS, "rng": SeededRng(seed), "clock": Clock.frozen(NOW), "noise": noise}
    return await run_job(wanted, ledger=ledger, **given | changes)

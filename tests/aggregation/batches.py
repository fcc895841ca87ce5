"""Batches of aggregatable reports, for the tests beside this module."""

from __future__ import annotations

import base64
import json
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from agent.aggregation.avro import Record, write_reports
from agent.aggregation.report_files import plan_shards
from agent.aggregation.shards import ShardTask, process_shard
from agent.crypto.aggregatable_payload import encode_payload, seal_payload
from agent.crypto.keys import generate_key
from agent.model.aggregation import JobParameters, Partial
from agent.model.attribution_reporting.reports import Contribution
from agent.model.rng import SeededRng

KEY = generate_key(SeededRng(1))
KEY_ID = "k1"
ORIGIN = "https://adtech.test"
HOUR = 1_767_603_600
"""Seconds; the beginning of an hour."""
NOW = (HOUR + 86_400) * 1000
_RNG = SeededRng(7)


def shared_info(number: int = 0, **changes: Any) -> str:
    """That of report ``number``; a change to None takes a member out."""
    members = {
        "api": "attribution-reporting",
        "attribution_destination": "https://shop.test",
        "report_id": report_id(number),
        "reporting_origin": ORIGIN,
        "scheduled_report_time": str(HOUR),
        "source_registration_time": str(HOUR - 86_400),
        "version": "1.0",
    }
    changed = {name: value for name, value in (members | changes).items() if value is not None}
    return json.dumps(changed, separators=(",", ":"))


def report_id(number: int) -> str:
    return f"00000000-0000-4000-8000-{number:012x}"


def plaintext(*contributions: tuple[int, int] | tuple[int, int, int]) -> bytes:
    """The payload of (bucket, value) or (bucket, value, filtering id), in clear."""
    return encode_payload([Contribution(*one) for one in contributions], id_bytes=1, length=20)


def sealed(number: int = 0, contributions: Sequence[Any] = ((5, 1),), **changes: Any) -> Record:
    """The report ``number`` as a browser sends it."""
    info = shared_info(number, **changes)
    return Record(seal_payload(plaintext(*contributions), info, KEY.public_key, _RNG), KEY_ID, info)


def clear(number: int = 0, contributions: Sequence[Any] = ((5, 1),), **changes: Any) -> Record:
    """The report ``number`` in clear text."""
    return Record(plaintext(*contributions), "", shared_info(number, **changes))


def body(number: int = 0, contributions: Sequence[Any] = ((5, 1),), **changes: Any) -> dict[str, Any]:
    """The report ``number`` as a JSON body, clear text included."""
    record = sealed(number, contributions, **changes)
    payload = {
        "key_id": record.key_id,
        "payload": base64.b64encode(record.payload).decode(),
        "debug_cleartext_payload": base64.b64encode(plaintext(*contributions)).decode(),
    }
    return {"aggregation_service_payloads": [payload], "shared_info": record.shared_info}


def task(*, clear_text: bool = False, **parameters: Any) -> ShardTask:
    """What a job of :data:`ORIGIN` does with its shards."""
    asked = JobParameters(**{"attribution_report_to": ORIGIN} | parameters)
    return ShardTask(asked, NOW, {KEY_ID: KEY.private_key}, clear_text)


def process(records: Sequence[Record], job: ShardTask | None = None) -> Partial:
    """What a shard of ``records`` comes to."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "reports.avro"
        write_reports(path, records)
        (shard,) = plan_shards([path])
        return process_shard(shard, job or task())

"""The Avro files of the aggregation service: reports, output domains, summaries and debug summaries (section 2)."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import IO, Any, NamedTuple

import fastavro
from fastavro.write import Writer

from agent.aggregation.avro_blocks import Fields, read_block, read_header, scan_blocks
from agent.aggregation.unreadable import InputUnreadableError, unreadable
from agent.model.aggregation import AggregatedFact

BUCKET_BYTES = 16
REPORT_FIELDS: Fields = {"payload": "bytes", "key_id": "string", "shared_info": "string"}
_BUCKET_FIELDS: Fields = {"bucket": "bytes"}
_FACT_FIELDS: Fields = {"bucket": "bytes", "metric": "long"}


class Record(NamedTuple):
    """A report as it comes to the service."""

    payload: bytes
    """Encapsulated key, ciphertext and tag; or the clear text."""
    key_id: str
    shared_info: str
    """As it stands in the report: the payload is sealed with it."""
    where: str = ""
    """File and position, for people."""


class ReportWriter:
    """Writes a batch (section 2.1) to a binary file, block by block; the file is whole once it is closed."""

    def __init__(self, file: IO[bytes]) -> None:
        schema, marker = _schema("AggregatableReport", REPORT_FIELDS)
        self._writer = Writer(file, schema, codec="null", sync_marker=marker)

    def write(self, record: Record) -> None:
        """Put a report behind those that are there."""
        self._writer.write({"payload": record.payload, "key_id": record.key_id, "shared_info": record.shared_info})

    def close(self) -> None:
        """Write what is still held back; ``file`` stays open."""
        self._writer.flush()


def write_reports(path: Path, records: Iterable[Record]) -> None:
    """Write a batch (section 2.1): the same bytes for the same reports."""
    with path.open("wb") as file:
        writer = ReportWriter(file)
        for record in records:
            writer.write(record)
        writer.close()


def write_domain(path: Path, buckets: Iterable[int]) -> None:
    """Write an output domain (section 2.2); each bucket takes 16 bytes."""
    _write(path, "AggregationBucket", _BUCKET_FIELDS, ({"bucket": _wide(bucket)} for bucket in buckets))


def write_facts(path: Path, facts: Iterable[AggregatedFact]) -> None:
    """Write a summary (section 2.3): the same bytes for the same facts."""
    records = ({"bucket": _short(fact.bucket), "metric": fact.metric} for fact in facts)
    _write(path, "AggregatedFact", _FACT_FIELDS, records)


def write_debug_facts(path: Path, facts: Iterable[AggregatedFact]) -> None:
    """Write a debug summary (section 2.4): the same bytes for the same facts."""
    tags = {"type": "enum", "name": "bucket_tags", "symbols": ["in_domain", "in_reports"]}
    fields = {
        "bucket": "bytes",
        "unnoised_metric": "long",
        "noise": "long",
        "annotations": {"type": "array", "items": tags},
    }
    records = (
        {
            "bucket": _short(fact.bucket),
            "unnoised_metric": fact.unnoised_metric,
            "noise": fact.metric - fact.unnoised_metric,
            "annotations": [tag for tag in ("in_domain", "in_reports") if getattr(fact, tag)],
        }
        for fact in facts
    )
    _write(path, "DebugAggregatedFact", fields, records)


def read_domain(path: Path) -> tuple[int, ...]:
    """The buckets of an output domain in ascending order, each once. Raises InputUnreadableError."""
    buckets: set[int] = set()
    for position, record in enumerate(_read(path, _BUCKET_FIELDS)):
        bucket = record["bucket"]
        if not isinstance(bucket, bytes) or len(bucket) > BUCKET_BYTES:
            raise InputUnreadableError(
                "the bucket is null" if bucket is None else f"the bucket has {len(bucket)} bytes",
                where=f"{path}[{position}]",
                rule=f"a bucket has at most {BUCKET_BYTES} bytes, big-endian",
                fix="write the bucket as a number of 128 bits: neither its decimal nor its hexadecimal digits",
            )
        buckets.add(int.from_bytes(bucket, "big"))
    if not buckets:
        raise InputUnreadableError(
            "the domain is empty",
            where=str(path),
            rule="a domain names at least one bucket: those that the summary has",
            fix="list the buckets to be told, or run without a domain",
        )
    return tuple(sorted(buckets))


def read_facts(path: Path) -> dict[int, int]:
    """The metric of each bucket of a summary. Raises InputUnreadableError."""
    return {int.from_bytes(fact["bucket"], "big"): fact["metric"] for fact in _read(path, _FACT_FIELDS)}


def _read(path: Path, fields: Fields) -> Iterator[dict[str, Any]]:
    try:
        with path.open("rb") as file:
            header = read_header(path, file, fields)
            for block in scan_blocks(path, file, header, header.end):
                yield from read_block(path, file, header, block)
    except OSError as error:
        raise unreadable(path, error) from error


def _write(path: Path, name: str, fields: Any, records: Iterable[dict[str, Any]]) -> None:
    schema, marker = _schema(name, fields)
    with path.open("wb") as file:
        fastavro.writer(file, schema, records, codec="null", sync_marker=marker)


def _schema(name: str, fields: Any) -> tuple[Any, bytes]:
    """The schema of a record, and the one sync marker of its files, so that equal contents are equal bytes."""
    members = [{"name": field, "type": kind} for field, kind in fields.items()]
    schema = fastavro.parse_schema({"type": "record", "name": name, "fields": members})
    return schema, hashlib.sha256(name.encode()).digest()[:16]


def _wide(bucket: int) -> bytes:
    return bucket.to_bytes(BUCKET_BYTES, "big")


def _short(bucket: int) -> bytes:
    """Without zeros in front; bucket 0 is the empty string."""
    return bucket.to_bytes((bucket.bit_length() + 7) // 8, "big")

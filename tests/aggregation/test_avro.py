"""agent.aggregation.avro against fastavro: each file as the service writes and reads it."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import fastavro
import pytest

from agent.aggregation.avro import (
    Record,
    ReportWriter,
    read_domain,
    read_facts,
    write_debug_facts,
    write_domain,
    write_facts,
    write_reports,
)
from agent.aggregation.unreadable import InputUnreadableError
from agent.model.aggregation import AggregatedFact

FACTS = [
    AggregatedFact(0, -3, 4, in_domain=True, in_reports=False),
    AggregatedFact(0x559, 32_768, 32_770, in_domain=True, in_reports=True),
    AggregatedFact(2**128 - 1, 7, 7, in_domain=False, in_reports=True),
]


def read_back(path: Path) -> tuple[str, str, list[Any]]:
    """Codec, name of the schema, and records, as fastavro reads them."""
    with path.open("rb") as file:
        reader = fastavro.reader(file)
        schema: Any = reader.writer_schema
        return reader.codec, schema["name"], list(reader)


def write_buckets(path: Path, *buckets: bytes, codec: str = "null") -> Path:
    schema = {"type": "record", "name": "AggregationBucket", "fields": [{"name": "bucket", "type": "bytes"}]}
    with path.open("wb") as file:
        fastavro.writer(file, schema, [{"bucket": bucket} for bucket in buckets], codec=codec)
    return path


def test_a_batch_has_the_three_fields_as_they_were_received(tmp_path: Path) -> None:
    path = tmp_path / "reports.avro"
    write_reports(path, [Record(b"\x00\xff", "key", '{"a":"é"}', "elsewhere[1]"), Record(b"", "", "")])
    assert read_back(path) == (
        "null",
        "AggregatableReport",
        [
            {"payload": b"\x00\xff", "key_id": "key", "shared_info": '{"a":"é"}'},
            {"payload": b"", "key_id": "", "shared_info": ""},
        ],
    )


def test_a_batch_can_be_written_report_by_report_into_an_open_file(tmp_path: Path) -> None:
    records = [Record(bytes(1000), "key", str(number)) for number in range(100)]
    file = io.BytesIO()
    writer = ReportWriter(file)
    for record in records:
        writer.write(record)
    writer.close()
    write_reports(tmp_path / "reports.avro", records)
    assert file.getvalue() == (tmp_path / "reports.avro").read_bytes()


def test_a_domain_reads_back_in_order_each_bucket_once(tmp_path: Path) -> None:
    path = tmp_path / "domain.avro"
    write_domain(path, [7, 2**128 - 1, 0, 7])
    assert read_back(path)[1:] == (
        "AggregationBucket",
        [{"bucket": bucket.to_bytes(16, "big")} for bucket in (7, 2**128 - 1, 0, 7)],
    )
    assert read_domain(path) == (0, 7, 2**128 - 1)


def test_buckets_of_a_domain_may_be_short(tmp_path: Path) -> None:
    path = write_buckets(tmp_path / "domain.avro", b"key1", b"", bytes(12) + b"key1", b"\x05")
    assert read_domain(path) == (0, 5, int.from_bytes(b"key1", "big"))


def test_a_bucket_of_more_than_16_bytes_is_an_error_with_its_position(tmp_path: Path) -> None:
    path = write_buckets(tmp_path / "domain.avro", b"1", bytes(17))
    with pytest.raises(InputUnreadableError) as caught:
        read_domain(path)
    assert caught.value.where == f"{path}[1]"
    assert caught.value.what == "the bucket has 17 bytes"
    assert caught.value.fix


def test_a_domain_without_buckets_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(InputUnreadableError, match="the domain is empty"):
        read_domain(write_buckets(tmp_path / "domain.avro"))


def test_a_domain_that_is_not_there_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(InputUnreadableError, match=r"nothing\.avro: cannot be read: No such file"):
        raise_as_text(tmp_path / "nothing.avro")


def raise_as_text(path: Path) -> None:
    try:
        read_domain(path)
    except InputUnreadableError as error:
        raise InputUnreadableError(str(error)) from error


def test_a_summary_has_buckets_without_leading_zeros_and_signed_metrics(tmp_path: Path) -> None:
    path = tmp_path / "summary.avro"
    write_facts(path, FACTS)
    assert read_back(path) == (
        "null",
        "AggregatedFact",
        [
            {"bucket": b"", "metric": -3},
            {"bucket": b"\x05\x59", "metric": 32_768},
            {"bucket": b"\xff" * 16, "metric": 7},
        ],
    )
    assert read_facts(path) == {0: -3, 0x559: 32_768, 2**128 - 1: 7}


def test_a_debug_summary_tells_noise_and_where_each_bucket_comes_from(tmp_path: Path) -> None:
    path = tmp_path / "debug.avro"
    write_debug_facts(path, FACTS)
    assert read_back(path) == (
        "null",
        "DebugAggregatedFact",
        [
            {"bucket": b"", "unnoised_metric": 4, "noise": -7, "annotations": ["in_domain"]},
            {"bucket": b"\x05\x59", "unnoised_metric": 32_770, "noise": -2, "annotations": ["in_domain", "in_reports"]},
            {"bucket": b"\xff" * 16, "unnoised_metric": 7, "noise": 0, "annotations": ["in_reports"]},
        ],
    )


def test_the_same_facts_are_the_same_bytes(tmp_path: Path) -> None:
    for name in ("one", "other"):
        write_facts(tmp_path / name, FACTS)
        write_debug_facts(tmp_path / f"{name}_debug", FACTS)
    assert (tmp_path / "one").read_bytes() == (tmp_path / "other").read_bytes()
    assert (tmp_path / "one_debug").read_bytes() == (tmp_path / "other_debug").read_bytes()

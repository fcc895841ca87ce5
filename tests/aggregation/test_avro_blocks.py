"""agent.aggregation.avro_blocks: what fastavro writes is read, what is damaged is named, all within bounds."""

from __future__ import annotations

import contextlib
import io
import tracemalloc
import zlib
from pathlib import Path
from typing import Any

import fastavro
import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.aggregation.avro import REPORT_FIELDS
from agent.aggregation.avro_blocks import MAX_BLOCK_BYTES, read_block, read_header, scan_blocks
from agent.aggregation.unreadable import InputUnreadableError

SYNC = bytes(range(16))
PATH = Path("reports.avro")
RECORDS = [{"payload": bytes([number]) * 300, "key_id": f"k{number}", "shared_info": "{}"} for number in range(100)]
MEMBERS: list[dict[str, Any]] = [{"name": name, "type": kind} for name, kind in REPORT_FIELDS.items()]


def container(
    records: Any = RECORDS, members: Any = MEMBERS, *, codec: str = "null", interval: int = 1000, name: str = "Any"
) -> bytes:
    """What fastavro writes."""
    schema = {"type": "record", "name": name, "fields": members}
    file = io.BytesIO()
    fastavro.writer(file, schema, records, codec=codec, sync_interval=interval, sync_marker=SYNC)
    return file.getvalue()


def read(data: bytes) -> list[dict[str, Any]]:
    file = io.BytesIO(data)
    header = read_header(PATH, file, REPORT_FIELDS)
    blocks = scan_blocks(PATH, file, header, header.end)
    return [record for block in blocks for record in read_block(PATH, file, header, block)]


def number(value: int) -> bytes:
    """A number as Avro writes it."""
    value = value << 1 ^ value >> 63
    encoded = bytearray()
    while value > 0x7F:
        encoded.append(value & 0x7F | 0x80)
        value >>= 7
    return bytes([*encoded, value])


def with_block(
    records: int, content: bytes, *, size: int | None = None, codec: str = "null", sync: bytes = SYNC
) -> bytes:
    """A container with one block."""
    return (
        container([], codec=codec) + number(records) + number(len(content) if size is None else size) + content + sync
    )


def one_record(payload: int, content: bytes = b"") -> bytes:
    """A record whose payload claims so many bytes."""
    return number(payload) + content + number(0) + number(0)


def told(data: bytes) -> InputUnreadableError:
    with pytest.raises(InputUnreadableError) as caught:
        read(data)
    assert caught.value.rule
    assert caught.value.fix
    return caught.value


@pytest.mark.parametrize("codec", ["null", "deflate"])
@pytest.mark.parametrize("interval", [1, 1000, 100_000])
def test_what_fastavro_writes_is_read(codec: str, interval: int) -> None:
    assert read(container(codec=codec, interval=interval)) == RECORDS


def test_a_file_without_blocks_has_no_records() -> None:
    assert read(container([])) == []


def test_fields_may_stand_in_any_order_with_others_and_their_types_may_be_annotated_or_nullable() -> None:
    members = [
        {"name": "received", "type": "long"},
        {"name": "shared_info", "type": {"type": "string", "avro.java.string": "String"}},
        {"name": "payload", "type": ["null", "bytes"]},
        {"name": "note", "type": ["null", "string"]},
        {"name": "key_id", "type": "string"},
    ]
    records = [{"received": 7, "shared_info": "{}", "payload": b"x", "note": None, "key_id": "k"}]
    assert read(container(records, members)) == records


def test_a_block_may_be_read_without_those_before_it() -> None:
    file = io.BytesIO(container())
    header = read_header(PATH, file, REPORT_FIELDS)
    blocks = list(scan_blocks(PATH, file, header, header.end))
    assert len(blocks) > 10
    assert sum(block.records for block in blocks) == 100
    before = sum(block.records for block in blocks[:5])
    again = scan_blocks(PATH, file, header, blocks[5].offset, blocks[5].end)
    found = [record for block in again for record in read_block(PATH, file, header, block)]
    assert found == RECORDS[before : before + blocks[5].records]


@pytest.mark.parametrize(
    ("data", "what"),
    [
        (b"", "4 bytes are announced"),
        (b"PAR1" + bytes(100), "does not begin as an Avro file"),
        (b"Obj\x01", "1 bytes are announced"),
        (b"Obj\x01" + bytes([0xFF] * 10), "more than 10 bytes"),
        (b"Obj\x01" + number(1) + number(2**50), f"{2**50:,} bytes are announced"),
        (b"Obj\x01" + number(1) + number(-5), "-5 bytes are announced"),
        (b"Obj\x01" + number(2**50) + bytes(100), "bytes are announced that are not there"),
        (b"Obj\x01" + number(0) + SYNC, "no record of primitive fields"),
    ],
)
def test_a_corrupt_header_is_named(data: bytes, what: str) -> None:
    assert what in told(data).what


@pytest.mark.parametrize(
    ("members", "what"),
    [
        (MEMBERS[:2], "no 'shared_info' of string"),
        ([{"name": "payload", "type": "string"}, *MEMBERS[1:]], "no 'payload' of bytes"),
        ([{"name": "payload", "type": ["int", "bytes"]}, *MEMBERS[1:]], "no 'payload' of bytes"),
        ([*MEMBERS, {"name": "more", "type": {"type": "array", "items": "null"}}], "no record of primitive fields"),
    ],
)
def test_a_schema_without_the_fields_of_a_report_is_named(members: Any, what: str) -> None:
    error = told(container([], members))
    assert what in error.what
    assert error.rule == "records have the fields payload: bytes, key_id: string, shared_info: string"


@pytest.mark.parametrize(
    "schema",
    [b"", b"no JSON", b"[1]", b'"string"', b'{"fields":1}', b'{"fields":[{"name":"payload"}]}', b"[" * 100_000],
)
def test_a_schema_that_is_none_is_named(schema: bytes) -> None:
    data = b"Obj\x01" + number(1) + number(11) + b"avro.schema" + number(len(schema)) + schema + number(0) + SYNC
    assert told(data).where == "reports.avro"


def test_an_unknown_codec_is_named() -> None:
    data = container([]).replace(b"avro.codec\x08null", b"avro.codec\x0csnappy")
    error = told(data)
    assert error.what == "its blocks are compressed with 'snappy'"
    assert error.rule == "the codec is one of null, deflate"


@pytest.mark.parametrize(
    ("data", "what"),
    [
        (with_block(1, one_record(5, b"abc"), sync=b""), "ends within a block"),
        (with_block(1, one_record(0), sync=bytes(16)), "not followed by the file's sync marker"),
        (with_block(1, one_record(0), size=2**40), "claims 1 records in 1,099,511,627,776 bytes"),
        (with_block(1, one_record(0), size=-1), "claims 1 records in -1 bytes"),
        (with_block(-1, one_record(0)), "claims -1 records"),
        (with_block(2**50, one_record(0)), "claims 1,125,899,906,842,624 records"),
        (with_block(1000, one_record(0)), "1,000 records cannot be in 3 bytes"),
        (with_block(2, one_record(0)), "cannot be decoded"),
        (with_block(1, one_record(2**50)), "cannot be decoded"),
        (with_block(1, one_record(0) * 2), "3 bytes follow the records of a block"),
        (with_block(1, b"", size=0, sync=b"") + b"\xff" * 20, "sync marker"),
        (with_block(1, b"no deflate", codec="deflate"), "cannot be decoded"),
        (with_block(1, zlib.compress(one_record(0), wbits=-15)[:-2], codec="deflate"), "its content is cut"),
    ],
)
def test_a_damaged_block_is_named_with_its_offset(data: bytes, what: str) -> None:
    error = told(data)
    assert what in error.what
    assert error.where.startswith("reports.avro: byte ")


def test_a_payload_of_negative_length_is_named() -> None:
    assert "block" in told(with_block(1, one_record(-5, b"abcdefg"))).what


def test_a_file_that_is_cut_anywhere_is_named_or_ends_with_a_whole_block() -> None:
    data = container(RECORDS[:8])
    whole = {0}
    for cut in range(len(data)):
        try:
            whole.add(len(read(data[:cut])))
        except InputUnreadableError:
            continue
    assert whole == {0, 4}


def test_a_block_that_expands_beyond_its_bound_is_refused_without_the_memory_for_it() -> None:
    deflater = zlib.compressobj(9, wbits=-15)
    bomb = b"".join(deflater.compress(bytes(2**20)) for _ in range(4 * MAX_BLOCK_BYTES // 2**20)) + deflater.flush()
    data = with_block(1, bomb, codec="deflate")
    tracemalloc.start()
    error = told(data)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert "expands to more than" in error.what
    assert peak < 2.5 * MAX_BLOCK_BYTES


def test_text_that_is_no_utf_8_is_the_trouble_of_its_report_alone() -> None:
    content = one_record(1, b"x") + number(0) + number(0) + number(2) + b"\xff\xfe"
    assert read(with_block(2, content))[1]["shared_info"] == "\ufffd\ufffd"


@given(st.data())
def test_no_damage_raises_anything_else(data: st.DataObject) -> None:
    whole = bytearray(container(RECORDS[:8], codec=data.draw(st.sampled_from(["null", "deflate"]))))
    for _ in range(data.draw(st.integers(1, 5))):
        at = data.draw(st.integers(0, len(whole) - 1))
        whole[at] = data.draw(st.integers(0, 255))
    with contextlib.suppress(InputUnreadableError):
        assert len(read(bytes(whole))) <= len(whole)

"""Files of reports, planned as shards and read: Avro batches, and JSON as collectors keep it (section 2.1).

A shard is a part of a file that one process reads in one go: some blocks of an Avro file, some lines of JSON lines, or
a whole JSON document, which is one report, an array of reports or ``{"reports": [...]}``. A report may stand in an
envelope ``{"report": {...}}``. Nothing is read twice but the headers of Avro files, and nothing is held but a block, a
line or a document.
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Any, BinaryIO

import orjson

from agent.aggregation.avro import REPORT_FIELDS, Record
from agent.aggregation.avro_blocks import MAGIC, read_block, read_header, scan_blocks
from agent.aggregation.unreadable import InputUnreadableError, unreadable

SHARD_REPORTS = 10_000
"""Most reports of a shard, where its file can be split."""
MAX_LINE_BYTES = 16 * 2**20
MAX_DOCUMENT_BYTES = 256 * 2**20
_READ_AT_ONCE = 2**20
"""Bytes; many blocks or lines."""
_LINES_SUFFIXES = frozenset({".jsonl", ".ndjson"})
_REPORT_RULE = (
    'an aggregatable report as it was received, an array of them or {"reports": [...]}, or one on each line: objects '
    'with "aggregation_service_payloads" and "shared_info"'
)


class Form(StrEnum):
    """How a file holds reports."""

    AVRO = "avro"
    LINES = "lines"
    DOCUMENT = "document"


@dataclass(frozen=True, slots=True)
class Shard:
    """A part of a file of reports."""

    path: Path
    form: Form
    begin: int
    """Offset of its first byte; of an Avro file, of its first block."""
    end: int
    """Offset of the byte after it."""
    first: int = 0
    """How many reports of the file come before it."""


def plan_shards(paths: Sequence[Path], *, reports: int = SHARD_REPORTS) -> list[Shard]:
    """The shards, of at most ``reports`` reports where they can be split, of files and of folders' files by name.

    Empty files and hidden ones of folders are skipped. Raises InputUnreadableError for what is no file of reports.
    """
    shards: list[Shard] = []
    for path in _files(paths):
        try:
            with path.open("rb") as file:
                shards += _plan(path, file, reports)
        except OSError as error:
            raise unreadable(path, error) from error
    if not shards:
        raise InputUnreadableError(
            "there are no reports",
            where=", ".join(map(str, paths)),
            rule="a job has at least one file of reports that is not empty",
            fix="name a file, or a folder with files: Avro batches, or reports as JSON",
        )
    return shards


def files_of(folder: Path) -> list[Path]:
    """The files of a folder by name, without hidden ones; links that lead nowhere too, for what is missing is told."""
    found = (one for one in sorted(folder.iterdir()) if not one.name.startswith("."))
    return [one for one in found if one.is_file() or not one.exists()]


def read_records(shard: Shard, *, clear_text: bool = False) -> Iterator[Record]:
    """The reports of a shard, one for each payload; of JSON with ``clear_text``, their ``debug_cleartext_payload``.

    A payload that is no base64 is given as it stands, to be refused like any that does not open. Raises
    InputUnreadableError for a file that is damaged, or no longer what it was when it was planned.
    """
    try:
        with shard.path.open("rb", buffering=_READ_AT_ONCE) as file:
            if shard.form is Form.AVRO:
                yield from _avro_records(shard, file)
            else:
                for position, value in _json_values(shard, file):
                    yield from _json_records(value, f"{shard.path.name}[{position}]", shard.path, clear_text=clear_text)
    except OSError as error:
        raise unreadable(shard.path, error) from error


def _files(paths: Iterable[Path]) -> Iterator[Path]:
    for path in paths:
        one = path
        try:
            for one in files_of(path) if path.is_dir() else [path]:
                if one.stat().st_size:
                    yield one
        except OSError as error:
            raise unreadable(one, error) from error


def _plan(path: Path, file: BinaryIO, reports: int) -> Iterator[Shard]:
    form = _form(path, file)
    file.seek(0)
    if form is Form.DOCUMENT:
        yield Shard(path, form, 0, path.stat().st_size)
        return
    parts = _avro_parts(path, file) if form is Form.AVRO else _line_parts(path, file)
    begin, end, first, count = -1, 0, 0, 0
    for part_begin, part_end, part_count in parts:
        if begin < 0:
            begin = part_begin
        elif count + part_count > reports:
            yield Shard(path, form, begin, end, first)
            begin, first, count = part_begin, first + count, 0
        end, count = part_end, count + part_count
    yield Shard(path, form, max(begin, 0), end, first)


def _form(path: Path, file: BinaryIO) -> Form:
    start = file.read(len(MAGIC))
    if start == MAGIC or path.suffix == ".avro":
        return Form.AVRO
    if path.suffix in _LINES_SUFFIXES:
        return Form.LINES
    file.seek(0)
    first = next(filter(bytes.strip, iter(lambda: file.readline(MAX_LINE_BYTES), b"")), b"")
    try:
        several = "reports" not in orjson.loads(first) and any(map(bytes.strip, _lines(path, file)))
    except (ValueError, TypeError):
        several = False
    return Form.LINES if several else Form.DOCUMENT


def _avro_parts(path: Path, file: BinaryIO) -> Iterator[tuple[int, int, int]]:
    header = read_header(path, file, REPORT_FIELDS)
    yield header.end, header.end, 0  # a file without blocks is a shard without reports
    for block in scan_blocks(path, file, header, header.end):
        yield block.offset, block.end, block.records


def _line_parts(path: Path, file: BinaryIO) -> Iterator[tuple[int, int, int]]:
    position = 0
    for line in _lines(path, file):
        yield position, position + len(line), 1
        position += len(line)


def _lines(path: Path, file: BinaryIO) -> Iterator[bytes]:
    while line := file.readline(MAX_LINE_BYTES + 1):
        if len(line) > MAX_LINE_BYTES:
            raise InputUnreadableError(
                f"a line has more than {MAX_LINE_BYTES:,} bytes",
                where=f"{path}: byte {file.tell() - len(line)}",
                rule="JSON lines hold one report on each line",
                fix="write the reports as Avro, or one to a line",
            )
        yield line


def _avro_records(shard: Shard, file: BinaryIO) -> Iterator[Record]:
    header = read_header(shard.path, file, REPORT_FIELDS)
    name, position = shard.path.name, shard.first
    for block in scan_blocks(shard.path, file, header, shard.begin, shard.end):
        for record in read_block(shard.path, file, header, block):
            # Null, where a schema allows it, is a report without that.
            yield Record(
                record["payload"] or b"", record["key_id"] or "", record["shared_info"] or "", f"{name}[{position}]"
            )
            position += 1


def _json_values(shard: Shard, file: BinaryIO) -> Iterator[tuple[int, Any]]:
    """Each report of a shard of JSON, with its position in the file."""
    if shard.form is Form.DOCUMENT:
        yield from enumerate(_document(shard.path, file))
        return
    file.seek(shard.begin)
    offset = shard.begin
    for position, line in enumerate(_lines(shard.path, file), shard.first):
        if offset >= shard.end:
            return
        if line.strip():
            yield position, _parsed(shard.path, offset, line)
        offset += len(line)


def _document(path: Path, file: BinaryIO) -> list[Any]:
    text = file.read(MAX_DOCUMENT_BYTES + 1)
    if len(text) > MAX_DOCUMENT_BYTES:
        raise InputUnreadableError(
            f"a JSON document of more than {MAX_DOCUMENT_BYTES:,} bytes",
            where=str(path),
            rule="a document is read as a whole",
            fix="write the reports as Avro, or as JSON lines, one report on each line",
        )
    match _parsed(path, 0, text):
        case list(reports) | {"reports": list(reports)}:
            return reports
        case report:
            return [report]


def _parsed(path: Path, offset: int, text: bytes) -> Any:
    try:
        return orjson.loads(text)
    except orjson.JSONDecodeError as error:
        raise InputUnreadableError(
            f"it is no JSON: {error}",
            where=f"{path}: byte {offset + error.pos}",
            rule=_REPORT_RULE,
            fix="give the reports as the browser sent them, or an Avro batch (its name ends in .avro)",
        ) from None


def _json_records(value: Any, where: str, path: Path, *, clear_text: bool) -> Iterator[Record]:
    match value:
        case {"report": dict(report)} | dict(report):
            entries = report.get("aggregation_service_payloads")
        case _:
            report, entries = {}, None
    if not isinstance(entries, list) or not all(isinstance(entry, dict) for entry in entries):
        raise InputUnreadableError(
            'it has no "aggregation_service_payloads", a list of objects',
            where=f"{path.parent / where}",
            rule=_REPORT_RULE,
            fix="leave out what is no aggregatable report, such as event-level reports",
        )
    member = "debug_cleartext_payload" if clear_text else "payload"
    for number, entry in enumerate(entries):
        yield Record(
            _decoded(entry.get(member)),
            _text(entry.get("key_id", "")),
            _text(report.get("shared_info", "")),
            where if len(entries) == 1 else f"{where}.aggregation_service_payloads[{number}]",
        )


def _decoded(text: Any) -> bytes:
    try:
        return base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError, TypeError):
        return _text(text).encode("utf-8", "surrogatepass") if text is not None else b""


def _text(value: Any) -> str:
    """A member that should be text; what is not is given as JSON, which no payload was sealed with."""
    if isinstance(value, str):
        return value
    try:
        return orjson.dumps(value).decode()
    except orjson.JSONEncodeError:  # it nests deeper than is written, though not than is read
        return ""

"""Avro container files as they lie on the disk: header, blocks, records, each read within bounds.

A file is whatever somebody sent. fastavro would allocate what a length in it claims and expand what a block holds, so
here the container is taken apart by hand, and fastavro decodes records out of bytes that are already there.
"""

from __future__ import annotations

import io
import json
import zlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

import fastavro

from agent.aggregation.unreadable import InputUnreadableError

MAGIC = b"Obj\x01"
MAX_BLOCK_BYTES = 64 * 2**20
"""Of a block, as it lies there and as it is expanded. Writers make blocks of some 16 or 64 kB."""
_MAX_HEADER_BYTES = 2**20
_SYNC_BYTES = 16
_MOST_VARINT_BYTES = 10
_PRIMITIVES = frozenset({"null", "boolean", "int", "long", "float", "double", "bytes", "string"})
_WRITE_AGAIN = "have the file written, or copied, again, and compare its size with the original's"
_RULE = "an Avro object container file, whole and unchanged"

Fields = Mapping[str, str]
"""The fields that a file must have, and their Avro types."""


@dataclass(frozen=True, slots=True)
class Header:
    """What a container file says of itself."""

    schema: Any
    """Of its records, parsed by fastavro."""
    codec: str
    sync: bytes
    end: int
    """Offset of the first block."""


@dataclass(frozen=True, slots=True)
class Block:
    """Where a block lies."""

    offset: int
    records: int
    content: int
    """Offset of its content."""
    size: int
    """Bytes of its content."""

    @property
    def end(self) -> int:
        """Offset of what follows it and its sync marker."""
        return self.content + self.size + _SYNC_BYTES


def read_header(path: Path, file: BinaryIO, fields: Fields) -> Header:
    """The header of ``file``, whose records have at least ``fields``. Raises InputUnreadableError."""
    cursor = _Cursor(path, file.read(_MAX_HEADER_BYTES))
    if cursor.take(len(MAGIC)) != MAGIC:
        raise damaged(path, 0, "it does not begin as an Avro file")
    metadata: dict[bytes, bytes] = {}
    while count := cursor.number():
        if count < 0:
            cursor.number()  # the size in bytes, which a negative count announces
        for _ in range(abs(count)):
            key = cursor.take(cursor.number())
            metadata[key] = cursor.take(cursor.number())
    sync = cursor.take(_SYNC_BYTES)
    codec = metadata.get(b"avro.codec", b"null").decode("latin-1")
    if codec not in _DECODERS:
        raise InputUnreadableError(
            f"its blocks are compressed with {codec!r}",
            where=str(path),
            rule=f"the codec is one of {', '.join(_DECODERS)}",
            fix='have the file written with "codec": "null"',
        )
    return Header(_record_schema(path, metadata.get(b"avro.schema", b""), fields), codec, sync, cursor.position)


def scan_blocks(path: Path, file: BinaryIO, header: Header, begin: int, end: int | None = None) -> Iterator[Block]:
    """The blocks from offset ``begin`` up to ``end``, or to the file's end, without their contents.

    ``file`` may be moved between two of them. Raises InputUnreadableError for what is no block, or none of this file.
    """
    position = begin
    while end is None or position < end:
        file.seek(position)
        head = file.read(2 * _MOST_VARINT_BYTES)
        if not head and end is None:
            return
        cursor = _Cursor(path, head, position)
        records, size = cursor.number(), cursor.number()
        if not 0 <= records <= MAX_BLOCK_BYTES or not 0 <= size <= MAX_BLOCK_BYTES:
            raise damaged(path, position, f"a block claims {records:,} records in {size:,} bytes")
        block = Block(position, records, cursor.position, size)
        file.seek(block.content + size)
        marker = file.read(_SYNC_BYTES)
        if len(marker) < _SYNC_BYTES:
            raise damaged(path, position, f"the file ends within a block of {size:,} bytes")
        if marker != header.sync:
            raise damaged(path, block.content + size, "a block is not followed by the file's sync marker")
        yield block
        position = block.end


def read_block(path: Path, file: BinaryIO, header: Header, block: Block) -> Iterator[dict[str, Any]]:
    """The records of a block. Raises InputUnreadableError."""
    file.seek(block.content)
    content = file.read(block.size)
    try:
        stream = io.BytesIO(_DECODERS[header.codec](content))
        size = len(stream.getbuffer())
        if block.records > size:
            raise ValueError(f"{block.records:,} records cannot be in {size:,} bytes")  # noqa: TRY301
        for _ in range(block.records):
            # Text that is no UTF-8 is one report's own trouble: what replaces it is not what was sealed.
            yield fastavro.schemaless_reader(stream, header.schema, None, handle_unicode_errors="replace")  # type: ignore[misc]
    except (EOFError, ValueError, TypeError, IndexError, OverflowError, zlib.error) as error:
        raise damaged(path, block.offset, f"a block of {block.records:,} records cannot be decoded: {error}") from error
    if stream.tell() != size:
        raise damaged(path, block.offset, f"{size - stream.tell():,} bytes follow the records of a block")


def damaged(path: Path, offset: int, what: str) -> InputUnreadableError:
    """The error of a file whose bytes at ``offset`` are not what they should be."""
    return InputUnreadableError(what, where=f"{path}: byte {offset}", rule=_RULE, fix=_WRITE_AGAIN)


class _Cursor:
    """Reads numbers and bytes out of the beginning of a header or of a block."""

    def __init__(self, path: Path, data: bytes, offset: int = 0) -> None:
        self._path, self._data, self._offset, self._at = path, data, offset, 0

    @property
    def position(self) -> int:
        """Offset in the file of what comes next."""
        return self._offset + self._at

    def take(self, count: int) -> bytes:
        """The next ``count`` bytes."""
        if not 0 <= count <= len(self._data) - self._at:
            raise damaged(self._path, self.position, f"{count:,} bytes are announced that are not there")
        self._at += count
        return self._data[self._at - count : self._at]

    def number(self) -> int:
        """The next number: zigzag, seven bits to a byte, the lowest first."""
        value = 0
        for place in range(_MOST_VARINT_BYTES):
            byte = self.take(1)[0]
            value |= (byte & 0x7F) << 7 * place
            if byte < 0x80:
                return value >> 1 ^ -(value & 1)
        raise damaged(self._path, self.position, f"a number takes more than {_MOST_VARINT_BYTES} bytes")


def _inflated(content: bytes) -> bytes:
    inflater = zlib.decompressobj(-zlib.MAX_WBITS)
    expanded = inflater.decompress(content, MAX_BLOCK_BYTES)
    if not inflater.eof:
        raise ValueError(f"its content is cut, or expands to more than {MAX_BLOCK_BYTES:,} bytes")
    return expanded


def _as_it_is(content: bytes) -> bytes:
    return content


_DECODERS = {"null": _as_it_is, "deflate": _inflated}


def _record_schema(path: Path, text: bytes, fields: Fields) -> Any:
    """The schema to decode by: each field of the writer's, reduced to its primitive type."""
    expected = ", ".join(f"{name}: {kind}" for name, kind in fields.items())
    try:
        schema = json.loads(text)
        found = {field["name"]: _primitive(field["type"]) for field in schema["fields"]}
    except (ValueError, KeyError, TypeError, RecursionError) as error:
        found, reason = {}, f"its schema is no record of primitive fields: {error!r}"
    else:
        wrong = [name for name, kind in fields.items() if _without_null(found.get(name)) != {kind}]
        reason = f"its records have no {wrong[0]!r} of {fields[wrong[0]]}" if wrong else ""
    if reason:
        raise InputUnreadableError(
            reason, where=str(path), rule=f"records have the fields {expected}", fix="give the file that has them"
        )
    members = [{"name": name, "type": kind} for name, kind in found.items()]
    return fastavro.parse_schema({"type": "record", "name": "Record", "fields": members})


def _primitive(kind: Any) -> str | list[str]:
    """A primitive type, or a union of such, without what else a writer noted of it. Raises ValueError."""
    if isinstance(kind, dict):
        return _primitive(kind["type"])
    if isinstance(kind, list):
        return [_one(branch) for branch in kind]
    return _one(kind)


def _one(kind: Any) -> str:
    name = kind["type"] if isinstance(kind, dict) else kind
    if name not in _PRIMITIVES:
        raise ValueError(f"type {name!r}")
    return str(name)


def _without_null(kind: str | list[str] | None) -> set[str]:
    return ({kind} if isinstance(kind, str) else set(kind or ())) - {"null"}

"""The output domain of a job, as files of the owner give it: Avro, CSV, or a key structure in TOML.

A domain says which buckets a summary has. Buckets may have names, which a summary shows beside them.
"""

from __future__ import annotations

import csv
import io
import tomllib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from agent.engines.aggregation.key_structure import (
    BUCKET_BITS,
    BucketName,
    KeyProblem,
    Namer,
    Place,
    read_key_structure,
)
from agent.model.errors import UsageError

LineOf = Callable[[str, Place], int]
"""The line of a key in a TOML text, from 1."""

_AVRO_MAGIC = b"Obj\x01"
_BUCKET, _LABEL = "bucket", "label"
_CSV_RULE = "a CSV domain has a line of column names with `bucket`, and may have `label`"
_BUCKET_RULE = f"a bucket is an integer of {BUCKET_BITS} bits, decimal or with 0x in hex"


def no_name(_bucket: int) -> BucketName | None:
    """The name of a bucket of which nothing is known: None."""
    return None


@dataclass(frozen=True, slots=True)
class Domain:
    """The buckets that a summary has, and what they are called."""

    buckets: tuple[int, ...] | None
    """In ascending order, none twice; None: those of ``files``, else those that the reports have."""
    name_of: Namer = no_name
    files: tuple[Path, ...] = ()
    """Avro files, which the job reads: what is wrong with one is how the job ends."""


def read_domain_file(path: Path) -> Domain:
    """The domain that a file lists: Avro records ``{bucket: bytes}``, or CSV with a column ``bucket``.

    Which it is, the first bytes say, and the extension of an empty file. Raises UsageError with file and line of what
    is wrong with CSV.
    """
    contents = _contents(path)
    if contents.startswith(_AVRO_MAGIC) or path.suffix == ".avro":
        return Domain(None, files=(path,))
    return _csv_domain(_text(contents, path), path)


def read_key_structure_file(path: Path, line_of: LineOf) -> Domain:
    """The buckets of a key structure; see :mod:`agent.engines.aggregation.key_structure`.

    Raises UsageError with file and line.
    """
    text = _text(_contents(path), path)
    try:
        document = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise UsageError(f"no TOML: {error}", where=str(path), rule="a key structure is a TOML file") from None
    read = read_key_structure(document)
    if isinstance(read, KeyProblem):
        where = f"{path}:{line_of(text, read.place)}"
        raise UsageError(read.what, where=where, rule=read.rule, fix=read.fix)
    return Domain(read.buckets, read.name_of)


def _csv_domain(text: str, path: Path) -> Domain:
    # A spreadsheet's CSV begins with a byte order mark, and may be apart by semicolons.
    lines = text.removeprefix("\ufeff")
    first = lines.partition("\n")[0]
    rows = csv.reader(io.StringIO(lines), delimiter=";" if ";" in first and "," not in first else ",")
    columns = [name.strip().lower() for name in next(rows, [])]
    if _BUCKET not in columns:
        raise UsageError(
            f"no column `{_BUCKET}`" if columns else "the file is empty",
            where=f"{path}:1",
            rule=_CSV_RULE,
            fix="the first line is `bucket` or `bucket,label`, the next such as `0x559,Summer sale`",
        )
    position = columns.index(_BUCKET)
    labelled = columns.index(_LABEL) if _LABEL in columns else None
    labels: dict[int, str] = {}
    for row in rows:
        if not any(cell.strip() for cell in row):
            continue
        where = f"{path}:{rows.line_num}"
        bucket = _bucket(row[position] if position < len(row) else "", where)
        label = row[labelled].strip() if labelled is not None and labelled < len(row) else ""
        if labels.get(bucket) not in {None, "", label} and label:
            raise UsageError(
                f"bucket {bucket:#x} is {labels[bucket]!r} and {label!r}", where=where, rule="a bucket has one label"
            )
        labels[bucket] = label or labels.get(bucket, "")

    def name_of(bucket: int) -> BucketName | None:
        return BucketName(label) if (label := labels.get(bucket)) else None

    return Domain(tuple(sorted(labels)), name_of)


def _bucket(text: str, where: str) -> int:
    try:
        bucket = int(text.strip(), 16 if text.strip().lower().startswith("0x") else 10)
    except ValueError:
        raise UsageError(
            f"{text!r} is no bucket" if text.strip() else "no bucket in this line", where=where, rule=_BUCKET_RULE
        ) from None
    if not 0 <= bucket < 1 << BUCKET_BITS:
        raise UsageError(f"{text.strip()} is out of range", where=where, rule=_BUCKET_RULE)
    return bucket


def _contents(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise UsageError(f"cannot be read: {error.strerror}", where=str(path), rule="a file that can be read") from None


def _text(contents: bytes, path: Path) -> str:
    try:
        return contents.decode()
    except UnicodeDecodeError as error:
        raise UsageError(f"no UTF-8: {error.reason}", where=str(path), rule="text files are UTF-8") from None

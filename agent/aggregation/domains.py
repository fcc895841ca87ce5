"""The output domain of a job, as files of the owner give it: Avro, CSV, or a key structure in TOML.

A domain says which buckets a summary has. Buckets may have names, which a summary shows beside them.
"""

from __future__ import annotations

import csv
import io
import re
import tomllib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from agent.aggregation.report_files import files_of
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
_NUMBER = re.compile("0[xX][0-9A-Fa-f]{1,64}|-?[0-9]{1,64}")
_SHOWN = 80
_CSV_RULE = "a CSV domain has a line of column names with `bucket`, and may have `label`"
_BUCKET_RULE = f"a bucket is an integer of {BUCKET_BITS} bits, decimal or with 0x in hex"


def no_name(_bucket: int) -> BucketName | None:
    """The name of a bucket of which nothing is known: None."""
    return None


@dataclass(frozen=True, slots=True)
class Domain:
    """The buckets that a summary has, and what they are called."""

    buckets: tuple[int, ...] | None
    """In ascending order, none twice; those of ``files`` too. None: those of ``files``, else the reports' own."""
    name_of: Namer = no_name
    files: tuple[Path, ...] = ()
    """Avro files, which the job reads: what is wrong with one is how the job ends."""


def read_domain_file(path: Path) -> Domain:
    """The domain that a file lists: Avro records ``{bucket: bytes}``, or CSV with a column ``bucket``.

    Which it is, the first bytes say, and the extension of an empty file. A folder holds a domain in several Avro files.
    Raises UsageError with file and line of what is wrong with CSV.
    """
    if path.is_dir():
        return Domain((), files=_avro_files(path))
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
    except (ValueError, RecursionError) as error:  # numbers and nesting past what Python reads are no TOMLDecodeError
        raise UsageError(f"no TOML: {error}", where=str(path), rule="a key structure is a TOML file") from None
    read = read_key_structure(document)
    if isinstance(read, KeyProblem):
        where = f"{path}:{line_of(text, read.place)}"
        raise UsageError(read.what, where=where, rule=read.rule, fix=read.fix)
    return Domain(read.buckets, read.name_of)


def _csv_domain(text: str, path: Path) -> Domain:
    rows = _csv_rows(text, path)
    _, names = next(rows, (1, []))
    columns = [name.strip().lower() for name in names]
    if _BUCKET not in columns:
        raise UsageError(
            f"no column `{_BUCKET}`" if columns else "the file is empty",
            where=f"{path}:1",
            rule=_CSV_RULE,
            fix="a key structure goes with --key-structure"
            if path.suffix == ".toml"
            else "the first line is `bucket` or `bucket,label`, the next such as `0x559,Summer sale`",
        )
    position = columns.index(_BUCKET)
    labelled = columns.index(_LABEL) if _LABEL in columns else None
    labels: dict[int, str] = {}
    for line, row in rows:
        if not any(cell.strip() for cell in row):
            continue
        where = f"{path}:{line}"
        if any(cell.strip() for cell in row[len(columns) :]):
            raise UsageError(
                f"{len(row)} cells, where the first line names {len(columns)}",
                where=where,
                rule=_CSV_RULE,
                fix='put "quotes" around a label that has the separator in it; a bucket has none',
            )
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


def _csv_rows(text: str, path: Path) -> Iterator[tuple[int, list[str]]]:
    """Each row with the line on which it ends. Raises UsageError with the line on which a row begins."""
    # A spreadsheet's CSV begins with a byte order mark, and may be apart by semicolons.
    lines = text.removeprefix("\ufeff")
    first = lines.partition("\n")[0]
    delimiter = ";" if ";" in first and "," not in first else ","
    # Strict, for else a quote that nobody closes takes all lines behind it, and their buckets, into one label.
    rows = csv.reader(io.StringIO(lines, newline=""), delimiter=delimiter, strict=True)
    begin = 1
    try:
        for row in rows:
            yield rows.line_num, row
            begin = rows.line_num + 1
    except csv.Error as error:
        raise UsageError(
            f"no CSV: {error}",
            where=f"{path}:{begin}",
            rule=_CSV_RULE,
            fix='quotes stand around a whole cell, and one within is doubled: "5"" lamp"',
        ) from None


def _bucket(text: str, where: str) -> int:
    number = text.strip()
    if not _NUMBER.fullmatch(number):
        what = f"{text[:_SHOWN]!r} is no bucket" if number else "no bucket in this line"
        raise UsageError(what, where=where, rule=_BUCKET_RULE)
    bucket = int(number, 16 if number[:2].lower() == "0x" else 10)
    if not 0 <= bucket < 1 << BUCKET_BITS:
        raise UsageError(f"{number} is out of range", where=where, rule=_BUCKET_RULE)
    return bucket


def _avro_files(folder: Path) -> tuple[Path, ...]:
    """The files of a folder by name; the job says what is wrong where one, or all of them, hold no buckets."""
    try:
        return tuple(one for one in files_of(folder) if one.stat().st_size)
    except OSError as error:
        raise UsageError(
            f"cannot be read: {error.strerror}", where=error.filename or str(folder), rule="a folder of Avro files"
        ) from None


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

"""Collected reports become batches for the aggregation service: Avro, or JSON as it was received (section 10).

A batch is of one kind of report, for a debug copy beside its report would spend the same budget. The store is read page
by page: memory holds one page, whatever the shelf holds.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Protocol

from agent.aggregation.avro import Record, ReportWriter
from agent.aggregation.batch_folder import SHARD_REPORTS, BatchFolder, JsonLinesWriter
from agent.aggregation.received_report import SEALED_KINDS
from agent.aggregation.report_records import LeftOutOfBatch, records_of
from agent.model.attribution_reporting.collected import (
    CollectedAttributionReport,
    CollectedAttributionReports,
    Selection,
)
from agent.model.clock import format_instant
from agent.model.errors import UsageError

CLEAR_TEXT = "-clear-text"
"""What the name of a batch of ``debug_cleartext_payload`` ends in."""
_PAGE = 200
"""Reports read at once; one has at most 1 MiB."""
_TOLD = 100


class _Sink(Protocol):
    def write(self, entry: Record, /) -> None: ...


@dataclass(slots=True)
class Export:
    """What an export wrote."""

    files: tuple[Path, ...] = ()
    clear_text_files: tuple[Path, ...] = ()
    """The second batch, of what reports in debug mode have in clear text beside their payload."""
    reports: int = 0
    """Collected reports that were selected."""
    records: int = 0
    """Entries of the batch: payloads as Avro, reports as JSON."""
    clear_text_records: int = 0
    left_out: int = 0
    """What was selected and cannot be exported."""
    told: list[LeftOutOfBatch] = field(default_factory=list)
    """The first 100 of them."""

    def leave_out(self, *entries: LeftOutOfBatch) -> None:
        """Count ``entries`` as left out."""
        self.left_out += len(entries)
        self.told += entries[: _TOLD - len(self.told)]


async def export_avro(
    store: CollectedAttributionReports, folder: Path, selection: Selection, *, shard_reports: int = SHARD_REPORTS
) -> Export:
    """Write the selected reports to ``folder/KIND``, and what they have in clear text to ``folder/KIND-clear-text``.

    Each is a batch of its own, in files of at most ``shard_reports`` records. Raises UsageError for a kind without
    payloads or a folder with something in it, HostEnvironmentError where nothing can be written; nothing is left then.
    """
    _check_sealed(selection)
    export, stem = Export(), _stem(selection)
    target, clear_target = folder / selection.kind, folder / (selection.kind + CLEAR_TEXT)
    with (
        BatchFolder(target, stem, ".avro", ReportWriter, shard_reports) as sealed,
        BatchFolder(clear_target, stem + CLEAR_TEXT, ".avro", ReportWriter, shard_reports) as clear_text,
    ):
        await _each_page(store, selection, lambda page: _write_records(page, sealed, clear_text, export))
        export.files, export.clear_text_files = sealed.finish(), clear_text.finish()
    return export


async def export_json(
    store: CollectedAttributionReports, folder: Path, selection: Selection, *, shard_reports: int = SHARD_REPORTS
) -> Export:
    """Write the selected reports to ``folder/KIND`` as JSON lines: each document as received, clear text and all.

    Line breaks between its tokens become blanks. Errors as for :func:`export_avro`.
    """
    export = Export()
    with BatchFolder(folder / selection.kind, _stem(selection), ".jsonl", JsonLinesWriter, shard_reports) as lines:
        await _each_page(store, selection, lambda page: _write_lines(page, lines.write, export))
        export.files = lines.finish()
    return export


async def write_avro(
    store: CollectedAttributionReports, file: IO[bytes], selection: Selection, *, clear_text: bool = False
) -> Export:
    """Write the selected reports to one open file; with ``clear_text`` what they have in clear text instead."""
    _check_sealed(selection)
    export, target, nothing = Export(), ReportWriter(file), _Nothing()
    sealed, clear = (nothing, target) if clear_text else (target, nothing)
    await _each_page(store, selection, lambda page: _write_records(page, sealed, clear, export))
    target.close()
    return export


async def write_json(store: CollectedAttributionReports, file: IO[bytes], selection: Selection) -> Export:
    """Write the selected reports to one open file, as :func:`export_json` does."""
    export, target = Export(), JsonLinesWriter(file)
    await _each_page(store, selection, lambda page: _write_lines(page, target.write, export))
    return export


class _Nothing:
    def write(self, entry: Record, /) -> None:
        """Nowhere."""


async def _each_page(
    store: CollectedAttributionReports,
    selection: Selection,
    write: Callable[[list[CollectedAttributionReport]], None],
) -> None:
    """Have ``write`` called in a thread with every page of ``selection``."""
    async for page in _pages(store, selection):
        await asyncio.to_thread(write, page)


async def _pages(
    store: CollectedAttributionReports, selection: Selection
) -> AsyncIterator[list[CollectedAttributionReport]]:
    after = 0
    while page := await store.page(after=after, limit=_PAGE, selection=selection):
        yield page
        after = page[-1].id


def _write_records(page: list[CollectedAttributionReport], sealed: _Sink, clear_text: _Sink, export: Export) -> None:
    for report in page:
        found = records_of(report)
        for record in found.sealed:
            sealed.write(record)
        for record in found.clear_text:
            clear_text.write(record)
        export.reports += 1
        export.records += len(found.sealed)
        export.clear_text_records += len(found.clear_text)
        export.leave_out(*found.left_out)


def _write_lines(page: list[CollectedAttributionReport], write: Callable[[bytes], None], export: Export) -> None:
    for report in page:
        export.reports += 1
        try:
            report.body.decode()
        except UnicodeDecodeError as error:
            export.leave_out(LeftOutOfBatch(report.id, "", f"it is no UTF-8: {error}"))
        else:
            write(report.body)
            export.records += 1


def _check_sealed(selection: Selection) -> None:
    if selection.kind not in SEALED_KINDS:
        raise UsageError(
            f"reports of the kind {selection.kind} have no payload",
            where="export",
            rule="an Avro batch has the payloads for an aggregation service",
            fix="export them as JSON",
        )


def _stem(selection: Selection) -> str:
    """What files of this batch are called: all that it was selected by."""
    parts = [selection.kind, selection.api, selection.destination, _hour("from", selection.from_time)]
    parts.append(_hour("until", selection.until_time))
    return "_".join(re.sub(r"[^A-Za-z0-9.-]+", "-", part.removeprefix("https://")) for part in parts if part)[:150]


def _hour(word: str, instant: int | None) -> str | None:
    return None if instant is None else f"{word}-{format_instant(instant)[:13]}Z"

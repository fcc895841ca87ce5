"""The files that a job leaves: summaries as Avro, JSON and CSV, the debug summary, what it came to, the dump.

Whoever sees one of them sees all of it (:mod:`agent.aggregation.durable_files`). Two runs of one job write the same
bytes.
"""

from __future__ import annotations

import csv
import functools
import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from agent.aggregation.avro import write_debug_facts, write_facts
from agent.aggregation.durable_files import Write, write_file
from agent.aggregation.job_documents import JobOutcome
from agent.engines.aggregation.budget_units import instant_text
from agent.engines.aggregation.key_structure import BucketName, Namer
from agent.model.aggregation import L1_SENSITIVITY, AggregatedFact, ErrorCounter, ResultInfo, StoredJob, Summary

Format = Literal["avro", "json", "csv"]
FORMATS: tuple[Format, ...] = ("avro", "json", "csv")
SHARD_FACTS = 3_700_000
"""Facts in one file of a sharded summary: at most 27 bytes each, so that it stays below 100 MB as the service's do."""
_COLUMNS = {
    *("bucket", "bucket_decimal", "name", "metric", "p5", "p95", "scaled", "unit"),
    *("unnoised_metric", "noise", "in_domain", "in_reports"),
}
"""What columns of a CSV summary are called by themselves."""
_FORMULA = ("=", "+", "-", "@", "\t", "\r")
"""What a formula of a spreadsheet begins with."""

_DESCRIPTIONS: Mapping[ErrorCounter, str] = {
    ErrorCounter.ATTRIBUTION_REPORT_TO_MALFORMED: "The reporting origin is no URL whose site could be compared.",
    ErrorCounter.ATTRIBUTION_REPORT_TO_MISMATCH: "The reporting origin is not the job's attribution_report_to.",
    ErrorCounter.DECRYPTION_ERROR: "The payload does not open: it, its shared_info or its key is not what was sealed.",
    ErrorCounter.DEBUG_NOT_ENABLED: "In a debug run, the report's debug_mode is not enabled.",
    ErrorCounter.DECRYPTION_KEY_NOT_FOUND: "The key that the report was sealed to is not known.",
    ErrorCounter.DECRYPTION_KEY_FETCH_ERROR: "The key that the report was sealed to could not be fetched.",
    ErrorCounter.ORIGINAL_REPORT_TIME_TOO_OLD: "The scheduled_report_time is 90 days ago, or longer.",
    ErrorCounter.INTERNAL_ERROR: "The service failed over the report.",
    ErrorCounter.REPORTING_SITE_MISMATCH: "The reporting origin is not of the job's reporting_site.",
    ErrorCounter.UNSUPPORTED_OPERATION: "The payload's operation is not histogram.",
    ErrorCounter.UNSUPPORTED_REPORT_API_TYPE: "The api in shared_info is none that is aggregated.",
    ErrorCounter.REQUIRED_SHAREDINFO_FIELD_INVALID: "A field of shared_info that the budget needs is missing or wrong.",
    ErrorCounter.INVALID_REPORT_ID: "The report_id is missing, or no UUID.",
    ErrorCounter.REPORT_PARSING_ERROR: "The payload opened, and is not the CBOR of contributions.",
    ErrorCounter.UNSUPPORTED_SHAREDINFO_VERSION: "The version in shared_info is none that is aggregated.",
    ErrorCounter.NUM_REPORTS_WITH_ERRORS: "All reports that were left out; one may be in several counters.",
}


@dataclass(frozen=True, slots=True)
class Output:
    """Where a job's files go, and which."""

    folder: Path
    prefix: str = "output"
    """Of the summary's name; where sharded it may name folders below ``folder``, and end in ``.avro``."""
    formats: tuple[Format, ...] = FORMATS
    sharded: bool = False
    """Names as the HTTP front end's jobs have them: ``<prefix>-1-of-1.avro``, ``debug/`` beside it, and no more."""

    @property
    def beside(self) -> Path:
        """The folder of the summary."""
        return (self.folder / self.prefix).parent if self.sharded else self.folder


def write_outputs(output: Output, job: StoredJob, outcome: JobOutcome, names: Namer) -> tuple[Path, ...]:
    """Write all files of a job and give their paths, ``result_info.json`` last. Raises OSError.

    A refused job has no summary, and an exhausted budget its dump.
    """
    files = planned_files(output, job, outcome, names)
    for path, write in files:
        write_file(path, write)
    return tuple(path for path, _ in files)


def planned_files(output: Output, job: StoredJob, outcome: JobOutcome, names: Namer) -> list[tuple[Path, Write]]:
    """The files of a job, in the order in which they are written."""
    files: list[tuple[Path, Write]] = []
    if outcome.dump:
        files.append((output.beside / dump_name(job.created), _text_writer(outcome.dump)))
    if outcome.summary is not None:
        files += summary_files(output, job, outcome.summary, names)
        if not output.sharded:
            files.append((output.folder / "job.json", _json_writer(job_document(job, outcome))))
    if not output.sharded:
        files.append((output.folder / "result_info.json", _json_writer(result_info_document(outcome.result_info))))
    return files


def summary_files(output: Output, job: StoredJob, summary: Summary, names: Namer) -> list[tuple[Path, Write]]:
    """The files of a summary and of its debug summary."""
    files = _sharded_files if output.sharded else _command_files
    return files(output, job, summary, names)


def write_result_info(output: Output, info: ResultInfo) -> tuple[Path, ...]:
    """Write ``result_info.json`` alone, where such jobs have one. Raises OSError."""
    if output.sharded:
        return ()
    path = output.folder / "result_info.json"
    write_file(path, _json_writer(result_info_document(info)))
    return (path,)


# Names.


def dump_name(created: int) -> str:
    """Name of the dump of a job that was created at that instant (section 2.5)."""
    return f"privacy_budget_exhausted_debugging_information_{instant_text(created)}.json"


def shard_names(prefix: str, total: int) -> list[str]:
    """``<prefix>-<shard>-of-<total>``, with ``.avro`` where the prefix ends so; numbers as wide as the total."""
    extension = ".avro" if prefix.endswith(".avro") else ""
    stem = prefix.removesuffix(extension)
    return [f"{stem}-{number:0{len(str(total))}}-of-{total}{extension}" for number in range(1, total + 1)]


def debug_prefix(prefix: str) -> str:
    """Prefix of the debug summary: ``output/summary.avro`` becomes ``output/debug/summary.avro``."""
    folder, slash, name = prefix.rpartition("/")
    return f"{folder}{slash}debug/{name}"


def _sharded_files(output: Output, _job: StoredJob, summary: Summary, _names: Namer) -> list[tuple[Path, Write]]:
    kinds = [(output.prefix, summary.facts, write_facts)]
    if summary.debug_facts:
        kinds.append((debug_prefix(output.prefix), summary.debug_facts, write_debug_facts))
    files: list[tuple[Path, Write]] = []
    for prefix, facts, write in kinds:
        shards = [facts[start : start + SHARD_FACTS] for start in range(0, len(facts), SHARD_FACTS)] or [()]
        for name, shard in zip(shard_names(prefix, len(shards)), shards, strict=True):
            files.append((output.folder / name, functools.partial(write, facts=shard)))
    return files


def _command_files(output: Output, job: StoredJob, summary: Summary, names: Namer) -> list[tuple[Path, Write]]:
    files: list[tuple[Path, Write]] = []
    kinds = [(output.prefix, summary.facts, False)]
    if summary.debug_facts:
        kinds.append((f"debug_{output.prefix}", summary.debug_facts, True))
    for name, facts, debug in kinds:
        rows = functools.partial(fact_rows, facts, summary.interval, names, debug=debug)
        writers: dict[Format, Write] = {
            "avro": functools.partial(write_debug_facts if debug else write_facts, facts=facts),
            "json": functools.partial(_write_json_summary, job=job, summary=summary, rows=rows),
            "csv": functools.partial(_write_csv, rows=rows, debug=debug),
        }
        files += [(output.folder / f"{name}.{form}", writers[form]) for form in output.formats]
    return files


# Contents.


def result_info_document(info: ResultInfo) -> dict[str, Any]:
    """``result_info`` as the service answers it (section 4)."""
    counts = [
        {"category": counter.value, "count": info.error_counts[counter], "description": _DESCRIPTIONS[counter]}
        for counter in ErrorCounter
        if info.error_counts.get(counter)
    ]
    return {
        "return_code": info.return_code.value,
        "return_message": info.return_message,
        "error_summary": {"error_counts": counts, "error_messages": list(info.error_messages)},
        "finished_at": instant_text(info.finished_at),
    }


def job_document(job: StoredJob, outcome: JobOutcome) -> dict[str, Any]:
    """What no file of the service says: parameters, noise, reports and the budget units that were spent."""
    summary, partial = outcome.summary, outcome.partial
    assert summary is not None
    assert partial is not None
    return {
        "schema": 1,
        "job_request_id": job.job_request_id,
        "request": dict(job.request),
        "created": instant_text(job.created),
        "finished_at": instant_text(outcome.result_info.finished_at),
        "return_code": outcome.result_info.return_code.value,
        "noise": {
            "on": outcome.noise,
            "seed": outcome.seed,
            "epsilon": summary.epsilon,
            "l1_sensitivity": L1_SENSITIVITY,
            "scale": summary.scale,
            "standard_deviation": summary.standard_deviation,
            "p5": -summary.interval,
            "p95": summary.interval,
        },
        "reports": {
            "read": partial.reports,
            "counted": partial.reports - partial.errors[ErrorCounter.NUM_REPORTS_WITH_ERRORS] - partial.duplicates,
            "duplicates": partial.duplicates,
            "left_out": partial.errors[ErrorCounter.NUM_REPORTS_WITH_ERRORS],
            "first_left_out": [
                {
                    "where": one.where,
                    "report_id": one.report_id,
                    "errors": [error.value for error in one.errors],
                    "detail": one.detail,
                    "mistake": one.mistake,
                }
                for one in partial.left_out
            ],
        },
        "budget_units_spent": [
            {
                "shared_id": unit.shared_id,
                "hour": instant_text(unit.hour),
                "reporting_origin": unit.reporting_origin,
                "reports": reports,
            }
            for unit, reports in outcome.consumed.items()
        ],
    }


def fact_rows(
    facts: Sequence[AggregatedFact], interval: int, names: Namer, *, debug: bool = False
) -> Iterator[dict[str, Any]]:
    """One row for each bucket: hexadecimal, decimal, its name where it has one, the metric and its p5 and p95.

    Sums without noise are in those of the debug summary alone.
    """
    for fact in facts:
        row: dict[str, Any] = {"bucket": f"{fact.bucket:#x}", "bucket_decimal": str(fact.bucket)}
        name = names(fact.bucket)
        if name is not None:
            row |= {"name": name.label, "dimensions": dict(name.dimensions)} | _scaled(name, fact.metric)
        row |= {"metric": fact.metric, "p5": fact.metric - interval, "p95": fact.metric + interval}
        if debug:
            row |= {
                "unnoised_metric": fact.unnoised_metric,
                "noise": fact.metric - fact.unnoised_metric,
                "in_domain": fact.in_domain,
                "in_reports": fact.in_reports,
            }
        yield row


def _scaled(name: BucketName, metric: int) -> dict[str, Any]:
    scaled = name.scaled(metric)
    return {} if scaled is None else {"scaled": scaled, "unit": name.unit}


def _write_json_summary(
    path: Path, *, job: StoredJob, summary: Summary, rows: Callable[[], Iterator[dict[str, Any]]]
) -> None:
    head = {
        "schema": 1,
        "job_request_id": job.job_request_id,
        "epsilon": summary.epsilon,
        "scale": summary.scale,
        "standard_deviation": summary.standard_deviation,
    }
    with path.open("w", encoding="utf-8") as file:
        file.write(json.dumps(head)[:-1] + ', "facts": [')
        # One bucket for each line, so that the file is read, and compared, line by line.
        for position, row in enumerate(rows()):
            file.write((",\n" if position else "\n") + json.dumps(row))
        file.write("\n]}\n")


def _write_csv(path: Path, *, rows: Callable[[], Iterator[dict[str, Any]]], debug: bool) -> None:
    dimensions: dict[str, None] = {}
    named = scaled = False
    for row in rows():
        named, scaled = named or "name" in row, scaled or "scaled" in row
        dimensions |= dict.fromkeys(row.get("dimensions", ()))
    columns = ["bucket", "bucket_decimal", *(["name"] if named else []), *map(_dimension_column, dimensions)]
    columns += ["metric", "p5", "p95", *(["scaled", "unit"] if scaled else [])]
    columns += ["unnoised_metric", "noise", "in_domain", "in_reports"] if debug else []
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, columns, restval="", extrasaction="ignore", lineterminator="\n")
        writer.writeheader()
        for row in rows():
            values = {_dimension_column(name): value for name, value in row.get("dimensions", {}).items()}
            writer.writerow({name: _cell(value) for name, value in (values | row).items()})


def _dimension_column(name: str) -> str:
    """The column of a dimension, apart from those that every summary has."""
    return f"{name} (dimension)" if name in _COLUMNS else str(_cell(name))


def _cell(value: object) -> object:
    """A value for a cell; a text that a spreadsheet would take for a formula has an apostrophe before it."""
    return f"'{value}" if isinstance(value, str) and value.startswith(_FORMULA) else value


def _json_writer(document: Mapping[str, Any]) -> Write:
    return _text_writer(json.dumps(document, indent=2) + "\n")


def _text_writer(text: str) -> Write:
    def write(path: Path) -> None:
        path.write_text(text, encoding="utf-8")

    return write

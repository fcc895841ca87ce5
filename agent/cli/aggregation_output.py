"""What `tallyhost aggregate` prints: a table and what it stands on, or why there is none."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from agent.aggregation.job import FinishedJob
from agent.aggregation.outputs import FORMATS
from agent.cli.output import Output
from agent.engines.aggregation.key_structure import Namer
from agent.model.aggregation import ErrorCounter, Partial, ReturnCode
from agent.model.clock import format_instant
from agent.model.explanation import explained
from agent.reporting.aggregation_page import PAGE_NAME
from agent.reporting.aggregation_table import summary_table
from agent.reporting.aggregation_view import (
    MEANINGS,
    Row,
    SummaryView,
    count,
    counts_in_words,
    left_out_in_words,
    rows_of,
)
from agent.reporting.documents.events import event_document
from agent.reporting.explanation import explanation_lines

_NARROW = 100
"""Columns below which a terminal is too narrow for all that could be told."""
_NAMES = (
    *(f"{name}.{form}" for name in ("output", "debug_output") for form in FORMATS),
    "job.json",
    PAGE_NAME,
)
"""Files that a job may leave in its folder and another job need not write."""


def view_of(finished: FinishedJob, names: Namer, *, reveal: bool) -> SummaryView | None:
    """A finished job as people see it; None where it has no summary."""
    summary = finished.summary
    if summary is None:
        return None
    partial = finished.partial or Partial()
    request = finished.job.request
    debug_run = request["job_parameters"].get("debug_run", "").lower() == "true"
    left_out: dict[ErrorCounter, int] = {
        counter: number
        for counter, number in partial.errors.items()
        if counter is not ErrorCounter.NUM_REPORTS_WITH_ERRORS
    }
    total = partial.errors[ErrorCounter.NUM_REPORTS_WITH_ERRORS]
    return SummaryView(
        job_request_id=finished.job.job_request_id,
        return_code=finished.result_info.return_code,
        rows=rows_of(summary, names, reveal=reveal or debug_run),
        epsilon=summary.epsilon,
        scale=summary.scale,
        standard_deviation=summary.standard_deviation,
        interval=summary.interval,
        reports=partial.reports,
        counted=partial.reports - total - partial.duplicates,
        duplicates=partial.duplicates,
        left_out=left_out,
        left_out_total=total,
        units=len(finished.spent),
        debug_run=debug_run,
        clear_text=bool(request.get("clear_text")),
        finished_at=finished.result_info.finished_at,
        parameters=request["job_parameters"],
        remarks=tuple(check for check in finished.event.trace.checks if not check.passed),
    )


def print_summary(output: Output, view: SummaryView, rows: Sequence[Row]) -> None:
    """Print ``rows`` of a summary, and the lines that say what they stand on."""
    if rows:
        console = output.console()
        console.print(summary_table(view, rows, narrow=console.width < _NARROW))
    else:
        output.line(f"{view.job_request_id}: {view.return_code}", "bold")
        output.line("no bucket: there is no domain, and no report counts")
    if hidden := len(view.rows) - len(rows):
        output.line(f"{count(hidden, 'more bucket')} not shown: --limit N or --all shows them", "yellow")
    output.line(counts_in_words(view))
    if told := left_out_in_words(view):
        output.line(told, "yellow")
    unclear = sum(not row.told_from_zero for row in view.rows) if view.scale else 0
    if unclear:
        output.line(
            f"{unclear:,} of {count(len(view.rows), 'bucket')} cannot be told from 0: the interval holds it", "dim"
        )
    for remark in view.remarks:
        output.line(f"  {remark.rule}  {remark.detail}", "yellow")
        if remark.fix:
            output.line(f"  fix   {remark.fix}", "yellow")


def print_refusal(output: Output, finished: FinishedJob) -> None:
    """Print why a job has no summary, and what it cost."""
    code = finished.result_info.return_code
    output.line(f"{finished.job.job_request_id}: {code}", "bold red")
    output.line(f"  {MEANINGS[code]}")
    if finished.spent:
        output.line(f"  {count(len(finished.spent), 'budget unit')} spent, and there is no summary")
    elif code is ReturnCode.PRIVACY_BUDGET_ERROR:
        output.line("  whether budget was spent is not known: run the same job again")
    else:
        output.line("  nothing was spent, and there is no summary")
    output.line()
    for line, style in explanation_lines(explained(finished.event)):
        output.line(line, style)


def print_end(output: Output, finished: FinishedJob, folder: Path, files: Sequence[Path], *, kept: bool) -> None:
    """Print where everything lies, and what is remembered."""
    if finished.resumed:
        output.note("an earlier run of this job had spent its budget: these are the sums that it left")
    if files:
        names = ", ".join(path.name if path.parent == folder else str(path) for path in files)
        output.note(f"{folder}: {names}")
    earlier = [name for name in _NAMES if (folder / name) not in files and (folder / name).exists()]
    if earlier:
        output.line(f"of an earlier job, in the same folder: {', '.join(earlier)}", "yellow")
    if kept:
        output.note(f"why: tallyhost explain {finished.job.job_request_id}")
    else:
        output.note("budgets were in memory and begin anew with the next job: --profile DIR keeps them")


def finished_document(finished: FinishedJob, view: SummaryView | None, files: Sequence[Path]) -> dict[str, Any]:
    """A finished job as plain JSON values. Buckets are text: they exceed what JSON's readers hold exactly."""
    result = finished.result_info
    partial = finished.partial or Partial()
    document: dict[str, Any] = {
        "job_request_id": finished.job.job_request_id,
        "return_code": result.return_code.value,
        "meaning": MEANINGS[result.return_code],
        "finished_at": format_instant(result.finished_at),
        "job_parameters": dict(finished.job.request["job_parameters"]),
        "reports": partial.reports,
        "duplicates": partial.duplicates,
        "error_counts": {counter.value: number for counter, number in result.error_counts.items()},
        "budget_units_spent": len(finished.spent),
        "resumed": finished.resumed,
        "files": [str(path) for path in files],
        "event": event_document(finished.event),
        "summary": None,
    }
    if view is not None:
        document["summary"] = {
            "epsilon": view.epsilon,
            "scale": view.scale,
            "standard_deviation": view.standard_deviation,
            "facts": [_row(row) for row in view.rows],
        }
    return document


def _row(row: Row) -> dict[str, Any]:
    told: dict[str, Any] = {
        "bucket": f"{row.bucket:#x}",
        "bucket_decimal": str(row.bucket),
        "metric": row.metric,
        "p5": row.p5,
        "p95": row.p95,
    }
    if row.true is not None:
        told["unnoised_metric"] = row.true
    if row.name is not None:
        told["name"] = row.name.label
        if row.name.dimensions:
            told["dimensions"] = dict(row.name.dimensions)
        if (amount := row.name.scaled(row.metric)) is not None:
            told["scaled"], told["unit"] = amount, row.name.unit
    return told

"""The ledger's words as JSON values and back, as a command and a running agent tell them to each other."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import asdict
from typing import Any

from agent.model.aggregation import (
    BudgetUnit,
    ErrorCounter,
    JobStatus,
    ResultInfo,
    ReturnCode,
    Settlement,
    SpentUnit,
    StoredJob,
)
from agent.model.events import Check, Event, Trace

Document = dict[str, Any]


def job_document(job: StoredJob) -> Document:
    """A job, instants in milliseconds."""
    values = asdict(job)
    values["result_info"] = None if job.result_info is None else result_document(job.result_info)
    return values


def job_of(values: Mapping[str, Any]) -> StoredJob:
    """What :func:`job_document` told."""
    result = values["result_info"]
    return StoredJob(
        **{
            **values,
            "status": JobStatus(values["status"]),
            "result_info": None if result is None else result_of(result),
        }
    )


def result_document(result: ResultInfo) -> Document:
    """How a job ended."""
    return {
        "return_code": result.return_code.value,
        "return_message": result.return_message,
        "error_counts": {counter.value: number for counter, number in result.error_counts.items()},
        "error_messages": list(result.error_messages),
        "finished_at": result.finished_at,
    }


def result_of(values: Mapping[str, Any]) -> ResultInfo:
    """What :func:`result_document` told."""
    return ResultInfo(
        return_code=ReturnCode(values["return_code"]),
        return_message=values["return_message"],
        error_counts={ErrorCounter(counter): number for counter, number in values["error_counts"].items()},
        error_messages=tuple(values["error_messages"]),
        finished_at=values["finished_at"],
    )


def units_document(units: Mapping[BudgetUnit, int]) -> list[list[Any]]:
    """Units to be spent, each with its number of reports."""
    return [[*unit, reports] for unit, reports in units.items()]


def units_of(values: Iterable[list[Any]]) -> dict[BudgetUnit, int]:
    """What :func:`units_document` told."""
    return {BudgetUnit(*unit): reports for *unit, reports in values}


def spent_document(units: Iterable[SpentUnit]) -> list[list[Any]]:
    """Units that were spent."""
    return [[*spent.unit, spent.job_request_id, spent.time] for spent in units]


def spent_of(values: Iterable[list[Any]]) -> tuple[SpentUnit, ...]:
    """What :func:`spent_document` told."""
    return tuple(SpentUnit(BudgetUnit(*unit), job, time) for *unit, job, time in values)


def settlement_document(settlement: Settlement) -> Document:
    """What asking for a budget came to."""
    return {"exhausted": spent_document(settlement.exhausted), "outcome": settlement.outcome}


def settlement_of(values: Mapping[str, Any]) -> Settlement:
    """What :func:`settlement_document` told."""
    return Settlement(spent_of(values["exhausted"]), values["outcome"])


def event_values(event: Event) -> Document:
    """An event that is not stored yet, its time in milliseconds."""
    return {**asdict(event), "trace": [asdict(check) for check in event.trace.checks]}


def event_of(values: Mapping[str, Any]) -> Event:
    """What :func:`event_values` told."""
    return Event(**{**values, "trace": Trace(tuple(Check(**check) for check in values["trace"]))})

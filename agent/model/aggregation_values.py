"""What ledgers keep and commands tell each other of jobs, as plain JSON values and back."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from agent.model.aggregation import BudgetUnit, ErrorCounter, ResultInfo, ReturnCode, SpentUnit
from agent.model.events import Check, Event, Trace


def result_info_values(info: ResultInfo) -> dict[str, Any]:
    """How a job ended, its instant in milliseconds."""
    return {
        "return_code": info.return_code.value,
        "return_message": info.return_message,
        "error_counts": {counter.value: number for counter, number in info.error_counts.items()},
        "error_messages": list(info.error_messages),
        "finished_at": info.finished_at,
    }


def result_info_of(values: Mapping[str, Any]) -> ResultInfo:
    """What :func:`result_info_values` told."""
    return ResultInfo(
        return_code=ReturnCode(values["return_code"]),
        return_message=values["return_message"],
        error_counts={ErrorCounter(counter): number for counter, number in values["error_counts"].items()},
        error_messages=tuple(values["error_messages"]),
        finished_at=values["finished_at"],
    )


def units_values(units: Mapping[BudgetUnit, int]) -> list[list[Any]]:
    """Budget units, each with its number of reports, in their order."""
    return [[*unit, reports] for unit, reports in units.items()]


def units_of(values: Iterable[list[Any]]) -> dict[BudgetUnit, int]:
    """What :func:`units_values` told."""
    return {BudgetUnit(*unit): reports for *unit, reports in values}


def spent_values(units: Iterable[SpentUnit]) -> list[list[Any]]:
    """Units that were spent, in their order."""
    return [[*spent.unit, spent.job_request_id, spent.time] for spent in units]


def spent_of(values: Iterable[list[Any]]) -> tuple[SpentUnit, ...]:
    """What :func:`spent_values` told."""
    return tuple(SpentUnit(BudgetUnit(*unit), job, time) for *unit, job, time in values)


def event_values(event: Event) -> dict[str, Any]:
    """An event that is not stored yet, and so has no number."""
    return {
        "kind": event.kind,
        "time": event.time,
        "verdict": event.verdict,
        "summary": event.summary,
        "site": event.site,
        "data": dict(event.data),
        "trace": [[check.rule, check.passed, check.detail, check.fix] for check in event.trace.checks],
    }


def event_of(values: Mapping[str, Any]) -> Event:
    """What :func:`event_values` told."""
    return Event(**{**values, "trace": Trace(tuple(Check(*check) for check in values["trace"]))})

"""What a job came to, as the plain JSON values that the ledger keeps from its settlement on.

From these alone its files are written, so that a job that was ended in between writes, when it runs again, what its
budget was spent for, byte for byte.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from agent.model.aggregation import (
    AggregatedFact,
    BudgetUnit,
    ErrorCounter,
    LeftOut,
    Partial,
    ResultInfo,
    ReturnCode,
    SpentUnit,
    Summary,
)
from agent.model.events import Check, Event, Trace


@dataclass(frozen=True, slots=True, kw_only=True)
class JobOutcome:
    """What a job came to, before it is written."""

    result_info: ResultInfo
    event: Event
    partial: Partial | None = None
    """None where no report was read. Read back it has no sums: those of a finished job are its summary's."""
    summary: Summary | None = None
    consumed: Mapping[BudgetUnit, int]
    """What the job spends, each with its number of reports; empty for debug runs, clear text and refused jobs."""
    exhausted: tuple[SpentUnit, ...] = ()
    dump: str = ""
    """Text of the dump, where a budget was exhausted."""
    noise: bool = True
    seed: int | None = None
    """Of the noise; None where it was the operating system's."""
    run: str = ""
    """Names the run of the job that made it: another run that finds it knows that it is not its own."""

    def document(self) -> dict[str, Any]:
        """Plain JSON values that :func:`read_outcome` reads."""
        return {
            "result_info": {
                "return_code": self.result_info.return_code.value,
                "return_message": self.result_info.return_message,
                "error_counts": {name.value: count for name, count in self.result_info.error_counts.items()},
                "error_messages": list(self.result_info.error_messages),
                "finished_at": self.result_info.finished_at,
            },
            "event": _event_document(self.event),
            "partial": None if self.partial is None else _partial_document(self.partial),
            "summary": None if self.summary is None else _summary_document(self.summary),
            "consumed": _units(self.consumed),
            "exhausted": [[*spent.unit, spent.job_request_id, spent.time] for spent in self.exhausted],
            "dump": self.dump,
            "noise": self.noise,
            "seed": None if self.seed is None else str(self.seed),
            "run": self.run,
        }


def read_outcome(document: Mapping[str, Any]) -> JobOutcome:
    """What :meth:`JobOutcome.document` wrote."""
    info, partial, summary, seed = (document[name] for name in ("result_info", "partial", "summary", "seed"))
    return JobOutcome(
        result_info=ResultInfo(
            return_code=ReturnCode(info["return_code"]),
            return_message=info["return_message"],
            error_counts={ErrorCounter(name): count for name, count in info["error_counts"].items()},
            error_messages=tuple(info["error_messages"]),
            finished_at=info["finished_at"],
        ),
        event=_event(document["event"]),
        partial=None if partial is None else _partial(partial),
        summary=None if summary is None else _summary(summary),
        consumed=_read_units(document["consumed"]),
        exhausted=tuple(
            SpentUnit(BudgetUnit(shared_id, hour, origin), job_request_id, time)
            for shared_id, hour, origin, job_request_id, time in document["exhausted"]
        ),
        dump=document["dump"],
        noise=document["noise"],
        seed=None if seed is None else int(seed),
        run=document["run"],
    )


def _event_document(event: Event) -> dict[str, Any]:
    checks = [[check.rule, check.passed, check.detail, check.fix] for check in event.trace.checks]
    return {
        "kind": event.kind,
        "time": event.time,
        "verdict": event.verdict,
        "summary": event.summary,
        "site": event.site,
        "data": dict(event.data),
        "trace": checks,
    }


def _event(document: Mapping[str, Any]) -> Event:
    checks = tuple(Check(rule, passed, detail, fix) for rule, passed, detail, fix in document["trace"])
    return Event(**{**document, "trace": Trace(checks)})


def _partial_document(partial: Partial) -> dict[str, Any]:
    plain = {name: getattr(partial, name) for name in _COUNTS}
    return plain | {
        "errors": {name.value: count for name, count in partial.errors.items()},
        "left_out": [
            {
                "where": one.where,
                "report_id": one.report_id,
                "errors": [error.value for error in one.errors],
                "detail": one.detail,
                "mistake": one.mistake,
                "reporting_origin": one.reporting_origin,
            }
            for one in partial.left_out
        ],
        "units": _units(partial.units),
        "unqueried_id": None if partial.unqueried_id is None else str(partial.unqueried_id),
    }


_COUNTS = ("reports", "duplicates", "debug_mode", "unqueried", "unsupported_version")


def _partial(document: Mapping[str, Any]) -> Partial:
    partial = Partial(**{name: document[name] for name in _COUNTS})
    left_out = [
        LeftOut(**{**one, "errors": tuple(ErrorCounter(error) for error in one["errors"])})
        for one in document["left_out"]
    ]
    smallest = document["unqueried_id"]
    return replace(
        partial,
        errors=Counter({ErrorCounter(name): count for name, count in document["errors"].items()}),
        left_out=left_out,
        units=_read_units(document["units"]),
        unqueried_id=None if smallest is None else int(smallest),
    )


def _summary_document(summary: Summary) -> dict[str, Any]:
    return {
        "facts": _facts_document(summary.facts),
        "debug_facts": _facts_document(summary.debug_facts),
        "epsilon": summary.epsilon,
        "scale": summary.scale,
        "standard_deviation": summary.standard_deviation,
        "interval": summary.interval,
    }


def _summary(document: Mapping[str, Any]) -> Summary:
    facts, debug_facts = _facts(document["facts"]), _facts(document["debug_facts"])
    return Summary(**{**document, "facts": facts, "debug_facts": debug_facts})


def _facts_document(facts: Sequence[AggregatedFact]) -> dict[str, Any]:
    """Facts by columns: there may be millions."""
    return {
        "buckets": " ".join(f"{fact.bucket:x}" for fact in facts),  # of 128 bits, which JSON's numbers do not have
        "metrics": [fact.metric for fact in facts],
        "unnoised_metrics": [fact.unnoised_metric for fact in facts],
        "in_domain": "".join("01"[fact.in_domain] for fact in facts),
        "in_reports": "".join("01"[fact.in_reports] for fact in facts),
    }


def _facts(document: Mapping[str, Any]) -> tuple[AggregatedFact, ...]:
    columns = (
        (int(bucket, 16) for bucket in document["buckets"].split()),
        document["metrics"],
        document["unnoised_metrics"],
        (flag == "1" for flag in document["in_domain"]),
        (flag == "1" for flag in document["in_reports"]),
    )
    return tuple(AggregatedFact(*fact) for fact in zip(*columns, strict=True))


def _units(units: Mapping[BudgetUnit, int]) -> list[list[Any]]:
    return [[*unit, reports] for unit, reports in sorted(units.items())]


def _read_units(document: Iterable[list[Any]]) -> dict[BudgetUnit, int]:
    return {BudgetUnit(shared_id, hour, origin): reports for shared_id, hour, origin, reports in document}

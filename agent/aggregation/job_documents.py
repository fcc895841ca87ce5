"""What a job came to, as the plain JSON values that the ledger keeps from its settlement on.

From these alone its files are written, so that a job that was ended in between writes, when it runs again, what its
budget was spent for, byte for byte.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from agent.model.aggregation import (
    AggregatedFact,
    BudgetUnit,
    ErrorCounter,
    LeftOut,
    Partial,
    ResultInfo,
    SpentUnit,
    Summary,
)
from agent.model.aggregation_values import (
    event_of,
    event_values,
    result_info_of,
    result_info_values,
    spent_of,
    spent_values,
    units_of,
    units_values,
)
from agent.model.events import Event


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
            "result_info": result_info_values(self.result_info),
            "event": event_values(self.event),
            "partial": None if self.partial is None else _partial_document(self.partial),
            "summary": None if self.summary is None else _summary_document(self.summary),
            "consumed": units_values(self.consumed),
            "exhausted": spent_values(self.exhausted),
            "dump": self.dump,
            "noise": self.noise,
            "seed": None if self.seed is None else str(self.seed),
            "run": self.run,
        }


def read_outcome(document: Mapping[str, Any]) -> JobOutcome:
    """What :meth:`JobOutcome.document` wrote."""
    partial, summary, seed = (document[name] for name in ("partial", "summary", "seed"))
    return JobOutcome(
        result_info=result_info_of(document["result_info"]),
        event=event_of(document["event"]),
        partial=None if partial is None else _partial(partial),
        summary=None if summary is None else _summary(summary),
        consumed=units_of(document["consumed"]),
        exhausted=spent_of(document["exhausted"]),
        dump=document["dump"],
        noise=document["noise"],
        seed=None if seed is None else int(seed),
        run=document["run"],
    )


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
        "units": units_values(partial.units),
        "made_of": [[*unit, text] for unit, text in partial.made_of.items()],
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
        units=units_of(document["units"]),
        made_of={BudgetUnit(*unit): text for *unit, text in document["made_of"]},
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

"""What a job's row in the ledger tells by itself: of a job whose run ended before the job did."""

from __future__ import annotations

from collections.abc import Sequence

from agent.engines.aggregation.explained_reports import counted
from agent.engines.aggregation.explained_units import KEPT_UNITS, unit_values
from agent.model.aggregation import AGGREGATION_JOB, JobStatus, SpentUnit, StoredJob
from agent.model.clock import format_instant
from agent.model.events import Check, Event, Trace


def stored_job_event(job: StoredJob, spent: Sequence[SpentUnit]) -> Event:
    """How far ``job`` came, which has spent the units ``spent``: an event that is in no stream, so its id is 0."""
    result = job.result_info
    verdict = result.return_code if result is not None else job.status
    time = result.finished_at if result is not None else job.created if job.settled is None else job.settled
    return Event(
        AGGREGATION_JOB,
        time,
        verdict,
        f"job {job.job_request_id}: {result.return_message if result is not None else 'it has not finished'}",
        data={
            "job_request_id": job.job_request_id,
            "return_code": None if result is None else str(result.return_code),
            "spent_units": len(spent),
            "spent": [unit_values(one.unit) for one in spent[:KEPT_UNITS]],
        },
        trace=Trace(_checks(job, spent)),
    )


def _checks(job: StoredJob, spent: Sequence[SpentUnit]) -> tuple[Check, ...]:
    received = Check("received", passed=True, detail=format_instant(job.created))
    units = counted(len(spent), "unit")
    if job.status is JobStatus.FINISHED:
        return received, Check("finished", passed=True, detail=f"{units} of budget spent")
    if job.settled is None:
        return received, Check(
            "privacy budget",
            passed=False,
            detail="not asked yet: the run is under way or has died, nothing was spent and nothing written",
            fix="if no run is under way, run the same job again with this id: it begins anew",
        )
    return (
        received,
        Check("privacy budget", passed=True, detail=f"{units} spent at {format_instant(job.settled)}"),
        Check(
            "summary written",
            passed=False,
            detail="not known: the run is under way or has died after its budget was spent",
            fix="if no run is under way, run the same job again with this id: it writes what was paid for, and spends"
            " nothing more",
        ),
    )

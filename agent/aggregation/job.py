"""One job of the aggregation service, from its parameters to its files, in the order of the real one (section 1).

    begin -> parameters -> domain -> reports -> threshold -> noise -> budget and outcome, at once -> files -> finish

What is written is what the ledger kept when it spent the budget. A job that is ended at any point, and runs again under
its id, ends in one result whose budget was spent once: before its settlement it begins anew, after it the outcome that
stands is written again, without new noise.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from agent.aggregation.job_documents import JobOutcome, read_outcome
from agent.aggregation.job_request import Job
from agent.aggregation.job_steps import Worked, work_out
from agent.aggregation.outputs import summary_files, write_outputs, write_result_info
from agent.engines.aggregation.budget_units import exhausted_dump
from agent.engines.aggregation.explanation import JobFacts, Step, job_event
from agent.engines.aggregation.key_structure import Namer
from agent.engines.aggregation.parameters import InvalidParameter, read_parameters
from agent.model.aggregation import (
    BudgetUnit,
    ErrorCounter,
    JobLedger,
    JobStatus,
    Partial,
    ResultInfo,
    ReturnCode,
    Settlement,
    SpentUnit,
    StoredJob,
    Summary,
)
from agent.model.clock import Clock
from agent.model.errors import HostEnvironmentError, TallyhostError, UsageError
from agent.model.events import Event
from agent.model.rng import Rng, SeededRng, token

__all__ = ["FinishedJob", "Job", "run_job"]

_MESSAGES: Mapping[ReturnCode, str] = {
    ReturnCode.SUCCESS: "The job is done.",
    ReturnCode.SUCCESS_WITH_ERRORS: "The job is done; some reports were left out.",
    ReturnCode.PRIVACY_BUDGET_EXHAUSTED: "Budget that the job needs was spent before. It consumed nothing.",
    ReturnCode.PRIVACY_BUDGET_ERROR: "The ledger of the privacy budget failed. No result was written.",
    ReturnCode.INVALID_JOB: "A job parameter is invalid. The job consumed nothing.",
    ReturnCode.INPUT_DATA_READ_FAILED: "Reports or output domain could not be read. The job consumed nothing.",
    ReturnCode.RESULT_WRITE_ERROR: "The result could not be written. What the job had to spend is gone.",
    ReturnCode.REPORTS_WITH_ERRORS_EXCEEDED_THRESHOLD: "Too many reports have errors. The job consumed nothing.",
    ReturnCode.UNSUPPORTED_REPORT_VERSION: "A report is of a version to come. The job consumed nothing.",
    ReturnCode.INTERNAL_ERROR: "The service failed. The job consumed nothing.",
}


@dataclass(frozen=True, slots=True)
class FinishedJob:
    """A job that ran to its end, whatever that is."""

    job: StoredJob
    result_info: ResultInfo
    partial: Partial | None
    """None where no report was read; without sums where another run of the job had settled it."""
    summary: Summary | None
    """None for a refused job."""
    event: Event
    spent: tuple[SpentUnit, ...]
    """What the job spent."""
    exhausted: tuple[SpentUnit, ...]
    """What earlier jobs had spent, for which this one was refused."""
    files: tuple[Path, ...]
    """What was written."""
    resumed: bool
    """Whether another run of the job had settled it, and this one wrote what that left."""


async def run_job(
    job: Job,
    *,
    ledger: JobLedger,
    keys: Mapping[str, bytes],
    rng: Rng,
    clock: Clock,
    workers: int = 1,
    noise: bool = True,
    names: Namer = lambda _bucket: None,
    progress: Callable[[int, int], None] = lambda _done, _total: None,
) -> FinishedJob:
    """Run ``job`` to its end; how it ended is in ``result_info``.

    ``keys``: private keys by the id that reports name. ``workers``: processes. ``names``: what buckets stand for, for
    the JSON and CSV summaries. ``progress``: told (shards done, shards). Raises UsageError where the id was used by a
    job that is finished or asked for something else, and TallyhostError where the ledger cannot keep its beginning or
    its end; the job can then be run again.
    """
    begun = StoredJob(job.job_request_id, job.asked(), clock.now(), JobStatus.IN_PROGRESS)
    stored = await ledger.begin(begun)
    _refuse_used(stored, begun)
    run = _Run(job, stored, ledger, clock, names)
    if stored.outcome is not None:
        return await run.write(read_outcome(stored.outcome))
    worked = await work_out(job, keys=keys, rng=rng, now=clock.now(), workers=workers, noise=noise, progress=progress)
    seed = rng.seed if noise and isinstance(rng, SeededRng) else None
    return await run.end(worked, seed)


def _refuse_used(stored: StoredJob, begun: StoredJob) -> None:
    if stored.result_info is not None:
        what = f"job {stored.job_request_id} is finished: {stored.result_info.return_code}"
    elif dict(stored.request) != dict(begun.request):
        what = f"job {stored.job_request_id} was begun with another request"
    else:
        return
    raise UsageError(
        what,
        rule="a job_request_id stands for one job, whose budget is spent once",
        fix="choose another id; to go on with a job that was ended, repeat exactly what was asked for",
    )


class _Run:
    """The end of a job: its budget, its files, its record."""

    def __init__(self, job: Job, stored: StoredJob, ledger: JobLedger, clock: Clock, names: Namer) -> None:
        self._job, self._stored, self._ledger, self._clock, self._names = job, stored, ledger, clock, names
        self._name = token()

    async def end(self, worked: Worked, seed: int | None) -> FinishedJob:
        """Spend what the job has to spend, then write what stands."""
        facts = worked.facts
        try:
            outcome, settlement = await self._settle(facts, worked.budget, seed)
            if settlement.exhausted:
                facts = replace(
                    facts,
                    return_code=ReturnCode.PRIVACY_BUDGET_EXHAUSTED,
                    summary=None,
                    exhausted=settlement.exhausted,
                    exhausted_documents=await worked.dump(frozenset(one.unit for one in settlement.exhausted)),
                )
                outcome, settlement = await self._settle(facts, {}, seed)
        except TallyhostError as error:
            return await self._without_budget(facts, error)
        assert settlement.outcome is not None
        if settlement.outcome["run"] == self._name:
            return await self.write(outcome, facts)
        # Another run of the job was faster: its outcome stands.
        return await self.write(read_outcome(settlement.outcome))

    async def write(self, outcome: JobOutcome, facts: JobFacts | None = None) -> FinishedJob:
        """Write what the ledger kept, and finish. ``facts``: of this run, where it made the outcome."""
        resumed = facts is None
        facts = facts or self._told(outcome)
        try:
            files = await asyncio.to_thread(write_outputs, self._job.output, self._stored, outcome, self._names)
        except OSError as error:
            failure = HostEnvironmentError(
                f"the result cannot be written ({error.strerror})",
                where=str(error.filename or self._job.output.folder),
                rule="the budget is spent before a result is written",
                fix="make the folder writable; the reports' budget can be had again by tallyhost state reset alone",
            )
            code = ReturnCode.RESULT_WRITE_ERROR
            facts = replace(facts, return_code=code, summary=None, failed=Step.OUTPUT, error=failure)
            info = _result_info(facts, outcome.result_info.finished_at)
            outcome = replace(outcome, result_info=info, event=_event(facts), summary=None)
            files = await self._write_result_info(info)
        return await self._finish(outcome, facts.partial, files, resumed=resumed)

    async def _settle(
        self, facts: JobFacts, units: Mapping[BudgetUnit, int], seed: int | None
    ) -> tuple[JobOutcome, Settlement]:
        """Ask for the budget; gives what this run came to, and what the ledger says."""
        now = self._clock.now()
        written: tuple[str, ...] = ()
        if facts.summary is not None:
            files = summary_files(self._job.output, self._stored, facts.summary, self._names)
            written = tuple(path.name for path, _ in files)
        outcome = JobOutcome(
            result_info=_result_info(facts, now),
            event=_event(replace(facts, written=written)),
            partial=facts.partial,
            summary=facts.summary,
            consumed=units,
            exhausted=facts.exhausted,
            dump=exhausted_dump(facts.exhausted_documents).decode() if facts.exhausted else "",
            noise=facts.noise,
            seed=seed,
            run=self._name,
        )
        document = await asyncio.to_thread(outcome.document)
        return outcome, await self._ledger.settle(self._job.job_request_id, units, document, now=now)

    async def _without_budget(self, facts: JobFacts, error: TallyhostError) -> FinishedJob:
        """The end where the ledger failed: whether it spent the budget is not known, unless it can be asked now."""
        code = ReturnCode.PRIVACY_BUDGET_ERROR
        facts = replace(facts, return_code=code, summary=None, failed=Step.BUDGET, error=error)
        info = _result_info(facts, self._clock.now())
        event, job = _event(facts), self._stored
        try:
            stored = await self._ledger.find(self._job.job_request_id)
            if stored is not None and stored.outcome is not None:
                return await self.write(read_outcome(stored.outcome))
            # It spent nothing, and ending it here keeps it from spending later.
            number = await self._ledger.finish(self._job.job_request_id, info, event)
            event = replace(event, id=number)
            job = await self._ledger.find(self._job.job_request_id) or job
        except TallyhostError:
            # Nothing more can be known now: the job is not finished, and can be run again.
            pass
        files = await self._write_result_info(info)
        return FinishedJob(job, info, facts.partial, None, event, (), (), files, resumed=False)

    async def _write_result_info(self, info: ResultInfo) -> tuple[Path, ...]:
        """Where not even that can be written, the ledger and the caller have it."""
        try:
            return await asyncio.to_thread(write_result_info, self._job.output, info)
        except OSError:
            return ()

    async def _finish(
        self, outcome: JobOutcome, partial: Partial | None, files: tuple[Path, ...], *, resumed: bool
    ) -> FinishedJob:
        job_request_id = self._job.job_request_id
        number = await self._ledger.finish(job_request_id, outcome.result_info, outcome.event)
        stored = await self._ledger.find(job_request_id)
        return FinishedJob(
            job=stored or self._stored,
            result_info=outcome.result_info,
            partial=partial,
            summary=outcome.summary,
            event=replace(outcome.event, id=number),
            spent=tuple(await self._ledger.spent(job_request_id)),
            exhausted=outcome.exhausted,
            files=files,
            resumed=resumed,
        )

    def _told(self, outcome: JobOutcome) -> JobFacts:
        """What is known of a job whose outcome another run made."""
        parameters = read_parameters(self._job.parameters, domain_required=self._job.domain_required)
        return JobFacts(
            job_request_id=self._job.job_request_id,
            time=outcome.event.time,
            return_code=outcome.result_info.return_code,
            parameters=None if isinstance(parameters, InvalidParameter) else parameters,
            domain_optional=self._job.domain_optional,
            partial=outcome.partial,
            summary=outcome.summary,
            clear_text=self._job.clear_text,
            noise=outcome.noise,
        )


def _result_info(facts: JobFacts, now: int) -> ResultInfo:
    errors = {} if facts.partial is None else {name: n for name, n in facts.partial.errors.items() if n}
    return ResultInfo(facts.return_code, _MESSAGES[facts.return_code], errors, tuple(_error_messages(facts)), now)


def _event(facts: JobFacts) -> Event:
    return job_event(replace(facts, return_message=_MESSAGES[facts.return_code]))


def _error_messages(facts: JobFacts) -> Iterator[str]:
    yield from map(str, facts.invalid)
    if facts.error is not None:
        yield ": ".join(part for part in (facts.error.where, facts.error.what) if part)
    if facts.partial is not None and facts.partial.unsupported_version:
        yield f"a report is of version {facts.partial.unsupported_version}"
    elif facts.partial is not None and facts.return_code is ReturnCode.REPORTS_WITH_ERRORS_EXCEEDED_THRESHOLD:
        failed = facts.partial.errors[ErrorCounter.NUM_REPORTS_WITH_ERRORS]
        yield f"{failed} of the {facts.partial.reports} reports that were read have errors"
    if facts.exhausted:
        spent_by = sorted({one.job_request_id for one in facts.exhausted})
        yield f"budget units: {len(facts.exhausted)} were spent before, by {', '.join(spent_by)}"

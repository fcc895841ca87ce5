"""What a job does before it asks for budget: parameters, domain, reports, error threshold, noise (section 1).

Nothing is consumed here, and nothing written.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from agent.aggregation.avro import read_domain
from agent.aggregation.job_request import Job
from agent.aggregation.pool import process_all
from agent.aggregation.report_files import Shard, plan_shards
from agent.aggregation.shards import ShardTask, exhausted_documents
from agent.aggregation.unreadable import InputUnreadableError
from agent.engines.aggregation.explanation import JobFacts, Step
from agent.engines.aggregation.parameters import InvalidParameter, read_parameters
from agent.engines.aggregation.summary import summarize
from agent.engines.aggregation.thresholds import exceeds, stops_early
from agent.model.aggregation import BudgetUnit, ErrorCounter, ReturnCode
from agent.model.errors import TallyhostError
from agent.model.rng import Rng

_log = logging.getLogger("tallyhost")
_TOTAL = ErrorCounter.NUM_REPORTS_WITH_ERRORS


@dataclass(frozen=True, slots=True)
class Worked:
    """How far a job came without its budget."""

    facts: JobFacts
    shards: Sequence[Shard] = ()
    task: ShardTask | None = None
    """What the shards were processed with."""

    @property
    def budget(self) -> Mapping[BudgetUnit, int]:
        """What the job has to spend for its summary; nothing in a debug run, over clear text, or if refused."""
        asked, partial = self.facts.parameters, self.facts.partial
        free = self.facts.summary is None or asked is None or asked.debug_run or self.facts.clear_text
        return {} if free or partial is None else partial.units

    async def dump(self, units: frozenset[BudgetUnit]) -> list[dict[str, Any]]:
        """The dump's entries for exhausted ``units``; reads the reports again."""
        if self.task is None:
            return []
        try:
            return await asyncio.to_thread(exhausted_documents, self.shards, self.task, units)
        except InputUnreadableError:
            _log.warning("the reports of job %s cannot be read again", self.facts.job_request_id, exc_info=True)
            return []


async def work_out(
    job: Job,
    *,
    keys: Mapping[str, bytes],
    rng: Rng,
    now: int,
    workers: int,
    noise: bool,
    progress: Callable[[int, int], None],
) -> Worked:
    """Take ``job`` as far as it comes without its budget, in the service's order."""
    facts = JobFacts(
        job_request_id=job.job_request_id,
        time=now,
        return_code=ReturnCode.SUCCESS,
        domain_optional=job.domain_optional,
        clear_text=job.clear_text,
        noise=noise,
    )
    try:
        return await _steps(job, facts, keys=keys, rng=rng, workers=workers, progress=progress)
    except Exception as error:  # noqa: BLE001 - a job has an end whatever happens
        _log.exception("job %s failed", job.job_request_id)
        return Worked(_failed(facts, ReturnCode.INTERNAL_ERROR, Step.INPUT, _as_told(error)))


async def _steps(
    job: Job,
    facts: JobFacts,
    *,
    keys: Mapping[str, bytes],
    rng: Rng,
    workers: int,
    progress: Callable[[int, int], None],
) -> Worked:
    parameters = read_parameters(job.parameters, domain_required=job.domain_required)
    if isinstance(parameters, InvalidParameter):
        return Worked(replace(facts, return_code=ReturnCode.INVALID_JOB, invalid=(parameters,)))
    facts = replace(facts, parameters=parameters)
    try:
        domain = await asyncio.to_thread(_read_domain, job)
    except InputUnreadableError as error:
        return Worked(_failed(facts, ReturnCode.INPUT_DATA_READ_FAILED, Step.DOMAIN, error))
    facts = replace(facts, domain=domain)
    task = ShardTask(parameters, facts.time, dict(keys), clear_text=job.clear_text)
    try:
        shards = await asyncio.to_thread(plan_shards, job.inputs)
        partial = await process_all(shards, task, workers=workers, progress=progress)
    except InputUnreadableError as error:
        return Worked(_failed(facts, ReturnCode.INPUT_DATA_READ_FAILED, Step.INPUT, error))
    facts = replace(facts, shards=len(shards), partial=partial)
    if partial.unsupported_version:
        return Worked(replace(facts, return_code=ReturnCode.UNSUPPORTED_REPORT_VERSION))
    failed, percentage = partial.errors[_TOTAL], parameters.report_error_threshold_percentage
    if exceeds(failed, partial.reports, percentage) or stops_early(failed, parameters):
        return Worked(replace(facts, return_code=ReturnCode.REPORTS_WITH_ERRORS_EXCEEDED_THRESHOLD))
    summary = await asyncio.to_thread(
        summarize, partial.sums, domain, parameters, rng=rng, noise=facts.noise, thresholding=job.thresholding
    )
    code = ReturnCode.SUCCESS_WITH_ERRORS if failed else ReturnCode.SUCCESS
    return Worked(replace(facts, return_code=code, summary=summary), shards, task)


def _read_domain(job: Job) -> frozenset[int] | None:
    """The buckets to publish; None where the reports' own are. Raises InputUnreadableError."""
    if job.domain_optional:
        return None
    domain = frozenset(job.domain or ()).union(*(read_domain(path) for path in job.domain_files))
    if not domain:
        raise InputUnreadableError(
            "the output domain has no buckets",
            where=", ".join(map(str, job.domain_files)),
            rule="a domain names at least one bucket: no other is published",
            fix="name the buckets, or the file that has them",
        )
    return domain


def _failed(facts: JobFacts, code: ReturnCode, step: Step, error: TallyhostError) -> JobFacts:
    return replace(facts, return_code=code, failed=step, error=error)


def _as_told(error: Exception) -> TallyhostError:
    """What a person reads of a failure: the first, where several tasks failed together."""
    while isinstance(error, ExceptionGroup):
        error = error.exceptions[0]
    if isinstance(error, TallyhostError):
        return error
    return TallyhostError(f"{type(error).__name__}: {error}", fix="the log has the traceback")

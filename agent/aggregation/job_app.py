"""The aggregation service's front end over HTTP, and the worker behind it: jobs run one at a time (section 4)."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Mapping
from http import HTTPStatus
from pathlib import Path
from typing import Any

from aiohttp import web

from agent.aggregation.buckets import Buckets
from agent.aggregation.job import Job, run_job
from agent.aggregation.job_documents import read_outcome
from agent.aggregation.json_api import (
    RequestError,
    answer,
    json_application,
    json_object,
    query_number,
    read_body,
)
from agent.aggregation.outputs import Output, result_info_document
from agent.engines.aggregation.budget_units import instant_text
from agent.engines.aggregation.parameters import check_request
from agent.model.aggregation import ErrorCounter, JobLedger, JobStatus, StoredJob
from agent.model.clock import Clock
from agent.model.rng import Rng
from agent.model.tasks import Tasks

MAX_REQUEST_BYTES = 1 << 20
PAGE_LENGTH = 100
"""Most jobs that one page of the list has."""
SHOWN_FACTS = 1_000
"""Most buckets that the list shows of one summary."""
_MEMBERS = (
    "job_request_id",
    "input_data_bucket_name",
    "input_data_blob_prefix",
    "input_data_blob_prefixes",
    "output_data_bucket_name",
    "output_data_blob_prefix",
    "job_parameters",
)
_FORM = '{"job_request_id": ..., "input_data_bucket_name": ..., "job_parameters": {...}, ...}'
_log = logging.getLogger("tallyhost")


def job_app(
    *,
    ledger: JobLedger,
    keys: Mapping[str, bytes],
    rng: Rng,
    clock: Clock,
    root: Path,
    workers: int = 1,
    noise: bool = True,
    domain_optional: bool = False,
    reveal: bool = False,
) -> web.Application:
    """What an aggregation service runs; its jobs read and write folders of ``root``, by the names of buckets.

    ``POST /v1alpha/createJob``   a job's request -> 202 ``{}`` once it is durable; 400, or 409 for an id that was used
    ``GET /v1alpha/getJob``       ``?job_request_id=ID``: the request with ``job_status``, and ``result_info`` once it
                                  is finished; 404
    ``GET /v1alpha/jobs``         ours: all jobs, oldest first, with what their summaries say; ``?after=ID&limit=N``

    ``keys``: private keys by id, read anew for each job. ``workers``, ``noise``: as for
    :func:`agent.aggregation.job.run_job`. ``domain_optional``: buckets without a domain are published where they pass
    the threshold. ``reveal``: the list shows sums without noise too, which a real service never tells.
    """
    worker = _Worker(
        ledger, keys, rng, clock, Buckets(root), workers=workers, noise=noise, domain_optional=domain_optional
    )

    async def create(request: web.Request) -> web.Response:
        asked = json_object(await read_body(request, MAX_REQUEST_BYTES), _FORM)
        await worker.create(_checked(asked, worker.buckets))
        return web.json_response({}, status=HTTPStatus.ACCEPTED)

    async def get(request: web.Request) -> web.Response:
        job_request_id = request.query.get("job_request_id", "")
        job = await ledger.find(job_request_id) if job_request_id else None
        if job is None:
            message = f"there is no job {job_request_id!r}"
            fix = "ask as ?job_request_id=ID, with the id that createJob was given"
            raise RequestError(HTTPStatus.NOT_FOUND, "job-not-found", message, fix)
        return web.json_response(worker.described(job))

    async def jobs(request: web.Request) -> web.Response:
        limit = query_number(request, "limit")
        length = PAGE_LENGTH if limit is None else min(limit, PAGE_LENGTH)
        after = query_number(request, "after") or 0
        described: list[dict[str, Any]] = []
        # One by one: what the ledger keeps of a job may be large, what is told of it is not.
        while len(described) < length and (found := await ledger.jobs(after=after, limit=1)):
            (job,) = found
            described.append({"id": job.id} | worker.described(job) | _results(job, reveal=reveal))
            after = job.id
        return answer(jobs=described)

    app = json_application()
    app.router.add_post("/v1alpha/createJob", create)
    app.router.add_get("/v1alpha/getJob", get)
    app.router.add_get("/v1alpha/jobs", jobs)
    app.cleanup_ctx.append(worker.running)
    return app


class _Worker:
    """Runs the jobs of a front end, one after the other, in the order in which they came."""

    def __init__(
        self,
        ledger: JobLedger,
        keys: Mapping[str, bytes],
        rng: Rng,
        clock: Clock,
        buckets: Buckets,
        *,
        workers: int,
        noise: bool,
        domain_optional: bool,
    ) -> None:
        self._ledger, self._keys, self._rng, self._clock, self.buckets = ledger, keys, rng, clock, buckets
        self._workers, self._noise, self._domain_optional = workers, noise, domain_optional
        self._waiting: asyncio.Queue[StoredJob] = asyncio.Queue()
        self._creating = asyncio.Lock()
        self._current = ""

    async def running(self, _app: web.Application) -> AsyncIterator[None]:
        """Work for as long as the application runs, jobs first that were not finished when it ended."""
        for job in await self._ledger.unfinished():
            if "input_data_bucket_name" in job.request:  # others are jobs of the command
                self._waiting.put_nowait(job)
        tasks = Tasks()
        tasks.start(self._work(), "aggregation jobs")
        yield
        await tasks.close()

    async def create(self, request: Mapping[str, Any]) -> None:
        """Keep a job and put it in the queue. Raises RequestError where its id was used."""
        async with self._creating:
            job_request_id = request["job_request_id"]
            if await self._ledger.find(job_request_id) is not None:
                message = f"there is a job {job_request_id!r} already"
                raise RequestError(HTTPStatus.CONFLICT, "job-exists", message, "choose another job_request_id")
            job = await self._ledger.begin(StoredJob(job_request_id, request, self._clock.now()))
            self._waiting.put_nowait(job)

    def described(self, job: StoredJob) -> dict[str, Any]:
        """The job as getJob tells it."""
        status = JobStatus.IN_PROGRESS if job.job_request_id == self._current else job.status
        if job.result_info is not None:
            status = JobStatus.FINISHED
        updated = job.settled or job.created
        info: dict[str, Any] = {}
        if job.result_info is not None:
            updated, info = job.result_info.finished_at, {"result_info": result_info_document(job.result_info)}
        return (
            {"job_request_id": job.job_request_id}
            | dict(job.request)
            | {
                "job_status": status.value,
                "request_received_at": instant_text(job.created),
                "request_updated_at": instant_text(updated),
            }
            | info
        )

    async def _work(self) -> None:
        while True:
            job = await self._waiting.get()
            self._current = job.job_request_id
            try:
                if await self._ledger.find(job.job_request_id) is None:
                    continue  # a reset forgot it while it waited
                await run_job(
                    self._job(job.request),
                    ledger=self._ledger,
                    keys=dict(self._keys),
                    rng=self._rng,
                    clock=self._clock,
                    workers=self._workers,
                    noise=self._noise,
                )
            except Exception:  # noqa: BLE001 - it stays unfinished, and the next one need not wait
                _log.exception("job %s was not finished", job.job_request_id)
            finally:
                self._current = ""

    def _job(self, request: Mapping[str, Any]) -> Job:
        parameters, bucket = request["job_parameters"], request["input_data_bucket_name"]
        prefixes = request.get("input_data_blob_prefixes") or [request.get("input_data_blob_prefix", "")]
        files = {path: None for prefix in prefixes for path in self.buckets.files(bucket, prefix)}
        domain_bucket = parameters.get("output_domain_bucket_name", "")
        domain_prefix = parameters.get("output_domain_blob_prefix", "")
        domain_files = self.buckets.files(domain_bucket, domain_prefix) if domain_bucket and domain_prefix else ()
        folder = self.buckets.folder(request["output_data_bucket_name"])
        return Job(
            job_request_id=request["job_request_id"],
            inputs=tuple(files),
            output=Output(folder, request["output_data_blob_prefix"], ("avro",), sharded=True),
            parameters=parameters,
            domain=() if domain_bucket and not domain_files else None,
            domain_files=domain_files,
            domain_required=not self._domain_optional,
            thresholding=self._domain_optional,
            request=request,
        )


def _checked(asked: Mapping[str, Any], buckets: Buckets) -> dict[str, Any]:
    """What is kept of a request. Raises RequestError with all that is wrong with it."""
    refusals = check_request(asked) or tuple(buckets.refusals(asked))
    if refusals:
        first = refusals[0]
        errors = [{"name": one.name, "value": one.value, "rule": one.rule, "fix": one.fix} for one in refusals]
        raise RequestError(HTTPStatus.BAD_REQUEST, "invalid-request", str(first), first.fix, errors=errors)
    return {name: asked[name] for name in _MEMBERS if name in asked}


def _results(job: StoredJob, *, reveal: bool) -> dict[str, Any]:
    """What a settled job came to, for charts."""
    if job.outcome is None:
        return {}
    outcome = read_outcome(job.outcome)
    partial, summary = outcome.partial, outcome.summary
    results: dict[str, Any] = {}
    if outcome.exhausted:
        results["exhausted"] = [
            {
                "shared_id": one.unit.shared_id,
                "hour": instant_text(one.unit.hour),
                "reporting_origin": one.unit.reporting_origin,
                "job_request_id": one.job_request_id,
                "time": instant_text(one.time),
            }
            for one in outcome.exhausted
        ]
    if partial is not None and summary is not None:
        results["summary"] = {
            "reports": partial.reports,
            "left_out": partial.errors[ErrorCounter.NUM_REPORTS_WITH_ERRORS],
            "duplicates": partial.duplicates,
            "units": len(outcome.consumed),
            "epsilon": summary.epsilon,
            "scale": summary.scale,
            "standard_deviation": summary.standard_deviation,
            "interval": summary.interval,
            "buckets": len(summary.facts),
            "facts": [
                {
                    "bucket": f"{fact.bucket:#x}",
                    "metric": fact.metric,
                    "p5": fact.metric - summary.interval,
                    "p95": fact.metric + summary.interval,
                }
                | ({"unnoised_metric": fact.unnoised_metric} if reveal else {})
                for fact in summary.facts[:SHOWN_FACTS]
            ],
        }
    return results

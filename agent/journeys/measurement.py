"""adtech.test's own server: it exports what its collector keeps, has it aggregated, and reads the summary.

Files go to and come from folders that it shares with the aggregation service, as buckets of a cloud are shared.
"""

from __future__ import annotations

import asyncio
import itertools
import json
from collections.abc import Mapping
from dataclasses import dataclass
from http import HTTPStatus
from pathlib import Path
from typing import Any

from aiohttp import web

from agent.aggregation.avro import read_facts, write_domain
from agent.aggregation.json_api import RequestError, answer, json_application, json_object, read_body
from agent.browser.network.client import Answer as Response
from agent.browser.network.client import HostClient
from agent.browser.network.hosts import Refusal
from agent.engines.aggregation.noise import interval, standard_deviation
from agent.engines.aggregation.summary import noise_scale
from agent.model.aggregation import JobStatus, ReturnCode
from agent.model.clock import Clock, format_instant
from agent.model.errors import TallyhostError
from sites import story
from sites.questions import QUESTIONS, Question

BATCHES, DOMAINS, SUMMARIES = "adtech-batches", "adtech-domains", "adtech-summaries"
"""Buckets: reports for the service, which sums are asked for, what it answered."""
_COLLECTOR = "https://adtech.test/attribution-collector"
_SERVICE = f"{story.AGGREGATION_SERVICE}/frontend/v1alpha"
_POLL_SECONDS = 0.02
_ANSWERED = {ReturnCode.SUCCESS, ReturnCode.SUCCESS_WITH_ERRORS}
_BODY_BYTES = 1 << 16


@dataclass(frozen=True, slots=True)
class Batch:
    """Reports of one kind in one file, from the hours since the last batch."""

    question: Question
    file: str
    reports: int


@dataclass(frozen=True, slots=True)
class Answer:
    """What the service made of a batch."""

    batch: Batch
    job_request_id: str
    result_info: Mapping[str, Any]
    metrics: Mapping[int, int]
    """Noised sum of each bucket; empty where the batch was refused."""

    @property
    def return_code(self) -> str:
        """Such as ``SUCCESS`` or ``PRIVACY_BUDGET_EXHAUSTED``."""
        return str(self.result_info["return_code"])


class Measurement:
    """Batches and answers of adtech.test, for as long as the world lasts."""

    def __init__(self, client: HostClient, root: Path, clock: Clock) -> None:
        self._client, self._root, self._clock = client, root, clock
        self._answers: list[Answer] = []
        self._exported: dict[str, str] = {}
        """Until which hour the reports of each question were exported."""
        self._numbers = itertools.count(1)
        self._exporting = asyncio.Lock()

    async def export(self, question: Question) -> Batch:
        """One file with the reports of all hours that are over and in no batch yet, which may be none.

        An hour that goes on stays for later: its budget is spent once, and reports that came after it would be lost.
        """
        async with self._exporting:
            return await self._export(question)

    async def _export(self, question: Question) -> Batch:
        until = _hour(self._clock.now())
        since = self._exported.get(question.api)
        file = f"{question.api}-until-{until[:13]}.avro"
        if since == until:
            return Batch(question, file, 0)
        span = f"&until={until}" if since is None else f"&from={since}&until={until}"
        response = await self._fetch("GET", f"{_COLLECTOR}/batches.avro?kind={question.kind}{span}")
        await asyncio.to_thread(self._write, file, response.body, question)
        self._exported[question.api] = until
        return Batch(question, file, int(dict(response.headers)["Tallyhost-Reports"]))

    async def ask(self, batch: Batch) -> Answer:
        """Have a batch aggregated, as a new job; one that was aggregated before is refused, and told so."""
        job_request_id = f"{batch.question.api}-{next(self._numbers)}"
        await self._fetch("POST", f"{_SERVICE}/createJob", _request(batch, job_request_id))
        while True:
            document = await self._document(f"{_SERVICE}/getJob?job_request_id={job_request_id}")
            if document["job_status"] == JobStatus.FINISHED:
                break
            await asyncio.sleep(_POLL_SECONDS)
        result_info = document["result_info"]
        metrics = await asyncio.to_thread(self._read, job_request_id) if result_info["return_code"] in _ANSWERED else {}
        answered = Answer(batch, job_request_id, result_info, metrics)
        self._answers.append(answered)
        return answered

    def app(self) -> web.Application:
        """What the company's own pages ask, to be mounted at ``/measurement/``.

        ``GET /batches``         what was asked so far: ``{"batches": [...]}``, oldest first
        ``POST /batches``        ``{"api"}``: export, have aggregated, and give the batch as it is in the list
        ``POST /batches/again``  ``{"job_request_id"}``: the same file in a new job
        """

        async def listed(request: web.Request) -> web.Response:
            del request
            return answer(batches=[_document(one) for one in self._answers])

        async def ask(request: web.Request) -> web.Response:
            question = QUESTIONS.get(str(await _member(request, "api")))
            if question is None:
                raise _unknown("api", " or ".join(QUESTIONS))
            batch = await self.export(question)
            if not batch.reports:
                raise RequestError(
                    HTTPStatus.CONFLICT,
                    "nothing-to-export",
                    f"no report of {question.name} is from an hour that is over and in no batch yet",
                    "see an ad, or buy something, and let an hour or two pass: tallyhost time advance 2h",
                )
            return answer(**_document(await self.ask(batch)))

        async def again(request: web.Request) -> web.Response:
            wanted = await _member(request, "job_request_id")
            batches = [one.batch for one in self._answers if one.job_request_id == wanted]
            if not batches:
                raise _unknown("job_request_id", "one of GET /measurement/batches")
            return answer(**_document(await self.ask(batches[0])))

        app = json_application()
        app.router.add_get("/batches", listed)
        app.router.add_post("/batches", ask)
        app.router.add_post("/batches/again", again)
        return app

    def _write(self, file: str, body: bytes, question: Question) -> None:
        for bucket in (BATCHES, DOMAINS, SUMMARIES):
            (self._root / bucket).mkdir(parents=True, exist_ok=True)
        (self._root / BATCHES / file).write_bytes(body)
        write_domain(self._root / DOMAINS / f"{question.api}.avro", [int(bucket, 16) for bucket in question.meanings])

    def _read(self, prefix: str) -> dict[int, int]:
        files = sorted((self._root / SUMMARIES).glob(f"{prefix}-*-of-*.avro"))
        return {bucket: metric for file in files for bucket, metric in read_facts(file).items()}

    async def _document(self, url: str) -> Any:
        return json.loads((await self._fetch("GET", url)).body)

    async def _fetch(self, method: str, url: str, document: Any = None) -> Response:
        body = b"" if document is None else json.dumps(document).encode()
        response = await self._client.fetch(method, url, [("Content-Type", "application/json")] if body else [], body)
        if isinstance(response, Refusal):
            raise TallyhostError(response.what, where=url)
        if response.status >= HTTPStatus.BAD_REQUEST:
            raise TallyhostError(f"answered {response.status}: {response.body.decode()}", where=url)
        return response


def _request(batch: Batch, job_request_id: str) -> dict[str, Any]:
    """A ``createJob`` request."""
    return {
        "job_request_id": job_request_id,
        "input_data_bucket_name": BATCHES,
        "input_data_blob_prefix": batch.file,
        "output_data_bucket_name": SUMMARIES,
        "output_data_blob_prefix": f"{job_request_id}.avro",
        "job_parameters": {
            "attribution_report_to": "https://adtech.test",
            "output_domain_bucket_name": DOMAINS,
            "output_domain_blob_prefix": f"{batch.question.api}.avro",
            "debug_privacy_epsilon": f"{batch.question.epsilon:g}",
            "input_report_count": str(batch.reports),
        },
    }


def _document(one: Answer) -> dict[str, Any]:
    question, scale = one.batch.question, noise_scale(one.batch.question.epsilon)
    return {
        "job_request_id": one.job_request_id,
        "api": question.api,
        "file": one.batch.file,
        "reports": one.batch.reports,
        "request": _request(one.batch, one.job_request_id),
        "result_info": one.result_info,
        "epsilon": question.epsilon,
        "standard_deviation": standard_deviation(scale),
        "interval": interval(scale),
        "facts": [{"bucket": hex(bucket), "metric": metric} for bucket, metric in sorted(one.metrics.items())],
    }


async def _member(request: web.Request, name: str) -> Any:
    return json_object(await read_body(request, _BODY_BYTES), f'{{"{name}": text}}').get(name)


def _unknown(name: str, known: str) -> RequestError:
    return RequestError(HTTPStatus.NOT_FOUND, f"unknown-{name.replace('_', '-')}", f"no such {name}", f"name {known}")


def _hour(instant: int) -> str:
    """The beginning of the hour of ``instant``: ``2026-01-05T09:00Z``."""
    return f"{format_instant(instant)[:13]}:00Z"

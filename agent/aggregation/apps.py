"""W3C Attribution's collector and aggregation service as aiohttp sub-applications, for the sites that want them."""

from __future__ import annotations

import asyncio
import base64
from dataclasses import asdict
from http import HTTPStatus
from typing import Any

from aiohttp import web

from agent.aggregation.batch import DEFAULT_MINIMUM_BATCH, DEFAULT_VALUE_CAP, read_batch
from agent.aggregation.json_api import (
    RequestError,
    answer,
    decode_base64,
    json_application,
    json_object,
    malformed_request,
    query_number,
    read_body,
)
from agent.aggregation.outcome import AggregationError, AggregationErrorCode
from agent.aggregation.service import settle
from agent.crypto.conversion_report import HPKE_ENVELOPE, Envelope, ReportProtocol, read_envelope
from agent.crypto.keys import KeyRing
from agent.model.clock import Clock, format_instant
from agent.model.conversion_report import ReportRefusal
from agent.model.ledger import AggregatedBatch, CollectedReport, CollectedReports, LedgerTransactions
from agent.model.rng import Rng

REPORT_CONTENT_TYPES = ("application/dap-report", "application/octet-stream")
MAX_REPORT_BYTES = 1 << 20
"""Enough for 65,536 buckets, in base64 too."""
MAX_BATCH_BYTES = 256 << 20
PREVIEW_BYTES = 32
"""How much of the sealed part a list shows."""
PAGE_LENGTH = 1_000
"""Most entries that one page of a list has."""
_REPORT_FORM = "the bytes that measureConversion gave, as application/dap-report"
_BATCH_FORM = '{"reports": [base64, ...], "epsilon": 1.0}'


def collector_app(store: CollectedReports, clock: Clock) -> web.Application:
    """What a measurement company runs: it keeps sealed reports, which it cannot read.

    ``POST /reports``         a report's bytes, or JSON ``{"report": base64}`` -> ``{"stored": id}``, once it is durable
    ``GET /reports``          what was kept, sealed as it is, oldest first; ``?after=ID&limit=N&service=NAME``
    ``GET /reports/export``   ``{"reports": [{"id", "report": base64}]}``; the same parameters, all reports by default
    """

    async def receive(request: web.Request) -> web.Response:
        body = await _posted_report(request)
        envelope = read_envelope(body)
        if isinstance(envelope, ReportRefusal):
            message = f"this is no report: {envelope.detail}"
            raise RequestError(HTTPStatus.BAD_REQUEST, envelope.code, message, f"post {_REPORT_FORM}")
        return answer(stored=await store.add(body, service=envelope.service, received=clock.now()))

    async def show(request: web.Request) -> web.Response:
        after, service = query_number(request, "after") or 0, request.query.get("service")
        kept = await store.page(after=after, limit=_page_length(request), service=service)
        return answer(reports=[_shown(report) for report in kept])

    async def export(request: web.Request) -> web.Response:
        after, service = query_number(request, "after") or 0, request.query.get("service")
        left = query_number(request, "limit")
        reports: list[dict[str, Any]] = []
        while left is None or left > 0:
            limit = PAGE_LENGTH if left is None else min(PAGE_LENGTH, left)
            kept = await store.page(after=after, limit=limit, service=service)
            reports += [{"id": report.id, "report": base64.b64encode(report.body).decode()} for report in kept]
            if len(kept) < limit:
                break
            after, left = kept[-1].id, None if left is None else left - len(kept)
        return answer(reports=reports)

    app = json_application()
    app.router.add_post("/reports", receive)
    app.router.add_get("/reports", show)
    app.router.add_get("/reports/export", export)
    return app


def service_app(
    *,
    keys: KeyRing,
    ledger: LedgerTransactions,
    rng: Rng,
    clock: Clock,
    minimum_batch: int = DEFAULT_MINIMUM_BATCH,
    value_cap: int = DEFAULT_VALUE_CAP,
    noise: bool = True,
    protocol: ReportProtocol = HPKE_ENVELOPE,
) -> web.Application:
    """What the aggregation service runs; the parameters are those of :func:`agent.aggregation.service.aggregate`.

    ``POST /aggregate``   ``{"reports": [base64, ...], "epsilon": 1.0}`` -> the batch, or one error: 409 for a replay,
                          422 for another refusal, with the positions of the ``reports`` and the ``fields`` at fault
    ``GET /batches``      what was aggregated, oldest first; ``?after=ID&limit=N``
    ``GET /keys``         the public keys
    """

    async def aggregate(request: web.Request) -> web.Response:
        bodies, epsilon = _posted_batch(await read_body(request, MAX_BATCH_BYTES))
        # Opening is slow; in a thread it does not hold up the sites that share this event loop.
        batch = await asyncio.to_thread(
            read_batch,
            bodies,
            epsilon=epsilon,
            keys=keys,
            minimum_batch=minimum_batch,
            value_cap=value_cap,
            protocol=protocol,
        )
        if isinstance(batch, AggregationError):
            raise _refusal(batch)
        now = clock.now()
        result = await ledger.transact(lambda opened: settle(batch, ledger=opened, rng=rng, now=now, noise=noise))
        if isinstance(result, AggregationError):
            raise _refusal(result)
        return answer(**_batch_document(result.batch))

    async def batches(request: web.Request) -> web.Response:
        after, limit = query_number(request, "after") or 0, _page_length(request)
        found = await ledger.transact(lambda opened: opened.batches(after=after, limit=limit))
        return answer(batches=[_batch_document(batch) for batch in found])

    async def public_keys(request: web.Request) -> web.Response:
        del request
        return answer(keys=keys.public_entries())

    app = json_application()
    app.router.add_post("/aggregate", aggregate)
    app.router.add_get("/batches", batches)
    app.router.add_get("/keys", public_keys)
    return app


async def _posted_report(request: web.Request) -> bytes:
    if request.content_type == "application/json":
        document = json_object(await read_body(request, MAX_REPORT_BYTES), '{"report": base64}')
        return decode_base64(document.get("report"), "report")
    if request.content_type in REPORT_CONTENT_TYPES:
        return await read_body(request, MAX_REPORT_BYTES)
    raise RequestError(
        HTTPStatus.UNSUPPORTED_MEDIA_TYPE,
        "unsupported-content-type",
        f"a report does not come as {request.content_type}",
        f"post {_REPORT_FORM}",
    )


def _posted_batch(body: bytes) -> tuple[list[bytes], float]:
    document = json_object(body, _BATCH_FORM)
    reports, epsilon = document.get("reports"), document.get("epsilon")
    if not isinstance(reports, list):
        raise malformed_request("reports is not a list", f"post {_BATCH_FORM}")
    if not isinstance(epsilon, int | float) or isinstance(epsilon, bool):
        raise malformed_request("epsilon is not a number", f"post {_BATCH_FORM}")
    return [decode_base64(report, f"reports[{position}]") for position, report in enumerate(reports)], epsilon


def _page_length(request: web.Request) -> int:
    wanted = query_number(request, "limit")
    return PAGE_LENGTH if wanted is None else min(PAGE_LENGTH, wanted)


def _refusal(error: AggregationError) -> RequestError:
    # 409: the batch contradicts what was done before; 422: it was understood, and is refused for itself.
    replayed = error.code is AggregationErrorCode.REPLAYED_REPORT
    status = HTTPStatus.CONFLICT if replayed else HTTPStatus.UNPROCESSABLE_ENTITY
    return RequestError(status, error.code, error.message, error.fix, reports=error.reports, fields=error.fields)


def _shown(report: CollectedReport) -> dict[str, Any]:
    envelope = read_envelope(report.body)
    assert isinstance(envelope, Envelope)  # nothing else is kept
    return {
        "id": report.id,
        "received": format_instant(report.received),
        "bytes": len(report.body),
        "dialect": envelope.dialect,
        "service": envelope.service,
        "histogram_size": envelope.histogram_size,
        "key_id": envelope.key_id.hex(),
        "preview": envelope.sealed[:PREVIEW_BYTES].hex(),
    }


def _batch_document(batch: AggregatedBatch) -> dict[str, Any]:
    return asdict(batch) | {"time": format_instant(batch.time)}

"""The collector as aiohttp sub-applications: some take reports where browsers send them, another shows and exports.

The latter opens what is sealed with an aggregation service's test keys, which no real reporting origin has.
"""

from __future__ import annotations

import asyncio
import base64
import binascii
import json
import math
from collections.abc import Iterable
from typing import Any

from aiohttp import web

from agent.aggregation.batch_requests import add_batch_routes, query_kind
from agent.aggregation.collector import (
    ATTRIBUTION_PATHS,
    ATTRIBUTION_REPORTING,
    MAX_REPORT_BYTES,
    PRIVATE_AGGREGATION,
    PRIVATE_AGGREGATION_PATHS,
    Collector,
)
from agent.aggregation.json_api import answer, json_application, query_number, read_body
from agent.aggregation.received_report import SEALED_KINDS
from agent.crypto.aggregatable_payload import Payload, open_payload, read_payload
from agent.crypto.keys import KeyRing
from agent.model.attribution_reporting.collected import (
    CollectedAttributionReport,
    CollectedAttributionReports,
    Selection,
)
from agent.model.clock import Clock, format_instant

PAGE_LENGTH = 1_000
"""Most reports that one page of the list has."""


def add_receivers(app: web.Application, collector: Collector) -> None:
    """Let ``app`` take reports at every path that browsers send them to (section 10).

    Each ``POST`` is answered with ``{"stored": id}`` once it is durable; see :meth:`Collector.receive`.
    """
    for path in (*ATTRIBUTION_PATHS, *PRIVATE_AGGREGATION_PATHS):
        app.router.add_post(path, _receiver(collector, path))


def receiver_app(collector: Collector) -> web.Application:
    """Takes the reports of all APIs, and does nothing else."""
    app = json_application()
    add_receivers(app, collector)
    return app


def attribution_receiver_app(store: CollectedAttributionReports, clock: Clock) -> web.Application:
    """Takes the reports of Attribution Reporting alone; to be mounted at ``/.well-known/attribution-reporting/``."""
    return _mounted(Collector(store, clock), ATTRIBUTION_PATHS, ATTRIBUTION_REPORTING)


def private_aggregation_receiver_app(store: CollectedAttributionReports, clock: Clock) -> web.Application:
    """Takes the reports of Private Aggregation alone; to be mounted at ``/.well-known/private-aggregation/``."""
    return _mounted(Collector(store, clock), PRIVATE_AGGREGATION_PATHS, PRIVATE_AGGREGATION)


def attribution_reports_app(store: CollectedAttributionReports, keys: KeyRing) -> web.Application:
    """Shows what was received, beside what it says when it is opened with ``keys``, and exports it.

    ``GET /reports``         oldest first, ``?after=ID&limit=N&kind=KIND``: ``{"reports": [{"id", "received", "kind",
                             "report", "opened"}]}``. ``report`` is the body as JSON; ``opened`` lists the entries of
                             its payload, padding included, as ``{"bucket": "0x..", "value", "id"}``, and is null where
                             there is none or it does not open.
    ``GET /batches.avro``    one batch; see :func:`agent.aggregation.batch_requests.add_batch_routes`
    ``GET /batches.jsonl``
    """

    async def show(request: web.Request) -> web.Response:
        wanted = query_number(request, "limit")
        limit = PAGE_LENGTH if wanted is None else min(PAGE_LENGTH, wanted)
        selection = Selection(query_kind(request)) if "kind" in request.query else None
        kept = await store.page(after=query_number(request, "after") or 0, limit=limit, selection=selection)
        # Opening is slow; in a thread it does not hold up the sites that share this event loop.
        return answer(reports=await asyncio.to_thread(lambda: [_shown(report, keys) for report in kept]))

    app = json_application()
    app.router.add_get("/reports", show)
    add_batch_routes(app, store)
    return app


def _mounted(collector: Collector, paths: Iterable[str], prefix: str) -> web.Application:
    app = json_application()
    for path in paths:
        app.router.add_post(path.removeprefix(prefix), _receiver(collector, path))
    return app


def _receiver(collector: Collector, path: str) -> Any:
    async def receive(request: web.Request) -> web.Response:
        given = await collector.receive(path, request.content_type, await read_body(request, MAX_REPORT_BYTES))
        return web.json_response(given.document, status=given.status)

    return receive


def _shown(collected: CollectedAttributionReport, keys: KeyRing) -> dict[str, Any]:
    report = json.loads(collected.body, parse_float=_finite)
    return {
        "id": collected.id,
        "received": format_instant(collected.received),
        "kind": collected.kind,
        "report": report,
        "opened": _opened(report, keys) if collected.kind in SEALED_KINDS else None,
    }


def _finite(number: str) -> float | str:
    """A number of a report; one that JSON could not tell again, as text."""
    value = float(number)
    return value if math.isfinite(value) else number


def _opened(report: dict[str, Any], keys: KeyRing) -> list[dict[str, Any]] | None:
    entry = report["aggregation_service_payloads"][0]
    try:
        key = keys.find(bytes.fromhex(entry["key_id"]))
        sealed = base64.b64decode(entry["payload"], validate=True)
    except (ValueError, binascii.Error):
        return None
    plaintext = open_payload(sealed, report["shared_info"], key.private_key) if key else None
    payload = read_payload(plaintext) if plaintext is not None else None
    if not isinstance(payload, Payload):
        return None
    return [{"bucket": hex(entry.bucket), "value": entry.value, "id": entry.filtering_id} for entry in payload.data]

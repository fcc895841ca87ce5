"""What a reporting origin runs for the reports that browsers send: applications take them, another shows them.

The second opens what is sealed with an aggregation service's test keys, which no real reporting origin has.
"""

from __future__ import annotations

import asyncio
import base64
import binascii
import json
from collections.abc import Mapping
from http import HTTPStatus
from typing import Any

from aiohttp import web

from agent.aggregation.json_api import RequestError, answer, json_application, query_number, read_body
from agent.crypto.aggregatable_payload import Payload, open_payload, read_payload
from agent.crypto.keys import KeyRing
from agent.model.attribution_reporting.collected import CollectedAttributionReport, CollectedAttributionReports
from agent.model.clock import Clock, format_instant
from agent.model.reports import ReportKind

MAX_REPORT_BYTES = 1 << 20
PAGE_LENGTH = 1_000
"""Most reports that one page of the list has."""
ATTRIBUTION_PATHS = {
    "/report-event-attribution": ReportKind.EVENT_LEVEL,
    "/report-aggregate-attribution": ReportKind.AGGREGATABLE,
    "/debug/report-event-attribution": ReportKind.EVENT_LEVEL_DEBUG,
    "/debug/report-aggregate-attribution": ReportKind.AGGREGATABLE_DEBUG,
    "/debug/report-aggregate-debug": ReportKind.AGGREGATE_DEBUG,
    "/debug/verbose": ReportKind.VERBOSE_DEBUG,
}
"""Where browsers send each kind, below ``/.well-known/attribution-reporting``."""
PRIVATE_AGGREGATION_PATHS = {
    "/report-shared-storage": ReportKind.PRIVATE_AGGREGATION,
    "/report-protected-audience": ReportKind.PRIVATE_AGGREGATION,
    "/debug/report-shared-storage": ReportKind.PRIVATE_AGGREGATION_DEBUG,
    "/debug/report-protected-audience": ReportKind.PRIVATE_AGGREGATION_DEBUG,
}
"""The same below ``/.well-known/private-aggregation``."""
_EVENT_LEVEL_KINDS = {ReportKind.EVENT_LEVEL, ReportKind.EVENT_LEVEL_DEBUG}
_SEALED_KINDS = {
    ReportKind.AGGREGATABLE,
    ReportKind.AGGREGATABLE_DEBUG,
    ReportKind.AGGREGATE_DEBUG,
    ReportKind.PRIVATE_AGGREGATION,
    ReportKind.PRIVATE_AGGREGATION_DEBUG,
}


def attribution_receiver_app(store: CollectedAttributionReports, clock: Clock) -> web.Application:
    """Takes the reports of Attribution Reporting; to be mounted at ``/.well-known/attribution-reporting/``.

    Each ``POST`` is answered with ``{"stored": id}`` once it is durable, or with 400 where it is no report.
    """
    return _receiver_app(ATTRIBUTION_PATHS, store, clock)


def private_aggregation_receiver_app(store: CollectedAttributionReports, clock: Clock) -> web.Application:
    """Takes the reports of Private Aggregation, with the same answers; for ``/.well-known/private-aggregation/``."""
    return _receiver_app(PRIVATE_AGGREGATION_PATHS, store, clock)


def attribution_reports_app(store: CollectedAttributionReports, keys: KeyRing) -> web.Application:
    """Shows what was received, beside what it says when it is opened with ``keys``.

    ``GET /reports``   oldest first, ``?after=ID&limit=N``: ``{"reports": [{"id", "received", "kind", "report",
                       "opened"}]}``. ``report`` is the body as JSON; ``opened`` lists the entries of its payload,
                       padding included, as ``{"bucket": "0x..", "value", "id"}``, and is null where there is none
                       or it does not open.
    """

    async def show(request: web.Request) -> web.Response:
        wanted = query_number(request, "limit")
        limit = PAGE_LENGTH if wanted is None else min(PAGE_LENGTH, wanted)
        kept = await store.page(after=query_number(request, "after") or 0, limit=limit)
        # Opening is slow; in a thread it does not hold up the sites that share this event loop.
        return answer(reports=await asyncio.to_thread(lambda: [_shown(report, keys) for report in kept]))

    app = json_application()
    app.router.add_get("/reports", show)
    return app


def _receiver_app(paths: Mapping[str, ReportKind], store: CollectedAttributionReports, clock: Clock) -> web.Application:
    app = json_application()
    for path, kind in paths.items():
        app.router.add_post(path, _receiver(kind, store, clock))
    return app


def _receiver(kind: ReportKind, store: CollectedAttributionReports, clock: Clock) -> Any:
    async def receive(request: web.Request) -> web.Response:
        body = await read_body(request, MAX_REPORT_BYTES)
        report_id = _report_id(kind, body)
        return answer(stored=await store.add(kind, body, report_id=report_id, received=clock.now()))

    return receive


def _report_id(kind: ReportKind, body: bytes) -> str | None:
    """The name of a report, None for a list of debug messages, which has none. Raises RequestError for neither."""
    try:
        report = json.loads(body)
        info = json.loads(report["shared_info"]) if isinstance(report, dict) and "shared_info" in report else None
    except (ValueError, TypeError, RecursionError) as error:
        raise _no_report(kind, f"it is not JSON: {error}") from None
    match report:
        case [*messages] if kind is ReportKind.VERBOSE_DEBUG:
            if all(isinstance(message, dict) and {"type", "body"} <= message.keys() for message in messages):
                return None
        case {"report_id": str(report_id), "source_event_id": str()} if kind in _EVENT_LEVEL_KINDS:
            return report_id
        case {"aggregation_service_payloads": [{"key_id": str(), "payload": str()}, *_]} if kind in _SEALED_KINDS:
            if isinstance(info, dict) and isinstance(info.get("report_id"), str):
                return str(info["report_id"])
    raise _no_report(kind, "members are missing")


def _no_report(kind: ReportKind, why: str) -> RequestError:
    fix = "post the body as a browser makes it"
    return RequestError(HTTPStatus.BAD_REQUEST, "malformed-report", f"this is no {kind} report: {why}", fix)


def _shown(collected: CollectedAttributionReport, keys: KeyRing) -> dict[str, Any]:
    report = json.loads(collected.body)
    sealed = isinstance(report, dict) and "aggregation_service_payloads" in report
    return {
        "id": collected.id,
        "received": format_instant(collected.received),
        "kind": collected.kind,
        "report": report,
        "opened": _opened(report, keys) if sealed else None,
    }


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

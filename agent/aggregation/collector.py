"""What a reporting origin runs for the reports that browsers send: it keeps them, which it cannot read.

Free of any web framework: :class:`Collector` takes what a request has and gives what to answer.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any

from agent.aggregation.received_report import NotAReportError, read_report
from agent.model.attribution_reporting.collected import CollectedAttributionReports
from agent.model.clock import Clock
from agent.model.errors import TallyhostError
from agent.model.reports import ReportKind

MAX_REPORT_BYTES = 1 << 20
ATTRIBUTION_REPORTING = "/.well-known/attribution-reporting"
PRIVATE_AGGREGATION = "/.well-known/private-aggregation"
ATTRIBUTION_PATHS: Mapping[str, ReportKind] = {
    f"{ATTRIBUTION_REPORTING}/report-event-attribution": ReportKind.EVENT_LEVEL,
    f"{ATTRIBUTION_REPORTING}/report-aggregate-attribution": ReportKind.AGGREGATABLE,
    f"{ATTRIBUTION_REPORTING}/debug/report-event-attribution": ReportKind.EVENT_LEVEL_DEBUG,
    f"{ATTRIBUTION_REPORTING}/debug/report-aggregate-attribution": ReportKind.AGGREGATABLE_DEBUG,
    f"{ATTRIBUTION_REPORTING}/debug/report-aggregate-debug": ReportKind.AGGREGATE_DEBUG,
    f"{ATTRIBUTION_REPORTING}/debug/verbose": ReportKind.VERBOSE_DEBUG,
}
"""Where browsers send each kind of Attribution Reporting (aggregation service, section 10)."""
PRIVATE_AGGREGATION_PATHS: Mapping[str, ReportKind] = {
    f"{PRIVATE_AGGREGATION}/report-shared-storage": ReportKind.PRIVATE_AGGREGATION,
    f"{PRIVATE_AGGREGATION}/report-protected-audience": ReportKind.PRIVATE_AGGREGATION,
    f"{PRIVATE_AGGREGATION}/debug/report-shared-storage": ReportKind.PRIVATE_AGGREGATION_DEBUG,
    f"{PRIVATE_AGGREGATION}/debug/report-protected-audience": ReportKind.PRIVATE_AGGREGATION_DEBUG,
}
"""The same for Private Aggregation."""
_KINDS = {**ATTRIBUTION_PATHS, **PRIVATE_AGGREGATION_PATHS}


@dataclass(frozen=True, slots=True)
class Answer:
    """The response to a report."""

    status: int
    document: Mapping[str, Any]
    """Its body, to be written as JSON: ``{"schema": 1, "stored": id}`` with 200, ``{"schema": 1, "error": {"code",
    "message", "fix"}}`` otherwise."""


class Collector:
    """The ``.well-known`` endpoints of one reporting origin."""

    def __init__(self, store: CollectedAttributionReports, clock: Clock) -> None:
        self._store, self._clock = store, clock

    async def receive(self, path: str, content_type: str, body: bytes) -> Answer:
        """Take what was posted to ``path``, the URL's whole path; 200 only once the report is durable.

        404 for a path of no report, 413 for more than 1 MiB, 400 for what is no report, 503 where it cannot be kept.
        Browsers say ``application/json``; like real collectors this one takes what its body shows to be a report,
        whatever ``content_type`` says, and names it where the body is none.
        """
        kind = _KINDS.get(path)
        if kind is None:
            return _error(HTTPStatus.NOT_FOUND, "unknown-path", f"no report is sent to {path}", ", ".join(_KINDS))
        if len(body) > MAX_REPORT_BYTES:
            message = f"the body has {len(body)} bytes; {MAX_REPORT_BYTES} are allowed"
            return _error(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, "report-too-long", message, "post one report")
        try:
            report = read_report(kind, body, self._clock.now())
        except NotAReportError as error:
            came = f"; it came as {content_type}" if content_type not in {"", "application/json"} else ""
            message, fix = f"this is no {kind} report: {error}{came}", "post the body as a browser makes it"
            return _error(HTTPStatus.BAD_REQUEST, "malformed-report", message, fix)
        try:
            stored = await self._store.add(report)
        except Exception as error:
            # Whatever a store fails with, the report is not kept, and only an answer other than 200 says so.
            logging.getLogger("tallyhost").warning("a report was not kept", exc_info=error)
            # Where it failed is for the log: who sends reports need not know this machine's folders.
            reason = error.what if isinstance(error, TallyhostError) else "the store failed"
            message, fix = f"the report was not kept: {reason}", "send it again"
            return _error(HTTPStatus.SERVICE_UNAVAILABLE, "not-stored", message, fix)
        return Answer(HTTPStatus.OK, {"schema": 1, "stored": stored})


def _error(status: HTTPStatus, code: str, message: str, fix: str) -> Answer:
    return Answer(status, {"schema": 1, "error": {"code": code, "message": message, "fix": fix}})

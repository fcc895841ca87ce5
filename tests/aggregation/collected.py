"""Reports as browsers post them, and shelves to keep them on."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator
from typing import Any

from agent.model.attribution_reporting.collected import CollectedAttributionReport, ReceivedReport, Selection
from agent.model.clock import SECOND
from agent.model.reports import ReportKind

NOW = 1_800_000_000_000
"""The beginning of an hour."""
WELL_KNOWN = "/.well-known/attribution-reporting"
AGGREGATE = f"{WELL_KNOWN}/report-aggregate-attribution"


def shared_info(report_id: str | None = "a", **more: Any) -> str:
    """What Chromium writes, in its order; a member that is None is left out."""
    said = {
        "api": "attribution-reporting",
        "attribution_destination": "https://shop.test",
        "report_id": report_id,
        "reporting_origin": "https://adtech.test",
        "scheduled_report_time": str(NOW // SECOND),
        "version": "1.0",
    }
    members = sorted((said | more).items())
    return json.dumps({name: value for name, value in members if value is not None}, separators=(",", ":"))


def element(payload: bytes = b"sealed", key_id: str = "k1", clear_text: bytes | None = None) -> dict[str, str]:
    entry = {"key_id": key_id, "payload": base64.b64encode(payload).decode()}
    if clear_text is not None:
        entry["debug_cleartext_payload"] = base64.b64encode(clear_text).decode()
    return entry


def sealed_report(report_id: str | None = "a", *elements: Any, **more: Any) -> bytes:
    """The body of an aggregatable report."""
    document = {
        "aggregation_coordinator_origin": "https://coordinator.test",
        "aggregation_service_payloads": list(elements or (element(),)),
        "shared_info": shared_info(report_id, **more),
    }
    return json.dumps(document).encode()


class Shelf:
    """Reports in memory; what is asked for is noted."""

    def __init__(self, kind: ReportKind = ReportKind.AGGREGATABLE, *bodies: bytes) -> None:
        self.reports = [CollectedAttributionReport(number, NOW, kind, body) for number, body in enumerate(bodies, 1)]
        self.asked: list[tuple[int, int]] = []

    async def add(self, report: ReceivedReport) -> int:
        self.reports.append(
            CollectedAttributionReport(len(self.reports) + 1, report.received, report.kind, report.body)
        )
        return len(self.reports)

    async def page(
        self, *, after: int, limit: int, selection: Selection | None = None
    ) -> list[CollectedAttributionReport]:
        self.asked.append((after, limit))
        wanted: Iterator[CollectedAttributionReport] = (
            report
            for report in self.reports
            if report.id > after and (selection is None or report.kind is selection.kind)
        )
        return [report for report, _ in zip(wanted, range(limit), strict=False)]

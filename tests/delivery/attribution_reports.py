"""Reports of Attribution Reporting, as tests of their delivery need them."""

from __future__ import annotations

from dataclasses import replace

from agent.model.attribution_reporting.registrations import SourceType
from agent.model.attribution_reporting.reports import (
    AggregatableContent,
    Contribution,
    DebugItem,
    EventLevelContent,
    VerboseContent,
)
from agent.model.reports import Report, ReportContent, ReportKind, ReportState

NOW = 1_767_603_600_000
ORIGIN = "https://reporter.test"
WELL_KNOWN = f"{ORIGIN}/.well-known/attribution-reporting"
COORDINATOR = "https://coordinator.test"
REPORT_ID = "00000000-0000-4000-8000-000000000001"

EVENT_LEVEL = EventLevelContent(
    reporting_origin=ORIGIN,
    report_id=REPORT_ID,
    destinations=("https://shop.test",),
    randomized_trigger_rate=0.0000025,
    source_event_id=123,
    source_type=SourceType.EVENT,
    trigger_data=1,
    trigger_time=NOW,
    report_time=NOW,
)
AGGREGATABLE = AggregatableContent(
    reporting_origin=ORIGIN,
    report_id=REPORT_ID,
    attribution_destination="https://shop.test",
    report_time=NOW,
    coordinator=COORDINATOR,
    contributions=(Contribution(0x559, 32_768), Contribution(0xA85, 1_664)),
)
VERBOSE = VerboseContent(ORIGIN, (DebugItem("source-success", {"source_event_id": "1"}),))
CONTENTS: dict[ReportKind, tuple[ReportContent, str]] = {
    ReportKind.EVENT_LEVEL: (EVENT_LEVEL, "report-event-attribution"),
    ReportKind.AGGREGATABLE: (AGGREGATABLE, "report-aggregate-attribution"),
    ReportKind.EVENT_LEVEL_DEBUG: (replace(EVENT_LEVEL, debug_copy=True), "debug/report-event-attribution"),
    ReportKind.AGGREGATABLE_DEBUG: (replace(AGGREGATABLE, debug_copy=True), "debug/report-aggregate-attribution"),
    ReportKind.VERBOSE_DEBUG: (VERBOSE, "debug/verbose"),
    ReportKind.AGGREGATE_DEBUG: (replace(AGGREGATABLE, aggregatable_debug=True), "debug/report-aggregate-debug"),
}
"""What each kind says, and the end of its path."""
REAL = (ReportKind.EVENT_LEVEL, ReportKind.AGGREGATABLE)
SEALED = (ReportKind.AGGREGATABLE, ReportKind.AGGREGATABLE_DEBUG, ReportKind.AGGREGATE_DEBUG)
DEBUG = tuple(kind for kind in CONTENTS if kind not in REAL)


def attribution_report(kind: ReportKind = ReportKind.EVENT_LEVEL, number: int = 1, due: int = NOW) -> Report:
    """A pending report of ``kind``, due at ``due``."""
    content, path = CONTENTS[kind]
    return Report(
        id=f"{number:032x}",
        kind=kind,
        created=NOW,
        content=content,
        delivered_to=f"{WELL_KNOWN}/{path}",
        state=ReportState.PENDING,
        next_attempt=due,
    )

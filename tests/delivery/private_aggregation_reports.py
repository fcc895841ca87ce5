"""Reports of Private Aggregation, as tests of their delivery need them."""

from __future__ import annotations

from dataclasses import replace

from agent.model.attribution_reporting.reports import Contribution
from agent.model.private_aggregation import DebugDetails, PrivateAggregationApi, PrivateAggregationContent
from agent.model.reports import Report, ReportState, kind_of
from tests.delivery.attribution_reports import COORDINATOR, NOW, ORIGIN, REPORT_ID

WELL_KNOWN = f"{ORIGIN}/.well-known/private-aggregation"
CONTENT = PrivateAggregationContent(
    api=PrivateAggregationApi.SHARED_STORAGE,
    reporting_origin=ORIGIN,
    report_id=REPORT_ID,
    scheduled_report_time=NOW,
    coordinator=COORDINATOR,
    max_contributions=20,
    contributions=(Contribution(1369, 128),),
)
DEBUG_COPY = replace(CONTENT, debug=DebugDetails(enabled=True, key=7), debug_copy=True)


def private_aggregation_report(content: PrivateAggregationContent = CONTENT, number: int = 1, due: int = NOW) -> Report:
    """A pending report that says ``content``, due at ``due``."""
    return Report(
        id=f"{number:032x}",
        kind=kind_of(content),
        created=NOW,
        content=content,
        delivered_to=f"{WELL_KNOWN}/{'debug/' if content.debug_copy else ''}report-{content.api}",
        state=ReportState.PENDING,
        next_attempt=due,
    )

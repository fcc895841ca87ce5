"""What Attribution Reporting sent to the measurement company of the demo, beside what was true."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from agent.model.attribution_reporting.registrations import SourceType
from agent.model.attribution_reporting.verdicts import SOURCE_REGISTRATION, TRIGGER_REGISTRATION
from agent.model.events import Event
from agent.model.reports import ReportKind
from agent.reporting.model import AttributionReportingSummary, CampaignReports
from sites import story

_DEBUG = {
    ReportKind.EVENT_LEVEL_DEBUG,
    ReportKind.AGGREGATABLE_DEBUG,
    ReportKind.VERBOSE_DEBUG,
    ReportKind.AGGREGATE_DEBUG,
}
"""Those of Attribution Reporting."""


@dataclass(slots=True)
class Tally:
    """What was true, by the campaign's number: only the users' browsers know it."""

    ads: Counter[tuple[str, str]] = field(default_factory=Counter)
    """Sources by campaign and source type."""
    purchases: Counter[str] = field(default_factory=Counter)
    """Triggers that were matched with a source of a campaign."""
    _campaigns: dict[tuple[int, int], str] = field(default_factory=dict)
    """Campaign of each source by user and source id."""

    def add(self, user: int, events: Iterable[Event]) -> None:
        """Count what the events of a user say."""
        for event in events:
            source = event.data.get("source")
            if event.kind == SOURCE_REGISTRATION and source:
                campaign = event.data["source_event_id"]
                self._campaigns[user, source] = campaign
                self.ads[campaign, event.data["source_type"]] += 1
            elif event.kind == TRIGGER_REGISTRATION and source:
                self.purchases[self._campaigns[user, source]] += 1


def summary_of(tally: Tally, arrived: Iterable[Mapping[str, Any]]) -> AttributionReportingSummary:
    """What ``arrived``, as the collector lists it, comes to beside the ``tally``."""
    reports = list(arrived)
    event_level = [one["report"] for one in reports if one["kind"] == ReportKind.EVENT_LEVEL]
    counts = Counter(report["source_event_id"] for report in event_level)
    rates = {report["source_type"]: float(report["randomized_trigger_rate"]) for report in event_level}
    return AttributionReportingSummary(
        campaigns=tuple(
            CampaignReports(
                label=campaign.label,
                seen=tally.ads[number, SourceType.EVENT],
                clicked=tally.ads[number, SourceType.NAVIGATION],
                purchases=tally.purchases[number],
                event_level=counts[number],
            )
            for campaign in story.CAMPAIGNS
            for number in (str(campaign.number),)
        ),
        aggregatable=sum(one["kind"] == ReportKind.AGGREGATABLE for one in reports),
        debug=sum(ReportKind(one["kind"]) in _DEBUG for one in reports),
        noise_of_views=rates.get(SourceType.EVENT),
        noise_of_clicks=rates.get(SourceType.NAVIGATION),
    )

"""What a finished demo run hands over to be shown.

Times are milliseconds since 1970, budgets are micro-epsilon; sums and their noise are in the units of their part.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

from agent.model.attribution import Dialect
from agent.model.ledger import AggregatedBatch

API_NAMES = {Dialect.CURRENT: "navigator.attribution", Dialect.LEVEL1_2024: "navigator.privateAttribution"}
"""How a page calls each dialect."""


@dataclass(frozen=True, slots=True)
class Unit:
    """What numbers of a summary count."""

    name: str
    """In the plural, such as ``purchases``."""
    heading: str
    """What each row is about."""


PURCHASES, EUROS, BROWSERS = Unit("purchases", "Campaign"), Unit("euros", "Product"), Unit("browsers", "Campaign")


class RowKind(StrEnum):
    """What a row of the timeline is about; decides its colour."""

    IMPRESSION = "impression"
    SOURCE = "source"
    CONVERSION = "conversion"
    TRIGGER = "trigger"
    REACH = "reach"
    REPORT = "report"
    AGGREGATION = "aggregation"
    CLOCK = "clock"


@dataclass(frozen=True, slots=True)
class TimelineRow:
    """One thing that happened."""

    time: int
    user: str
    """Name of the user, empty where it was nobody's doing."""
    site: str
    """Host where it happened, empty for the clock."""
    text: str
    kind: RowKind


@dataclass(frozen=True, slots=True)
class SummaryRow:
    """One bucket of a summary, before and after the noise; in units of what the bucket stands for."""

    label: str
    true: float
    """What was true: after the browsers' budgets, before the noise."""
    noised: float
    p5: float
    """Lower end of the interval, read off ``noised``, that holds the true sum with at least 90 % confidence."""
    p95: float
    """Upper end of that interval."""
    bucket: str = ""
    """In hexadecimal, such as ``0x559``; empty for one of a histogram."""


@dataclass(frozen=True, slots=True)
class SummaryPart:
    """The buckets of a summary that count the same thing."""

    unit: Unit
    scale: float
    """Scale of the discrete Laplace noise, in units; 0 means that noise was off."""
    standard_deviation: float
    """Of the noise of one bucket, in units."""
    rows: tuple[SummaryRow, ...]
    decimals: int = 0
    """With how many the numbers are shown."""

    def text(self, value: float) -> str:
        """A number of units, as it is shown."""
        return f"{value:z,.{self.decimals}f}"

    def interval(self, row: SummaryRow) -> str:
        """The interval of ``row``, rounded outwards, so that it holds what it held."""
        step = 10**self.decimals
        return f"{self.text(math.floor(row.p5 * step) / step)} to {self.text(math.ceil(row.p95 * step) / step)}"


@dataclass(frozen=True, slots=True)
class ApiSummary:
    """What the aggregation service answered about one batch of an API's reports."""

    api: str
    parts: tuple[SummaryPart, ...]
    reports: int
    epsilon: float
    minimum_batch: int | None = None
    """Fewest reports that the service opens together; None where there is no such limit."""
    units: int | None = None
    """Budget units that the job spent; None where browsers keep the budget."""

    @classmethod
    def of_batch(cls, batch: AggregatedBatch, true_histogram: Sequence[int], labels: Sequence[str]) -> ApiSummary:
        """The summary of a batch of W3C Attribution; the sequences are as long as its histogram, else ValueError."""
        rows = zip(labels, true_histogram, batch.histogram, batch.p5, batch.p95, strict=True)
        part = SummaryPart(
            unit=PURCHASES,
            scale=batch.scale if batch.noise else 0,
            standard_deviation=batch.standard_deviation,
            rows=tuple(SummaryRow(*row) for row in rows),
        )
        return cls(API_NAMES[batch.dialect], (part,), batch.reports, batch.epsilon, batch.minimum_batch)


@dataclass(frozen=True, slots=True)
class WeekBudget:
    """How much of one user's weekly budget for a site was spent, in micro-epsilon."""

    user: str
    site: str
    week: int
    """Number of the simulated week, from 1."""
    spent: int
    available: int
    """What the week began with."""


@dataclass(frozen=True, slots=True)
class CampaignReports:
    """What Attribution Reporting counted for one campaign, beside what was true."""

    label: str
    seen: int
    """Ads of it that were registered when seen."""
    clicked: int
    """Ads of it that were registered when clicked."""
    purchases: int
    """Purchases that the users' browsers matched with one of its ads: the truth, which nobody is told."""
    event_level: int
    """Event-level reports about it that arrived."""


@dataclass(frozen=True, slots=True)
class AttributionReportingSummary:
    """What Attribution Reporting sent to the measurement company."""

    campaigns: tuple[CampaignReports, ...]
    aggregatable: int
    """Aggregatable reports that arrived, null reports included."""
    debug: int
    """Reports for debugging that arrived: copies and messages."""
    noise_of_views: float | None
    """How likely the reports of an ad that was seen were made up, as they say themselves; None where none arrived."""
    noise_of_clicks: float | None
    """The same of an ad that was clicked."""


@dataclass(frozen=True, slots=True)
class ReachedCampaign:
    """How many browsers saw a campaign, on whichever site, beside how often it was shown."""

    sites: tuple[str, ...]
    """Hosts that show it."""
    shown: int
    """How often it was shown, to anybody: what a server can count."""
    browsers: SummaryRow
    """``true``: browsers that saw it; ``noised``: what the aggregation service answered."""
    times: int = 1
    """How often a browser must have seen it to be counted."""


@dataclass(frozen=True, slots=True)
class ShownCreative:
    """One of the pictures that take turns, as selectURL chose them."""

    label: str
    shown: int


@dataclass(frozen=True, slots=True)
class ReachSummary:
    """What Private Aggregation told the measurement company out of Shared Storage."""

    campaigns: tuple[ReachedCampaign, ...]
    creatives: tuple[ShownCreative, ...]
    poster: str
    """Label of the campaign whose creatives they are."""


@dataclass(frozen=True, slots=True)
class DemoRun:
    """A whole run, ready to be shown."""

    seed: int
    started: int
    ended: int
    users: int
    weeks: int
    timeline: tuple[TimelineRow, ...]
    """In order of time."""
    summaries: tuple[ApiSummary, ...]
    """One for each batch that the aggregation service summed."""
    attribution_reporting: AttributionReportingSummary
    reach: ReachSummary
    budgets: tuple[WeekBudget, ...]
    """A pair of user and week that is missing has spent nothing."""
    notes: tuple[str, ...] = ()

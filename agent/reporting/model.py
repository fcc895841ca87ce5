"""What a finished demo run hands over to be shown; plain facts, no formatting.

Times are milliseconds since 1970, budgets are micro-epsilon, sums are in units of conversion value.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

from agent.model.attribution import Dialect
from agent.model.ledger import AggregatedBatch

API_NAMES = {Dialect.CURRENT: "navigator.attribution", Dialect.LEVEL1_2024: "navigator.privateAttribution"}
"""How a page calls each dialect."""


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
class Campaign:
    """One bucket of a histogram, before and after the noise."""

    label: str
    true: int
    """Sum of what the sealed reports held: after budgets, before noise."""
    noised: int
    standard_deviation: float
    """Of the noise."""
    p5: int
    """Lower end of the interval, read off ``noised``, that holds the true sum with at least 90 % confidence."""
    p95: int
    """Upper end of that interval."""


@dataclass(frozen=True, slots=True)
class BatchFacts:
    """How the batch was aggregated."""

    reports: int
    minimum_batch: int
    epsilon: float
    scale: float
    """Scale of the discrete Laplace noise; 0 means that noise was off."""


@dataclass(frozen=True, slots=True)
class ApiSummary:
    """What one dialect's batch came to."""

    dialect: Dialect
    campaigns: tuple[Campaign, ...]
    batch: BatchFacts

    @property
    def api(self) -> str:
        """``navigator.attribution`` or ``navigator.privateAttribution``."""
        return API_NAMES[self.dialect]

    @classmethod
    def of_batch(cls, batch: AggregatedBatch, true_histogram: Sequence[int], labels: Sequence[str]) -> ApiSummary:
        """The summary of an aggregated batch; ``true_histogram`` and ``labels`` are as long as its histogram.

        Raises ValueError where they are not.
        """
        rows = zip(labels, true_histogram, batch.histogram, batch.p5, batch.p95, strict=True)
        return cls(
            dialect=batch.dialect,
            campaigns=tuple(
                Campaign(label, true, noised, batch.standard_deviation, p5, p95)
                for label, true, noised, p5, p95 in rows
            ),
            batch=BatchFacts(
                reports=batch.reports,
                minimum_batch=batch.minimum_batch,
                epsilon=batch.epsilon,
                scale=batch.scale if batch.noise else 0,
            ),
        )


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
class OpenedBucket:
    """The sum of one bucket over all aggregatable reports that arrived, opened and without noise."""

    bucket: str
    """In hexadecimal, such as ``0x559``."""
    text: str
    """What it stands for."""
    value: int
    amount: float
    """``value`` in units of what it stands for."""
    unit: str
    """``bought`` or ``€``."""


@dataclass(frozen=True, slots=True)
class AttributionReportingSummary:
    """What Attribution Reporting sent to the measurement company."""

    campaigns: tuple[CampaignReports, ...]
    buckets: tuple[OpenedBucket, ...]
    """In order of their numbers."""
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
    browsers: Campaign
    """``true``: browsers that saw it; ``noised``: what the opened reports and the noise add up to."""


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
    reports: int
    epsilon: float
    scale: float
    """Scale of the discrete Laplace noise, in browsers."""


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
    apis: tuple[ApiSummary, ...]
    attribution_reporting: AttributionReportingSummary
    reach: ReachSummary
    budgets: tuple[WeekBudget, ...]
    """A pair of user and week that is missing has spent nothing."""
    notes: tuple[str, ...] = ()

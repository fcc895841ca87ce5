"""A small finished run, written by hand."""

from __future__ import annotations

from agent.model.attribution import Dialect
from agent.model.clock import DAY, DEFAULT_FROZEN_START, HOUR
from agent.reporting.model import (
    ApiSummary,
    AttributionReportingSummary,
    BatchFacts,
    Campaign,
    CampaignReports,
    DemoRun,
    OpenedBucket,
    ReachedCampaign,
    ReachSummary,
    RowKind,
    ShownCreative,
    TimelineRow,
    WeekBudget,
)

START = DEFAULT_FROZEN_START
USERS = tuple(f"user {number}" for number in range(1, 13))


def _timeline() -> tuple[TimelineRow, ...]:
    rows = []
    for number, user in enumerate(USERS):
        for week in range(3):
            time = START + (week * 7 + number % 5) * DAY + number * HOUR
            rows.append(TimelineRow(time, user, "news.test", f"saw campaign {number % 4}", RowKind.IMPRESSION))
            if (number + week) % 2:
                rows.append(TimelineRow(time + DAY, user, "shop.test", "bought a lamp", RowKind.CONVERSION))
                rows.append(TimelineRow(time + DAY, user, "adtech.test", "received 632 bytes", RowKind.REPORT))
    rows.append(TimelineRow(START + 20 * DAY, "", "aggregator.test", "summed 20 reports", RowKind.AGGREGATION))
    return tuple(sorted(rows, key=lambda row: row.time))


SUMMARY = ApiSummary(
    dialect=Dialect.CURRENT,
    campaigns=(
        Campaign("Front page banner", 12, 9, 5.6, 0, 18),
        Campaign("Article sidebar", 7, 11, 5.6, 2, 20),
        Campaign("Newsletter", 0, -3, 5.6, -12, 6),
        Campaign("Video", 14, 15, 5.6, 6, 24),
    ),
    batch=BatchFacts(reports=36, minimum_batch=20, epsilon=0.5, scale=4),
)
EXACT = ApiSummary(
    dialect=Dialect.LEVEL1_2024,
    campaigns=(
        Campaign("Front page banner", 12, 12, 0, 12, 12),
        Campaign("Article sidebar", 7, 7, 0, 7, 7),
        Campaign("Newsletter", 0, 0, 0, 0, 0),
        Campaign("Video", 14, 14, 0, 14, 14),
    ),
    batch=BatchFacts(reports=36, minimum_batch=20, epsilon=0.5, scale=0),
)
ARRIVED = AttributionReportingSummary(
    campaigns=(CampaignReports("Front page banner", 14, 5, 9, 8), CampaignReports("Newsletter", 4, 0, 1, 1)),
    buckets=(
        OpenedBucket("0x559", "Front page banner", 262_144, 8, "bought"),
        OpenedBucket("0xa85", "region 5, Heron desk lamp", 3328, 104, "€"),
    ),
    aggregatable=11,
    debug=3,
    noise_of_views=0.0000058,
    noise_of_clicks=0.0024263,
)
REACHED = ReachSummary(
    campaigns=(
        ReachedCampaign(("news.test",), 9, Campaign("Article sidebar", 7, 8, 2.8, 3, 13)),
        ReachedCampaign(("news.test", "shop.test"), 31, Campaign("Mending days", 11, 10, 2.8, 5, 15)),
    ),
    creatives=(ShownCreative("Bring the lamp", 14), ShownCreative("Bring the chair", 10)),
    poster="Mending days",
    reports=18,
    epsilon=2,
    scale=2,
)
RUN = DemoRun(
    seed=7,
    started=START,
    ended=START + 21 * DAY,
    users=len(USERS),
    weeks=3,
    timeline=_timeline(),
    apis=(SUMMARY, EXACT),
    attribution_reporting=ARRIVED,
    reach=REACHED,
    budgets=tuple(
        WeekBudget(user, "shop.test", week, (number + week) % 3 * 500_000, 1_000_000)
        for number, user in enumerate(USERS)
        for week in (1, 2, 3)
    ),
    notes=("user 3 switched the API off; the reports of user 3 look like all others.",),
)

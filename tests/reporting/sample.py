"""A small finished run, written by hand."""

from __future__ import annotations

from agent.model.clock import DAY, DEFAULT_FROZEN_START, HOUR
from agent.reporting.model import (
    BROWSERS,
    EUROS,
    PURCHASES,
    ApiSummary,
    AttributionReportingSummary,
    CampaignReports,
    DemoRun,
    ReachedCampaign,
    ReachSummary,
    RowKind,
    ShownCreative,
    SummaryPart,
    SummaryRow,
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


HISTOGRAM = SummaryPart(
    unit=PURCHASES,
    scale=4,
    standard_deviation=5.6,
    rows=(
        SummaryRow("Front page banner", 12, 9, 0, 18),
        SummaryRow("Article sidebar", 7, 11, 2, 20),
        SummaryRow("Newsletter", 0, -3, -12, 6),
        SummaryRow("Video", 14, 15, 6, 24),
    ),
)
SUMMARY = ApiSummary("navigator.attribution", (HISTOGRAM,), reports=36, epsilon=0.5, minimum_batch=20)
EXACT = ApiSummary(
    "navigator.privateAttribution",
    (
        SummaryPart(
            unit=PURCHASES,
            scale=0,
            standard_deviation=0,
            rows=(
                SummaryRow("Front page banner", 12, 12, 12, 12),
                SummaryRow("Article sidebar", 7, 7, 7, 7),
                SummaryRow("Newsletter", 0, 0, 0, 0),
                SummaryRow("Video", 14, 14, 14, 14),
            ),
        ),
    ),
    reports=36,
    epsilon=0.5,
    minimum_batch=20,
)
COUNTS = SummaryPart(
    unit=PURCHASES,
    scale=0.2,
    standard_deviation=0.2828,
    rows=(
        SummaryRow("Front page banner", 8, 8.131, 7.672, 8.59, bucket="0x559"),
        SummaryRow("Newsletter", 1, 0.961, 0.502, 1.42, bucket="0x55b"),
    ),
    decimals=1,
)
PRICES = SummaryPart(
    unit=EUROS,
    scale=204.8,
    standard_deviation=289.6,
    rows=(SummaryRow("region 5, Heron desk lamp", 104, -71.2, -541.2, 398.8, bucket="0xa85"),),
)
JOB = ApiSummary("Attribution Reporting", (COUNTS, PRICES), reports=11, epsilon=10, units=9)
ARRIVED = AttributionReportingSummary(
    campaigns=(CampaignReports("Front page banner", 14, 5, 9, 8), CampaignReports("Newsletter", 4, 0, 1, 1)),
    aggregatable=11,
    debug=3,
    noise_of_views=0.0000058,
    noise_of_clicks=0.0024263,
)
BROWSERS_REACHED = SummaryPart(
    unit=BROWSERS,
    scale=2,
    standard_deviation=2.83,
    rows=(
        SummaryRow("Article sidebar", 7, 8.26, 3.66, 12.86, bucket="0x15a"),
        SummaryRow("Mending days", 11, 9.7, 5.1, 14.3, bucket="0x4d2"),
        SummaryRow("Mending days, 3 times or more", 4, 5.2, 0.6, 9.8, bucket="0x304d2"),
    ),
    decimals=1,
)
REACH = ApiSummary("Private Aggregation", (BROWSERS_REACHED,), reports=18, epsilon=2, units=14)
REACHED = ReachSummary(
    campaigns=(
        ReachedCampaign(("news.test",), 9, BROWSERS_REACHED.rows[0]),
        ReachedCampaign(("news.test", "shop.test"), 31, BROWSERS_REACHED.rows[1]),
    ),
    creatives=(ShownCreative("Bring the lamp", 14), ShownCreative("Bring the chair", 10)),
    poster="Mending days",
)
RUN = DemoRun(
    seed=7,
    started=START,
    ended=START + 21 * DAY,
    users=len(USERS),
    weeks=3,
    timeline=_timeline(),
    summaries=(SUMMARY, EXACT, JOB, REACH),
    attribution_reporting=ARRIVED,
    reach=REACHED,
    budgets=tuple(
        WeekBudget(user, "shop.test", week, (number + week) % 3 * 500_000, 1_000_000)
        for number, user in enumerate(USERS)
        for week in (1, 2, 3)
    ),
    notes=("user 3 switched the API off; the reports of user 3 look like all others.",),
)

"""Who saw what, beside what the aggregation service answered."""

from __future__ import annotations

from agent.journeys.reach import ShownAd, Views, reach_summary
from agent.reporting.model import BROWSERS, SummaryPart, SummaryRow
from sites.questions import PRIVATE_AGGREGATION

POSTER = 1234
OFTEN = POSTER | 3 << 16
SIDEBAR, VIDEO = 346, 348
VALUE = 16_384
ANSWERED = SummaryPart(
    BROWSERS,
    2,
    2.8,
    tuple(
        SummaryRow(meaning["text"], 0, number, 0, 0, bucket=bucket)
        for number, (bucket, meaning) in enumerate(PRIVATE_AGGREGATION.meanings.items())
    ),
    1,
)


def test_a_browser_counts_once_however_often_and_wherever_it_saw_the_campaign() -> None:
    views = Views()
    for user, times in ((1, 3), (2, 1), (3, 2)):
        for _ in range(times):
            views.add(user, [ShownAd(POSTER, creative=0)])
    views.add(1, [ShownAd(SIDEBAR)])
    assert views.sums() == {SIDEBAR: VALUE, VIDEO: 0, POSTER: 3 * VALUE, OFTEN: VALUE}
    assert [views.shown(number) for number in (SIDEBAR, VIDEO, POSTER)] == [1, 0, 6]


def test_how_often_a_campaign_was_shown_stands_beside_what_was_answered_about_it() -> None:
    views = Views()
    views.add(1, [ShownAd(POSTER, creative=0), ShownAd(SIDEBAR)])
    summary = reach_summary(views, ANSWERED)
    told = [(one.browsers.label, one.sites, one.shown, one.times, one.browsers.noised) for one in summary.campaigns]
    assert told == [
        ("Article sidebar", ("news.test",), 1, 1, 0),
        ("Video", ("news.test",), 0, 1, 1),
        ("Mending days", ("news.test", "shop.test"), 1, 1, 2),
        ("Mending days, 3 times or more", ("news.test", "shop.test"), 1, 3, 3),
    ]


def test_pictures_are_counted_as_they_were_shown() -> None:
    views = Views()
    views.add(1, [ShownAd(POSTER, creative=0), ShownAd(POSTER, creative=1)])
    views.add(2, [ShownAd(POSTER, creative=0), ShownAd(SIDEBAR)])
    shown = [(one.label, one.shown) for one in reach_summary(views, ANSWERED).creatives]
    assert shown == [("Bring the lamp", 2), ("Bring the chair", 1), ("Bring the mug", 0)]

"""What the reports count, beside what was true."""

from __future__ import annotations

from typing import Any

import pytest

from agent.journeys import reach
from agent.journeys.reach import ShownAd, Views, reach_summary
from agent.model.rng import SeededRng
from agent.reporting.model import ReachSummary

POSTER = 1234
OFTEN = POSTER | 3 << 16
SIDEBAR = 346
VALUE = 16_384


def report(*buckets: int, kind: str = "private-aggregation") -> dict[str, Any]:
    padding = [{"bucket": "0x0", "value": 0, "id": 0}] * 3
    return {"kind": kind, "opened": [{"bucket": hex(one), "value": VALUE, "id": 0} for one in buckets] + padding}


def counts(summary: ReachSummary) -> dict[str, tuple[int, int, int]]:
    """How often each campaign was shown, and the true and the noised number of browsers."""
    return {one.browsers.label: (one.shown, one.browsers.true, one.browsers.noised) for one in summary.campaigns}


@pytest.fixture
def no_noise(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reach, "discrete_laplace", lambda _scale, _rng: 0)


@pytest.mark.usefixtures("no_noise")
def test_a_browser_counts_once_however_often_and_wherever_it_saw_the_campaign() -> None:
    views = Views()
    for user, times in ((1, 3), (2, 1), (3, 2)):
        for _ in range(times):
            views.add(user, [ShownAd(POSTER, creative=0)])
    views.add(1, [ShownAd(SIDEBAR)])
    arrived = [report(POSTER), report(POSTER), report(POSTER), report(OFTEN), report(SIDEBAR)]
    assert counts(reach_summary(views, arrived, SeededRng(1))) == {
        "Article sidebar": (1, 1, 1),
        "Video": (0, 0, 0),
        "Mending days": (6, 3, 3),
        "Mending days, 3 times or more": (6, 1, 1),
    }


@pytest.mark.usefixtures("no_noise")
def test_the_truth_is_what_was_seen_and_not_what_was_reported() -> None:
    views = Views()
    views.add(1, [ShownAd(SIDEBAR)])
    summary = reach_summary(views, [report(SIDEBAR), report(SIDEBAR)], SeededRng(1))
    assert counts(summary)["Article sidebar"] == (1, 1, 2)


@pytest.mark.usefixtures("no_noise")
def test_copies_for_debugging_reports_of_other_apis_and_sealed_ones_count_for_nothing() -> None:
    arrived = [
        report(POSTER),
        report(POSTER, kind="private-aggregation-debug"),
        report(POSTER, kind="aggregatable"),
        {"kind": "private-aggregation", "opened": None},
    ]
    summary = reach_summary(Views(), arrived, SeededRng(1))
    assert counts(summary)["Mending days"] == (0, 0, 1)
    assert summary.reports == 2


def test_pictures_are_counted_as_they_were_shown() -> None:
    views = Views()
    views.add(1, [ShownAd(POSTER, creative=0), ShownAd(POSTER, creative=1)])
    views.add(2, [ShownAd(POSTER, creative=0), ShownAd(SIDEBAR)])
    shown = [(one.label, one.shown) for one in reach_summary(views, [], SeededRng(1)).creatives]
    assert shown == [("Bring the lamp", 2), ("Bring the chair", 1), ("Bring the mug", 0)]


def test_the_noise_hides_what_one_browser_may_add_and_is_drawn_from_the_seed() -> None:
    first, again, other = (reach_summary(Views(), [], SeededRng(seed)) for seed in (1, 1, 2))
    assert first == again != other
    # 65,536 / epsilon 2 = 32,768, and a browser is 16,384; a discrete Laplace deviates by about its scale times root 2.
    assert first.scale == 2
    assert first.campaigns[0].browsers.standard_deviation == pytest.approx(2 * 2**0.5, rel=1e-4)


def test_the_interval_holds_the_sum_before_noise_nine_times_in_ten() -> None:
    rng, held = SeededRng(5), 0
    arrived = [report(POSTER)] * 12
    for _ in range(500):
        (poster,) = [
            one for one in reach_summary(Views(), arrived, rng).campaigns if one.browsers.label == "Mending days"
        ]
        held += poster.browsers.p5 <= 12 <= poster.browsers.p95
    # At least 0.9 of 500, less five standard deviations.
    assert held > 450 - 5 * (500 * 0.09) ** 0.5

from __future__ import annotations

from typing import Any

import pytest

from agent.dashboard import charts


def event(number: int, site: str, kind: str = "conversion", *, failed: bool = False) -> dict[str, Any]:
    return {"id": number, "site": site, "kind": kind, "verdict": "stored", "failed": failed}


@pytest.mark.parametrize(
    ("part", "whole", "per_cent"), [(0, 10, 0), (10, 10, 100), (1, 3, 33.33), (-5, 10, 0), (20, 10, 100), (1, 0, 0)]
)
def test_a_share_stays_between_nothing_and_all(part: int, whole: int, per_cent: float) -> None:
    assert charts.share(part, whole) == per_cent


def test_each_site_has_a_lane_and_the_newest_event_is_at_the_right() -> None:
    picture = charts.lanes([event(3, "shop.test", failed=True), event(2, ""), event(1, "news.test")])
    assert [site for site, _ in picture.lanes] == ["news.test", "shop.test", "the agent"]
    assert [dot.event for dot in picture.dots] == [1, 2, 3]
    assert [dot.x for dot in picture.dots] == sorted(dot.x for dot in picture.dots)
    assert [dot.failed for dot in picture.dots] == [False, False, True]
    middles = dict(picture.lanes)
    assert [dot.y for dot in picture.dots] == [middles[site] for site in ("news.test", "the agent", "shop.test")]


@pytest.mark.parametrize("count", [1, 2, 50, 500])
def test_no_event_is_drawn_outside_the_picture(count: int) -> None:
    picture = charts.lanes([event(number, f"site-{number % 7}.test") for number in range(count, 0, -1)])
    assert all(charts.LANES_LEFT <= dot.x <= picture.width for dot in picture.dots)
    assert all(0 < dot.y < picture.height for dot in picture.dots)


def test_sums_share_one_scale_with_zero_and_every_interval() -> None:
    rows = [
        {"bucket": "0x1", "true": 100, "metric": -20, "p5": -60, "p95": 20},
        {"bucket": "0x2", "true": 0, "metric": 40, "p5": 0, "p95": 80},
    ]
    picture = charts.sums(rows)
    first, second = picture.bars
    assert first.true[0] == picture.zero
    assert first.noised is not None
    assert first.noised[0] < picture.zero, "a negative sum goes to the left"
    assert first.error[0] == charts.SUMS_LEFT, "the lowest end of an interval"
    assert first.true[0] + first.true[1] == pytest.approx(picture.width - charts.SUMS_RIGHT), "the greatest sum"
    assert second.noised is not None
    assert second.noised[0] == picture.zero
    assert second.error[0] == picture.zero


def test_a_sum_without_noise_yet_has_no_second_bar() -> None:
    (bar,) = charts.sums([{"bucket": "0x1", "true": 5, "p5": -5, "p95": 15}]).bars
    assert bar.noised is None


def test_budgets_stand_by_site_and_epoch_with_gaps_where_nothing_was_charged() -> None:
    budgets = [
        {"kind": "per_site", "site": "shop.test", "epoch": 2, "epoch_start": "2026-01-19", "remaining": 5},
        {"kind": "per_site", "site": "shop.test", "epoch": 1, "epoch_start": "2026-01-12", "remaining": 0},
        {"kind": "global", "site": "", "epoch": 2, "epoch_start": "2026-01-19", "remaining": 7},
    ]
    heat = charts.heat(budgets, {"per_site": 10, "global": 20})
    assert heat.epochs == ((2, "2026-01-19"), (1, "2026-01-12")), "the newest is in sight however many there are"
    assert [(row.kind, row.site, row.limit, row.cells) for row in heat.rows] == [
        ("global", "", 20, (7, None)),
        ("per_site", "shop.test", 10, (5, 0)),
    ]


@pytest.mark.parametrize(
    ("kind", "colour"),
    [
        ("source-registration", "source"),
        ("report.sent", "report"),
        ("shared-storage.run", "storage"),
        ("chaos", "other"),
    ],
)
def test_kinds_of_events_have_the_colour_of_their_family(kind: str, colour: str) -> None:
    assert charts.family(kind) == colour

from __future__ import annotations

from typing import Any

import pytest

from agent.model.events import Check, Trace
from agent.model.limits import AttributionLimits
from agent.verbs import attribution as verbs
from tests.attribution_world import SEED, World, week


def check(trace: Trace, rule: str) -> Check:
    (found,) = (one for one in trace.checks if one.rule == rule)
    return found


@pytest.mark.parametrize(
    ("saved", "measured", "reason"),
    [
        ({"conversionSites": ["other.test"]}, {}, 'shop.test is not in ["other.test"]'),
        ({"conversionCallers": ["ads.test"]}, {}, 'shop.test is not in ["ads.test"]'),
        ({"matchValue": 7}, {"matchValues": [8]}, "7 is not in [8]"),
        ({}, {"impressionSites": ["blog.test"]}, 'news.test is not in ["blog.test"]'),
        ({}, {"impressionCallers": ["ads.test"]}, 'news.test is not in ["ads.test"]'),
        ({"lifetimeDays": 1}, {}, "lived until 2026-01-06T00:00:00+00:00"),
        ({}, {"lookbackDays": 1}, "saved 2026-01-05T00:00:00+00:00, lookback 1 days"),
    ],
)
def test_the_trace_says_why_an_impression_is_left_out_and_what_to_do(
    saved: dict[str, Any], measured: dict[str, Any], reason: str
) -> None:
    world = World()
    world.save(**saved)
    world.now = week(0, days=2)
    trace = world.measure(**measured).trace
    assert trace.stopped_at is not None
    assert trace.stopped_at.rule == "matching impressions"
    named = check(trace, "impression 1")
    assert not named.passed
    assert reason in named.detail
    assert named.fix


def test_the_trace_says_when_the_other_dialect_saved_it() -> None:
    world = World()
    world.save(dialect=SEED, ad="a", conversionSite="shop.test")
    named = check(world.measure().trace, "impression 1")
    assert "saved through level1_2024, measured through current" in named.detail


def test_where_one_counts_the_others_stop_nothing() -> None:
    world = World()
    world.save(conversionSites=["other.test"])
    world.save(histogramIndex=1)
    trace = world.measure().trace
    assert trace.stopped_at is None
    assert "left out" in check(trace, "impression 1").detail
    assert "matches" in check(trace, "impression 2").detail
    assert check(trace, "credit of impression 2").detail == "1 to bucket 1"


def test_many_impressions_are_named_up_to_twenty_and_counted() -> None:
    world = World()
    for index in range(30):
        world.save(matchValue=index)
    trace = world.measure(matchValues=[3, 4]).trace
    named = [one for one in trace.checks if one.rule.startswith("impression ")]
    assert [one.rule for one in named] == [f"impression {number}" for number in range(30, 10, -1)]
    assert check(trace, "matching impressions").detail.startswith("2 of 2 found")


def test_what_each_rule_left_out_is_counted() -> None:
    world = World()
    world.save(lifetimeDays=1)
    world.save(lifetimeDays=1)
    world.now = week(0, days=2)
    world.save()
    detail = check(world.measure().trace, "matching impressions").detail
    assert detail == "1 of 3 found for shop.test; left out: 2 by expired"


def test_a_refused_epoch_names_the_budget_and_what_it_holds() -> None:
    world = World(limits=AttributionLimits(impression_site_quota_per_epoch=500_000))
    world.save()
    trace = world.measure(epsilon=1.0).trace
    stopped = trace.stopped_at
    assert stopped is not None
    assert stopped.rule == "budget of epoch 0"
    assert "impression site quota news.test has 500000" in stopped.detail
    assert stopped.fix


def test_a_closed_epoch_is_told() -> None:
    world = World(now=week(0, days=1))
    world.save()
    world.database.transact("clear", lambda connection: verbs.clear_site_data(
        connection, ["other.test"], limits=world.limits, rng=world.rng, now=world.now
    ))  # fmt: skip
    world.database.transact("clear", lambda connection: verbs.clear_history(connection, ["other.test"], now=world.now))
    trace = world.measure().trace
    assert "closed by a clearing of the history" in check(trace, "impression 1").detail


def test_a_dropped_share_is_told() -> None:
    world = World()
    world.save(histogramIndex=9)
    dropped = check(world.measure().trace, "credit of impression 1")
    assert (dropped.passed, dropped.detail) == (False, "1 to bucket 9, dropped: the histogram has 4 buckets")
    assert "histogramSize" in dropped.fix


def test_an_opted_out_profile_says_so_first() -> None:
    world = World()
    world.enabled = False
    stopped = world.measure().trace.stopped_at
    assert stopped is not None
    assert stopped.rule == "enabled"

from __future__ import annotations

from typing import Any

import pytest

from agent.model.attribution import Dialect
from agent.model.clock import HOUR
from agent.model.events import Check, Trace
from agent.model.limits import AttributionLimits
from agent.verbs import attribution as verbs
from tests.attribution_world import CURRENT, SEED, START, World, week


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
    assert detail == "1 of 3 found for shop.test; left out: 2 expired"


def test_a_refused_epoch_names_the_budget_and_what_it_holds() -> None:
    world = World(limits=AttributionLimits(impression_site_quota_per_epoch=500_000))
    world.save()
    trace = world.measure(epsilon=1.0).trace
    stopped = trace.stopped_at
    assert stopped is not None
    assert stopped.rule == "budget of 2026-01-05 to 2026-01-11"
    assert stopped.detail == (
        "epoch 0: 1 epsilon (1000000 micro-epsilon) asked, but quota of impression site news.test has 0.5 (500000),"
        " 0.5 (500000) short"
    )
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
    summary = check(trace, "matching impressions").detail
    assert summary == "0 of 1 found for shop.test; left out: 1 in an epoch closed by a clearing of the history"


def test_an_impression_of_a_coming_epoch_is_told() -> None:
    world = World(now=week(1))
    world.save()
    world.now = week(0)
    named = check(world.measure().trace, "impression 1")
    assert (named.passed, named.detail) == (
        False, "left out, in an epoch that has not begun: saved 2026-01-12T00:00:00+00:00"
    )  # fmt: skip


def test_a_paid_epoch_is_told_by_its_days_in_epsilon() -> None:
    world = World()
    world.save()
    assert check(world.measure(epsilon=0.1).trace, "budget of 2026-01-05 to 2026-01-11").detail == (
        "epoch 0: 0.1 epsilon (100000 micro-epsilon) charged; left: budget of shop.test 0.9 (900000),"
        " global budget 7.9 (7900000), quota of impression site news.test 3.9 (3900000)"
    )


def test_the_days_of_an_epoch_are_those_of_its_first_and_last_millisecond() -> None:
    world = World(epoch_start=START + HOUR, now=week(1))
    world.save()
    assert check(world.measure().trace, "budget of 2026-01-05 to 2026-01-12").passed


@pytest.mark.parametrize(
    ("epsilon", "told"),
    [(1.0, "1 epsilon (1000000 "), (0.25, "0.25 epsilon (250000 "), (1e-6, "0.000001 epsilon (1 ")],
)
def test_epsilon_has_at_most_six_decimals_and_no_zeros_at_its_end(epsilon: float, told: str) -> None:
    world = World()
    world.save()
    detail = check(world.measure(epsilon=epsilon).trace, "budget of 2026-01-05 to 2026-01-11").detail
    assert detail.startswith(f"epoch 0: {told}micro-epsilon) charged")


def test_what_the_global_budget_and_the_quotas_pay_is_told_where_it_is_another_amount() -> None:
    world = World(now=week(0, days=2))
    world.save(histogramIndex=9)
    # Inside one epoch the site pays for what is attributed, which is nothing here, and the others by value.
    detail = check(world.measure(lookbackDays=1).trace, "budget of 2026-01-05 to 2026-01-11").detail
    assert detail.startswith("epoch 0: 0 epsilon (0 micro-epsilon), of global budget and quotas 1 (1000000), charged")


@pytest.mark.parametrize(
    ("gap", "priority", "why"),
    [
        (0, 1, "lower priority than impression 2"),
        (1, 1, "lower priority than impression 2"),
        (1, 0, "impression 2 is later"),
    ],
)
def test_an_impression_that_matches_without_credit_says_why(gap: int, priority: int, why: str) -> None:
    world = World()
    world.save()
    world.now += gap
    world.save(priority=priority)
    trace = world.measure().trace
    assert trace.stopped_at is None
    told = check(trace, "impression 1").detail
    assert told.endswith(f"; not credited: {why}, and credit has only 1 share")
    assert "not credited" not in check(trace, "impression 2").detail


def test_of_impressions_saved_at_one_time_the_last_credited_one_is_named() -> None:
    world = World()
    for _ in range(3):
        world.save()
    trace = world.measure(credit=[1, 1], value=2, maxValue=2).trace
    assert check(trace, "impression 3").detail.endswith(
        "; not credited: impression 2 was saved first at the same time, and credit has only 2 shares"
    )


def test_an_impression_whose_epoch_cannot_pay_says_so() -> None:
    world = World()
    world.save()
    world.measure()
    told = check(world.measure().trace, "impression 1").detail
    assert told.endswith("; not credited: the budget of 2026-01-05 to 2026-01-11 refuses")


def test_in_the_seed_dialect_an_impression_of_an_older_epoch_says_which_one_counts() -> None:
    world = World()
    for number in (0, 1):
        world.now = week(number)
        world.save(dialect=SEED, ad="a", conversionSite="shop.test")
    told = check(world.measure(dialect=SEED).trace, "impression 1").detail
    assert told.endswith("; not credited: only the newest epoch with a match counts, 2026-01-12 to 2026-01-18")


def test_a_dropped_share_is_told() -> None:
    world = World()
    world.save(histogramIndex=9)
    dropped = check(world.measure().trace, "credit of impression 1")
    assert (dropped.passed, dropped.detail) == (False, "1 to bucket 9, dropped: the histogram has 4 buckets")
    assert "histogramSize" in dropped.fix


@pytest.mark.parametrize("dialect", [CURRENT, SEED])
def test_the_trace_of_an_opted_out_profile_ends_where_it_says_so(dialect: Dialect) -> None:
    world = World()
    options = {"ad": "a", "conversionSite": "shop.test"} if dialect is SEED else {}
    world.save(dialect=dialect, **options)
    assert len(world.measure(dialect=dialect, epsilon=0.1).trace.checks) > 2
    world.enabled = False
    trace = world.measure(dialect=dialect, epsilon=0.1).trace
    assert [(one.rule, one.passed) for one in trace.checks] == [("options", True), ("enabled", False)]

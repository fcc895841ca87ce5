from __future__ import annotations

from dataclasses import replace

import pytest

from agent.model.attribution import AttributionVerdict, BudgetKey, BudgetKind, Policy
from agent.model.clock import DAY
from agent.model.limits import AttributionLimits
from agent.model.rng import Draw
from tests.attribution_world import CURRENT, SEED, World, week

MICRO = 1_000_000


def test_without_a_match_nothing_is_charged() -> None:
    world = World()
    outcome = world.measure()
    assert (outcome.verdict, outcome.histogram) == (AttributionVerdict.NO_MATCHING_IMPRESSION, (0, 0, 0, 0))
    assert world.charged() == {}


def test_priority_goes_before_time_and_the_first_saved_before_equals() -> None:
    world = World()
    world.save(histogramIndex=3, priority=1)
    world.now += 1
    world.save(histogramIndex=0)
    world.save(histogramIndex=1)
    assert world.histogram(epsilon=0.1) == [0, 0, 0, 1]
    assert world.histogram(epsilon=0.1, credit=[1, 1], value=2, maxValue=2) == [1, 0, 0, 1]
    assert world.histogram(epsilon=0.1, credit=[1, 1, 1], value=3, maxValue=3) == [1, 1, 0, 1]


def test_a_negative_priority_goes_last() -> None:
    world = World()
    world.save(histogramIndex=0)
    world.now += 1
    world.save(histogramIndex=1, priority=-1)
    assert world.histogram() == [1, 0, 0, 0]


def test_credits_beyond_the_impressions_are_cut_before_the_value_is_divided() -> None:
    world = World()
    world.save(histogramIndex=0)
    world.now += 1
    world.save(histogramIndex=1)
    # 3 : 1, not 3 : 1 of 8
    assert world.histogram(credit=[3, 1, 4], value=8, maxValue=8) == [2, 6, 0, 0]


def test_a_share_outside_the_histogram_is_dropped_not_moved() -> None:
    world = World()
    world.save(histogramIndex=9)
    world.now += 1
    world.save(histogramIndex=1)
    assert world.histogram(credit=[1, 1], value=2, maxValue=2) == [0, 1, 0, 0]


def test_every_epoch_with_a_match_pays_whoever_wins_the_credit() -> None:
    world = World()
    world.save()
    world.now = week(1)
    world.save("blog.test", histogramIndex=1)
    assert world.histogram(value=1, maxValue=2) == [0, 1, 0, 0]
    assert world.charged() == {0: MICRO // 2, 1: MICRO // 2}
    assert world.charged(BudgetKind.GLOBAL) == {0: MICRO // 2, 1: MICRO // 2}
    assert world.charged(BudgetKind.IMPRESSION_SITE_QUOTA, "news.test") == {0: MICRO // 2}
    assert world.charged(BudgetKind.IMPRESSION_SITE_QUOTA, "blog.test") == {1: MICRO // 2}


def test_an_epoch_without_budget_drops_out_and_the_others_get_the_credit() -> None:
    world = World(now=week(1))
    world.save(histogramIndex=1)
    assert world.histogram() == [0, 1, 0, 0]
    world.now = week(2)
    world.save(histogramIndex=2)
    outcome = world.measure(credit=[1, 1], value=2, maxValue=2)
    assert outcome.histogram == (0, 0, 2, 0)
    assert [(one.epoch, one.accepted) for one in outcome.deductions] == [(1, False), (2, True)]


def test_a_lookback_inside_the_present_epoch_pays_for_what_is_attributed() -> None:
    world = World(now=week(0, days=3))
    world.save()
    world.save(histogramIndex=9)
    world.histogram(lookbackDays=2, credit=[1, 1], value=4, maxValue=4)
    # 2 of 4 lie inside: 2 / (2 * 4) of an epsilon for the site, all of it for global budget and quota.
    assert world.charged() == {0: MICRO // 4}
    assert world.charged(BudgetKind.GLOBAL) == {0: MICRO}
    assert world.charged(BudgetKind.IMPRESSION_SITE_QUOTA, "news.test") == {0: MICRO}


@pytest.mark.parametrize(("days", "charge"), [(2.0, MICRO // 2), (1.99, MICRO)])
def test_single_epoch_depends_on_the_lookback_window_alone(days: float, charge: int) -> None:
    # Two days back from day 2.0 is the first instant of the epoch; from day 1.99 it is the epoch before.
    world = World(now=week(1))
    world.save()
    world.now = week(1, days=days)
    assert world.histogram(lookbackDays=2) == [1, 0, 0, 0]
    assert world.charged() == {1: charge}


def test_the_histogram_of_a_single_epoch_is_computed_once_and_charged_as_reported() -> None:
    world = World(now=week(0, days=3), fractions=[0.9, 0.1])
    world.save(histogramIndex=0)
    world.now += 1
    world.save(histogramIndex=9)
    outcome = world.measure(lookbackDays=1, credit=[1, 1])
    assert world.rng.draws.count(Draw.CREDIT_FRACTION) == 1
    # .9 settles the second part at 0: the first in order, the later impression, whose bucket is outside, gets all.
    assert outcome.histogram == (0, 0, 0, 0)
    assert outcome.verdict == AttributionVerdict.INDEX_TOO_LARGE
    assert world.charged() == {0: 0}


def test_the_known_defect_charges_one_draw_and_reports_another() -> None:
    world = World(now=week(0, days=3), fractions=[0.9, 0.1])
    world.policy = Policy(single_draw=False)
    world.save(histogramIndex=0)
    world.now += 1
    world.save(histogramIndex=9)
    assert world.histogram(lookbackDays=1, credit=[1, 1]) == [1, 0, 0, 0]
    assert world.charged() == {0: 0}


def test_the_global_budget_bounds_all_conversion_sites_together() -> None:
    world = World(limits=AttributionLimits(global_privacy_budget_per_epoch=MICRO))
    world.save()
    assert world.histogram("one.test") == [1, 0, 0, 0]
    outcome = world.measure("two.test", epsilon=0.001)
    assert (outcome.verdict, outcome.histogram) == (AttributionVerdict.BUDGET_EXHAUSTED, (0, 0, 0, 0))


def test_one_spent_quota_among_the_matches_blocks_the_epoch() -> None:
    world = World(limits=AttributionLimits(impression_site_quota_per_epoch=MICRO))
    world.save("news.test")
    world.histogram("one.test")
    world.save("blog.test", histogramIndex=1)
    assert world.histogram("two.test") == [0, 0, 0, 0]
    assert world.histogram("two.test", impressionSites=["blog.test"]) == [0, 1, 0, 0]


def test_dialects_share_budgets_and_never_match_across() -> None:
    world = World()
    world.save(conversionSites=["shop.test"])
    assert world.measure(dialect=SEED).verdict == AttributionVerdict.NO_MATCHING_IMPRESSION
    world.save(dialect=SEED, ad="0", conversionSite="shop.test", histogramIndex=2)
    assert world.histogram(dialect=SEED) == [0, 0, 1, 0]
    assert world.measure(dialect=CURRENT).verdict == AttributionVerdict.BUDGET_EXHAUSTED


def test_the_seed_pays_safety_limits_when_switched_on() -> None:
    world = World(limits=replace(AttributionLimits(), level1_safety_limits=True))
    world.save(dialect=SEED, ad="a", conversionSite="shop.test")
    assert world.histogram(dialect=SEED, epsilon=0.5) == [1, 0, 0, 0]
    assert world.charged(BudgetKind.GLOBAL) == {0: MICRO // 2}
    assert world.charged(BudgetKind.IMPRESSION_SITE_QUOTA, "news.test") == {0: MICRO // 2}


def test_after_clearing_the_history_nothing_counts_until_the_next_epoch() -> None:
    from agent.verbs import attribution as verbs

    world = World(now=week(0, days=1))
    world.database.transact("clear", lambda connection: verbs.clear_history(connection, now=world.now))
    world.save()
    assert world.measure().verdict == AttributionVerdict.NO_MATCHING_IMPRESSION
    world.now = week(1)
    assert world.histogram() == [0, 0, 0, 0]
    world.save(histogramIndex=1)
    assert world.histogram() == [0, 1, 0, 0]
    assert world.left(BudgetKey(BudgetKind.PER_SITE, 0, "shop.test")) is None


def test_the_maximum_lookback_is_walked_whatever_the_page_asks() -> None:
    world = World(limits=AttributionLimits(max_lookback_days=10), now=week(0))
    world.save()
    world.now += 10 * DAY
    assert world.histogram(lookbackDays=500, epsilon=0.1) == [1, 0, 0, 0]
    world.now += 1
    assert world.histogram(lookbackDays=500, epsilon=0.1) == [0, 0, 0, 0]

"""Properties that hold for every sequence of impressions and conversions."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from agent.model.attribution import AttributionVerdict
from agent.model.clock import DAY, WEEK
from agent.model.limits import MICRO, AttributionLimits
from tests.attribution_world import CURRENT, SEED, START, World, week

SITES = ["news.test", "blog.test"]
AMPLE = AttributionLimits(
    per_site_privacy_budget=10**9, global_privacy_budget_per_epoch=10**10, impression_site_quota_per_epoch=10**10
)


@dataclass(frozen=True)
class Shown:
    """An impression for shop.test, ``after`` milliseconds after the start."""

    after: int
    site: str
    index: int
    ad: int


def shown(until: int, *, unique: bool = True) -> st.SearchStrategy[list[Shown]]:
    one = st.builds(
        Shown,
        after=st.integers(0, until),
        site=st.sampled_from(SITES),
        index=st.integers(0, 5),
        ad=st.integers(0, 2),
    )
    lists = st.lists(one, max_size=8, unique_by=(lambda each: each.after) if unique else None)
    return lists.map(lambda each: sorted(each, key=lambda impression: impression.after))


def tell(world: World, impressions: list[Shown], *, seed: bool = False) -> None:
    for each in impressions:
        world.now = max(world.now, START + each.after)
        if seed:
            world.save(each.site, dialect=SEED, ad=str(each.ad), conversionSite="shop.test", histogramIndex=each.index)
        else:
            world.save(each.site, matchValue=each.ad, conversionSites=["shop.test"], histogramIndex=each.index)


ADS = st.lists(st.integers(0, 2), max_size=2)
FEW = settings(max_examples=25, deadline=None)


@FEW
@given(shown(WEEK - 1, unique=False), ADS, st.integers(1, 5), st.integers(1, 7))
def test_in_one_week_with_ample_budget_both_dialects_give_the_same(
    impressions: list[Shown], ads: list[int], value: int, lookback: int
) -> None:
    seed, current = World(limits=AMPLE), World(limits=AMPLE)
    tell(seed, impressions, seed=True)
    tell(current, impressions)
    seed.now = current.now = week(1) - 1
    options: dict[str, Any] = {"value": value, "lookbackDays": lookback}
    assert seed.histogram(dialect=SEED, ads=[str(ad) for ad in ads], **options) == current.histogram(
        dialect=CURRENT, matchValues=ads, maxValue=value, **options
    )


@FEW
@given(shown(3 * WEEK), ADS, st.booleans())
def test_disabling_only_zeroes_and_changes_nothing(impressions: list[Shown], ads: list[int], seed: bool) -> None:
    world = World()
    tell(world, impressions, seed=seed)
    options: dict[str, Any] = {"ads": [str(ad) for ad in ads]} if seed else {"matchValues": ads}
    dialect = SEED if seed else CURRENT
    world.enabled = False
    assert world.histogram(dialect=dialect, **options) == [0, 0, 0, 0]
    assert world.charged() == {}
    world.enabled = True
    untouched = World()
    tell(untouched, impressions, seed=seed)
    assert world.histogram(dialect=dialect, **options) == untouched.histogram(dialect=dialect, **options)


@FEW
@given(shown(3 * WEEK), shown(3 * WEEK), st.booleans())
def test_impressions_for_another_conversion_site_change_nothing(
    impressions: list[Shown], others: list[Shown], seed: bool
) -> None:
    alone, crowded = World(), World()
    tell(alone, impressions, seed=seed)
    for each in sorted([*impressions, *others], key=lambda one: one.after):
        if each in impressions:
            tell(crowded, [each], seed=seed)
        elif seed:
            crowded.now = START + each.after
            crowded.save(each.site, dialect=SEED, ad="0", conversionSite="other.test")
        else:
            crowded.now = START + each.after
            crowded.save(each.site, conversionSites=["other.test"])
    alone.now = crowded.now = week(3, days=1)
    dialect = SEED if seed else CURRENT
    assert alone.histogram(dialect=dialect) == crowded.histogram(dialect=dialect)
    assert alone.charged() == crowded.charged()


@FEW
@given(shown(3 * WEEK).flatmap(lambda each: st.tuples(st.just(each), st.permutations(each))))
def test_the_order_of_saving_does_not_matter_where_times_decide(orders: tuple[list[Shown], list[Shown]]) -> None:
    first, second = World(limits=AMPLE), World(limits=AMPLE)
    for world, order in zip((first, second), orders, strict=True):
        for each in order:
            world.now = START + each.after
            world.save(each.site, matchValue=each.ad, histogramIndex=each.index)
        world.now = week(3, days=1)
    options: dict[str, Any] = {"credit": [3, 2, 1], "value": 60, "maxValue": 60}
    assert first.histogram(**options) == second.histogram(**options)


@FEW
@given(shown(3 * WEEK), st.integers(1, 6), st.floats(0.05, 1), st.booleans())
def test_a_smaller_epsilon_never_removes_value(impressions: list[Shown], calls: int, factor: float, seed: bool) -> None:
    dear, cheap = World(), World()
    totals = []
    for world, epsilon in ((dear, 0.4), (cheap, 0.4 * factor)):
        tell(world, impressions, seed=seed)
        dialect = SEED if seed else CURRENT
        totals.append([sum(world.histogram(dialect=dialect, epsilon=epsilon, histogramSize=6)) for _ in range(calls)])
    assert all(less <= more for less, more in zip(*totals, strict=True))


@FEW
@given(shown(3 * WEEK), st.lists(st.tuples(st.floats(0.01, 2), st.integers(1, 5), st.integers(0, 10)), max_size=6))
def test_no_budget_is_overdrawn_and_no_histogram_exceeds_its_value(
    impressions: list[Shown], calls: list[tuple[float, int, int]]
) -> None:
    world = World()
    tell(world, impressions)
    for epsilon, value, days in calls:
        world.now += days * DAY
        outcome = world.measure(epsilon=epsilon, value=value, maxValue=5, credit=[1, 1])
        assert outcome.histogram is not None
        assert sum(outcome.histogram) <= value
        assert (sum(outcome.histogram) == 0) or outcome.verdict == AttributionVerdict.ATTRIBUTED
        assert all(0 <= charge <= MICRO for charge in world.charged().values())

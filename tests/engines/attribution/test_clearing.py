from __future__ import annotations

from dataclasses import replace

import pytest

from agent.engines.attribution.clearing import clear_impressions, exhaust_sites
from agent.model.attribution import AttributionState, BudgetKey, BudgetKind, Impression
from agent.model.limits import AttributionLimits
from tests.attribution_world import CURRENT, START, week

PLAIN = Impression(CURRENT, 0, "news.test", None, (), (), START, 30, 0, id=5)


@pytest.mark.parametrize(
    ("impression", "site"),
    [
        (PLAIN, "news.test"),
        (replace(PLAIN, intermediary_site="ads.test"), "ads.test"),
        (replace(PLAIN, conversion_sites=("shop.test",)), "shop.test"),
        (replace(PLAIN, conversion_callers=("ads.test",)), "ads.test"),
        (replace(PLAIN, conversion_sites=("a.test", "b.test"), conversion_callers=("a.test",)), "a.test"),
    ],
)
def test_what_a_site_saved_or_what_is_for_it_alone_is_removed(impression: Impression, site: str) -> None:
    change = clear_impressions([impression], site)
    assert (change.removed, change.narrowed) == ((5,), ())


@pytest.mark.parametrize(
    ("impression", "site"),
    [
        (PLAIN, "shop.test"),
        (replace(PLAIN, intermediary_site="ads.test"), "news.test"),
        (replace(PLAIN, conversion_sites=("shop.test",)), "ads.test"),
    ],
)
def test_what_others_saved_and_what_is_for_any_site_stays(impression: Impression, site: str) -> None:
    change = clear_impressions([impression], site)
    assert (change.removed, change.narrowed) == ((), ())


def test_a_site_is_taken_out_of_both_lists() -> None:
    many = replace(PLAIN, conversion_sites=("a.test", "b.test"), conversion_callers=("a.test", "c.test"))
    change = clear_impressions([many], "a.test")
    assert change.removed == ()
    assert change.narrowed == (replace(many, conversion_sites=("b.test",), conversion_callers=("c.test",)),)


def test_clearing_site_data_spends_the_budget_of_every_usable_epoch() -> None:
    state = AttributionState(epoch_start=START, last_clear=week(2))
    after, budgets = exhaust_sites(["a.test", "b.test"], week(4), state, 0.9, AttributionLimits())
    assert after == state
    assert budgets == {
        BudgetKey(BudgetKind.PER_SITE, epoch, site): 0 for epoch in (3, 4) for site in ("a.test", "b.test")
    }


def test_clearing_site_data_may_fix_the_epoch_start_from_the_oldest_instant_of_lookback() -> None:
    now = week(4, days=2)  # 30 days before lies at the start of week 0
    after, budgets = exhaust_sites(["a.test"], now, AttributionState(), 0.0, AttributionLimits())
    assert after.epoch_start == START
    assert sorted(key.epoch for key in budgets) == [0, 1, 2, 3, 4]

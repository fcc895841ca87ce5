from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import pytest

from agent.engines.attribution.budget import Deduction, Price, deduct, price_of
from agent.model.attribution import BudgetKey, BudgetKind, ConversionRequest, Policy
from agent.model.limits import AttributionLimits
from tests.attribution_world import CURRENT, SEED, SERVICE

LIMITS = AttributionLimits(
    per_site_privacy_budget=100, global_privacy_budget_per_epoch=300, impression_site_quota_per_epoch=200
)
SITE = BudgetKey(BudgetKind.PER_SITE, 3, "shop.test")
GLOBAL = BudgetKey(BudgetKind.GLOBAL, 3)
NEWS = BudgetKey(BudgetKind.IMPRESSION_SITE_QUOTA, 3, "news.test")
BLOG = BudgetKey(BudgetKind.IMPRESSION_SITE_QUOTA, 3, "blog.test")


def request(**changes: Any) -> ConversionRequest:
    plain = ConversionRequest(CURRENT, Policy(), "shop.test", "ads.test", SERVICE, 1.0, 4, 30, (), (), (), (1.0,), 1, 1)
    return replace(plain, **changes)


def seed(epsilon: float) -> ConversionRequest:
    return request(dialect=SEED, epsilon=epsilon, policy=Policy(newest_epoch_only=True, charge_epsilon=True))


@pytest.mark.parametrize(
    ("epsilon", "value", "max_value", "attributed", "price"),
    [
        (1.0, 1, 1, None, Price(1_000_000, 1_000_000)),
        (1.0, 1, 4, None, Price(250_000, 250_000)),
        (0.5, 2, 4, None, Price(250_000, 250_000)),
        (1.0, 1, 3, None, Price(333_334, 333_334)),
        (1.0, 4, 4, 4, Price(500_000, 1_000_000)),
        (1.0, 4, 4, 1, Price(125_000, 1_000_000)),
        (1.0, 4, 4, 0, Price(0, 1_000_000)),
        (4294.0, 1, 1, None, Price(4_294_000_000, 4_294_000_000)),
        (1e-9, 1, 1, None, Price(1, 1)),
        (5e-324, 1, 1, None, Price(0, 0)),
    ],
)
def test_the_current_dialect_pays_by_value_and_by_what_is_attributed_in_a_single_epoch(
    epsilon: float, value: int, max_value: int, attributed: int | None, price: Price
) -> None:
    assert price_of(request(epsilon=epsilon, value=value, max_value=max_value), attributed) == price


@pytest.mark.parametrize(("epsilon", "micro"), [(0.1, 100_000), (0.3, 300_000), (1e-9, 1), (4294.0, 4_294_000_000)])
def test_the_seed_pays_the_whole_epsilon_rounded_up(epsilon: float, micro: int) -> None:
    assert price_of(seed(epsilon), None) == Price(micro, micro)


def charge(price: Price, stored: Mapping[BudgetKey, int]) -> Deduction:
    quotas = {"news.test": stored.get(NEWS), "blog.test": stored.get(BLOG)}
    return deduct(request(), 3, quotas, price, stored, LIMITS)


def test_a_missing_budget_is_whole_and_each_impression_site_pays_its_quota_once() -> None:
    deduction = deduct(request(), 3, {"news.test": None, "blog.test": None}, Price(40, 60), {}, LIMITS)
    assert deduction.accepted
    assert deduction.remaining == {SITE: 60, GLOBAL: 240, NEWS: 140, BLOG: 140}


def test_a_budget_may_be_spent_to_the_last_micro_epsilon() -> None:
    assert deduct(request(), 3, {"news.test": None}, Price(100, 200), {GLOBAL: 200}, LIMITS).remaining == {
        SITE: 0,
        GLOBAL: 0,
        NEWS: 0,
    }


@pytest.mark.parametrize("short", [SITE, GLOBAL, NEWS, BLOG])
def test_one_budget_too_small_refuses_and_nothing_changes(short: BudgetKey) -> None:
    price = Price(50, 50)
    assert charge(price, {short: 50}).accepted
    refused = charge(price, {short: 49})
    assert not refused.accepted
    assert refused.refused_by == {short: 49}
    assert refused.remaining == {}


def test_budgets_belong_to_the_conversion_site_and_the_epoch() -> None:
    others = {SITE._replace(epoch=4): 0, SITE._replace(site="ads.test"): 0, GLOBAL._replace(epoch=2): 0}
    assert deduct(request(), 3, {"news.test": 100}, Price(100, 100), others, LIMITS).accepted


def test_without_safety_limits_the_site_pays_alone() -> None:
    free = request(policy=Policy(safety_limits=False))
    deduction = deduct(free, 3, {"news.test": 0}, Price(100, 10**9), {GLOBAL: 0}, LIMITS)
    assert deduction.remaining == {SITE: 0}


def test_the_known_defect_compares_the_first_charge_of_the_global_budget_alone() -> None:
    defective = request(policy=Policy(global_budget=False))
    assert not deduct(defective, 3, {"news.test": 400}, Price(1, 301), {}, LIMITS).accepted
    assert deduct(defective, 3, {"news.test": None}, Price(1, 100), {GLOBAL: 5}, LIMITS).remaining[GLOBAL] == 0


def test_budgets_come_in_one_order_whatever_the_order_of_the_sites() -> None:
    sites = [f"site{number}.test" for number in range(20)]
    there = deduct(request(), 3, dict.fromkeys(sites), Price(1, 1), {}, LIMITS)
    back = deduct(request(), 3, dict.fromkeys(sites[::-1]), Price(1, 1), {}, LIMITS)
    assert list(there.remaining) == list(back.remaining)
    there = deduct(request(), 3, dict.fromkeys(sites), Price(1, 201), {GLOBAL: 300}, LIMITS)
    back = deduct(request(), 3, dict.fromkeys(sites[::-1]), Price(1, 201), {GLOBAL: 300}, LIMITS)
    assert list(there.refused_by) == list(back.refused_by)
    assert len(there.refused_by) == len(sites)

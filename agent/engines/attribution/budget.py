"""Privacy budgets: how much a conversion pays in an epoch, and whether it can (current draft, section 7)."""

from __future__ import annotations

import math
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field

from agent.model.attribution import BudgetKey, BudgetKind, ConversionRequest
from agent.model.limits import MICRO, AttributionLimits


@dataclass(frozen=True, slots=True)
class Price:
    """What one epoch costs, in micro-epsilon."""

    site: int
    """For the conversion site's own budget."""
    safety: int
    """For the global budget and each impression site's quota."""


@dataclass(frozen=True, slots=True)
class Deduction:
    """The outcome of charging one epoch: all budgets were paid, or none was."""

    epoch: int
    price: Price
    remaining: Mapping[BudgetKey, int]
    """What is left of every budget that paid; empty where the charge was refused."""
    refused_by: Mapping[BudgetKey, int] = field(default_factory=dict)
    """The budgets that hold too little, and what they hold."""

    @property
    def accepted(self) -> bool:
        """Whether the epoch was paid."""
        return not self.refused_by


def price_of(request: ConversionRequest, attributed: int | None) -> Price:
    """The price of one epoch.

    ``attributed`` is the sum of the histogram where the lookback window lies within the present epoch, else None.
    The order of the floating-point operations is the draft's.
    """
    if request.policy.charge_epsilon:
        whole = math.ceil(request.epsilon * MICRO)
        return Price(site=whole, safety=whole)
    scale = 2 * request.max_value / request.epsilon
    by_value = math.ceil((2 * request.value) / scale * MICRO)
    return Price(site=by_value if attributed is None else math.ceil(attributed / scale * MICRO), safety=by_value)


def deduct(
    request: ConversionRequest,
    epoch: int,
    impression_sites: Collection[str],
    price: Price,
    stored: Mapping[BudgetKey, int],
    limits: AttributionLimits,
) -> Deduction:
    """Charge one epoch, all or nothing.

    ``stored`` holds the budgets that were ever charged, in micro-epsilon; a missing one is still whole. Each
    impression site pays its quota once.
    """
    costs = {
        BudgetKey(BudgetKind.PER_SITE, epoch, request.conversion_site): (price.site, limits.per_site_privacy_budget)
    }
    if request.policy.safety_limits:
        quota = (price.safety, limits.impression_site_quota_per_epoch)
        costs[BudgetKey(BudgetKind.GLOBAL, epoch)] = (price.safety, limits.global_privacy_budget_per_epoch)
        costs |= {BudgetKey(BudgetKind.IMPRESSION_SITE_QUOTA, epoch, site): quota for site in sorted(impression_sites)}
    after = {key: stored.get(key, whole) - cost for key, (cost, whole) in costs.items()}
    if min(after.values()) >= 0:
        return Deduction(epoch, price, after)
    refused = {key: stored.get(key, costs[key][1]) for key, left in after.items() if left < 0}
    if not request.policy.global_budget and BudgetKey(BudgetKind.GLOBAL, epoch) in stored:
        refused.pop(BudgetKey(BudgetKind.GLOBAL, epoch), None)
    if refused:
        return Deduction(epoch, price, {}, refused)
    return Deduction(epoch, price, {key: max(0, left) for key, left in after.items()})

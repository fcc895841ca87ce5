"""Privacy budgets: how much a conversion pays in an epoch, and whether it can (current draft, section 7)."""

from __future__ import annotations

import math
from collections.abc import Mapping
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
    budgets: Mapping[BudgetKey, int] = field(default_factory=dict)
    """What is left of the site's and the global budget; empty where the charge was refused."""
    quotas: Mapping[str, int] = field(default_factory=dict)
    """What is left of the quotas, by impression site; empty where the charge was refused."""
    refused_by: Mapping[BudgetKey, int] = field(default_factory=dict)
    """The budgets that hold too little, and what they hold."""

    @property
    def accepted(self) -> bool:
        """Whether the epoch was paid."""
        return not self.refused_by

    @property
    def remaining(self) -> dict[BudgetKey, int]:
        """What is left of every budget that paid, in one order whatever the order of the impressions."""
        return {**self.budgets, **{_quota_key(self.epoch, site): left for site, left in sorted(self.quotas.items())}}


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
    quotas: Mapping[str, int | None],
    price: Price,
    stored: Mapping[BudgetKey, int],
    limits: AttributionLimits,
) -> Deduction:
    """Charge one epoch, all or nothing.

    ``quotas`` is what is left for each impression site, which pays once; ``stored`` holds the other budgets; all in
    micro-epsilon. One that was never charged is None there and missing here, and still whole.
    """
    safety = request.policy.safety_limits
    costs = {
        BudgetKey(BudgetKind.PER_SITE, epoch, request.conversion_site): (price.site, limits.per_site_privacy_budget)
    }
    if safety:
        costs[BudgetKey(BudgetKind.GLOBAL, epoch)] = (price.safety, limits.global_privacy_budget_per_epoch)
    budgets = {key: stored.get(key, whole) - cost for key, (cost, whole) in costs.items()}
    cost, whole = price.safety, limits.impression_site_quota_per_epoch
    asked = quotas.items() if safety else ()
    left = {site: (whole if before is None else before) - cost for site, before in asked}
    if min(*budgets.values(), *left.values(), 0) >= 0:
        return Deduction(epoch, price, budgets, left)
    refused = {key: rest + costs[key][0] for key, rest in budgets.items() if rest < 0}
    refused |= {_quota_key(epoch, site): rest + cost for site, rest in sorted(left.items()) if rest < 0}
    if not request.policy.global_budget and BudgetKey(BudgetKind.GLOBAL, epoch) in stored:
        refused.pop(BudgetKey(BudgetKind.GLOBAL, epoch), None)
    if refused:
        return Deduction(epoch, price, refused_by=refused)
    return Deduction(epoch, price, {key: max(0, rest) for key, rest in budgets.items()}, left)


def _quota_key(epoch: int, site: str) -> BudgetKey:
    return BudgetKey(BudgetKind.IMPRESSION_SITE_QUOTA, epoch, site)

"""Clearing: Clear-Site-Data, site data and history (current draft, section 8)."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace

from agent.engines.attribution import epochs
from agent.model.attribution import AttributionState, BudgetKey, BudgetKind, Impression
from agent.model.clock import DAY
from agent.model.limits import AttributionLimits


@dataclass(frozen=True, slots=True)
class SiteClearing:
    """What ``Clear-Site-Data: "impressions"`` does to the store."""

    removed: tuple[int, ...]
    """Ids of the impressions that go."""
    narrowed: tuple[Impression, ...]
    """Impressions that stay for fewer conversion sites or callers."""


def clear_impressions(impressions: Iterable[Impression], site: str) -> SiteClearing:
    """Take ``site`` out of these impressions: what it saved goes, what names it names it no more.

    What others saved on its pages stays, and so does what is meant for any site.
    """
    removed, narrowed = [], []
    for one in impressions:
        if (one.intermediary_site or one.impression_site) == site:
            removed.append(one.id)
            continue
        sites = tuple(name for name in one.conversion_sites if name != site)
        callers = tuple(name for name in one.conversion_callers if name != site)
        if (one.conversion_sites and not sites) or (one.conversion_callers and not callers):
            removed.append(one.id)
        elif (sites, callers) != (one.conversion_sites, one.conversion_callers):
            narrowed.append(replace(one, conversion_sites=sites, conversion_callers=callers))
    return SiteClearing(tuple(removed), tuple(narrowed))


def exhaust_sites(
    sites: Iterable[str], now: int, state: AttributionState, phase: float, limits: AttributionLimits
) -> tuple[AttributionState, dict[BudgetKey, int]]:
    """The user clears the data of ``sites`` and keeps the history: their budgets of every usable epoch become 0.

    This may be the first need of an epoch start, which ``phase`` (a draw in [0, 1)) then fixes.
    """
    start = state.epoch_start
    if start is None:
        start = epochs.choose_start(now - limits.max_lookback_days * DAY, phase, limits)
    first = epochs.first_usable(now, start, state.last_clear, limits)
    last = epochs.epoch_of(now, start, limits)
    budgets = {BudgetKey(BudgetKind.PER_SITE, epoch, site): 0 for site in sites for epoch in range(first, last + 1)}
    return replace(state, epoch_start=start), budgets

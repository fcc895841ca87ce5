"""What a site may still contribute: sums of values over sliding windows of whole UTC minutes (section 3)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from agent.model.attribution_reporting.reports import Contribution
from agent.model.clock import DAY, HOUR, MINUTE
from agent.model.private_aggregation_limits import PrivateAggregationLimits

BudgetUse = Mapping[int, int]
"""What was spent in each minute: its start in milliseconds, and a sum of values."""


@dataclass(frozen=True, slots=True)
class Window:
    """A budget, and what was spent of it in the minutes that count."""

    length: int
    """Milliseconds; the current minute is the last one that counts."""
    budget: int
    spent: int

    @property
    def left(self) -> int:
        """What may still be spent; 0 or less where nothing may."""
        return self.budget - self.spent

    @property
    def name(self) -> str:
        """Its length in words."""
        for unit, word in ((DAY, "day"), (HOUR, "hour"), (MINUTE, "minute")):
            if self.length % unit == 0:
                count = self.length // unit
                return f"{count} {word}{'' if count == 1 else 's'}"
        return f"{self.length} ms"


def minute_of(instant: int) -> int:
    """The start of the UTC minute of ``instant``."""
    return instant // MINUTE * MINUTE


def counted_after(limits: PrivateAggregationLimits, now: int) -> int:
    """The instant after which a minute must begin to count in any window at ``now``."""
    return minute_of(now) - max(limits.small_budget_window, limits.large_budget_window)


def windows(use: BudgetUse, limits: PrivateAggregationLimits, now: int) -> tuple[Window, Window]:
    """The small and the large budget at ``now``."""
    return (
        _window(use, limits.small_budget_window, limits.small_budget, now),
        _window(use, limits.large_budget_window, limits.large_budget, now),
    )


def room(budgets: Iterable[Window]) -> int:
    """The greatest sum that fits into every one of ``budgets``; below 0 where they are overdrawn."""
    return min(window.left for window in budgets)


def afforded(contributions: Iterable[Contribution], left: int) -> tuple[Contribution, ...]:
    """Those that fit into ``left``, taken one by one: one that does not fit leaves what it asks for to later ones."""
    kept = []
    for contribution in contributions:
        if contribution.value <= left:
            left -= contribution.value
            kept.append(contribution)
    return tuple(kept)


def _window(use: BudgetUse, length: int, budget: int, now: int) -> Window:
    first = minute_of(now) - length
    return Window(length, budget, sum(spent for minute, spent in use.items() if minute > first))

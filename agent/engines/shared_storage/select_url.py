"""Which URL a call of selectURL shows, and what it pays for that (shared-storage sections 5 and 6)."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Final

from agent.model.events import Check, Trace

DEFAULT: Final = 0
"""The index that is shown where the operation's choice cannot be."""
SELECTED: Final = "selected"
DEFAULTED: Final = "default"
INSUFFICIENT_BUDGET: Final = "insufficient-budget"
INSUFFICIENT_BUDGET_MESSAGE: Final = "Insufficient budget for selectURL()."
"""What the page's console says, at level info."""


@dataclass(frozen=True, slots=True)
class Budgets:
    """Bits that are left."""

    navigation: float
    """Of the data origin's site, for navigations within the window."""
    page: float
    """Of all sites on this page."""
    site_page: float
    """Of the data origin's site on this page."""


@dataclass(frozen=True, slots=True)
class Selection:
    """What a call shows and pays."""

    verdict: str
    """:data:`SELECTED`, :data:`DEFAULTED` where the operation gave no usable index, or :data:`INSUFFICIENT_BUDGET`."""
    index: int
    cost: float
    """Bits that a navigation out of the shown URL's frame costs; 0 where the budget did not suffice."""
    page_cost: float
    """Bits to take off both budgets of the page; 0 for a saved index, and where the budget did not suffice."""
    trace: Trace


def cost_of(urls: int) -> float:
    """The bits that a choice among so many URLs, at least one, can tell."""
    return math.log2(urls)


def choose(index: int | None, urls: int, budgets: Budgets, *, saved: bool = False) -> Selection:
    """Choose among ``urls`` URLs.

    ``index`` is what the operation resolved with, as an unsigned 32-bit integer; None where it failed. ``saved`` says
    that it was not run: the index of an earlier call with the same saved query counts, and the page has paid.
    """
    in_range = index is not None and index < urls
    chosen = index if index is not None and in_range else DEFAULT
    operation = Check("operation", True, f"URL {chosen}" + (", saved" if saved else ""))
    if not in_range:
        why = "the operation failed" if index is None else f"{index} is not below {urls}, the number of URLs"
        operation = Check("operation", True, f"{why}; URL {DEFAULT} is the default")
    cost = cost_of(urls)
    checks = [operation, _budget("navigation budget of the site", cost, budgets.navigation)]
    if not saved and checks[-1].passed:
        checks.append(_budget("budget of the page", cost, budgets.page))
        if checks[-1].passed:
            checks.append(_budget("budget of the site on the page", cost, budgets.site_page))
    trace = Trace(tuple(checks))
    if trace.stopped_at is not None:
        return Selection(INSUFFICIENT_BUDGET, DEFAULT, 0.0, 0.0, trace)
    return Selection(SELECTED if in_range else DEFAULTED, chosen, cost, 0.0 if saved else cost, trace)


def _budget(rule: str, cost: float, left: float) -> Check:
    detail = f"{cost:g} bits needed, {left:g} left"
    if cost <= left:
        return Check(rule, True, detail)
    fix = "offer fewer URLs; page budgets are whole again on the next page, the site's 24 hours after a navigation"
    return Check(rule, False, detail, fix)

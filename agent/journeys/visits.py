"""Who does what and when in the demo, drawn from its seed."""

from __future__ import annotations

from dataclasses import dataclass, replace

from agent.model.clock import DAY, HOUR, MINUTE, WEEK
from agent.model.rng import Draw, Rng
from sites import story

WEEKS = 3
_AD_WEIGHTS = (0, 0, 0, 0, 1, 1, 1, 2, 2, 3)
"""Campaigns by how often they are shown."""
_VIEWS_PER_CLICK = 3
_WEEKS_PER_BROWSING = 2


@dataclass(frozen=True, slots=True)
class SeenAd:
    """A page with the ad of this campaign."""

    campaign: int
    clicked: bool = False
    """Whether the user follows the ad to the shop, to look around."""


@dataclass(frozen=True, slots=True)
class Browsing:
    """A look at the shop's front page, on which the poster hangs."""


@dataclass(frozen=True, slots=True)
class Purchase:
    """A purchase of this product in the shop."""

    product: str


@dataclass(frozen=True, slots=True)
class Visit:
    """What one user (numbered from 1) does, ``at`` milliseconds after the story's beginning."""

    at: int
    user: int
    what: SeenAd | Browsing | Purchase


def plan_visits(rng: Rng, users: int) -> list[Visit]:
    """Everything that happens, in order of time: each user sees an ad in week 1, some more follow, all buy once.

    Some look around in the shop besides.
    """
    visits: list[Visit] = []
    for user in range(1, users + 1):
        seen = _moment(rng, 0)
        visits.append(Visit(seen, user, SeenAd(_campaign(rng))))
        visits.append(Visit(_later(rng, seen), user, Purchase(_product(rng))))
        for week in range(1, WEEKS):
            if rng.below(Draw.VISITOR, 2):
                seen = _moment(rng, week)
                visits.append(Visit(seen, user, SeenAd(_campaign(rng))))
                if rng.below(Draw.VISITOR, 3):
                    visits.append(Visit(_later(rng, seen), user, Purchase(_product(rng))))
    visits.sort(key=lambda visit: (visit.at, visit.user))
    visits = [replace(visit, what=_maybe_clicked(rng, visit.what)) for visit in visits]
    for user in range(1, users + 1):
        visits += (
            Visit(_moment(rng, week), user, Browsing())
            for week in range(WEEKS)
            if rng.below(Draw.VISITOR, _WEEKS_PER_BROWSING) == 0
        )
    return sorted(visits, key=lambda visit: (visit.at, visit.user))


def _maybe_clicked(rng: Rng, what: SeenAd | Browsing | Purchase) -> SeenAd | Browsing | Purchase:
    if not isinstance(what, SeenAd):
        return what
    return replace(what, clicked=rng.below(Draw.VISITOR, _VIEWS_PER_CLICK) == 0)


def _moment(rng: Rng, week: int) -> int:
    """A time of day, early enough in the week for a purchase to follow."""
    return week * WEEK + rng.below(Draw.VISITOR, 5) * DAY + rng.below(Draw.VISITOR, 10 * 60) * MINUTE


def _later(rng: Rng, seen: int) -> int:
    return seen + (1 + rng.below(Draw.VISITOR, 30)) * HOUR


def _campaign(rng: Rng) -> int:
    return _AD_WEIGHTS[rng.below(Draw.VISITOR, len(_AD_WEIGHTS))]


def _product(rng: Rng) -> str:
    return story.PRODUCTS[rng.below(Draw.VISITOR, len(story.PRODUCTS))].slug

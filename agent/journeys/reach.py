"""How many browsers the demo's campaigns reached: what Private Aggregation reported, beside what was true."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from fractions import Fraction
from typing import Any

from agent.aggregation.noise import discrete_laplace, interval, standard_deviation
from agent.model.reports import ReportKind
from agent.model.rng import Rng
from agent.reporting.model import Campaign, ReachedCampaign, ReachSummary, ShownCreative
from sites import reach, story

_SCALE = Fraction(reach.BUDGET) / Fraction(reach.EPSILON)
"""Of the noise, in units of contributed value."""


@dataclass(frozen=True, slots=True)
class ShownAd:
    """An ad in a frame of adtech.test, as a visitor saw it."""

    number: int
    """The campaign's."""
    creative: int | None = None
    """Which of the poster's pictures was shown."""


@dataclass(slots=True)
class Views:
    """What was true: only the users' browsers know it."""

    _seen: Counter[tuple[int, int]] = field(default_factory=Counter)
    """Views by campaign and user."""
    creatives: Counter[int] = field(default_factory=Counter)

    def add(self, user: int, ads: Iterable[ShownAd]) -> None:
        """Count what a user saw."""
        for ad in ads:
            self._seen[ad.number, user] += 1
            if ad.creative is not None:
                self.creatives[ad.creative] += 1

    def shown(self, number: int) -> int:
        """How often a campaign was shown, to anybody."""
        return sum(views for (campaign, _), views in self._seen.items() if campaign == number)

    def browsers(self, number: int, times: int) -> int:
        """How many users saw a campaign at least so often."""
        return sum(campaign == number and views >= times for (campaign, _), views in self._seen.items())


def reach_summary(views: Views, arrived: Iterable[Mapping[str, Any]], rng: Rng) -> ReachSummary:
    """What ``arrived``, as the collector lists it, comes to with noise drawn from ``rng``, beside ``views``.

    The noise hides all that one browser may add in ten minutes.
    """
    opened = [one["opened"] or [] for one in arrived if one["kind"] == ReportKind.PRIVATE_AGGREGATION]
    sums: Counter[int] = Counter()
    for entries in opened:
        for entry in entries:
            sums[int(entry["bucket"], 16)] += entry["value"]
    poster = story.POSTER
    return ReachSummary(
        campaigns=tuple(
            ReachedCampaign(
                one.sites, views.shown(one.number), _noised(one, views.browsers(one.number, one.times), sums, rng)
            )
            for one in reach.counted()
        ),
        creatives=tuple(ShownCreative(one.headline, views.creatives[one.index]) for one in poster.creatives),
        poster=poster.label,
        reports=len(opened),
        epsilon=reach.EPSILON,
        scale=float(_SCALE / reach.VALUE),
    )


def _noised(one: reach.Counted, true: int, sums: Mapping[int, int], rng: Rng) -> Campaign:
    """Sum and interval in browsers, rounded so that the interval holds what it held."""
    value, width = sums[one.bucket] + discrete_laplace(_SCALE, rng), interval(_SCALE)
    return Campaign(
        label=one.label,
        true=true,
        noised=round(value / reach.VALUE),
        standard_deviation=standard_deviation(_SCALE) / reach.VALUE,
        p5=math.floor((value - width) / reach.VALUE),
        p95=math.ceil((value + width) / reach.VALUE),
    )

"""How many browsers the demo's campaigns reached: the truth, beside what the aggregation service answered."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field

from agent.reporting.model import ReachedCampaign, ReachSummary, ShownCreative, SummaryPart
from sites import reach, story


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

    def sums(self) -> dict[int, int]:
        """What every bucket adds up to where each browser is counted once."""
        return {one.bucket: self.browsers(one.number, one.times) * reach.VALUE for one in reach.counted()}

    def shown(self, number: int) -> int:
        """How often a campaign was shown, to anybody."""
        return sum(views for (campaign, _), views in self._seen.items() if campaign == number)

    def browsers(self, number: int, times: int) -> int:
        """How many users saw a campaign at least so often."""
        return sum(campaign == number and views >= times for (campaign, _), views in self._seen.items())


def reach_summary(views: Views, answered: SummaryPart) -> ReachSummary:
    """``views`` beside what the aggregation service ``answered`` about each of the things that are counted."""
    poster, rows = story.POSTER, {int(row.bucket, 16): row for row in answered.rows}
    return ReachSummary(
        campaigns=tuple(
            ReachedCampaign(one.sites, views.shown(one.number), rows[one.bucket], one.times) for one in reach.counted()
        ),
        creatives=tuple(ShownCreative(one.headline, views.creatives[one.index]) for one in poster.creatives),
        poster=poster.label,
    )

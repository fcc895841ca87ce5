"""How impressions and conversions end, and what leaves an impression out of a conversion."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from agent.engines.attribution.matching import Mismatch
from agent.model.attribution import AttributionVerdict
from agent.model.events import Event
from agent.verbs import attribution as verbs
from tests.attribution_world import SEED, START, World, week
from tests.house.verdicts.scene import Scene, Scenes

V, M = AttributionVerdict, Mismatch
LEFT_OUT = "matching impressions"
IMPRESSION = "impression 1"


def measured(
    saved: dict[str, Any] | None = None,
    *,
    days: float = 0,
    by: str | None = None,
    before: int = 0,
    enabled: bool = True,
    **options: Any,
) -> Callable[[Path], Event]:
    """What a conversion comes to, ``days`` after an impression and behind as many others as ``before``."""

    def made(_: Path) -> Event:
        world = World()
        if saved is not None:
            world.save(**saved)
        world.now += round(days * (week(0, days=1) - START))
        for _number in range(before):
            world.measure(epsilon=1.0)
        world.enabled = enabled
        return event_of(world.measure(by=by, **options))

    return made


def event_of(outcome: verbs.Outcome) -> Event:
    (event,) = outcome.events
    return event


def saved(_: Path) -> Event:
    return event_of(World().save())


def saved_before_a_clearing(_: Path) -> Event:
    world = World(now=week(0, days=1))
    world.save()
    world.database.transact("clear", lambda c: verbs.clear_history(c, ["other.test"], now=world.now))
    return event_of(world.measure())


def saved_by_a_clock_ahead(_: Path) -> Event:
    world = World(now=week(1))
    world.save()
    world.now = week(0)
    return event_of(world.measure())


CONVERSIONS: Scenes = {
    V.STORED: Scene(saved),
    V.ATTRIBUTED: Scene(measured({}), tells=("1 of 1 found for shop.test", "1 to bucket 0")),
    V.API_DISABLED: Scene(measured({}, enabled=False), "enabled", ("opted out or private",)),
    V.INDEX_TOO_LARGE: Scene(
        measured({"histogramIndex": 4}, histogramSize=4),
        "credit of impression 1",
        ("1 to bucket 4, dropped: the histogram has 4 buckets",),
    ),
    V.NO_MATCHING_IMPRESSION: Scene(measured(), LEFT_OUT, ("0 of 0 found for shop.test",)),
    V.BUDGET_EXHAUSTED: Scene(
        measured({}, before=1, epsilon=0.5),
        "budget of 2026-01-05 to 2026-01-11",
        ("0.5 epsilon (500000 micro-epsilon) asked", "budget of shop.test has 0 (0)", "0.5 (500000) short"),
    ),
}
MISMATCHES: Scenes = {
    M.DIALECT: Scene(
        measured({"dialect": SEED, "ad": "a", "conversionSite": "shop.test"}),
        IMPRESSION,
        ("saved through level1_2024, measured through current",),
    ),
    M.EXPIRED: Scene(measured({"lifetimeDays": 1}, days=2), IMPRESSION, ("lived until 2026-01-06T00:00:00+00:00",)),
    M.LOOKBACK: Scene(
        measured({}, days=2, lookbackDays=1), IMPRESSION, ("saved 2026-01-05T00:00:00+00:00, lookback 1 days",)
    ),
    M.CONVERSION_SITE: Scene(
        measured({"conversionSites": ["other.test"]}), IMPRESSION, ('shop.test is not in ["other.test"]',)
    ),
    M.CONVERSION_CALLER: Scene(
        measured({"conversionCallers": ["ads.test"]}), IMPRESSION, ('shop.test is not in ["ads.test"]',)
    ),
    M.KEY: Scene(measured({"matchValue": 7}, matchValues=[8]), IMPRESSION, ("7 is not in [8]",)),
    M.IMPRESSION_SITE: Scene(
        measured({}, impressionSites=["blog.test"]), IMPRESSION, ('news.test is not in ["blog.test"]',)
    ),
    M.IMPRESSION_CALLER: Scene(
        measured({}, impressionCallers=["ads.test"]), IMPRESSION, ('news.test is not in ["ads.test"]',)
    ),
    M.CLOSED_EPOCH: Scene(saved_before_a_clearing, IMPRESSION, ("saved 2026-01-06T00:00:00+00:00",)),
    M.COMING_EPOCH: Scene(saved_by_a_clock_ahead, IMPRESSION, ("saved 2026-01-12T00:00:00+00:00",)),
}
"""By reason; the words of it stand in the check of the impression."""

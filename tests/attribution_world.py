"""One profile's store with the verbs of attribution, for tests: weeks with known bounds, chance that is given."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import cycle
from typing import Any

from agent.engines.attribution import webidl
from agent.model.attribution import (
    AggregationService,
    AttributionState,
    BudgetKey,
    BudgetKind,
    CallContext,
    Dialect,
    Policy,
)
from agent.model.clock import DAY, WEEK
from agent.model.errors import PageException
from agent.model.limits import AttributionLimits
from agent.model.rng import Draw
from agent.verbs import attribution as verbs
from agent.verbs.attribution import Outcome
from storage import impressions, privacy_budgets
from storage.database import Database

START = 1_767_571_200_000
"""2026-01-05T00:00:00Z, a Monday: where week 0 of a :class:`World` starts."""
SERVICE = AggregationService("aggregator", "https://aggregator.test")
CURRENT, SEED = Dialect.CURRENT, Dialect.LEVEL1_2024


def week(number: int, *, days: float = 0) -> int:
    """The instant ``days`` after the start of a week, in milliseconds."""
    return START + number * WEEK + round(days * DAY)


class GivenRng:
    """Gives the phase and, in turn, the fractions it was made with; counts the draws."""

    def __init__(self, phase: float = 0.5, fractions: Sequence[float] = (0.5,)) -> None:
        self._phase, self._fractions = phase, cycle(fractions)
        self.draws: list[Draw] = []

    def fraction(self, draw: Draw) -> float:
        self.draws.append(draw)
        return self._phase if draw is Draw.EPOCH_PHASE else next(self._fractions)

    def below(self, draw: Draw, bound: int) -> int:
        raise AssertionError(f"attribution draws no integer below {bound}: {draw}")

    def bytes(self, draw: Draw, count: int) -> bytes:
        raise AssertionError(f"attribution draws no {count} bytes: {draw}")


class World:
    """A store whose epoch 0 starts at :data:`START`, unless ``epoch_start`` says otherwise."""

    def __init__(
        self,
        *,
        limits: AttributionLimits | None = None,
        fractions: Sequence[float] = (0.5,),
        epoch_start: int | None = START,
        now: int = START,
    ) -> None:
        self.limits = limits or AttributionLimits()
        self.rng = GivenRng(fractions=fractions)
        self.now = now
        self.enabled = True
        self.policy: Policy | None = None
        self.database = Database.open(":memory:", now=0)
        self.connection = self.database.connection
        privacy_budgets.write_state(self.connection, AttributionState(epoch_start=epoch_start))

    def save(
        self, site: str = "news.test", *, by: str | None = None, dialect: Dialect = CURRENT, **options: Any
    ) -> Outcome:
        """Save an impression on ``site``; bucket 0 unless told otherwise."""
        converted = webidl.convert_impression(dialect, {"histogramIndex": 0, **options})
        assert not isinstance(converted, PageException), converted
        return self.database.transact(
            "save",
            lambda connection: verbs.save_impression(
                connection,
                dialect,
                CallContext(site, by),
                converted,
                limits=self.limits,
                now=self.now,
                enabled=self.enabled,
            ),
        )

    def measure(
        self, site: str = "shop.test", *, by: str | None = None, dialect: Dialect = CURRENT, **options: Any
    ) -> Outcome:
        """Measure a conversion on ``site``; 4 buckets unless told otherwise."""
        service = {"aggregationService": SERVICE.url, "aggregator": SERVICE.name}
        converted = webidl.convert_conversion(dialect, {"histogramSize": 4, **service, **options})
        assert not isinstance(converted, PageException), converted
        return self.database.transact(
            "measure",
            lambda connection: verbs.measure_conversion(
                connection,
                dialect,
                CallContext(site, by),
                converted,
                limits=self.limits,
                services=(SERVICE,),
                rng=self.rng,
                now=self.now,
                enabled=self.enabled,
                policy=self.policy,
            ),
        )

    def histogram(self, site: str = "shop.test", **options: Any) -> list[int]:
        """The histogram of a conversion that the page sees succeed."""
        outcome = self.measure(site, **options)
        assert outcome.histogram is not None, outcome.exception
        return list(outcome.histogram)

    def charged(self, kind: BudgetKind = BudgetKind.PER_SITE, site: str = "shop.test") -> dict[int, int]:
        """What was ever charged to a budget, in micro-epsilon by epoch."""
        whole = {
            BudgetKind.PER_SITE: self.limits.per_site_privacy_budget,
            BudgetKind.GLOBAL: self.limits.global_privacy_budget_per_epoch,
            BudgetKind.IMPRESSION_SITE_QUOTA: self.limits.impression_site_quota_per_epoch,
        }[kind]
        rows = {one.key: one.remaining for one in privacy_budgets.read(self.connection)}
        wanted = "" if kind is BudgetKind.GLOBAL else site
        return {
            epoch: whole - left
            for (of_kind, epoch, of_site), left in rows.items()
            if (of_kind, of_site) == (kind, wanted)
        }

    def left(self, key: BudgetKey) -> int | None:
        """What is left of a budget, None where it was never charged."""
        return {one.key: one.remaining for one in privacy_budgets.read(self.connection)}.get(key)

    @property
    def stored(self) -> int:
        """How many impressions are stored."""
        return impressions.count(self.connection)

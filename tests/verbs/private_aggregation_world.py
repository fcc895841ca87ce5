"""One profile whose operations contribute, for the tests of Private Aggregation's verbs."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from agent.model.events import Event
from agent.model.private_aggregation import PRIVATE_AGGREGATION, Batch, BatchVerdict, PrivateAggregationApi
from agent.model.reports import Report
from agent.model.rng import SeededRng
from agent.verbs import private_aggregation as verbs
from agent.verbs.private_aggregation import PrivateAggregationRules
from storage import events, reports
from storage.database import Database
from tests.engines.private_aggregation.contributing import LIMITS, NOON, batch

SCHEDULED, NULL, REFUSED = BatchVerdict.REPORT_SCHEDULED, BatchVerdict.NULL_REPORT, BatchVerdict.INSUFFICIENT_BUDGET


@dataclass
class World:
    """One profile's store, its rules and its clock."""

    database: Database
    rules: PrivateAggregationRules = field(
        default_factory=lambda: PrivateAggregationRules(LIMITS, SeededRng(1), lambda _top, _reporting: True)
    )
    now: int = NOON

    def complete(self, of: Batch) -> str:
        outcome = self.database.transact("complete", lambda c: verbs.complete(c, of, self.rules, now=self.now))
        assert list(outcome.events) == self.told()[-len(outcome.events) :] or not outcome.events
        return outcome.verdict

    def contribute(self, value: int = 1, **changes: Any) -> str:
        return self.complete(batch((1, value), **{"started": self.now, **changes}))

    def reports(self) -> list[Report]:
        return self.database.transact("read", lambda c: reports.read(c, limit=10_000))

    def told(self) -> list[Event]:
        return self.database.transact("read", lambda c: events.read(c, kind=PRIVATE_AGGREGATION, limit=10_000))

    def left(self) -> dict[tuple[str, PrivateAggregationApi], tuple[int, int]]:
        found = self.database.transact("read", lambda c: verbs.budgets(c, self.rules.limits, now=self.now))
        return {(one.site, one.api): (one.small.left, one.large.left) for one in found}

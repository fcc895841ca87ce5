"""Events per second through the story engine on SQLite ``:memory:``, with 10^3 to 10^6 impressions stored.

Measured: ``story`` playing events one by one, each read, checked, converted, decided and applied in a transaction of
its own, in one thread. Half of a round's events are conversions, or a tenth, or none, or all. Every conversion finds
exactly 100 candidates, on 100 impression sites where there are as many, in five epochs, and pays for each: the most
that the goal allows. All budgets were charged before, as in a profile that has been in use, and the quotas of all
10^4 impression sites, however few impressions there are. So it is the same work in every store, and what differs
between them is the number of impressions alone.

The time is the thread's own on the processor, which on an idle machine is all the time there is (nothing here waits
for a disk) and on a busy one leaves the neighbours out: the goal is for one core.

Against: the store of 10^3, and a second store of 10^3 that shows how far two equal stores differ. Stores take turns
in random order. What a round stored is removed after it, untimed, so every round begins alike.
"""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Mapping
from contextlib import ExitStack
from functools import partial
from typing import Any

from agent.engines.attribution import epochs
from agent.journeys.story import Teller, read_config
from agent.model.attribution import AttributionState, BudgetKey, BudgetKind, Dialect, Impression
from agent.model.clock import DAY, SECOND
from agent.model.rng import Draw, SeededRng
from benchmarks.figures import Figure, Goal, ratio
from benchmarks.rounds import Plan, interleave, shuffled
from storage import impressions, privacy_budgets
from storage.database import MEMORY, Database

CANDIDATES = 100
"""Impressions that each conversion finds."""
SITES = 10_000
"""Impression sites that the impressions are spread over."""
EVENTS = 400
"""Events of a round."""
GOAL = Goal(at_least=5_000)
NO_SLOPE = Goal(at_least=0.9)
"""Events per second at 10^6 over those at 10^3."""
_SIZES = {"1e3": 1_000, "1e3 again": 1_000, "1e5": 100_000, "1e6": 1_000_000}
_TINY_SIZES = {"1e3": 1_000, "1e3 again": 1_000, "1e4": 10_000}
_SHARES: Mapping[str, float] = {"halves": 0.5, "tenth": 0.1, "impressions": 0.0, "conversions": 1.0}
"""Share of conversions among the events of a round; the goal is for the two that mix."""
_SERVICE = "https://aggregator.test"
_CONFIG = {"aggregationServices": {_SERVICE: "dap-18-histogram"}}
_NOW = 1_780_000_000
"""Seconds since 1970 at which every event happens."""
_SPAN = 28 * DAY
"""The stored impressions were saved in the time before: inside the lookback window of 30 days."""
_STRIDE = 101
"""Steps between the impression sites of one conversion site; prime, so that they are all different."""


async def measure(plan: Plan) -> list[Figure]:
    """Fill the stores, then play rounds of events on each."""
    sizes = _TINY_SIZES if plan.tiny else _SIZES
    shapes = {name: (size, SITES) for name, size in sizes.items()}
    middle, largest = list(sizes)[2], list(sizes)[-1]
    shapes[f"{middle} single site"] = (sizes[middle], 1)
    with ExitStack() as stack:
        stores = {}
        for name, shape in plan.track("story_throughput: fill the stores", shapes.items()):
            stores[name] = _Store(*shape, stack)
        subjects = {
            (name, kind): partial(stores[name].play, share) for name in stores for kind, share in _SHARES.items()
        }
        rates = await interleave("story_throughput", plan, subjects)
    figures = [
        Figure(
            f"story_throughput.{name}.{kind}",
            "events/s",
            samples,
            goal=GOAL if 0 < _SHARES[kind] < 1 else None,
            details={"impressions": stores[name].size, "sites": stores[name].sites, "candidates": CANDIDATES},
        )
        for (name, kind), samples in rates.items()
    ]
    slopes = [
        ratio(
            f"story_throughput.{largest}_over_1e3.{kind}",
            rates[largest, kind],
            rates["1e3", kind],
            rates["1e3 again", kind],
            NO_SLOPE,
        )
        for kind in _SHARES
    ]
    return [*figures, *slopes]


class _Store:
    """A filled store, and the story that goes on on it."""

    def __init__(self, size: int, sites: int, stack: ExitStack) -> None:
        self.size, self.sites = size, sites
        self._conversion_sites = size // CANDIDATES
        self._rng = SeededRng(size + sites)
        self._database = stack.enter_context(Database.open(MEMORY, now=0))
        self._config = read_config(_CONFIG)
        self._database.transact("fill", self._fill)
        self._teller = Teller(self._database, self._config, None)

    def _fill(self, connection: sqlite3.Connection) -> None:
        for number in range(self.size):
            turn, conversion_site = divmod(number, self._conversion_sites)
            impression = Impression(
                dialect=Dialect.CURRENT,
                key=0,
                impression_site=f"news{(conversion_site + turn * _STRIDE) % self.sites}.test",
                intermediary_site=None,
                conversion_sites=(f"shop{conversion_site}.test",),
                conversion_callers=(),
                timestamp=_NOW * SECOND - _SPAN + number * _SPAN // self.size,
                lifetime_days=30,
                histogram_index=turn % 8,
            )
            impressions.save(connection, impression, stored=True)
        now, limits = _NOW * SECOND, self._config.limits
        start = now - _SPAN
        privacy_budgets.write_state(connection, AttributionState(epoch_start=start))
        for epoch in range(epochs.epoch_of(now, start, limits) + 1):
            budgets = {BudgetKey(BudgetKind.GLOBAL, epoch): limits.global_privacy_budget_per_epoch}
            quota = limits.impression_site_quota_per_epoch
            privacy_budgets.write_quotas(connection, {epoch: {f"news{n}.test": quota for n in range(self.sites)}})
            for number in range(self._conversion_sites):
                budgets[BudgetKey(BudgetKind.PER_SITE, epoch, f"shop{number}.test")] = limits.per_site_privacy_budget
            privacy_budgets.write(connection, budgets)

    async def play(self, conversions: float) -> float:
        """Events per second over one round, of which ``conversions`` is the share of conversions."""
        count = round(EVENTS * conversions)
        events = shuffled(
            [self._conversion() for _ in range(count)] + [self._impression() for _ in range(EVENTS - count)], self._rng
        )
        began = time.thread_time()
        for position, event in enumerate(events):
            self._teller.tell(position, event)
        took = time.thread_time() - began
        self._database.transact("undo the round", self._undo)
        return EVENTS / took

    def _impression(self) -> Mapping[str, Any]:
        # For a conversion site that measures nothing, so that conversions keep their 100 candidates.
        site = f"news{self._rng.below(Draw.VISITOR, self.sites)}.test"
        options = {"histogramIndex": 1, "matchValue": 0, "conversionSites": ["elsewhere.test"]}
        return {"seconds": _NOW, "event": "saveImpression", "site": site, "options": options}

    def _conversion(self) -> Mapping[str, Any]:
        site = f"shop{self._rng.below(Draw.VISITOR, self._conversion_sites)}.test"
        # So small an epsilon that no budget ends while the benchmark lasts: every conversion pays.
        options = {"aggregationService": _SERVICE, "histogramSize": 8, "epsilon": 1e-5, "value": 1, "maxValue": 1}
        return {"seconds": _NOW, "event": "measureConversion", "site": site, "options": options}

    def _undo(self, connection: sqlite3.Connection) -> None:
        connection.execute("DELETE FROM impressions WHERE id > ?", (self.size,))

"""Attribution Reporting's registrations per second, through engine and SQLite ``:memory:``, at 10^3 and 10^5 sources.

Measured: common sources (a navigation's, with two aggregation keys and filter data) and common triggers (an event-level
and an aggregatable report), parsed before, each gathered, decided and applied in a transaction of its own, in one
thread, with its event, its trace and its reports. A round is mixed (half sources, a quarter triggers that are
attributed, a quarter that find no source; on the web far more find none), or of one sort. The stored sources are spread
over sites in the same density at either size: a new source meets ten of its context origin, a trigger one candidate at
most. So it is the same work in every store, and what differs between them is their size alone. Beside it: the mix from
the header on, parsing included.

The time is the thread's own on the processor, as in ``story_throughput``. Against: the store of 10^3, and a second one
that shows how far two equal stores differ. Stores take turns in random order. Every round begins with a fresh copy of
its store.
"""

from __future__ import annotations

import json
import sqlite3
import time
from collections.abc import Callable
from contextlib import ExitStack
from functools import partial

from agent.engines.attribution_reporting.chance import RngChance
from agent.engines.attribution_reporting.source_registration import parse_source_registration
from agent.engines.attribution_reporting.trigger_registration import parse_trigger_registration
from agent.model.attribution_reporting.eligibility import (
    REGISTER_SOURCE,
    REGISTER_TRIGGER,
    Eligibility,
    RegistrationResponse,
)
from agent.model.attribution_reporting.facts import Registrant
from agent.model.attribution_reporting.limits import AttributionReportingLimits
from agent.model.attribution_reporting.registrations import SourceType
from agent.model.rng import Draw, SeededRng
from agent.verbs.attribution_reporting import RegistrationRules, register
from agent.verbs.source_registration import register_source
from agent.verbs.trigger_registration import register_trigger
from benchmarks.figures import Figure, Goal, ratio
from benchmarks.rounds import Plan, interleave, shuffled
from storage.database import MEMORY, Database

PER_ORIGIN = 10
"""Stored sources of each context origin, each for a destination of its own."""
REGISTRATIONS = 400
"""Of a round."""
GOAL = Goal(at_least=5_000)
NO_SLOPE = Goal(at_least=0.9)
"""Registrations per second at 10^5 over those at 10^3."""
_SIZES = {"1e3": 1_000, "1e3 again": 1_000, "1e5": 100_000}
_TINY_SIZES = {"1e3": 1_000, "1e3 again": 1_000, "1e4": 10_000}
_MIXED = (0.5, 0.25)
_SHARES = {"mixed": _MIXED, "sources": (1.0, 0.0), "attributed": (0.0, 1.0), "unattributed": (0.0, 0.0)}
"""Shares of sources and of attributed triggers among the registrations of a round."""
_NOW = 1_780_000_000_000
_LIMITS = AttributionReportingLimits()
_TRIGGER = json.dumps(
    {
        "event_trigger_data": [{"trigger_data": "3"}],
        "aggregatable_trigger_data": [{"key_piece": "0x400", "source_keys": ["campaign"]}],
        "aggregatable_values": {"campaign": 32768, "geo": 1664},
    }
).encode()

Work = Callable[[sqlite3.Connection], object]


async def measure(plan: Plan) -> list[Figure]:
    """Fill the stores, then play rounds of registrations on each."""
    sizes = _TINY_SIZES if plan.tiny else _SIZES
    with ExitStack() as stack:
        stores = {}
        for name, size in plan.track("registrations: fill the stores", sizes.items()):
            stores[name] = _Store(size, stack)
        subjects = {
            (name, kind): partial(stores[name].play, shares) for name in stores for kind, shares in _SHARES.items()
        }
        subjects |= {(name, "headers"): partial(stores[name].play, _MIXED, parsing=True) for name in stores}
        rates = await interleave("registrations", plan, subjects)
    largest = list(sizes)[-1]
    figures = [
        Figure(
            f"registrations.{name}.{kind}",
            "registrations/s",
            samples,
            goal=GOAL if kind == "mixed" else None,
            details={"sources": stores[name].size},
        )
        for (name, kind), samples in rates.items()
    ]
    slopes = [
        ratio(
            f"registrations.{largest}_over_1e3.{kind}",
            rates[largest, kind],
            rates["1e3", kind],
            rates["1e3 again", kind],
            NO_SLOPE,
        )
        for kind in _SHARES
    ]
    return [*figures, *slopes]


class _Store:
    """A filled store, and copies of it to register on."""

    def __init__(self, size: int, stack: ExitStack) -> None:
        self.size = size
        self._origins = size // PER_ORIGIN
        self._rng = SeededRng(size)
        self._rules = RegistrationRules(_LIMITS, RngChance(self._rng))
        self._filled = stack.enter_context(Database.open(MEMORY, now=0))
        self._filled.transact("fill", self._fill)

    def _fill(self, connection: sqlite3.Connection) -> None:
        for number in range(self.size):
            self._source(number % self._origins, number // self._origins)(connection)

    async def play(self, shares: tuple[float, float], *, parsing: bool = False) -> float:
        """Registrations per second over one round of these ``shares`` of sources and attributed triggers."""
        sources, attributed = (round(REGISTRATIONS * share) for share in shares)
        chosen = [(True, self._rng.below(Draw.VISITOR, self._origins)) for _ in range(sources)]
        first = self._rng.below(Draw.VISITOR, self.size)
        chosen += [(False, (first + number) % self.size) for number in range(attributed)]
        # No source has a destination of these numbers: the stored ones lie below the size, a round's from there on.
        chosen += [(False, 2 * self.size + number) for number in range(REGISTRATIONS - sources - attributed)]
        works = [self._work(*one, parsing=parsing) for one in shuffled(chosen, self._rng)]
        with Database.open(MEMORY, now=0) as database:
            self._filled.connection.backup(database.connection)
            began = time.thread_time()
            for work in works:
                database.transact("register", work)
            took = time.thread_time() - began
        return REGISTRATIONS / took

    def _work(self, is_source: bool, number: int, *, parsing: bool) -> Work:
        if is_source:
            return self._source_response(number) if parsing else self._source(number, PER_ORIGIN)
        return self._trigger_response(number) if parsing else self._trigger(number)

    def _source(self, origin: int, turn: int) -> Work:
        parsed = parse_source_registration(_source_header(origin, turn), SourceType.NAVIGATION, _LIMITS)
        assert parsed.value is not None
        return partial(
            register_source,
            registrant=_registrant(f"https://news{origin}.test", origin),
            source_type=SourceType.NAVIGATION,
            registration=parsed.value,
            limits=_LIMITS,
            chance=self._rules.chance,
        )

    def _trigger(self, number: int) -> Work:
        parsed = parse_trigger_registration(_TRIGGER, _LIMITS)
        assert parsed.value is not None
        origin, turn = number % self._origins, number // self._origins
        return partial(
            register_trigger,
            registrant=_registrant(_destination(origin, turn), origin),
            registration=parsed.value,
            limits=_LIMITS,
            chance=self._rules.chance,
        )

    def _source_response(self, origin: int) -> Work:
        fields = {REGISTER_SOURCE: _source_header(origin, PER_ORIGIN)}
        url = f"https://adtech{origin % 50}.test/source"
        response = RegistrationResponse(f"https://news{origin}.test", url, Eligibility.NAVIGATION_SOURCE, fields)
        return lambda c: register(c, response, self._rules, now=_NOW)

    def _trigger_response(self, number: int) -> Work:
        origin, turn = number % self._origins, number // self._origins
        url = f"https://adtech{origin % 50}.test/trigger"
        response = RegistrationResponse(
            _destination(origin, turn), url, Eligibility.UNSET, {REGISTER_TRIGGER: _TRIGGER}
        )
        return lambda c: register(c, response, self._rules, now=_NOW)


def _registrant(context: str, origin: int) -> Registrant:
    adtech = f"https://adtech{origin % 50}.test"
    return Registrant(context, adtech, _NOW, context_site=context, reporting_site=adtech)


def _destination(origin: int, turn: int) -> str:
    return f"https://shop{origin}-{turn}.test"


def _source_header(origin: int, turn: int) -> bytes:
    fields = {
        "destination": _destination(origin, turn),
        "source_event_id": str(origin * 1000 + turn),
        "aggregation_keys": {"campaign": "0x159", "geo": "0x5"},
        "filter_data": {"product": ["1234", "4321"]},
    }
    return json.dumps(fields).encode()

"""What becomes of batches of Private Aggregation, and which events happen to them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

from agent.model.events import Event
from agent.model.private_aggregation import BatchVerdict, ErrorEvent
from storage.database import Database
from tests.engines.private_aggregation.contributing import CONTEXT, NOON, ORIGIN, batch, on_events
from tests.house.verdicts.scene import Scene, Scenes
from tests.verbs.private_aggregation_world import World

V, E = BatchVerdict, ErrorEvent


def contributed(
    *values: int, before: int = 0, limits: dict[str, Any] | None = None, rules: dict[str, Any] | None = None, **of: Any
) -> Callable[[Path], Event]:
    """What a batch of ``values`` for buckets 1, 2 ... comes to, behind one of the value ``before``."""

    def made(_: Path) -> Event:
        with Database.open(":memory:", now=NOON) as database:
            world = World(database)
            world.rules = replace(world.rules, limits=replace(world.rules.limits, **(limits or {})))
            if before:
                world.contribute(before)
            world.rules = replace(world.rules, **(rules or {}))
            world.complete(batch(*enumerate(values, start=1), **of))
            return world.told()[-1]

    return made


def conditional(
    *values: int, before: int = 0, rule: str = "", of: dict[str, Any] | None = None, **limits: Any
) -> Scene:
    """A batch that waits for every event, of which the trace tells those that have happened."""
    return Scene(
        contributed(
            *values, before=before, limits={"error_reporting": True} | limits, conditional=on_events(), **(of or {})
        ),
        rule,
    )


BATCHES: Scenes = {
    V.REPORT_SCHEDULED: Scene(contributed(128), tells=("1 call: 1 pair of bucket and filteringId, sum 128",)),
    V.NULL_REPORT: Scene(contributed(config=CONTEXT), "contributions", ("0 calls",)),
    V.EMPTY: Scene(contributed(0), "contributions", ("1 call, 1 of them with value 0",)),
    V.INSUFFICIENT_BUDGET: Scene(
        contributed(6_000, before=60_000),
        "budget of 10 minutes",
        ("65,536 - 60,000 = 5,536 left, 6,000 wanted: 464 too many",),
    ),
    V.PENDING_REPORT_LIMIT_REACHED: Scene(
        contributed(1, before=1, limits={"max_reports_per_origin": 1}),
        "pending reports",
        (f"1 of at most 1 wait for {ORIGIN}",),
    ),
    V.NOT_TRUSTWORTHY: Scene(
        contributed(1, reporting_origin="http://adtech.test"), "trustworthy reporting origin", ("http://adtech.test",)
    ),
    V.DISABLED: Scene(contributed(1, rules={"enabled": False}), "enabled", ("switched off",)),
    V.NOT_ENROLLED: Scene(
        contributed(1, rules={"enrolled_sites": frozenset({"https://other.test"})}), "enrolled", (ORIGIN,)
    ),
}
EVENTS: Scenes = {
    E.REPORT_SUCCESS: conditional(1),
    E.TOO_MANY_CONTRIBUTIONS: conditional(1, 1, rule="at most 1 contributions", max_contributions_shared_storage=1),
    E.EMPTY_REPORT_DROPPED: conditional(rule="contributions"),
    E.PENDING_REPORT_LIMIT_REACHED: conditional(1, max_reports_per_origin=1),
    E.INSUFFICIENT_BUDGET: conditional(1, before=65_536, rule="budget of 10 minutes"),
    E.CONTRIBUTION_TIMEOUT_REACHED: conditional(1, of={"timed_out": True}),
    E.UNCAUGHT_ERROR: conditional(1, of={"uncaught_error": True}),
}
"""By event; the check "error events" names those that happened."""

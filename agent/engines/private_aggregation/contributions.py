"""From calls to the entries of one payload: zeros dropped, merged, cut to the report's length (section 3)."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass

from agent.model.attribution_reporting.reports import Contribution
from agent.model.private_aggregation import ConditionalContribution, ErrorEvent

MAX_VALUE = 2**31 - 1
MAX_UNCAUGHT_ERROR_CONTRIBUTIONS = 10_000
"""How many calls may wait for an uncaught error."""


@dataclass(frozen=True, slots=True)
class Merged:
    """What is left of the calls."""

    contributions: tuple[Contribution, ...] = ()
    """One for each pair of bucket and filtering id, in the order of their first calls; no value is 0."""
    zeros: int = 0
    """How many calls had the value 0."""
    dropped: tuple[Contribution, ...] = ()
    """The calls whose pair came after the report was full."""

    @property
    def total(self) -> int:
        """The sum of the values that are left."""
        return sum(one.value for one in self.contributions)


def merge(calls: Iterable[Contribution], length: int) -> Merged:
    """Merge ``calls``: those of one bucket and filtering id add up, and the first ``length`` pairs stay.

    Sums saturate at :data:`MAX_VALUE`.
    """
    values: dict[tuple[int, int], int] = {}
    zeros, dropped = 0, []
    for call in calls:
        key = call.bucket, call.filtering_id
        if call.value == 0:
            zeros += 1
        elif key in values or len(values) < length:
            values[key] = min(values.get(key, 0) + call.value, MAX_VALUE)
        else:
            dropped.append(call)
    kept = tuple(Contribution(bucket, value, identifier) for (bucket, identifier), value in values.items())
    return Merged(kept, zeros, tuple(dropped))


def sorted_for_payload(contributions: Iterable[Contribution]) -> tuple[Contribution, ...]:
    """By bucket, then by filtering id."""
    return tuple(sorted(contributions, key=lambda one: (one.bucket, one.filtering_id)))


def triggered(
    conditional: Iterable[ConditionalContribution], events: Collection[ErrorEvent]
) -> tuple[Contribution, ...]:
    """The contributions that wait for one of ``events``: in the events' own order, then in call order."""
    waiting: dict[ErrorEvent, list[Contribution]] = {event: [] for event in ErrorEvent}
    for one in conditional:
        waiting[one.event].append(one.contribution)
    del waiting[ErrorEvent.UNCAUGHT_ERROR][MAX_UNCAUGHT_ERROR_CONTRIBUTIONS:]
    return tuple(one for event, ones in waiting.items() if event in events for one in ones)

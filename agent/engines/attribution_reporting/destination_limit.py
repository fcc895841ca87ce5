"""The limit on destinations over unexpired sources, where the newest wins (engine, section 2.2)."""

from __future__ import annotations

from collections.abc import Sequence

from agent.model.attribution_reporting.facts import DestinationGroup


def dropped_destinations(
    groups: Sequence[DestinationGroup], destinations: Sequence[str], priority: int, now: int, limit: int
) -> tuple[str, ...]:
    """The destinations that have no room, lowest first; one of ``destinations`` among them refuses the new source.

    ``groups`` are those stored, ``destinations`` with ``priority`` those of the new source at ``now``. They rank by
    (priority, time, destination).
    """
    if len(groups) + len(destinations) <= limit:
        return ()  # nearly always, and there is no need to rank
    ranks = {group.destination: (group.priority, group.time) for group in groups}
    for destination in destinations:
        rank = (priority, now)
        ranks[destination] = max(rank, ranks.get(destination, rank))
    excess = len(ranks) - limit
    if excess <= 0:
        return ()
    return tuple(sorted(ranks, key=lambda destination: (*ranks[destination], destination))[:excess])

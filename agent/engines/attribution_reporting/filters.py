"""Filters: whether a source's filter data match what a trigger asks for (engine, section 3.4)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from agent.model.attribution_reporting.facts import StoredSource
from agent.model.attribution_reporting.registrations import FilterConfig, Filters


class Filtered(Protocol):
    """An entry of a trigger's list with filters of its own."""

    @property
    def filters(self) -> Filters:
        """The condition under which the entry counts."""
        ...


def matches(source: StoredSource, filters: Filters, now: int) -> bool:
    """Whether ``filters`` match and ``not_filters`` do not, for a trigger at ``now``."""
    return _any_matches(source, filters.filters, now, negated=False) and _any_matches(
        source, filters.not_filters, now, negated=True
    )


def first_matching(source: StoredSource, entries: Sequence[Filtered], now: int) -> int | None:
    """The position of the first entry whose filters match, or None."""
    return next((position for position, entry in enumerate(entries) if matches(source, entry.filters, now)), None)


def _any_matches(source: StoredSource, configs: Sequence[FilterConfig], now: int, *, negated: bool) -> bool:
    return not configs or any(_config_matches(source, config, now, negated=negated) for config in configs)


def _config_matches(source: StoredSource, config: FilterConfig, now: int, *, negated: bool) -> bool:
    if config.lookback_window is not None:
        within = now - source.time <= config.lookback_window
        if within is negated:
            return False
    data = source.registration.filter_data
    for key, asked in config.values.items():
        own = data.get(key)
        if own is None:
            continue
        common = not own.isdisjoint(asked) if asked else not own  # an empty set asks for an empty set
        if common is negated:
            return False
    return True

"""Filters: whether a source's filter data match what a trigger asks for (engine, section 3.4)."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from typing import Protocol

from agent.engines.attribution_reporting.durations import duration_text
from agent.model.attribution_reporting.facts import StoredSource
from agent.model.attribution_reporting.registrations import FilterConfig, Filters

_TOLD = 5
"""Alternatives, and values of one key, that a reason tells; triggers may have any number."""
_LENGTH = 100
"""Characters of a key, and of values, that it tells."""


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


def mismatch(source: StoredSource, filters: Filters, now: int) -> str:
    """What keeps ``filters`` from matching, in words: for each alternative the first thing; "" where they match."""
    for configs, negated in ((filters.filters, False), (filters.not_filters, True)):
        if not _any_matches(source, configs, now, negated=negated):
            reasons = [_first_mismatch(source, config, now, negated=negated) or "" for config in configs[:_TOLD]]
            reasons += ["..."] if len(configs) > _TOLD else []
            return f"{'not_filters' if negated else 'filters'}: {'; or '.join(reasons)}"
    return ""


def _any_matches(source: StoredSource, configs: Sequence[FilterConfig], now: int, *, negated: bool) -> bool:
    return not configs or any(_first_mismatch(source, config, now, negated=negated) is None for config in configs)


def _first_mismatch(source: StoredSource, config: FilterConfig, now: int, *, negated: bool) -> str | None:
    age = now - source.time
    if config.lookback_window is not None and (age <= config.lookback_window) is negated:
        compared = "within" if negated else "outside"
        window = duration_text(config.lookback_window)
        return f"the source is {duration_text(max(0, age))} old, {compared} the _lookback_window of {window}"
    data = source.registration.filter_data
    for key, asked in config.values.items():
        own = data.get(key)
        if own is None:
            continue
        common = not own.isdisjoint(asked) if asked else not own  # an empty set asks for an empty set
        if common is negated:
            verb = "refused" if negated else "wanted"
            return f"{_short(key)} is {listed(own)} in the source, {verb} is {listed(asked)}"
    return None


def listed(values: Iterable[str]) -> str:
    """The first few of what a page chose, sorted, as JSON: a terminal must not obey what it says."""
    return _short(sorted(values)[:_TOLD])


def _short(chosen: str | list[str]) -> str:
    text = json.dumps(chosen)
    return text if len(text) <= _LENGTH else f"{text[:_LENGTH]}..."

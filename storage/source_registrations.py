"""Parsed source registrations, as the JSON text that the store keeps of them."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import MISSING, fields
from functools import lru_cache
from typing import Any

from agent.model.attribution_reporting.registrations import (
    AggregatableDebugReporting,
    AttributionScopes,
    DebugContribution,
    EventReportWindows,
    SourceRegistration,
    TriggerDataMatching,
)
from storage import json_texts

PLACES = 3
"""How many destinations a source has at most."""
_OPTIONAL = (
    "source_event_id",
    "priority",
    "trigger_data_matching",
    "debug_key",
    "debug_reporting",
    "destination_limit_priority",
    "named_budgets",
)
"""The fields with a default whose values are JSON as they are."""
_DEFAULTS: dict[str, Any] = {
    field.name: {} if field.default is MISSING else field.default
    for field in fields(SourceRegistration)
    if field.name in _OPTIONAL
}


@lru_cache(maxsize=1024)
def sites(names: tuple[str, ...]) -> str:
    """A few sites as a JSON array; those of one advertiser come again and again."""
    return json_texts.dumps(names)


def places(destinations: Sequence[str]) -> tuple[str | None, ...]:
    """The destinations of a source at their :data:`PLACES`, of which some may be empty."""
    return (*destinations, None, None, None)[:PLACES]


def dumps(registration: SourceRegistration) -> str:
    """The text of ``registration``; what has its default is left out.

    Key pieces, of 128 bits, are hexadecimal texts, and an epsilon without bound is null.
    """
    windows = registration.event_report_windows
    values: dict[str, Any] = {
        "destinations": registration.destinations,
        "expiry": registration.expiry,
        "aggregatable_report_window": registration.aggregatable_report_window,
        "event_report_windows": (windows.start_time, windows.end_times),
        "trigger_data": registration.trigger_data,
        "max_event_level_reports": registration.max_event_level_reports,
        "event_level_epsilon": registration.event_level_epsilon,
        "filter_data": {key: sorted(members) for key, members in registration.filter_data.items()},
    }
    if registration.aggregation_keys:
        values["aggregation_keys"] = {key: hex(piece) for key, piece in registration.aggregation_keys.items()}
    for name in _OPTIONAL:
        if (value := getattr(registration, name)) != _DEFAULTS[name]:
            values[name] = value
    if (scopes := registration.attribution_scopes) is not None:
        values["attribution_scopes"] = (scopes.limit, scopes.values, scopes.max_event_states)
    if (debug := registration.aggregatable_debug_reporting) is not None:
        values["aggregatable_debug_reporting"] = (
            hex(debug.key_piece),
            {name: (hex(one.key_piece), one.value) for name, one in debug.debug_data.items()},
            debug.budget,
            debug.aggregation_coordinator_origin,
        )
    return json_texts.dumps(values)


def loads(text: str) -> SourceRegistration:
    """The registration that :func:`dumps` wrote."""
    values: dict[str, Any] = json_texts.loads(text)
    start, ends = values["event_report_windows"]
    values["destinations"] = tuple(values["destinations"])
    values["event_report_windows"] = EventReportWindows(start, tuple(ends))
    values["trigger_data"] = tuple(values["trigger_data"])
    values["filter_data"] = {key: frozenset(members) for key, members in values["filter_data"].items()}
    if values["event_level_epsilon"] is None:
        values["event_level_epsilon"] = math.inf
    if keys := values.get("aggregation_keys"):
        values["aggregation_keys"] = {key: int(piece, 16) for key, piece in keys.items()}
    if "trigger_data_matching" in values:
        values["trigger_data_matching"] = TriggerDataMatching(values["trigger_data_matching"])
    if scopes := values.get("attribution_scopes"):
        values["attribution_scopes"] = AttributionScopes(scopes[0], tuple(scopes[1]), scopes[2])
    if debug := values.get("aggregatable_debug_reporting"):
        data = {name: DebugContribution(int(piece, 16), value) for name, (piece, value) in debug[1].items()}
        values["aggregatable_debug_reporting"] = AggregatableDebugReporting(int(debug[0], 16), data, *debug[2:])
    return SourceRegistration(**values)

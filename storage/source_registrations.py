"""Parsed source registrations, as the JSON text that the store keeps of them."""

from __future__ import annotations

import json
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

_encode = json.JSONEncoder(separators=(",", ":")).encode
_OPTIONAL = (
    "source_event_id",
    "priority",
    "trigger_data_matching",
    "aggregation_keys",
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
    return _encode(names)


def dumps(registration: SourceRegistration) -> str:
    """The text of ``registration``; what has its default is left out.

    Integers may exceed 64 bits, and an epsilon without bound is the word ``Infinity``: only :func:`loads` reads it.
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
    for name in _OPTIONAL:
        if (value := getattr(registration, name)) != _DEFAULTS[name]:
            values[name] = value
    if (scopes := registration.attribution_scopes) is not None:
        values["attribution_scopes"] = (scopes.limit, scopes.values, scopes.max_event_states)
    if (debug := registration.aggregatable_debug_reporting) is not None:
        values["aggregatable_debug_reporting"] = (
            debug.key_piece,
            {name: (one.key_piece, one.value) for name, one in debug.debug_data.items()},
            debug.budget,
            debug.aggregation_coordinator_origin,
        )
    return _encode(values)


def loads(text: str) -> SourceRegistration:
    """The registration that :func:`dumps` wrote."""
    values: dict[str, Any] = json.loads(text)
    start, ends = values["event_report_windows"]
    values["destinations"] = tuple(values["destinations"])
    values["event_report_windows"] = EventReportWindows(start, tuple(ends))
    values["trigger_data"] = tuple(values["trigger_data"])
    values["filter_data"] = {key: frozenset(members) for key, members in values["filter_data"].items()}
    if "trigger_data_matching" in values:
        values["trigger_data_matching"] = TriggerDataMatching(values["trigger_data_matching"])
    if scopes := values.get("attribution_scopes"):
        values["attribution_scopes"] = AttributionScopes(scopes[0], tuple(scopes[1]), scopes[2])
    if debug := values.get("aggregatable_debug_reporting"):
        data = {name: DebugContribution(*one) for name, one in debug[1].items()}
        values["aggregatable_debug_reporting"] = AggregatableDebugReporting(debug[0], data, *debug[2:])
    return SourceRegistration(**values)

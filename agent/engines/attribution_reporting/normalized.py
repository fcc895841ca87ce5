"""The normal form of a header: what it says after defaults, clamps and reductions, as JSON values.

Durations are seconds, 64-bit integers are strings, key pieces hexadecimal. Lists keep the order of the header's JSON,
which is given along, so that its author finds them again.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Any, TypeVar

from agent.engines.attribution_reporting.filters_parsing import FILTER_FIELDS, LOOKBACK_WINDOW, SOURCE_TYPE
from agent.engines.attribution_reporting.info_header import Info
from agent.engines.attribution_reporting.os_registration import OsRegistration
from agent.model.attribution_reporting.eligibility import Eligibility
from agent.model.attribution_reporting.limits import COORDINATORS
from agent.model.attribution_reporting.registrations import (
    AggregatableDebugReporting,
    FilterConfig,
    Filters,
    SourceRegistration,
    TriggerRegistration,
)
from agent.model.clock import SECOND
from agent.model.site import schemeful_site

T = TypeVar("T")
Json = Mapping[str, Any]


def normalized_source(
    source: SourceRegistration, header: Json, default_coordinator: str = COORDINATORS[0]
) -> dict[str, Any]:
    """A source in normal form."""
    filter_data, destination = header.get("filter_data", {}), header["destination"]
    written = [destination] if isinstance(destination, str) else destination
    form: dict[str, Any] = {
        "debug_reporting": source.debug_reporting,
        "priority": str(source.priority),
        "aggregation_keys": {key: hex(piece) for key, piece in source.aggregation_keys.items()},
        "filter_data": {
            key: _ordered(values, filter_data[key]) for key, values in source.filter_data.items() if key != SOURCE_TYPE
        },
        "aggregatable_report_window": source.aggregatable_report_window // SECOND,
        "destination": _ordered(source.destinations, [schemeful_site(url) for url in written]),
        "destination_limit_priority": str(source.destination_limit_priority),
        "event_level_epsilon": source.event_level_epsilon,
        "event_report_windows": {
            "start_time": source.event_report_windows.start_time // SECOND,
            "end_times": [end // SECOND for end in source.event_report_windows.end_times],
        },
        "expiry": source.expiry // SECOND,
        "max_event_level_reports": source.max_event_level_reports,
        "source_event_id": str(source.source_event_id),
        "trigger_data": _ordered(source.trigger_data, header.get("trigger_data", source.trigger_data)),
        "trigger_data_matching": source.trigger_data_matching.value,
        "named_budgets": dict(source.named_budgets),
    }
    if source.attribution_scopes is not None:
        form["attribution_scopes"] = {
            "limit": source.attribution_scopes.limit,
            "values": _ordered(source.attribution_scopes.values, header["attribution_scopes"]["values"]),
            "max_event_states": source.attribution_scopes.max_event_states,
        }
    return form | _common(source, default_coordinator)


def normalized_trigger(
    trigger: TriggerRegistration, header: Json, default_coordinator: str = COORDINATORS[0]
) -> dict[str, Any]:
    """A trigger in normal form."""
    values = header.get("aggregatable_values", [])
    form: dict[str, Any] = {
        "debug_reporting": trigger.debug_reporting,
        **_filters(trigger.filters, header),
        "aggregatable_deduplication_keys": [
            {**_filters(entry.filters, written), **_text("deduplication_key", entry.deduplication_key)}
            for entry, written in zip(
                trigger.aggregatable_deduplication_keys, header.get("aggregatable_deduplication_keys", ()), strict=True
            )
        ],
        "named_budgets": [
            {**_filters(entry.filters, written), **({} if entry.name is None else {"name": entry.name})}
            for entry, written in zip(trigger.named_budgets, header.get("named_budgets", ()), strict=True)
        ],
        "aggregatable_source_registration_time": trigger.aggregatable_source_registration_time.value,
        "aggregatable_trigger_data": [
            {
                **_filters(entry.filters, written),
                "key_piece": hex(entry.key_piece),
                "source_keys": _ordered(entry.source_keys, written.get("source_keys", ())),
            }
            for entry, written in zip(
                trigger.aggregatable_trigger_data, header.get("aggregatable_trigger_data", ()), strict=True
            )
        ],
        "aggregatable_filtering_id_max_bytes": trigger.aggregatable_filtering_id_max_bytes,
        "aggregatable_values": [
            {
                **_filters(entry.filters, written),
                "values": {
                    key: {"value": value.value, "filtering_id": str(value.filtering_id)}
                    for key, value in entry.values.items()
                },
            }
            for entry, written in zip(
                trigger.aggregatable_values, [{"values": values}] if isinstance(values, dict) else values, strict=True
            )
        ],
        "aggregation_coordinator_origin": trigger.aggregation_coordinator_origin or default_coordinator,
        "event_trigger_data": [
            {
                **_filters(entry.filters, written),
                "priority": str(entry.priority),
                **_text("deduplication_key", entry.deduplication_key),
                "trigger_data": str(entry.trigger_data),
            }
            for entry, written in zip(trigger.event_trigger_data, header.get("event_trigger_data", ()), strict=True)
        ],
        "attribution_scopes": _ordered(trigger.attribution_scopes, header.get("attribution_scopes", ())),
    }
    if trigger.trigger_context_id is not None:
        form["trigger_context_id"] = trigger.trigger_context_id
    return form | _common(trigger, default_coordinator)


def normalized_eligible(eligibility: Eligibility) -> str | None:
    """The field that says the same; None for the empty one."""
    return ", ".join(eligibility.keys) or None


def normalized_info(info: Info) -> str:
    """The field that says the same."""
    report = "report-header-errors" if info.report_header_errors else "report-header-errors=?0"
    return report if info.preferred_platform is None else f"preferred-platform={info.preferred_platform}, {report}"


def normalized_os(registrations: Iterable[OsRegistration]) -> str | None:
    """The field that says the same; None for the empty one."""
    return (
        ", ".join(
            f"{_string(entry.url)};debug-reporting" + ("" if entry.debug_reporting else "=?0")
            for entry in registrations
        )
        or None
    )


def _string(text: str) -> str:
    """A serialised URL as a string of structured fields: in a query a backslash stays what it is (RFC 9651)."""
    escaped = text.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'


def _common(registration: SourceRegistration | TriggerRegistration, default_coordinator: str) -> dict[str, Any]:
    debug = registration.aggregatable_debug_reporting
    return {
        **_text("debug_key", registration.debug_key),
        **({} if debug is None else {"aggregatable_debug_reporting": _debug_reporting(debug, default_coordinator)}),
    }


def _debug_reporting(config: AggregatableDebugReporting, default_coordinator: str) -> dict[str, Any]:
    types: dict[tuple[int, int], list[str]] = {}
    for name, contribution in config.debug_data.items():
        types.setdefault((contribution.key_piece, contribution.value), []).append(name)
    form: dict[str, Any] = {
        "key_piece": hex(config.key_piece),
        "aggregation_coordinator_origin": config.aggregation_coordinator_origin or default_coordinator,
        "debug_data": [
            {"key_piece": hex(piece), "types": names, "value": value} for (piece, value), names in types.items()
        ],
    }
    return {**form, "budget": config.budget} if config.budget else form


def _filters(filters: Filters, header: Json) -> dict[str, Any]:
    return {
        name: [
            _alternative(config, written)
            for config, written in zip(alternatives, _nonempty(header.get(name, [])), strict=True)
        ]
        for name, alternatives in zip(FILTER_FIELDS, (filters.filters, filters.not_filters), strict=True)
    }


def _nonempty(written: Any) -> list[Json]:
    return [alternative for alternative in (written if isinstance(written, list) else [written]) if alternative]


def _alternative(config: FilterConfig, header: Json) -> dict[str, Any]:
    form: dict[str, Any] = {key: _ordered(values, header[key]) for key, values in config.values.items()}
    return form if config.lookback_window is None else {**form, LOOKBACK_WINDOW: config.lookback_window // SECOND}


def _ordered(values: Collection[T], written: Sequence[T]) -> list[T]:
    positions = {value: position for position, value in reversed(list(enumerate(written)))}
    return sorted(values, key=positions.__getitem__)


def _text(key: str, value: int | None) -> dict[str, str]:
    return {} if value is None else {key: str(value)}

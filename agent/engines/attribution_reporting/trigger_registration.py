"""Parsing of ``Attribution-Reporting-Register-Trigger`` (registration section 6), in Chromium's order of fields."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, TypeVar

from agent.engines.attribution_reporting.aggregatable_debug_reporting import read_trigger_debug_reporting
from agent.engines.attribution_reporting.filters_parsing import FILTER_FIELDS, read_filters, read_string_set
from agent.engines.attribution_reporting.json_node import Node, Problems, optional, read_root
from agent.engines.attribution_reporting.scalars import (
    integral,
    read_coordinator,
    read_int64,
    read_integer,
    read_key_piece,
    read_string,
    read_uint64,
    read_word,
)
from agent.engines.attribution_reporting.source_registration import read_debug_key, read_debug_reporting
from agent.model.attribution_reporting.limits import AttributionReportingLimits
from agent.model.attribution_reporting.registrations import (
    AggregatableDeduplicationKey,
    AggregatableTriggerData,
    AggregatableValue,
    AggregatableValues,
    EventTriggerData,
    NamedBudget,
    Parsed,
    SourceRegistrationTime,
    TriggerRegistration,
)

T = TypeVar("T")

MAX_CONTEXT_ID_LENGTH: Final = 64
"""Bytes."""
MAX_FILTERING_ID_BYTES: Final = 8
_FIELDS = frozenset({
    "event_trigger_data",
    "aggregatable_trigger_data",
    "aggregatable_values",
    "aggregatable_filtering_id_max_bytes",
    "aggregatable_deduplication_keys",
    "aggregatable_source_registration_time",
    "trigger_context_id",
    "aggregation_coordinator_origin",
    *FILTER_FIELDS,
    "attribution_scopes",
    "named_budgets",
    "debug_key",
    "debug_reporting",
    "aggregatable_debug_reporting",
})  # fmt: skip


def parse_trigger_registration(header: bytes, limits: AttributionReportingLimits) -> Parsed[TriggerRegistration]:
    """A trigger as a header registers it, with every problem of the header."""
    problems = Problems()
    root = read_root(header, problems)
    if root is None:
        return Parsed(None, tuple(problems.errors))
    registration = _registration(root, limits)
    if not problems.errors:
        _warn_of_unpaired_keys(root, registration)
    return problems.result(registration)


def _registration(root: Node, limits: AttributionReportingLimits) -> TriggerRegistration:
    root.warn_of_unknown(_FIELDS)
    given = root.member("aggregation_coordinator_origin")
    coordinator = read_coordinator(given, limits.aggregation_coordinator_origins) if given is not None else None
    time = _source_registration_time(root)
    context_id = _context_id(root, time)
    max_bytes = _filtering_id_max_bytes(root, time)
    filters = read_filters(root)
    deduplication_keys = _list(root, "aggregatable_deduplication_keys", _deduplication_key)
    event_trigger_data = _list(root, "event_trigger_data", _event_trigger_data)
    aggregatable_trigger_data = _list(root, "aggregatable_trigger_data", _aggregatable_trigger_data)
    aggregatable_values = _ValuesReader(max_bytes, limits.aggregatable_budget_per_source).read(root)
    scopes = root.member("attribution_scopes")
    return TriggerRegistration(
        event_trigger_data=event_trigger_data,
        aggregatable_trigger_data=aggregatable_trigger_data,
        aggregatable_values=aggregatable_values,
        aggregatable_filtering_id_max_bytes=max_bytes or 1,
        aggregatable_deduplication_keys=deduplication_keys,
        aggregatable_source_registration_time=time or SourceRegistrationTime.EXCLUDE,
        trigger_context_id=context_id,
        aggregation_coordinator_origin=coordinator,
        filters=filters,
        attribution_scopes=tuple(sorted(read_string_set(scopes))) if scopes is not None else (),
        named_budgets=_list(root, "named_budgets", _named_budget),
        debug_key=read_debug_key(root),
        debug_reporting=read_debug_reporting(root),
        aggregatable_debug_reporting=read_trigger_debug_reporting(root, limits),
    )


def _source_registration_time(root: Node) -> SourceRegistrationTime | None:
    node = root.member("aggregatable_source_registration_time")
    return SourceRegistrationTime.EXCLUDE if node is None else read_word(node, SourceRegistrationTime)


def _context_id(root: Node, time: SourceRegistrationTime | None) -> str | None:
    node = root.member("trigger_context_id")
    if node is None:
        return None
    text = read_string(node, MAX_CONTEXT_ID_LENGTH)
    if text is not None:
        _refuse_with_include(node, time)
    return text


def _filtering_id_max_bytes(root: Node, time: SourceRegistrationTime | None) -> int | None:
    """None where it is wrong."""
    node = root.member("aggregatable_filtering_id_max_bytes")
    if node is None:
        return 1
    size = read_integer(node, 1, MAX_FILTERING_ID_BYTES)
    if size is not None and size > 1:
        _refuse_with_include(node, time)
    return size


def _refuse_with_include(node: Node, time: SourceRegistrationTime | None) -> None:
    if time is None:
        node.error("cannot be checked without a valid aggregatable_source_registration_time")
    elif time is SourceRegistrationTime.INCLUDE:
        node.error(
            "is set, and aggregatable_source_registration_time is include",
            "reports with this field never include the source's registration time",
            "leave one of the two out",
        )


def _list(root: Node, key: str, read: Callable[[Node], T]) -> tuple[T, ...]:
    node = root.member(key)
    if node is None or not node.is_list():
        return ()
    return tuple(read(entry) for entry in node.entries() if entry.is_object())


def _deduplication_key(node: Node) -> AggregatableDeduplicationKey:
    node.warn_of_unknown(("deduplication_key", *FILTER_FIELDS))
    filters = read_filters(node)
    return AggregatableDeduplicationKey(optional(node, "deduplication_key", read_uint64, None), filters)


def _event_trigger_data(node: Node) -> EventTriggerData:
    node.warn_of_unknown(("trigger_data", "priority", "deduplication_key", *FILTER_FIELDS))
    filters = read_filters(node)
    return EventTriggerData(
        trigger_data=optional(node, "trigger_data", read_uint64, 0),
        priority=optional(node, "priority", read_int64, 0),
        deduplication_key=optional(node, "deduplication_key", read_uint64, None),
        filters=filters,
    )


def _aggregatable_trigger_data(node: Node) -> AggregatableTriggerData:
    node.warn_of_unknown(("key_piece", "source_keys", *FILTER_FIELDS))
    filters = read_filters(node)
    given = node.required("key_piece")
    key_piece = read_key_piece(given) if given is not None else None
    return AggregatableTriggerData(key_piece or 0, optional(node, "source_keys", read_string_set, frozenset()), filters)


def _named_budget(node: Node) -> NamedBudget:
    node.warn_of_unknown(("name", *FILTER_FIELDS))
    return NamedBudget(optional(node, "name", read_string, None), read_filters(node))


@dataclass(frozen=True, slots=True)
class _ValuesReader:
    """Reads ``aggregatable_values``."""

    max_bytes: int | None
    """Of a filtering id; None where that is wrong."""
    most: int

    def read(self, root: Node) -> tuple[AggregatableValues, ...]:
        node = root.member("aggregatable_values")
        if node is None:
            return ()
        if isinstance(node.value, dict):
            return (AggregatableValues(self._values(node)),)
        if isinstance(node.value, list):
            return tuple(self._entry(entry) for entry in node.entries() if entry.is_object())
        node.unlike("an object, or a list of objects")
        return ()

    def _entry(self, node: Node) -> AggregatableValues:
        node.warn_of_unknown(("values", *FILTER_FIELDS))
        values = node.required("values")
        read = self._values(values) if values is not None and values.is_object() else {}
        return AggregatableValues(read, read_filters(node))

    def _values(self, node: Node) -> dict[str, AggregatableValue]:
        return {key: self._value(member) for key, member in node.members()}

    def _value(self, node: Node) -> AggregatableValue:
        if not isinstance(node.value, dict):
            if integral(node.value) is None:
                node.unlike(f"an integer from 1 to {self.most}, or an object")
                return AggregatableValue(1)
            return AggregatableValue(read_integer(node, 1, self.most) or 1)
        node.warn_of_unknown(("value", "filtering_id"))
        given = node.required("value")
        value = read_integer(given, 1, self.most) if given is not None else None
        filtering_id = node.member("filtering_id")
        return AggregatableValue(value or 1, self._filtering_id(filtering_id) if filtering_id is not None else 0)

    def _filtering_id(self, node: Node) -> int:
        value = read_uint64(node)
        if value is None:
            return 0
        if self.max_bytes is None:
            node.error("cannot be checked without a valid aggregatable_filtering_id_max_bytes")
        elif value >= 256**self.max_bytes:
            node.error(
                f"is {value}",
                f"below {256**self.max_bytes}, for it takes {self.max_bytes} of aggregatable_filtering_id_max_bytes",
                "raise aggregatable_filtering_id_max_bytes",
            )
        return value


def _warn_of_unpaired_keys(root: Node, registration: TriggerRegistration) -> None:
    """Tell of key ids that stand in one of the two fields and not in the other."""
    in_values = {key for entry in registration.aggregatable_values for key in entry.values}
    in_data = {key for data in registration.aggregatable_trigger_data for key in data.source_keys}
    given = root.member("aggregatable_trigger_data")
    if given is not None:
        for entry, data in zip(given.entries(), registration.aggregatable_trigger_data, strict=True):
            for key in sorted(data.source_keys - in_values):
                entry.at("source_keys", None).warning(
                    f"has the key {key[:200]!r}, which contributes nothing", "keys stand in aggregatable_values too"
                )
    for key in sorted(in_values - in_data):
        root.at("aggregatable_values", None).warning(
            f"has the key {key[:200]!r}, which stands in no source_keys", "such a key counts as with key_piece 0x0"
        )

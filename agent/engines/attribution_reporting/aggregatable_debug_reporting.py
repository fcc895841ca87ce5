"""Parsing of ``aggregatable_debug_reporting`` (registration section 7).

Any error drops the whole configuration, and never refuses the header: what is wrong here is a warning.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from agent.engines.attribution_reporting.json_node import Node, Problems
from agent.engines.attribution_reporting.scalars import read_coordinator, read_integer, read_key_piece, read_string
from agent.model.attribution_reporting.limits import AttributionReportingLimits
from agent.model.attribution_reporting.registrations import AggregatableDebugReporting, DebugContribution
from agent.model.attribution_reporting.verdicts import SourceVerdict, TriggerVerdict

FIELD: Final = "aggregatable_debug_reporting"
UNSPECIFIED: Final = "unspecified"
"""Supplies every debug type that is not named elsewhere."""
_SOURCE_TYPES = tuple(verdict.value for verdict in SourceVerdict)
_TRIGGER_TYPES = tuple(verdict.value for verdict in TriggerVerdict)
_FIELDS = ("key_piece", "debug_data", "aggregation_coordinator_origin")
_ITEM_FIELDS = ("types", "key_piece", "value")


def read_source_debug_reporting(parent: Node, limits: AttributionReportingLimits) -> AggregatableDebugReporting | None:
    """A source's configuration, or None where there is none or it is wrong."""
    return _read(parent, limits, _SOURCE_TYPES, with_budget=True)


def read_trigger_debug_reporting(parent: Node, limits: AttributionReportingLimits) -> AggregatableDebugReporting | None:
    """A trigger's configuration, or None where there is none or it is wrong."""
    return _read(parent, limits, _TRIGGER_TYPES, with_budget=False)


def _read(
    parent: Node, limits: AttributionReportingLimits, types: tuple[str, ...], *, with_budget: bool
) -> AggregatableDebugReporting | None:
    found = parent.member(FIELD)
    if found is None:
        return None
    problems = Problems()
    config = _config(Node(found.value, found.path, problems), limits, types, with_budget=with_budget)
    parent.problems.add_as_warnings(problems)
    return None if problems.errors else config


def _config(
    node: Node, limits: AttributionReportingLimits, types: tuple[str, ...], *, with_budget: bool
) -> AggregatableDebugReporting | None:
    if not node.is_object():
        return None
    node.warn_of_unknown((*_FIELDS, "budget") if with_budget else _FIELDS)
    most = limits.aggregatable_budget_per_source
    budget = 0
    if with_budget and (member := node.required("budget")) is not None:
        budget = read_integer(member, 1, most) or 0
    piece = node.required("key_piece")
    key_piece = read_key_piece(piece) if piece is not None else None
    coordinator = node.member("aggregation_coordinator_origin")
    origin = read_coordinator(coordinator, limits.aggregation_coordinator_origins) if coordinator is not None else None
    data = _debug_data(node, types, most)
    if budget and any(contribution.value > budget for contribution in data.values()):
        node.error("has debug data with a value above the budget", f"values up to the budget of {budget}")
    return AggregatableDebugReporting(key_piece or 0, _spread(data, types), budget, origin)


def _debug_data(node: Node, types: tuple[str, ...], most: int) -> dict[str, DebugContribution]:
    """The contributions by type as they are named, unknown types and ``unspecified`` included."""
    found: dict[str, DebugContribution] = {}
    data = node.member("debug_data")
    if data is None or not data.is_list():
        return found
    for entry in data.entries():
        if not entry.is_object():
            continue
        entry.warn_of_unknown(_ITEM_FIELDS)
        names = _type_names(entry, types)
        value, piece = (entry.required(name) for name in ("value", "key_piece"))
        amount = read_integer(value, 1, most) if value is not None else None
        key_piece = read_key_piece(piece) if piece is not None else None
        for name in names:
            if name in found:
                data.error(f"names the type {name[:200]!r} in two entries", "each type once")
            found[name] = DebugContribution(key_piece or 0, amount or 0)
    return found


def _type_names(entry: Node, types: tuple[str, ...]) -> tuple[str, ...]:
    node = entry.required("types")
    if node is None or not node.is_list():
        return ()
    if not node.value:
        node.unlike("a list of at least one type")
    names: dict[str, None] = {}
    for member in node.entries():
        name = read_string(member)
        if name is None:
            continue
        if name != UNSPECIFIED and name not in types:
            member.warning(f"is no debug type: {name[:200]!r}")
        if name in names:
            member.error(f"names the type {name[:200]!r} again", "each type once")
        names[name] = None
    return tuple(names)


def _spread(data: Mapping[str, DebugContribution], types: tuple[str, ...]) -> dict[str, DebugContribution]:
    rest = data.get(UNSPECIFIED)
    return {name: contribution for name in types if (contribution := data.get(name, rest)) is not None}

"""Parsing of ``filter_data``, ``filters`` and ``not_filters`` (registration sections 5 and 6.1)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from agent.engines.attribution_reporting.json_node import Node
from agent.engines.attribution_reporting.scalars import fits, read_positive_seconds, read_string
from agent.model.attribution_reporting.registrations import FilterConfig, Filters, SourceType
from agent.model.clock import SECOND

SOURCE_TYPE: Final = "source_type"
LOOKBACK_WINDOW: Final = "_lookback_window"
FILTER_FIELDS: Final = ("filters", "not_filters")
MAX_KEYS: Final = 50
MAX_VALUES: Final = 50
MAX_LENGTH: Final = 25
"""Bytes of a key or value of ``filter_data``; ``filters`` know no such limits."""
_RESERVED_RULE = 'keys that begin with "_" are reserved'


def read_filter_data(node: Node) -> Mapping[str, frozenset[str]] | None:
    """A source's filter data, without the implicit entry ``source_type``."""
    if not node.is_object():
        return None
    if len(node.value) > MAX_KEYS:
        node.error(f"has {len(node.value)} keys", f"at most {MAX_KEYS} keys")
        return None
    data: dict[str, frozenset[str]] = {}
    for key, values in node.members():
        if key == SOURCE_TYPE:
            values.error("is set", "source_type is implicit and cannot be set", "leave it out")
        elif key.startswith("_"):
            values.error("is reserved", _RESERVED_RULE)
        elif not fits(key, MAX_LENGTH):
            values.error(f"has a key of {len(key.encode())} bytes", f"keys have at most {MAX_LENGTH} bytes in UTF-8")
        else:
            data[key] = read_string_set(values, MAX_LENGTH)
            if len(data[key]) > MAX_VALUES:
                values.error(f"has {len(data[key])} different values", f"at most {MAX_VALUES} values")
    return data


def read_filters(parent: Node) -> Filters:
    """The members ``filters`` and ``not_filters`` of an object."""
    one, other = (_alternatives(parent.member(name)) for name in FILTER_FIELDS)
    return Filters(one, other)


def read_string_set(node: Node, longest: int | None = None) -> frozenset[str]:
    """A list of strings, as a set; a duplicate is worth a warning."""
    found: set[str] = set()
    if node.is_list():
        for entry in node.entries():
            text = read_string(entry, longest)
            if text in found:
                entry.warning(f"is a duplicate of {text[:200]!r}")
            elif text is not None:
                found.add(text)
    return frozenset(found)


def _alternatives(node: Node | None) -> tuple[FilterConfig, ...]:
    if node is None:
        return ()
    if isinstance(node.value, dict):
        configs = [_config(node)]
    elif isinstance(node.value, list):
        configs = [_config(entry) for entry in node.entries() if entry.is_object()]
    else:
        node.unlike("an object, or a list of objects")
        return ()
    # Chromium drops an empty alternative, where the specification lets it match everything.
    return tuple(config for config in configs if config.values or config.lookback_window is not None)


def _config(node: Node) -> FilterConfig:
    values: dict[str, frozenset[str]] = {}
    lookback: int | None = None
    for key, member in node.members():
        if key == LOOKBACK_WINDOW:
            seconds = read_positive_seconds(member)
            lookback = None if seconds is None else seconds * SECOND
        elif key.startswith("_"):
            member.error("is reserved", f"{_RESERVED_RULE}, but for {LOOKBACK_WINDOW}")
        else:
            values[key] = read_string_set(member)
            if key == SOURCE_TYPE:
                _warn_of_unknown_source_types(member)
    return FilterConfig(values, lookback)


def _warn_of_unknown_source_types(node: Node) -> None:
    if isinstance(node.value, list):
        for entry in node.entries():
            if isinstance(entry.value, str) and entry.value not in tuple(SourceType):
                entry.warning("never matches", "a source_type is navigation or event")

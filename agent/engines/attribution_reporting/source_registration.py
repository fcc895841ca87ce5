"""Parsing of ``Attribution-Reporting-Register-Source`` (registration section 5), in Chromium's order of fields."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Final, TypeVar

from agent.engines.attribution_reporting.aggregatable_debug_reporting import read_source_debug_reporting
from agent.engines.attribution_reporting.event_windows_parsing import clamp, read_event_report_windows, read_window
from agent.engines.attribution_reporting.filters_parsing import SOURCE_TYPE, read_filter_data
from agent.engines.attribution_reporting.json_node import Node, Problems, optional, read_root
from agent.engines.attribution_reporting.scalars import (
    U32,
    fits,
    read_duration,
    read_int64,
    read_integer,
    read_key_piece,
    read_string,
    read_suitable_origin,
    read_uint64,
    read_word,
    warn_of_ignored_parts,
)
from agent.model.attribution_reporting.limits import AttributionReportingLimits
from agent.model.attribution_reporting.registrations import (
    AttributionScopes,
    Parsed,
    SourceRegistration,
    SourceType,
    TriggerDataMatching,
)
from agent.model.clock import DAY, SECOND
from agent.model.site import is_ip_address, is_localhost, registrable_domain, schemeful_site, site_of_origin

T = TypeVar("T")

MAX_DESTINATIONS: Final = 3
MAX_TRIGGER_DATA: Final = 32
MAX_EVENT_LEVEL_REPORTS: Final = 20
MAX_AGGREGATION_KEYS: Final = 20
MAX_SCOPES: Final = 20
MAX_NAMED_BUDGETS: Final = 25
MAX_KEY_LENGTH: Final = 25
"""Bytes of an aggregation key's id, and of a named budget's name."""
MAX_SCOPE_LENGTH: Final = 50
"""Bytes."""
_FIELDS = frozenset({
    "destination",
    "source_event_id",
    "priority",
    "expiry",
    "aggregatable_report_window",
    "trigger_data_matching",
    "event_level_epsilon",
    "event_report_window",
    "event_report_windows",
    "trigger_data",
    "max_event_level_reports",
    "filter_data",
    "aggregation_keys",
    "attribution_scopes",
    "debug_key",
    "debug_reporting",
    "aggregatable_debug_reporting",
    "destination_limit_priority",
    "named_budgets",
})  # fmt: skip


def parse_source_registration(
    header: bytes, source_type: SourceType, limits: AttributionReportingLimits
) -> Parsed[SourceRegistration]:
    """A source as a header registers it, with every problem of the header.

    Limits of storage, such as the channel capacity, are not problems of the header.
    """
    problems = Problems()
    root = read_root(header, problems)
    if root is None:
        return Parsed(None, tuple(problems.errors))
    registration = _registration(root, source_type, limits)
    if not problems.errors:
        _warn_of_no_reports(root, registration)
    return problems.result(registration)


def _registration(root: Node, source_type: SourceType, limits: AttributionReportingLimits) -> SourceRegistration:
    root.warn_of_unknown(_FIELDS)
    destinations = _destinations(root)
    source_event_id = optional(root, "source_event_id", read_uint64, 0)
    priority = optional(root, "priority", read_int64, 0)
    expiry = _expiry(root, source_type, limits)
    known_expiry = limits.max_source_expiry if expiry is None else expiry
    window = root.member("aggregatable_report_window")
    aggregatable_report_window = known_expiry if window is None else read_window(window, expiry, limits)
    matching = _trigger_data_matching(root)
    epsilon = _epsilon(root, limits)
    windows = read_event_report_windows(root, expiry, source_type, limits)
    trigger_data = _trigger_data(root, source_type, matching)
    default_reports = 3 if source_type is SourceType.NAVIGATION else 1
    max_reports = optional(root, "max_event_level_reports", _read_max_reports, default_reports)
    filter_data: Mapping[str, frozenset[str]] = optional(root, "filter_data", read_filter_data, {})
    return SourceRegistration(
        destinations=destinations,
        expiry=known_expiry,
        aggregatable_report_window=aggregatable_report_window,
        event_report_windows=windows,
        trigger_data=trigger_data or (),
        max_event_level_reports=max_reports,
        source_event_id=source_event_id,
        priority=priority,
        trigger_data_matching=matching or TriggerDataMatching.MODULUS,
        event_level_epsilon=epsilon,
        filter_data={**filter_data, SOURCE_TYPE: frozenset({source_type.value})},
        aggregation_keys=optional(root, "aggregation_keys", _read_aggregation_keys, {}),
        attribution_scopes=optional(root, "attribution_scopes", _read_scopes, None),
        debug_key=read_debug_key(root),
        debug_reporting=read_debug_reporting(root),
        aggregatable_debug_reporting=read_source_debug_reporting(root, limits),
        destination_limit_priority=optional(root, "destination_limit_priority", read_int64, 0),
        named_budgets=_named_budgets(root, limits),
    )


def read_debug_key(root: Node) -> int | None:
    """``debug_key`` of either header; what is wrong is ignored."""
    return _lenient(root, "debug_key", read_uint64)


def read_debug_reporting(root: Node) -> bool:
    """``debug_reporting`` of either header; what is wrong counts as false."""
    return _lenient(root, "debug_reporting", _read_bool) or False


def _lenient(root: Node, key: str, read: Callable[[Node], T | None]) -> T | None:
    node = root.member(key)
    if node is None:
        return None
    problems = Problems()
    value = read(Node(node.value, node.path, problems))
    root.problems.add_as_warnings(problems)
    return value


def _read_bool(node: Node) -> bool | None:
    if isinstance(node.value, bool):
        return node.value
    node.unlike("true or false")
    return None


def _destinations(root: Node) -> tuple[str, ...]:
    node = root.required("destination")
    if node is None:
        return ()
    if isinstance(node.value, str):
        site = _destination(node)
        return () if site is None else (site,)
    if not isinstance(node.value, list):
        node.unlike("a URL, or a list of URLs")
        return ()
    sites: set[str] = set()
    wrong = False
    for entry in node.entries():
        site = _destination(entry)
        wrong = wrong or site is None
        if site in sites:
            entry.warning(f"names the site {site} again")
        elif site is not None:
            sites.add(site)
    if len(sites) > MAX_DESTINATIONS or (not sites and not wrong):
        node.error(f"names {len(sites)} sites", f"1 to {MAX_DESTINATIONS} sites")
    return tuple(sorted(sites))


def _destination(node: Node) -> str | None:
    if read_suitable_origin(node) is None:
        return None
    site = schemeful_site(node.value)
    warn_of_ignored_parts(node, site, "site")
    host = site_of_origin(site)
    if registrable_domain(host) is None and not is_ip_address(host) and not is_localhost(host):
        node.warning(f"is the public suffix {host}: triggers on sites below it never match")
    return site


def _expiry(root: Node, source_type: SourceType, limits: AttributionReportingLimits) -> int | None:
    """Milliseconds, or None where it is wrong."""
    node = root.member("expiry")
    if node is None:
        return limits.max_source_expiry
    seconds = read_duration(node)
    if seconds is None:
        return None
    expiry = clamp(node, seconds * SECOND, limits.min_source_expiry, limits.max_source_expiry)
    if source_type is not SourceType.EVENT:
        return expiry
    rounded = (expiry + DAY // 2) // DAY * DAY
    if rounded != expiry:
        node.warning(f"is rounded to {rounded // SECOND} seconds", "event sources expire after whole days")
    return rounded


def _trigger_data_matching(root: Node) -> TriggerDataMatching | None:
    node = root.member("trigger_data_matching")
    return TriggerDataMatching.MODULUS if node is None else read_word(node, TriggerDataMatching)


def _epsilon(root: Node, limits: AttributionReportingLimits) -> float:
    most = limits.max_settable_event_level_epsilon
    node = root.member("event_level_epsilon")
    if node is None:
        return most
    value = node.value
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value <= most:
        node.unlike(f"a number from 0 to {most:g}")
        return most
    return value


def _trigger_data(root: Node, source_type: SourceType, matching: TriggerDataMatching | None) -> tuple[int, ...] | None:
    node = root.member("trigger_data")
    if node is None:
        return tuple(range(8 if source_type is SourceType.NAVIGATION else 2))
    if not node.is_list():
        return None
    if len(node.value) > MAX_TRIGGER_DATA:
        node.error(f"has {len(node.value)} entries", f"at most {MAX_TRIGGER_DATA} entries")
        return None
    found: set[int] = set()
    for entry in node.entries():
        value = read_integer(entry, 0, U32)
        if value is None:
            matching = None
        elif value in found:
            entry.error(f"is a duplicate of {value}", "each value once")
            matching = None
        else:
            found.add(value)
    data = tuple(sorted(found))
    if matching is TriggerDataMatching.MODULUS and data != tuple(range(len(data))):
        root.at("trigger_data_matching", None).error(
            "is modulus, and trigger_data has gaps",
            "trigger_data for modulus is 0, 1, 2 and so on",
            'use "trigger_data_matching": "exact"',
        )
    return data


def _read_max_reports(node: Node) -> int | None:
    return read_integer(node, 0, MAX_EVENT_LEVEL_REPORTS)


def _warn_of_no_reports(root: Node, registration: SourceRegistration) -> None:
    none, reports = not registration.trigger_data, registration.max_event_level_reports
    if none and reports and "max_event_level_reports" in root.value:
        root.warning("never leads to event-level reports: trigger_data is empty")
    elif not none and not reports:
        root.warning("never leads to event-level reports: max_event_level_reports is 0")


def _read_aggregation_keys(node: Node) -> Mapping[str, int] | None:
    if not node.is_object():
        return None
    if len(node.value) > MAX_AGGREGATION_KEYS:
        node.error(f"has {len(node.value)} keys", f"at most {MAX_AGGREGATION_KEYS} keys")
        return None
    keys: dict[str, int] = {}
    for key, member in node.members():
        if not fits(key, MAX_KEY_LENGTH):
            member.error(
                f"has a key of {len(key.encode())} bytes", f"keys have at most {MAX_KEY_LENGTH} bytes in UTF-8"
            )
        elif (piece := read_key_piece(member)) is not None:
            keys[key] = piece
    return dict(sorted(keys.items()))


def _read_scopes(node: Node) -> AttributionScopes | None:
    if not node.is_object():
        return None
    node.warn_of_unknown(("limit", "values", "max_event_states"))
    given, values = node.required("limit"), node.required("values")
    limit = read_integer(given, 1, U32) if given is not None else None
    scopes = _scope_values(values, limit) if values is not None else ()
    states = optional(node, "max_event_states", _read_max_event_states, 3)
    return AttributionScopes(limit or 1, tuple(sorted(scopes)), states)


def _read_max_event_states(node: Node) -> int | None:
    return read_integer(node, 1, U32)


def _scope_values(node: Node, limit: int | None) -> set[str]:
    scopes: set[str] = set()
    if not node.is_list():
        return scopes
    for entry in node.entries():
        scope = read_string(entry, MAX_SCOPE_LENGTH)
        if scope is not None and scope in scopes:
            entry.warning(f"is a duplicate of {scope!r}")
        elif scope is not None:
            scopes.add(scope)
    if not node.value:
        node.unlike("a list of at least one scope")
    elif limit is None:
        node.error("cannot be checked without a valid limit")
    elif len(scopes) > min(limit, MAX_SCOPES):
        node.error(f"has {len(scopes)} scopes", f"at most {MAX_SCOPES} scopes, and no more than the limit of {limit}")
    return scopes


def _named_budgets(root: Node, limits: AttributionReportingLimits) -> dict[str, int]:
    node = root.member("named_budgets")
    if node is None or not node.is_object():
        return {}
    if len(node.value) > MAX_NAMED_BUDGETS:
        node.error(f"has {len(node.value)} names", f"at most {MAX_NAMED_BUDGETS} names")
        return {}
    budgets: dict[str, int] = {}
    for name, member in node.members():
        if not fits(name, MAX_KEY_LENGTH):
            member.error(f"has a name of {len(name.encode())} bytes", f"names have at most {MAX_KEY_LENGTH} bytes")
        elif (budget := read_integer(member, 0, limits.aggregatable_budget_per_source)) is not None:
            budgets[name] = budget
    return budgets

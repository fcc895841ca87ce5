from __future__ import annotations

import json
from typing import Any

import pytest

from agent.engines.attribution_reporting.header_check import HeaderKind, check_header
from agent.model.attribution_reporting.limits import COORDINATORS
from agent.model.attribution_reporting.registrations import SourceType
from tests.engines.attribution_reporting.headers import LIMITS


def normalized(kind: HeaderKind, header: dict[str, Any] | str) -> Any:
    text = header if isinstance(header, str) else json.dumps(header)
    checked = check_header(kind, text.encode(), SourceType.EVENT, LIMITS)
    assert checked.accept, checked.errors
    return checked.normalized


def test_a_source_is_told_in_full_with_its_clamps_and_reductions() -> None:
    form = normalized(
        HeaderKind.SOURCE,
        {
            "destination": ["https://www.b.test/x", "https://a.test", "https://b.test"],
            "expiry": "129600",
            "event_report_windows": {"end_times": [1]},
            "aggregatable_report_window": 1,
            "trigger_data": [1.0, 0],
            "priority": "-07",
            "filter_data": {"a": ["y", "x", "y"]},
            "aggregation_keys": {"k": "0X0F"},
            "attribution_scopes": {"limit": 2, "values": ["b", "a"]},
            "named_budgets": {"n": 5},
            "debug_key": "007",
        },
    )
    assert form == {
        "destination": ["https://b.test", "https://a.test"],
        "source_event_id": "0",
        "priority": "-7",
        "expiry": 172_800,
        "aggregatable_report_window": 3_600,
        "trigger_data_matching": "modulus",
        "event_level_epsilon": 14,
        "event_report_windows": {"start_time": 0, "end_times": [3_600]},
        "trigger_data": [1, 0],
        "max_event_level_reports": 1,
        "filter_data": {"a": ["y", "x"]},
        "aggregation_keys": {"k": "0xf"},
        "attribution_scopes": {"limit": 2, "values": ["b", "a"], "max_event_states": 3},
        "debug_key": "7",
        "debug_reporting": False,
        "destination_limit_priority": "0",
        "named_budgets": {"n": 5},
    }


def test_a_trigger_is_told_in_full_without_empty_alternatives() -> None:
    filters = {"filters": [{}, {"a": ["y", "x"]}], "not_filters": {"_lookback_window": 5}}
    told = {"filters": [{"a": ["y", "x"]}], "not_filters": [{"_lookback_window": 5}]}
    form = normalized(
        HeaderKind.TRIGGER,
        {
            **filters,
            "event_trigger_data": [{"trigger_data": "07", **filters}],
            "aggregatable_trigger_data": [{"key_piece": "0X0A", "source_keys": ["z", "a", "z"]}],
            "aggregatable_values": {"z": 5, "a": {"value": 6, "filtering_id": "9"}},
            "aggregatable_deduplication_keys": [{"deduplication_key": "1"}, {}],
            "named_budgets": [{"name": "n"}, {}],
            "attribution_scopes": ["b", "a"],
            "trigger_context_id": "",
        },
    )
    none: dict[str, list[Any]] = {"filters": [], "not_filters": []}
    assert form == {
        **told,
        "event_trigger_data": [{"trigger_data": "7", "priority": "0", **told}],
        "aggregatable_trigger_data": [{"key_piece": "0xa", "source_keys": ["z", "a"], **none}],
        "aggregatable_values": [
            {
                "values": {"z": {"value": 5, "filtering_id": "0"}, "a": {"value": 6, "filtering_id": "9"}},
                **none,
            }
        ],
        "aggregatable_deduplication_keys": [{"deduplication_key": "1", **none}, none],
        "named_budgets": [{"name": "n", **none}, none],
        "attribution_scopes": ["b", "a"],
        "trigger_context_id": "",
        "aggregatable_filtering_id_max_bytes": 1,
        "aggregatable_source_registration_time": "exclude",
        "aggregation_coordinator_origin": COORDINATORS[0],
        "debug_reporting": False,
    }


def test_debug_types_that_contribute_alike_stand_together() -> None:
    data = [
        {"types": ["source-success", "source-noised"], "key_piece": "0x2", "value": 3},
        {"types": ["source-storage-limit"], "key_piece": "0x3", "value": 3},
    ]
    config = {"budget": 5, "key_piece": "0x1", "debug_data": data}
    form = normalized(HeaderKind.SOURCE, {"destination": "https://a.test", "aggregatable_debug_reporting": config})
    assert form["aggregatable_debug_reporting"] == {**config, "aggregation_coordinator_origin": COORDINATORS[0]}


def test_the_other_headers_are_told_as_fields() -> None:
    assert normalized(HeaderKind.ELIGIBLE, "trigger=5, event-source, x") == "event-source, trigger"
    assert normalized(HeaderKind.ELIGIBLE, "") is None
    assert normalized(HeaderKind.INFO, "preferred-platform=os") == "preferred-platform=os, report-header-errors=?0"
    assert normalized(HeaderKind.INFO, "report-header-errors=?1") == "report-header-errors"
    assert normalized(HeaderKind.OS, '"https://a.test";debug-reporting, 5') == '"https://a.test/";debug-reporting'


@pytest.mark.parametrize("url", [r"https://a.test/?a\\b", r"https://a.test/#\\", r"https://a.test=\"/"])
def test_a_url_is_told_as_a_string_that_reads_as_it_again(url: str) -> None:
    form = normalized(HeaderKind.OS, f'"{url}";debug-reporting')
    assert form == f'"{url}";debug-reporting'
    assert normalized(HeaderKind.OS, form) == form


def test_a_refused_header_has_no_normal_form() -> None:
    checked = check_header(HeaderKind.SOURCE, b"{}", SourceType.EVENT, LIMITS)
    assert (checked.accept, checked.normalized) == (False, None)

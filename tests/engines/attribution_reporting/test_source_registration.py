from __future__ import annotations

import json
from typing import Any

import pytest

from agent.engines.attribution_reporting.source_registration import parse_source_registration
from agent.model.attribution_reporting.registrations import (
    AttributionScopes,
    EventReportWindows,
    SourceType,
    TriggerDataMatching,
)
from agent.model.clock import DAY, HOUR, SECOND
from tests.engines.attribution_reporting.headers import LIMITS, parse_source, paths, source, source_errors

EVENT = SourceType.EVENT


def test_a_navigation_source_with_a_destination_alone_has_the_defaults() -> None:
    read = source()
    assert read.destinations == ("https://shop.test",)
    assert (read.expiry, read.aggregatable_report_window) == (30 * DAY, 30 * DAY)
    assert read.event_report_windows == EventReportWindows(0, (2 * DAY, 7 * DAY, 30 * DAY))
    assert read.trigger_data == tuple(range(8))
    assert read.max_event_level_reports == 3
    assert (read.source_event_id, read.priority, read.destination_limit_priority) == (0, 0, 0)
    assert read.trigger_data_matching is TriggerDataMatching.MODULUS
    assert read.event_level_epsilon == 14
    assert read.filter_data == {"source_type": {"navigation"}}
    assert (read.aggregation_keys, read.named_budgets, read.attribution_scopes) == ({}, {}, None)
    assert (read.debug_key, read.debug_reporting, read.aggregatable_debug_reporting) == (None, False, None)


def test_an_event_source_has_two_trigger_data_one_window_and_one_report() -> None:
    read = source(EVENT)
    assert read.trigger_data == (0, 1)
    assert read.event_report_windows == EventReportWindows(0, (30 * DAY,))
    assert read.max_event_level_reports == 1
    assert read.filter_data == {"source_type": {"event"}}


@pytest.mark.parametrize(
    ("destination", "sites"),
    [
        ("https://www.shop.test:8443/x?y#z", ("https://shop.test",)),
        ("http://localhost:3000", ("http://localhost",)),
        (["https://b.test", "https://a.test"], ("https://a.test", "https://b.test")),
        (["https://a.test", "https://x.a.test", "https://y.a.test", "https://z.a.test"], ("https://a.test",)),
    ],
)
def test_destinations_are_sites_and_sorted_and_counted_after_duplicates_collapse(
    destination: object, sites: tuple[str, ...]
) -> None:
    assert source(destination=destination).destinations == sites


@pytest.mark.parametrize(
    ("destination", "path"),
    [
        (5, ("destination",)),
        (None, ("destination",)),
        ("http://shop.test", ("destination",)),
        ("shop.test", ("destination",)),
        ([], ("destination",)),
        ([f"https://{name}.test" for name in "abcd"], ("destination",)),
        (["https://a.test", 5], ("destination", 1)),
        (["https://a.test", "ftp://b.test"], ("destination", 1)),
    ],
)
def test_a_wrong_destination_refuses_the_source(destination: object, path: tuple[str | int, ...]) -> None:
    assert source_errors(destination=destination) == [path]


def test_a_source_needs_a_destination() -> None:
    parsed = parse_source_registration(b"{}", EVENT, LIMITS)
    assert parsed.value is None
    assert paths(parsed.errors) == [("destination",)]


@pytest.mark.parametrize(
    ("given", "expiry"),
    [(1, DAY), ("86401", 86_401 * SECOND), (2_592_001, 30 * DAY), (1e300, 30 * DAY), (129_600, 129_600 * SECOND)],
)
def test_the_expiry_is_clamped_to_1_and_30_days(given: object, expiry: int) -> None:
    assert source(expiry=given).expiry == expiry


@pytest.mark.parametrize(("seconds", "days"), [(129_599, 1), (129_600, 2), (1, 1), (2_592_000, 30)])
def test_the_expiry_of_an_event_source_is_rounded_to_whole_days_half_up(seconds: int, days: int) -> None:
    assert source(EVENT, expiry=seconds).expiry == days * DAY


@pytest.mark.parametrize(("seconds", "window"), [(1, HOUR), (7200, 2 * HOUR), (10**9, 3 * DAY)])
def test_the_aggregatable_report_window_is_clamped_to_an_hour_and_the_expiry(seconds: int, window: int) -> None:
    assert source(expiry=259_200, aggregatable_report_window=seconds).aggregatable_report_window == window


def test_what_depends_on_a_wrong_expiry_is_told_too() -> None:
    assert source_errors(expiry=-1, aggregatable_report_window=3600) == [("expiry",), ("aggregatable_report_window",)]


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("source_event_id", 5),
        ("priority", "x"),
        ("expiry", "1d"),
        ("aggregatable_report_window", {}),
        ("trigger_data_matching", "MODULUS"),
        ("event_level_epsilon", "1"),
        ("event_level_epsilon", 14.1),
        ("event_level_epsilon", -0.1),
        ("event_level_epsilon", True),
        ("event_report_window", -1),
        ("event_report_windows", [3600]),
        ("trigger_data", 1),
        ("max_event_level_reports", 21),
        ("max_event_level_reports", 1.5),
        ("filter_data", []),
        ("aggregation_keys", ["a"]),
        ("attribution_scopes", ["a"]),
        ("destination_limit_priority", 5),
        ("named_budgets", ["a"]),
    ],
)
def test_a_field_that_is_wrong_or_null_refuses_the_source(field: str, value: object) -> None:
    assert source_errors(**{field: value}) == [(field,)]
    assert source_errors(**{field: None}) == [(field,)]


@pytest.mark.parametrize(("field", "value"), [("debug_key", 5), ("debug_key", "x"), ("debug_reporting", "true")])
def test_a_wrong_debug_field_is_ignored_with_a_warning(field: str, value: object) -> None:
    parsed = parse_source(**{field: value})
    assert parsed.value is not None
    assert (parsed.value.debug_key, parsed.value.debug_reporting) == (None, False)
    assert paths(parsed.warnings) == [(field,)]


@pytest.mark.parametrize(
    ("values", "error"),
    [
        ([0, 2], [("trigger_data_matching",)]),
        ([1, 1], [("trigger_data", 1)]),
        (list(range(33)), [("trigger_data",)]),
        ([4_294_967_296], [("trigger_data", 0)]),
        (["1"], [("trigger_data", 0)]),
        ([1.5, -1], [("trigger_data", 0), ("trigger_data", 1)]),
    ],
)
def test_trigger_data_are_distinct_32_bit_numbers_and_contiguous_for_modulus(
    values: list[Any], error: list[tuple[str | int, ...]]
) -> None:
    assert source_errors(trigger_data=values) == error


def test_trigger_data_may_have_gaps_where_they_are_matched_exactly() -> None:
    read = source(trigger_data=[7, 4_294_967_295, 0], trigger_data_matching="exact")
    assert read.trigger_data == (0, 7, 4_294_967_295)
    assert source(trigger_data=[2, 0, 1]).trigger_data == (0, 1, 2)
    assert source(trigger_data=[]).trigger_data == ()


def test_aggregation_keys_are_at_most_20_with_ids_of_25_bytes() -> None:
    read = source(aggregation_keys={"z" * 25: "0x1", "a": "0XF"})
    assert list(read.aggregation_keys.items()) == [("a", 15), ("z" * 25, 1)]
    assert source_errors(aggregation_keys={str(key): "0x1" for key in range(21)}) == [("aggregation_keys",)]
    assert source_errors(aggregation_keys={"z" * 26: "0x1"}) == [("aggregation_keys", "z" * 26)]
    assert source_errors(aggregation_keys={"a": 1, "b": "1"}) == [("aggregation_keys", "a"), ("aggregation_keys", "b")]


def test_named_budgets_are_at_most_25_with_names_of_25_bytes_and_up_to_65536() -> None:
    assert source(named_budgets={"": 0, "n" * 25: 65_536}).named_budgets == {"": 0, "n" * 25: 65_536}
    assert source_errors(named_budgets={str(name): 1 for name in range(26)}) == [("named_budgets",)]
    assert source_errors(named_budgets={"n" * 26: 1}) == [("named_budgets", "n" * 26)]
    assert source_errors(named_budgets={"a": 65_537}) == [("named_budgets", "a")]
    assert source_errors(named_budgets={"a": "1"}) == [("named_budgets", "a")]


def test_scopes_are_distinct_and_sorted() -> None:
    scopes = source(attribution_scopes={"limit": 2, "values": ["b", "a", "b"]}).attribution_scopes
    assert scopes == AttributionScopes(limit=2, values=("a", "b"), max_event_states=3)


@pytest.mark.parametrize(
    ("scopes", "error"),
    [
        ({"values": ["a"]}, [("limit",), ("values",)]),
        ({"limit": 2}, [("values",)]),
        ({"limit": 2, "values": []}, [("values",)]),
        ({"limit": 1, "values": ["a", "b"]}, [("values",)]),
        ({"limit": 30, "values": [str(scope) for scope in range(21)]}, [("values",)]),
        ({"limit": 2, "values": ["é" * 26]}, [("values", 0)]),
        ({"limit": 2, "values": ["a"], "max_event_states": 0}, [("max_event_states",)]),
        ({"limit": 2, "values": ["a"], "max_event_states": 2**32}, [("max_event_states",)]),
    ],
)
def test_wrong_scopes_refuse_the_source(scopes: dict[str, Any], error: list[tuple[str | int, ...]]) -> None:
    assert source_errors(attribution_scopes=scopes) == [("attribution_scopes", *path) for path in error]


def test_one_run_reports_all_problems_the_first_being_chromium_s() -> None:
    errors = source_errors(
        named_budgets=1,
        filter_data={"_x": []},
        max_event_level_reports=21,
        event_level_epsilon=15,
        expiry=-1,
        priority=1,
        source_event_id=1,
        destination="x",
    )
    assert errors == [
        ("destination",),
        ("source_event_id",),
        ("priority",),
        ("expiry",),
        ("event_level_epsilon",),
        ("max_event_level_reports",),
        ("filter_data", "_x"),
        ("named_budgets",),
    ]


def test_unknown_fields_are_ignored_with_a_warning() -> None:
    parsed = parse_source(trigger_specs=[], x={"deep": 1})
    assert parsed.value == source()
    assert paths(parsed.warnings) == [("trigger_specs",), ("x",)]


@pytest.mark.parametrize(("header", "path"), [(b"x", None), (b"", None), (b"[]", ()), (b"null", ()), (b'"x"', ())])
def test_what_is_no_json_has_no_path_and_what_is_no_object_the_root(
    header: bytes, path: tuple[str | int, ...] | None
) -> None:
    parsed = parse_source_registration(header, EVENT, LIMITS)
    assert parsed.value is None
    assert paths(parsed.errors) == [path]


def test_a_clamped_value_is_told_as_a_warning() -> None:
    parsed = parse_source(expiry=3, event_report_window=1)
    assert paths(parsed.warnings) == [("expiry",), ("event_report_window",)]
    assert parsed.warnings[0].message == "is 3 seconds and is taken for 86400"


def test_a_public_suffix_as_destination_is_told_as_a_warning() -> None:
    assert paths(parse_source(destination="https://co.uk").warnings) == [("destination",)]
    assert parse_source(destination="https://127.0.0.1").warnings == ()


def test_the_header_is_json_whose_strings_may_be_escaped() -> None:
    header = json.dumps({"destination": "https://shop.test"}).replace("h", "\\u0068").encode()
    parsed = parse_source_registration(header, EVENT, LIMITS)
    assert parsed.value is not None
    assert parsed.value.destinations == ("https://shop.test",)

from __future__ import annotations

from typing import Any

import pytest

from agent.model.attribution_reporting.registrations import FilterConfig
from tests.engines.attribution_reporting.headers import (
    parse_trigger,
    paths,
    source,
    source_errors,
    trigger,
    trigger_errors,
)


def test_filter_data_collapse_duplicates_before_they_are_counted() -> None:
    read = source(filter_data={"a": ["x"] * 51, "b": []}).filter_data
    assert read == {"a": {"x"}, "b": frozenset(), "source_type": {"navigation"}}


@pytest.mark.parametrize(
    ("data", "error"),
    [
        ({str(key): [] for key in range(51)}, ()),
        ({"k" * 26: []}, ("k" * 26,)),
        ({"source_type": ["event"]}, ("source_type",)),
        ({"_x": []}, ("_x",)),
        ({"_lookback_window": ["1"]}, ("_lookback_window",)),
        ({"a": "b"}, ("a",)),
        ({"a": [1]}, ("a", 0)),
        ({"a": ["v" * 26]}, ("a", 0)),
        ({"a": [str(value) for value in range(51)]}, ("a",)),
    ],
)
def test_filter_data_have_50_keys_and_values_of_25_bytes_and_no_reserved_key(
    data: dict[str, Any], error: tuple[str | int, ...]
) -> None:
    assert source_errors(filter_data=data) == [("filter_data", *error)]


def test_filters_are_one_object_or_alternatives_without_limits_of_size() -> None:
    many = {str(key): ["v" * 26] for key in range(51)}
    expected = FilterConfig({str(key): frozenset({"v" * 26}) for key in range(51)})
    assert trigger(filters=many).filters.filters == (expected,)
    assert trigger(not_filters=[many, {"source_type": ["event"]}]).filters.not_filters == (
        expected,
        FilterConfig({"source_type": frozenset({"event"})}),
    )


def test_an_empty_alternative_is_dropped() -> None:
    read = trigger(filters=[{}, {"a": ["1"]}], not_filters={}).filters
    assert read.filters == (FilterConfig({"a": frozenset({"1"})}),)
    assert read.not_filters == ()


def test_the_lookback_window_is_a_positive_number_of_seconds() -> None:
    assert trigger(filters=[{"_lookback_window": 5}]).filters.filters == (FilterConfig({}, 5_000),)
    wrong: tuple[Any, ...] = (0, -1, 1.5, "5", None, [])
    for seconds in wrong:
        assert trigger_errors(filters={"_lookback_window": seconds}) == [("filters", "_lookback_window")]


@pytest.mark.parametrize("name", ["filters", "not_filters"])
@pytest.mark.parametrize(
    ("value", "error"),
    [
        (1, ()),
        (None, ()),
        ("x", ()),
        ([1], (0,)),
        ({"_x": []}, ("_x",)),
        ({"a": "b"}, ("a",)),
        ([{"a": [1]}], (0, "a", 0)),
    ],
)
def test_a_wrong_filter_refuses_the_trigger_wherever_it_stands(
    name: str, value: object, error: tuple[str | int, ...]
) -> None:
    wrong: dict[str, Any] = {name: value}
    assert trigger_errors(**wrong) == [(name, *error)]
    assert trigger_errors(event_trigger_data=[wrong]) == [("event_trigger_data", 0, name, *error)]
    assert trigger_errors(aggregatable_values=[{"values": {}, **wrong}]) == [("aggregatable_values", 0, name, *error)]
    assert trigger_errors(named_budgets=[wrong]) == [("named_budgets", 0, name, *error)]
    assert trigger_errors(aggregatable_deduplication_keys=[wrong]) == [
        ("aggregatable_deduplication_keys", 0, name, *error)
    ]


def test_a_source_type_that_does_not_exist_is_told_as_a_warning() -> None:
    assert paths(parse_trigger(filters={"source_type": ["event", "EVENT"]}).warnings) == [("filters", "source_type", 1)]

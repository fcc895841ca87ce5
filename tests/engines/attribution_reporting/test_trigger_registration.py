from __future__ import annotations

from typing import Any

import pytest

from agent.engines.attribution_reporting.trigger_registration import parse_trigger_registration
from agent.model.attribution_reporting.limits import COORDINATORS
from agent.model.attribution_reporting.registrations import (
    AggregatableDeduplicationKey,
    AggregatableTriggerData,
    AggregatableValue,
    AggregatableValues,
    EventTriggerData,
    FilterConfig,
    Filters,
    NamedBudget,
    SourceRegistrationTime,
    TriggerRegistration,
)
from tests.engines.attribution_reporting.headers import LIMITS, parse_trigger, paths, trigger, trigger_errors

A_IS_1 = Filters(filters=(FilterConfig({"a": frozenset({"1"})}),))


def test_an_empty_trigger_is_valid_and_does_nothing() -> None:
    assert trigger() == TriggerRegistration()
    assert not trigger().registers_aggregatable


def test_every_field_of_a_trigger_is_read() -> None:
    filters = {"filters": {"a": ["1"]}}
    read = trigger(
        event_trigger_data=[{"trigger_data": "7", "priority": "-5", "deduplication_key": "9", **filters}, {}],
        aggregatable_trigger_data=[{"key_piece": "0x400", "source_keys": ["a", "a"], **filters}],
        aggregatable_values=[{"values": {"a": 65_536, "b": {"value": 1, "filtering_id": "65535"}}, **filters}],
        aggregatable_filtering_id_max_bytes=2,
        aggregatable_deduplication_keys=[{"deduplication_key": "3", **filters}, {}],
        trigger_context_id="x" * 64,
        aggregation_coordinator_origin=COORDINATORS[1] + "/path",
        attribution_scopes=["b", "a"],
        named_budgets=[{"name": "n", **filters}, {}],
        debug_key="18446744073709551615",
        debug_reporting=True,
        **filters,
    )
    assert read == TriggerRegistration(
        event_trigger_data=(EventTriggerData(7, -5, 9, A_IS_1), EventTriggerData()),
        aggregatable_trigger_data=(AggregatableTriggerData(0x400, frozenset({"a"}), A_IS_1),),
        aggregatable_values=(
            AggregatableValues({"a": AggregatableValue(65_536), "b": AggregatableValue(1, 65_535)}, A_IS_1),
        ),
        aggregatable_filtering_id_max_bytes=2,
        aggregatable_deduplication_keys=(AggregatableDeduplicationKey(3, A_IS_1), AggregatableDeduplicationKey()),
        trigger_context_id="x" * 64,
        aggregation_coordinator_origin=COORDINATORS[1],
        filters=A_IS_1,
        attribution_scopes=("a", "b"),
        named_budgets=(NamedBudget("n", A_IS_1), NamedBudget()),
        debug_key=2**64 - 1,
        debug_reporting=True,
    )


@pytest.mark.parametrize(
    ("field", "value", "error"),
    [
        ("event_trigger_data", {}, ()),
        ("event_trigger_data", [[]], (0,)),
        ("event_trigger_data", [{"trigger_data": 1}], (0, "trigger_data")),
        ("event_trigger_data", [{"priority": "a"}], (0, "priority")),
        ("event_trigger_data", [{}, {"deduplication_key": "-1"}], (1, "deduplication_key")),
        ("aggregatable_trigger_data", {}, ()),
        ("aggregatable_trigger_data", [{}], (0, "key_piece")),
        ("aggregatable_trigger_data", [{"key_piece": "1"}], (0, "key_piece")),
        ("aggregatable_trigger_data", [{"key_piece": "0x1", "source_keys": "a"}], (0, "source_keys")),
        ("aggregatable_trigger_data", [{"key_piece": "0x1", "source_keys": [1]}], (0, "source_keys", 0)),
        ("aggregatable_values", 5, ()),
        ("aggregatable_values", {"a": 0}, ("a",)),
        ("aggregatable_values", {"a": 65_537}, ("a",)),
        ("aggregatable_values", {"a": "1"}, ("a",)),
        ("aggregatable_values", {"a": 1.5}, ("a",)),
        ("aggregatable_values", {"a": {}}, ("a", "value")),
        ("aggregatable_values", {"a": {"value": 0}}, ("a", "value")),
        ("aggregatable_values", {"a": {"value": 1, "filtering_id": 5}}, ("a", "filtering_id")),
        ("aggregatable_values", {"a": {"value": 1, "filtering_id": "256"}}, ("a", "filtering_id")),
        ("aggregatable_values", [{}], (0, "values")),
        ("aggregatable_values", [{"values": []}], (0, "values")),
        ("aggregatable_values", [{"values": {"a": 0}}], (0, "values", "a")),
        ("aggregatable_deduplication_keys", {}, ()),
        ("aggregatable_deduplication_keys", [{"deduplication_key": 1}], (0, "deduplication_key")),
        ("aggregatable_source_registration_time", "INCLUDE", ()),
        ("aggregatable_filtering_id_max_bytes", 0, ()),
        ("aggregatable_filtering_id_max_bytes", 9, ()),
        ("aggregatable_filtering_id_max_bytes", "2", ()),
        ("trigger_context_id", 5, ()),
        ("trigger_context_id", "é" * 33, ()),
        ("aggregation_coordinator_origin", "https://third.test", ()),
        ("attribution_scopes", "a", ()),
        ("attribution_scopes", [5], (0,)),
        ("named_budgets", {}, ()),
        ("named_budgets", [1], (0,)),
        ("named_budgets", [{"name": 1}], (0, "name")),
    ],
)
def test_a_wrong_field_refuses_the_trigger(field: str, value: object, error: tuple[str | int, ...]) -> None:
    assert trigger_errors(**{field: value}) == [(field, *error)]


@pytest.mark.parametrize("field", ["trigger_context_id", "aggregatable_filtering_id_max_bytes"])
def test_what_makes_reports_unconditional_excludes_the_source_registration_time(field: str) -> None:
    value = {"trigger_context_id": "x", "aggregatable_filtering_id_max_bytes": 2}[field]
    time = "aggregatable_source_registration_time"
    assert trigger_errors(**{field: value, time: "exclude"}) == []
    assert trigger_errors(**{field: value, time: "include"}) == [(field,)]
    assert trigger_errors(**{field: value, time: 1}) == [(time,), (field,)]


def test_one_byte_of_filtering_id_goes_with_the_source_registration_time() -> None:
    read = trigger(aggregatable_filtering_id_max_bytes=1, aggregatable_source_registration_time="include")
    assert read.aggregatable_source_registration_time is SourceRegistrationTime.INCLUDE


@pytest.mark.parametrize("size", range(1, 9))
def test_a_filtering_id_fits_the_bytes_that_the_trigger_asks_for(size: int) -> None:
    def errors(filtering_id: int) -> list[Any]:
        values = {"a": {"value": 1, "filtering_id": str(filtering_id)}}
        return trigger_errors(aggregatable_filtering_id_max_bytes=size, aggregatable_values=values)

    assert errors(256**size - 1) == []
    assert errors(256**size) == [("aggregatable_values", "a", "filtering_id")]


def test_a_filtering_id_cannot_be_checked_without_valid_bytes() -> None:
    errors = trigger_errors(
        aggregatable_filtering_id_max_bytes=9, aggregatable_values={"a": {"value": 1, "filtering_id": "1"}}
    )
    assert errors == [("aggregatable_filtering_id_max_bytes",), ("aggregatable_values", "a", "filtering_id")]


def test_key_ids_and_an_empty_context_id_have_no_limits() -> None:
    read = trigger(aggregatable_values={"k" * 1000: 1}, trigger_context_id="")
    assert read.aggregatable_values == (AggregatableValues({"k" * 1000: AggregatableValue(1)}),)
    assert read.trigger_context_id == ""


def test_one_run_reports_all_problems_the_first_being_chromium_s() -> None:
    errors = trigger_errors(
        named_budgets=1,
        attribution_scopes=1,
        aggregatable_values=1,
        aggregatable_trigger_data=1,
        event_trigger_data=1,
        aggregatable_deduplication_keys=1,
        not_filters=1,
        filters=1,
        aggregatable_filtering_id_max_bytes=0,
        trigger_context_id=1,
        aggregatable_source_registration_time=1,
        aggregation_coordinator_origin=1,
    )
    assert errors == [
        ("aggregation_coordinator_origin",),
        ("aggregatable_source_registration_time",),
        ("trigger_context_id",),
        ("aggregatable_filtering_id_max_bytes",),
        ("filters",),
        ("not_filters",),
        ("aggregatable_deduplication_keys",),
        ("event_trigger_data",),
        ("aggregatable_trigger_data",),
        ("aggregatable_values",),
        ("attribution_scopes",),
        ("named_budgets",),
    ]


@pytest.mark.parametrize(("field", "value"), [("debug_key", 1), ("debug_key", "-1"), ("debug_reporting", "true")])
def test_a_wrong_debug_field_is_ignored_with_a_warning(field: str, value: object) -> None:
    parsed = parse_trigger(**{field: value})
    assert parsed.value == TriggerRegistration()
    assert paths(parsed.warnings) == [(field,)]


def test_keys_that_never_meet_are_told_as_warnings() -> None:
    parsed = parse_trigger(
        aggregatable_trigger_data=[{"key_piece": "0x1", "source_keys": ["a", "b"]}],
        aggregatable_values={"b": 1, "c": 1},
    )
    assert paths(parsed.warnings) == [("aggregatable_trigger_data", 0, "source_keys"), ("aggregatable_values",)]


@pytest.mark.parametrize(("header", "path"), [(b"{", None), (b"1", ())])
def test_what_is_no_json_has_no_path_and_what_is_no_object_the_root(
    header: bytes, path: tuple[str | int, ...] | None
) -> None:
    parsed = parse_trigger_registration(header, LIMITS)
    assert parsed.value is None
    assert paths(parsed.errors) == [path]

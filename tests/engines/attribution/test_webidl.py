from __future__ import annotations

import math
from typing import Any

import pytest

from agent.engines.attribution.webidl import convert_conversion, convert_impression
from agent.model.errors import PageException
from tests.attribution_world import CURRENT, SEED


def impression(**options: Any) -> dict[str, Any]:
    converted = convert_impression(CURRENT, {"histogramIndex": 0, **options})
    assert isinstance(converted, dict), converted
    return converted


def type_error(converted: object) -> str:
    assert isinstance(converted, PageException)
    assert (converted.name, converted.is_dom_exception) == ("TypeError", False)
    return converted.message


@pytest.mark.parametrize(
    ("value", "number"),
    [(5, 5), (-1, 4294967295), (1.9, 1), (-1.9, 4294967295), (2**32, 0), ("x", 0), ("7", 7), (None, 0), (True, 1),
     ([], 0), (math.inf, 0), (10**400, 0)],
)  # fmt: skip
def test_an_unsigned_long_wraps_modulo_2_to_the_32(value: object, number: int) -> None:
    assert impression(histogramIndex=value) == {"histogramIndex": number}


@pytest.mark.parametrize(("value", "number"), [(-1, -1), (2**31, -(2**31)), (2**31 - 1, 2**31 - 1), (2**32 + 3, 3)])
def test_a_long_wraps_into_its_signed_range(value: int, number: int) -> None:
    assert impression(priority=value)["priority"] == number


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf, "x", {}, 10**400])
def test_a_double_that_is_not_finite_is_a_type_error(value: object) -> None:
    options = {"aggregationService": "s", "histogramSize": 1}
    assert "epsilon" in type_error(convert_conversion(CURRENT, {**options, "epsilon": value}))
    assert "credit" in type_error(convert_conversion(CURRENT, {**options, "credit": [1, value]}))


@pytest.mark.parametrize(
    ("options", "member"),
    [
        ({}, "aggregationService"),
        ({"histogramSize": 1}, "aggregationService"),
        ({"aggregationService": "s"}, "histogramSize"),
    ],
)
def test_a_missing_required_member_is_a_type_error_in_the_order_of_names(options: Any, member: str) -> None:
    assert f"'{member}'" in type_error(convert_conversion(CURRENT, options))


def test_the_seed_requires_ad_conversion_site_and_histogram_index() -> None:
    whole = {"ad": "a", "conversionSite": "shop.test", "histogramIndex": 1}
    assert convert_impression(SEED, whole) == whole
    for member in whole:
        assert f"'{member}'" in type_error(
            convert_impression(SEED, {name: value for name, value in whole.items() if name != member})
        )


def test_an_unknown_logic_is_a_type_error() -> None:
    options = {"aggregator": "a", "histogramSize": 1}
    assert convert_conversion(SEED, {**options, "logic": "last-touch"}) == {**options, "logic": "last-touch"}
    assert "PrivateAttributionLogic" in type_error(convert_conversion(SEED, {**options, "logic": "first-touch"}))


def test_unknown_members_are_ignored_and_absent_ones_stay_absent() -> None:
    assert impression(nonsense=1, conversionSite="a.test") == {"histogramIndex": 0}


@pytest.mark.parametrize("options", [None, 3, "x", []])
def test_options_that_are_no_object_are_a_type_error(options: object) -> None:
    type_error(convert_impression(CURRENT, options))


@pytest.mark.parametrize("value", [None, 3, "a.test", {}])
def test_a_sequence_that_is_no_list_is_a_type_error(value: object) -> None:
    assert "conversionSites" in type_error(convert_impression(CURRENT, {"histogramIndex": 0, "conversionSites": value}))


def test_a_usv_string_has_no_lone_surrogate_and_a_dom_string_keeps_it() -> None:
    assert impression(conversionSites=["a\ud800", "\U0001f600"])["conversionSites"] == ["a\ufffd", "\U0001f600"]
    seed = convert_impression(SEED, {"ad": "a\ud800", "conversionSite": "s", "histogramIndex": 0})
    assert isinstance(seed, dict)
    assert seed["ad"] == "a\ud800"


def test_converting_twice_changes_nothing() -> None:
    once = convert_conversion(
        CURRENT,
        {"aggregationService": "s", "histogramSize": -1, "epsilon": "0.5", "credit": [1, "2"], "matchValues": [-1]},
    )
    assert once == {
        "aggregationService": "s",
        "histogramSize": 4294967295,
        "epsilon": 0.5,
        "credit": [1.0, 2.0],
        "matchValues": [4294967295],
    }
    assert convert_conversion(CURRENT, once) == once

from __future__ import annotations

from typing import Any

import pytest

from agent.engines.attribution_reporting import scalars
from agent.engines.attribution_reporting.json_node import Node, Problems

COORDINATORS = ("https://coordinator.test", "https://other.test")


def node(value: Any) -> Node:
    return Node(value, ("field",), Problems())


def refused(read: Any, value: Any, *arguments: Any) -> bool:
    """Whether the reader gives nothing and notes one error, at the right place."""
    place = node(value)
    assert read(place, *arguments) is None
    return [issue.path for issue in place.problems.errors] == [("field",)]


@pytest.mark.parametrize(
    ("text", "value"),
    [("0", 0), ("007", 7), ("+5", 5), ("18446744073709551615", 2**64 - 1), ("0" * 10_000 + "1", 1)],
)
def test_a_uint64_is_decimal_digits_in_a_string_with_an_optional_plus(text: str, value: int) -> None:
    assert scalars.read_uint64(node(text)) == value


@pytest.mark.parametrize(
    "value",
    [
        "",
        "-0",
        "-1",
        " 5",
        "5 ",
        "5\n",
        "0x5",
        "1_0",
        "٣",
        "1.0",
        "18446744073709551616",
        "9" * 10_000,
        5,
        None,
        True,
        [],
    ],
)
def test_anything_else_is_no_uint64(value: object) -> None:
    assert refused(scalars.read_uint64, value)


@pytest.mark.parametrize(
    ("text", "value"),
    [("-9223372036854775808", -(2**63)), ("9223372036854775807", 2**63 - 1), ("+1", 1), ("-0", 0)],
)
def test_an_int64_may_be_negative(text: str, value: int) -> None:
    assert scalars.read_int64(node(text)) == value


@pytest.mark.parametrize("value", ["-9223372036854775809", "9223372036854775808", "--1", "+-1", "x", "", 1, None])
def test_anything_else_is_no_int64(value: object) -> None:
    assert refused(scalars.read_int64, value)


@pytest.mark.parametrize(("value", "read"), [(1, 1), (5.0, 5), (100.0, 100), (20, 20)])
def test_an_integer_is_a_number_without_fractional_part(value: float, read: int) -> None:
    assert scalars.read_integer(node(value), 1, 100) == read


@pytest.mark.parametrize("value", [0, 101, 1.5, "5", True, None, [], 1e300])
def test_anything_else_is_no_integer_of_the_range(value: object) -> None:
    assert refused(scalars.read_integer, value, 1, 100)


@pytest.mark.parametrize(
    ("value", "seconds"),
    [(0, 0), (5.0, 5), ("5", 5), (1e300, scalars.LONGEST_DURATION), ("18446744073709551615", scalars.LONGEST_DURATION)],
)
def test_a_duration_is_a_number_or_a_string_and_saturates(value: object, seconds: int) -> None:
    assert scalars.read_duration(node(value)) == seconds


@pytest.mark.parametrize("value", [-1, "-1", "-0", 0.5, "1d", "", False, None, {}, "18446744073709551616"])
def test_anything_else_is_no_duration(value: object) -> None:
    assert refused(scalars.read_duration, value)


@pytest.mark.parametrize(
    ("text", "value"),
    [("0x0", 0), ("0X1f", 31), ("0xAa", 170), ("0x" + "f" * 32, 2**128 - 1), ("0x0" + "f" * 32, 2**128 - 1)],
)
def test_a_key_piece_is_hexadecimal_and_fits_128_bits(text: str, value: int) -> None:
    assert scalars.read_key_piece(node(text)) == value


@pytest.mark.parametrize("value", ["0x", "1", "x1", "0xg", "0x1" + "0" * 32, "0x-1", "0x 1", " 0x1", 1, None])
def test_anything_else_is_no_key_piece(value: object) -> None:
    assert refused(scalars.read_key_piece, value)


def test_the_length_of_a_string_is_counted_in_utf_8_bytes() -> None:
    assert scalars.read_string(node("é" * 12 + "x"), 25) == "é" * 12 + "x"
    assert refused(scalars.read_string, "é" * 13, 25)


@pytest.mark.parametrize("url", ["https://coordinator.test", "https://COORDINATOR.test:443/x?y"])
def test_a_coordinator_is_known_by_its_origin(url: str) -> None:
    assert scalars.read_coordinator(node(url), COORDINATORS) == "https://coordinator.test"


@pytest.mark.parametrize(
    "value",
    ["https://third.test", "http://coordinator.test", "https://coordinator.test:8443", "coordinator.test", 1, None],
)
def test_an_origin_that_is_not_on_the_list_is_no_coordinator(value: object) -> None:
    assert refused(scalars.read_coordinator, value, COORDINATORS)


def test_a_number_where_a_string_belongs_is_told_with_the_string_to_write() -> None:
    place = node(5)
    scalars.read_uint64(place)
    (issue,) = place.problems.errors
    assert (issue.message, issue.fix) == ("is the number 5", 'write "5"')

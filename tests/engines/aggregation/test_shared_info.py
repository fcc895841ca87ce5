"""agent.engines.aggregation.shared_info: what browsers and generators write is read, nothing else, nothing raises."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.engines.aggregation.shared_info import parse_shared_info
from agent.model.aggregation import SharedInfo

MEMBERS: dict[str, Any] = {
    "api": "attribution-reporting",
    "attribution_destination": "https://shop.test",
    "debug_mode": "enabled",
    "report_id": "21abd97f-73e8-4b88-9389-a9fee6abda5e",
    "reporting_origin": "https://adtech.test",
    "scheduled_report_time": "1234486400",
    "source_registration_time": "1234483200",
    "version": "1.0",
}
MANDATORY = ("version", "scheduled_report_time", "reporting_origin")
OPTIONAL_TEXTS = ("api", "attribution_destination", "debug_mode", "report_id")
LAST_SECOND = 2**53  # its hour, in milliseconds, is within a signed 64-bit integer


def text_with(**members: Any) -> str:
    return json.dumps(MEMBERS | members)


def raw_time(literal: str) -> str:
    """A shared info whose scheduled_report_time is this JSON text, byte for byte."""
    return text_with(scheduled_report_time="TIME").replace('"TIME"', literal)


def scheduled(literal: str) -> int | None:
    info = parse_shared_info(raw_time(literal))
    return None if info is None else info.scheduled_report_time


def test_every_member_that_the_service_knows_is_read() -> None:
    assert parse_shared_info(json.dumps(MEMBERS)) == SharedInfo(
        version="1.0",
        reporting_origin="https://adtech.test",
        scheduled_report_time=1_234_486_400_000,
        api="attribution-reporting",
        report_id="21abd97f-73e8-4b88-9389-a9fee6abda5e",
        debug_mode="enabled",
        attribution_destination="https://shop.test",
        source_registration_time=1_234_483_200_000,
    )


@pytest.mark.parametrize("name", MANDATORY)
def test_without_a_mandatory_member_there_is_no_shared_info(name: str) -> None:
    assert parse_shared_info(json.dumps({key: value for key, value in MEMBERS.items() if key != name})) is None
    assert parse_shared_info(text_with(**{name: None})) is None


def test_the_mandatory_members_are_enough() -> None:
    info = parse_shared_info('{"version":"0.1","scheduled_report_time":"60","reporting_origin":"https://a.test"}')
    assert info == SharedInfo("0.1", "https://a.test", 60_000)


@pytest.mark.parametrize("name", [*OPTIONAL_TEXTS, "source_registration_time"])
def test_an_optional_member_that_is_null_is_absent(name: str) -> None:
    info = parse_shared_info(text_with(**{name: None}))
    assert info is not None
    assert getattr(info, name) is None


@pytest.mark.parametrize(
    ("literal", "milliseconds"),
    [
        ('"1234486400"', 1_234_486_400_000),  # Chrome
        ("1234486400", 1_234_486_400_000),
        ("1640995200.000000000", 1_640_995_200_000),  # the Java generator
        ("1640995200.25", 1_640_995_200_250),
        ("1640995199.999999999", 1_640_995_199_999),  # a double would round it to the next hour
        ("1.6409952e9", 1_640_995_200_000),
        ("0", 0),
        ('"0"', 0),
        ('"0000000001"', 1_000),
        ("-3600", -3_600_000),
        ("-0.0001", -1),
        ("1e-300", 0),
        (f"{LAST_SECOND}", LAST_SECOND * 1_000),
        (f'"{LAST_SECOND}"', LAST_SECOND * 1_000),
        (f"-{LAST_SECOND}", -LAST_SECOND * 1_000),
        (f"{LAST_SECOND}.0", LAST_SECOND * 1_000),
        (f"-{LAST_SECOND}.0", -LAST_SECOND * 1_000),
    ],
)
def test_times_are_seconds_as_digits_or_as_a_number(literal: str, milliseconds: int) -> None:
    assert scheduled(literal) == milliseconds


@pytest.mark.parametrize(
    "literal",
    [
        *('""', '" 1"', '"1 "', '"+1"', '"-1"', '"1.5"', '"1e3"', '"0x10"', '"1_000"', '"now"', '"1\\n"'),
        *('"2021-01-01T00:00:00Z"', '"\\u0661\\u0662"', '"\\u00b2"'),  # Arabic digits, a superscript
        *("true", "false", "null", "[]", "[1]", "{}", '{"seconds":1}'),
        *("NaN", "Infinity", "-Infinity", "1.", ".5", "01", "+1", "0x10", "1e"),
        *("1e400", "-1e400", "1e999999999", "9" * 400, '"' + "9" * 400 + '"', "9" * 5_000, '"' + "9" * 5_000 + '"'),
        *(f"{LAST_SECOND + 1}", f'"{LAST_SECOND + 1}"', f"-{LAST_SECOND + 1}", f"{LAST_SECOND + 1}.0", "1e300"),
    ],
)
def test_what_is_no_time_or_beyond_64_bits_is_no_shared_info(literal: str) -> None:
    assert parse_shared_info(raw_time(literal)) is None
    if literal != "null":
        registration = text_with(source_registration_time="TIME").replace('"TIME"', literal)
        assert parse_shared_info(registration) is None


@pytest.mark.parametrize("literal", ["1e-999999999", "1.5e-99999999999999999999"])
def test_an_exponent_of_any_size_does_no_harm(literal: str) -> None:
    assert scheduled(literal) in (0, None)


@pytest.mark.parametrize("name", [*OPTIONAL_TEXTS, "version", "reporting_origin"])
@pytest.mark.parametrize("value", [1, 1.0, True, False, [], ["https://a.test"], {}, {"a": "b"}])
def test_a_text_of_another_type_is_no_shared_info(name: str, value: object) -> None:
    assert parse_shared_info(text_with(**{name: value})) is None


def test_of_equal_members_the_last_counts() -> None:
    doubled = json.dumps(MEMBERS)[:-1] + ',"version":"0.1","scheduled_report_time":7.5}'
    info = parse_shared_info(doubled)
    assert info is not None
    assert (info.version, info.scheduled_report_time) == ("0.1", 7_500)


def test_members_that_the_service_does_not_know_are_skipped() -> None:
    assert parse_shared_info(text_with(privacy_budget_key="x", extra=[{"a": [1]}])) == parse_shared_info(text_with())


@pytest.mark.parametrize(
    "text",
    [
        *("", " ", "null", "true", "1", '"text"', "[]", "[{}]", "{", "{}", "{]", "{'version':'1.0'}", "nonsense"),
        json.dumps(MEMBERS) + "x",
        json.dumps(MEMBERS)[:-1] + ",}",
        "\ufeff" + json.dumps(MEMBERS),
        json.dumps(MEMBERS) + "\0",
        "\ud800",
        '{"version":"\ud800"}',
        "[" * 100_000,
        '{"a":' * 100_000,
    ],
)
def test_what_is_no_object_of_json_is_no_shared_info(text: str) -> None:
    assert parse_shared_info(text) is None


@pytest.mark.parametrize("escape", ["\\ud800", "\\udc00", "\\ud800\\ud800", "\\udc00\\ud800"])
@pytest.mark.parametrize("name", ["version", "reporting_origin", "api", "attribution_destination"])
def test_a_lone_surrogate_is_no_character(name: str, escape: str) -> None:
    text = text_with(**{name: "TEXT"}).replace('"TEXT"', f'"{escape}"')
    assert parse_shared_info(text) is None


@pytest.mark.parametrize("depth", [10, 900, 1_000, 1_020])
def test_a_deep_member_beside_a_fractional_time_does_no_harm(depth: int) -> None:
    info = parse_shared_info('{"deep":' + "[" * depth + "]" * depth + "," + raw_time("7.5")[1:])
    assert (info is None and depth > 10) or (info is not None and info.scheduled_report_time == 7_500)


json_values = st.recursive(
    st.none() | st.booleans() | st.integers(-(10**30), 10**30) | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=5,
)


@given(st.dictionaries(st.sampled_from(list(MEMBERS)), json_values))
def test_hostile_members_raise_nothing(members: dict[str, Any]) -> None:
    info = parse_shared_info(json.dumps(MEMBERS | members))
    assert info is None or (
        isinstance(info.version, str)
        and isinstance(info.reporting_origin, str)
        and type(info.scheduled_report_time) is int
        and abs(info.scheduled_report_time) <= LAST_SECOND * 1_000
        and (info.source_registration_time is None or abs(info.source_registration_time) <= LAST_SECOND * 1_000)
    )


@given(st.text() | st.text(alphabet='{}[]":,0123456789.eE+-\\u\ud800ntf '))
def test_hostile_text_is_no_shared_info(text: str) -> None:
    assert parse_shared_info(text) is None

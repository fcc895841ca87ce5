import json
import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.engines.attribution_reporting.chromium_json import number, write


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0.0024263, "0.0024263"),
        (0.0000025, "0.0000025"),
        (0.000001, "0.000001"),
        (8e-7, "8e-7"),
        (1.5e-7, "1.5e-7"),
        (1.0, "1.0"),
        (0.0, "0.0"),
        (6.5, "6.5"),
        (120.0, "120.0"),
        (123.25, "123.25"),
        (1e11, "100000000000.0"),
        (1e12, "1e+12"),
        (1.25e21, "1.25e+21"),
        (-2.5e-6, "-0.0000025"),
    ],
)
def test_doubles_are_written_as_chromium_does(value: float, text: str) -> None:
    assert number(value) == text


def test_objects_are_compact_and_their_keys_in_order() -> None:
    assert write({"b": [1, True, None], "a": {"d": "x", "c": False}}) == '{"a":{"c":false,"d":"x"},"b":[1,true,null]}'


@pytest.mark.parametrize(
    ("character", "text"),
    [
        ('"', '\\"'),
        ("\\", "\\\\"),
        ("\b", "\\b"),
        ("\f", "\\f"),
        ("\n", "\\n"),
        ("\r", "\\r"),
        ("\t", "\\t"),
        ("\x00", "\\u0000"),
        ("\x1f", "\\u001F"),
        ("<", "\\u003C"),
        ("\u2028", "\\u2028"),
        ("\u2029", "\\u2029"),
        ("/", "/"),
        (">", ">"),
        ("\x7f", "\x7f"),
        ("ü", "ü"),
        ("😀", "😀"),
    ],
)
def test_characters_are_escaped_as_chromium_does(character: str, text: str) -> None:
    assert write(character) == f'"{text}"'


def test_what_json_has_no_word_for_is_refused() -> None:
    with pytest.raises(TypeError, match="set is no JSON value"):
        write({1})


values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=8,
)


@given(values)
def test_every_value_reads_back(value: object) -> None:
    assert json.loads(write(value)) == value


@given(st.floats(allow_nan=False, allow_infinity=False))
def test_a_double_reads_back_to_the_bit(value: float) -> None:
    read = json.loads(number(value))
    assert isinstance(read, float)
    assert struct.pack(">d", read) == struct.pack(">d", value)

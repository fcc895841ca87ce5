from __future__ import annotations

import pytest

from agent.engines.attribution_reporting.json_text import DEEPEST, JsonError, read_json


@pytest.mark.parametrize(
    ("text", "value"),
    [
        (b'{"a":[1,2.5,true,null,"x"]}', {"a": [1, 2.5, True, None, "x"]}),
        (b"\xef\xbb\xbf{}", {}),
        (b" \t\r\n{} ", {}),
        (b'{"a":1,"a":2}', {"a": 2}),
        (b"1e2", 100),
        (b"5.0", 5),
        (b"-0", 0),
        (b'"\\ud83d\\ude00"', "\U0001f600"),
        (b'"\\\\ud800"', "\\ud800"),
        ('"é"'.encode(), "é"),
    ],
)
def test_json_is_read_as_rfc_8259_has_it(text: bytes, value: object) -> None:
    assert read_json(text) == value


@pytest.mark.parametrize(
    "text",
    [
        b"",
        b"{",
        b"{,}",
        b'{"a":1,}',
        b"{}{}",
        b"//c\n{}",
        b"{}/*c*/",
        b"{'a':1}",
        b"01",
        b"+1",
        b".5",
        b"NaN",
        b"-Infinity",
        b'"\t"',
        b'"\\x41"',
        b"\xef\xbb\xbf\xef\xbb\xbf{}",
        b"\xa0{}",
    ],
)
def test_what_rfc_8259_does_not_have_is_refused(text: bytes) -> None:
    with pytest.raises(JsonError):
        read_json(text)


@pytest.mark.parametrize("text", [b'"\xff"', b'"\xed\xa0\x80"', b'"\xc3'])
def test_invalid_utf_8_is_refused(text: bytes) -> None:
    with pytest.raises(JsonError, match="not UTF-8"):
        read_json(text)


@pytest.mark.parametrize(
    "text", [rb'"\ud800"', rb'"\uDC00x"', rb'{"\udfff":1}', rb'"\ud800\ud800\udc00"', rb'"\\\ud800"']
)
def test_a_lone_surrogate_is_refused_in_keys_and_strings(text: bytes) -> None:
    with pytest.raises(JsonError, match="lone surrogate"):
        read_json(text)


@pytest.mark.parametrize("text", [b"1e400", b"-1e400", b"9" * 400])
def test_a_number_beyond_a_double_is_refused(text: bytes) -> None:
    with pytest.raises(JsonError, match="range of a double"):
        read_json(text)


def test_a_long_integer_is_a_double_as_in_chromium() -> None:
    assert read_json(b"9007199254740993") == 9007199254740993
    assert read_json(b"10000000000000000000000000") == 1e25


@pytest.mark.parametrize(("opening", "closing"), [(b"[", b"]"), (b'{"a":', b"}")])
def test_nesting_is_refused_below_200_levels(opening: bytes, closing: bytes) -> None:
    innermost = b"" if opening == b"[" else b"1"
    assert read_json(opening * DEEPEST + innermost + closing * DEEPEST)
    with pytest.raises(JsonError, match="nests"):
        read_json(opening * (DEEPEST + 1) + innermost + closing * (DEEPEST + 1))


def test_brackets_inside_strings_are_no_nesting() -> None:
    assert read_json(b'"' + b'[{\\"' * 1000 + b'"') == '[{"' * 1000
    assert read_json(b"[" + b"[]," * 1000 + b"[]]") == [[]] * 1001

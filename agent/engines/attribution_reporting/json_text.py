"""JSON as Chromium reads it: strict, at most 200 levels deep, no lone surrogates, no number beyond a double.

One leading byte order mark is skipped; of equal keys the last wins. Time and memory are linear in the length of the
text, whatever it holds.
"""

from __future__ import annotations

import json
import math
import re
from typing import Any, Final, NoReturn

DEEPEST: Final = 200
"""Levels of lists and objects, the outermost included."""

_BOM = "\ufeff"
_STRINGS_AND_BRACKETS = re.compile(r'"[^"\\]*+(?:\\.[^"\\]*+)*+"?|[\[\]{}]', re.DOTALL)
_ESCAPES = re.compile(
    r"\\(?:u[dD][89abAB][0-9a-fA-F]{2}\\u[dD][c-fC-F][0-9a-fA-F]{2}|(u[dD][89a-fA-F][0-9a-fA-F]{2})|.)", re.DOTALL
)
_LONGEST_EXACT = 18
"""Digits of an integer that is read exactly; a longer one is a double, as it is in Chromium."""


class JsonError(ValueError):
    """The text is not JSON that Chromium reads; says why."""


def read_json(text: bytes) -> Any:
    """The value of a JSON text; raises JsonError."""
    try:
        decoded = text.decode("utf-8").removeprefix(_BOM)
    except UnicodeDecodeError as error:
        raise JsonError(f"is not UTF-8: byte {error.start} is wrong") from None
    _refuse_depth(decoded)
    try:
        value = _DECODER.decode(decoded)
    except JsonError:
        raise
    except ValueError as error:
        raise JsonError(_reason(error)) from None
    _refuse_lone_surrogates(decoded)
    return value


def _refuse_depth(text: str) -> None:
    if text.count("[") + text.count("{") <= DEEPEST:
        return
    depth = 0
    for token in _STRINGS_AND_BRACKETS.finditer(text):
        first = text[token.start()]
        if first in "[{":
            depth += 1
            if depth > DEEPEST:
                raise JsonError(f"nests more than {DEEPEST} lists and objects")
        elif first != '"':
            depth -= 1


def _refuse_lone_surrogates(text: str) -> None:
    if "\\ud" in text or "\\uD" in text:
        for escape in _ESCAPES.finditer(text):
            if escape[1]:
                raise JsonError(f"has the lone surrogate \\{escape[1]}, which is no character")


def _read_integer(digits: str) -> int | float:
    return int(digits) if len(digits) <= _LONGEST_EXACT else _read_double(digits)


def _read_double(text: str) -> float:
    value = float(text)
    if math.isinf(value):
        raise JsonError("has a number beyond the range of a double")
    return value


def _refuse_constant(name: str) -> NoReturn:
    raise JsonError(f"has {name}, which is no JSON")


_DECODER = json.JSONDecoder(parse_int=_read_integer, parse_float=_read_double, parse_constant=_refuse_constant)


def _reason(error: ValueError) -> str:
    if isinstance(error, json.JSONDecodeError):
        return f"is not JSON: {error.msg[:1].lower()}{error.msg[1:]} (line {error.lineno}, column {error.colno})"
    return "is not JSON"

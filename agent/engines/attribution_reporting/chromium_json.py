"""JSON text as Chromium writes it: compact, keys in order, its own escapes and number format."""

from __future__ import annotations

import re
from collections.abc import Mapping
from decimal import Decimal
from json.encoder import encode_basestring
from typing import Any

_ESCAPED = re.compile('["\\\\<\x00-\x1f\u2028\u2029]')
_SHORT = {'"': '\\"', "\\": "\\\\", "\b": "\\b", "\f": "\\f", "\n": "\\n", "\r": "\\r", "\t": "\\t"}


def write(value: Any) -> str:
    """The text of a JSON value, object keys in ascending order of code points.

    Raises TypeError for what JSON has no word for.
    """
    match value:
        case str():
            return _text(value)
        case dict() | Mapping():
            return "{" + ",".join([f"{_text(key)}:{write(value[key])}" for key in sorted(value)]) + "}"
        case True:
            return "true"
        case False:
            return "false"
        case None:
            return "null"
        case int():
            return str(value)
        case float():
            return number(value)
        case list() | tuple():
            return "[" + ",".join(map(write, value)) + "]"
    raise TypeError(f"{type(value).__name__} is no JSON value")


def number(value: float) -> str:
    """A double in its shortest form: plain from 1e-6 to below 1e12, else with an exponent; whole ones end in ``.0``."""
    sign, digits, shift = Decimal(repr(value)).normalize().as_tuple()
    assert isinstance(shift, int), "no infinities in JSON"
    text = "".join(map(str, digits))
    exponent = len(text) + shift - 1
    if value == 0:
        shown = "0.0"
    elif not -6 <= exponent < 12:
        fraction = f".{text[1:]}" if len(text) > 1 else ""
        shown = f"{text[0]}{fraction}e{'+' if exponent > 0 else ''}{exponent}"
    elif exponent < 0:
        shown = f"0.{'0' * (-exponent - 1)}{text}"
    elif shift >= 0:
        shown = f"{text}{'0' * shift}.0"
    else:
        shown = f"{text[: exponent + 1]}.{text[exponent + 1 :]}"
    return f"-{shown}" if sign else shown


def _text(value: str) -> str:
    # The JSON module's own speed, for all that it would write as Chromium does.
    if "<" not in value and value.isprintable():
        return encode_basestring(value)
    return f'"{_ESCAPED.sub(_escape, value)}"'


def _escape(found: re.Match[str]) -> str:
    character = found[0]
    return _SHORT.get(character) or f"\\u{ord(character):04X}"

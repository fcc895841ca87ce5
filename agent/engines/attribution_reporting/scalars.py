"""The scalars of registration headers (Attribution Reporting in Chromium, registration section 4.1).

Each reader gives None after it has noted what is wrong.
"""

from __future__ import annotations

import re
from enum import StrEnum
from typing import Any, Final, TypeVar

import ada_url

from agent.engines.attribution_reporting.json_node import Node
from agent.model.site import is_suitable_origin, serialized_origin

W = TypeVar("W", bound=StrEnum)

U32: Final = 2**32 - 1
U64: Final = 2**64 - 1
LONGEST_DURATION: Final = 2**63 // 10**6
"""Seconds; a longer duration is taken for this one, as Chromium's time saturates."""

_UNSIGNED = re.compile(r"\+?([0-9]+)", re.ASCII)
_SIGNED = re.compile(r"[+-]?([0-9]+)", re.ASCII)
_HEX = re.compile(r"0[xX]([0-9a-fA-F]+)", re.ASCII)
_LONGEST_64 = 20
_LONGEST_128 = 32
_UINT64_RULE = f"a string with an integer from 0 to {U64}"
_INT64_RULE = f"a string with an integer from {-(2**63)} to {2**63 - 1}"
_DURATION_RULE = "seconds: an integer from 0, or a string with one"
_KEY_PIECE_RULE = "a string with 0x and a hexadecimal number below 2^128"
_ORIGIN_RULE = "an https URL, or an http one on a loopback host"


def read_uint64(node: Node) -> int | None:
    """An unsigned 64-bit integer in a string."""
    value = _digits(node.value, _UNSIGNED)
    if value is None or value > U64:
        node.unlike(_UINT64_RULE, _quoted(node.value))
        return None
    return value


def read_int64(node: Node) -> int | None:
    """A signed 64-bit integer in a string."""
    value = _digits(node.value, _SIGNED)
    if value is None or not -(2**63) <= value < 2**63:
        node.unlike(_INT64_RULE, _quoted(node.value))
        return None
    return value


def read_integer(node: Node, lowest: int, highest: int) -> int | None:
    """A JSON number without fractional part, in a range."""
    value = integral(node.value)
    if value is None or not lowest <= value <= highest:
        node.unlike(f"an integer from {lowest} to {highest}", _unquoted(node.value))
        return None
    return value


def read_duration(node: Node) -> int | None:
    """Seconds, as a number or an unsigned 64-bit integer in a string."""
    value = _digits(node.value, _UNSIGNED) if isinstance(node.value, str) else integral(node.value)
    if value is None or value < 0 or (isinstance(node.value, str) and value > U64):
        node.unlike(_DURATION_RULE)
        return None
    return min(value, LONGEST_DURATION)


def read_positive_seconds(node: Node) -> int | None:
    """Seconds as a number above 0."""
    value = integral(node.value)
    if value is None or value <= 0:
        node.unlike("seconds: an integer above 0", _unquoted(node.value))
        return None
    return min(value, LONGEST_DURATION)


def read_key_piece(node: Node) -> int | None:
    """A 128-bit key piece; leading zeros do not count."""
    match = _HEX.fullmatch(node.value) if isinstance(node.value, str) else None
    digits = match[1].lstrip("0") if match else ""
    if match is None or len(digits) > _LONGEST_128:
        node.unlike(_KEY_PIECE_RULE)
        return None
    return int(digits or "0", 16)


def read_string(node: Node, longest: int | None = None) -> str | None:
    """A string, of at most ``longest`` bytes in UTF-8."""
    if not isinstance(node.value, str):
        node.unlike("a string")
        return None
    if longest is not None and not fits(node.value, longest):
        node.error(f"is {len(node.value.encode())} bytes long", f"at most {longest} bytes in UTF-8")
        return None
    return node.value


def fits(text: str, longest: int) -> bool:
    """Whether a string has at most so many bytes in UTF-8."""
    return len(text) <= longest and len(text.encode()) <= longest


def read_word(node: Node, words: type[W]) -> W | None:
    """One of the words of an enumeration; case counts."""
    for word in words:
        if node.value == word.value:
            return word
    node.unlike(" or ".join(f'"{word.value}"' for word in words))
    return None


def read_suitable_origin(node: Node) -> str | None:
    """The serialised origin of a URL that may take part in Attribution Reporting."""
    if not isinstance(node.value, str) or not is_suitable_origin(node.value):
        node.unlike(_ORIGIN_RULE)
        return None
    return serialized_origin(node.value)


def read_coordinator(node: Node, allowed: tuple[str, ...]) -> str | None:
    """The origin of an aggregation coordinator that is on the allowlist."""
    origin = read_suitable_origin(node)
    if origin is None:
        return None
    if origin not in allowed:
        node.unlike("the origin of " + " or ".join(allowed))
        return None
    warn_of_ignored_parts(node, origin, "origin")
    return origin


def warn_of_ignored_parts(node: Node, kept: str, what: str) -> None:
    """Tell where a URL says more than its origin or site, which alone counts."""
    if str(ada_url.URL(node.value).href).removesuffix("/") != kept:
        node.warning(f"is {node.value[:200]}, of which only the {what} {kept} counts")


def integral(value: Any) -> int | None:
    """The integer that a JSON number is, or None."""
    if isinstance(value, bool):
        return None
    if isinstance(value, int):
        return value
    return int(value) if isinstance(value, float) and value.is_integer() else None


def _digits(value: Any, pattern: re.Pattern[str]) -> int | None:
    match = pattern.fullmatch(value) if isinstance(value, str) else None
    if match is None:
        return None
    digits = match[1].lstrip("0")
    if len(digits) > _LONGEST_64:  # too large for any reader; int() refuses very long strings
        digits = "9" * (_LONGEST_64 + 1)
    magnitude = int(digits or "0")
    return -magnitude if value.startswith("-") else magnitude


def _quoted(value: Any) -> str:
    number = integral(value)
    return "" if number is None else f'write "{number}"'


def _unquoted(value: Any) -> str:
    number = _digits(value, _SIGNED)
    return "" if number is None else f"write {number}"

"""WebIDL conversion of option dictionaries that arrive as JSON values: stories, and whatever a page could send.

The injected script converts in the page, where user code can run during conversion; converting its result here again
changes nothing, so the engine never meets a type it does not expect.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import Any

from agent.model.attribution import Dialect
from agent.model.errors import PageException


class _ConversionError(Exception):
    """A member cannot be converted; becomes a TypeError for the page."""


def _to_number(value: object) -> float:
    if value is None:
        return 0.0
    if isinstance(value, str):
        text = value.strip()
        try:
            return float(text) if text and "_" not in text else (math.nan if text else 0.0)
        except ValueError:
            return math.nan
    if isinstance(value, int | float):
        try:
            return float(value)
        except OverflowError:
            return math.inf if value > 0 else -math.inf
    return math.nan


def _unsigned_long(value: object) -> int:
    number = _to_number(value)
    return math.trunc(number) % 2**32 if math.isfinite(number) else 0


def _long(value: object) -> int:
    number = _unsigned_long(value)
    return number - 2**32 if number >= 2**31 else number


def _double(value: object) -> float:
    number = _to_number(value)
    if not math.isfinite(number):
        raise _ConversionError("The provided double value is non-finite.")
    return number


def _dom_string(value: object) -> str:
    if isinstance(value, str):
        return value
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int):
        return str(value)
    raise _ConversionError("The provided value is not a string.")


def _usv_string(value: object) -> str:
    return _dom_string(value).encode("utf-16", "surrogatepass").decode("utf-16", "replace")


def _sequence(convert: Callable[[object], Any]) -> Callable[[object], list[Any]]:
    def converted(value: object) -> list[Any]:
        if not isinstance(value, list | tuple):
            raise _ConversionError("The provided value cannot be converted to a sequence.")
        return [convert(item) for item in value]

    return converted


def _logic(value: object) -> str:
    text = _dom_string(value)
    if text != "last-touch":
        raise _ConversionError(
            f"The provided value '{ascii(text)[1:-1]}' is not a valid enum value of type PrivateAttributionLogic."
        )
    return text


_Members = Mapping[str, Callable[[object], Any]]

_IMPRESSION: Mapping[Dialect, tuple[str, _Members, frozenset[str]]] = {
    Dialect.LEVEL1_2024: (
        "PrivateAttributionImpressionOptions",
        {
            "ad": _dom_string,
            "conversionSite": _dom_string,
            "histogramIndex": _unsigned_long,
            "lifetimeDays": _unsigned_long,
        },
        frozenset({"ad", "conversionSite", "histogramIndex"}),
    ),
    Dialect.CURRENT: (
        "AttributionImpressionOptions",
        {
            "conversionCallers": _sequence(_usv_string),
            "conversionSites": _sequence(_usv_string),
            "histogramIndex": _unsigned_long,
            "lifetimeDays": _unsigned_long,
            "matchValue": _unsigned_long,
            "priority": _long,
        },
        frozenset({"histogramIndex"}),
    ),
}
_CONVERSION: Mapping[Dialect, tuple[str, _Members, frozenset[str]]] = {
    Dialect.LEVEL1_2024: (
        "PrivateAttributionConversionOptions",
        {
            "ads": _sequence(_dom_string),
            "aggregator": _dom_string,
            "epsilon": _double,
            "histogramSize": _unsigned_long,
            "impressionSites": _sequence(_dom_string),
            "logic": _logic,
            "lookbackDays": _unsigned_long,
            "value": _unsigned_long,
        },
        frozenset({"aggregator", "histogramSize"}),
    ),
    Dialect.CURRENT: (
        "AttributionConversionOptions",
        {
            "aggregationService": _usv_string,
            "credit": _sequence(_double),
            "epsilon": _double,
            "histogramSize": _unsigned_long,
            "impressionCallers": _sequence(_usv_string),
            "impressionSites": _sequence(_usv_string),
            "lookbackDays": _unsigned_long,
            "matchValues": _sequence(_unsigned_long),
            "maxValue": _unsigned_long,
            "value": _unsigned_long,
        },
        frozenset({"aggregationService", "histogramSize"}),
    ),
}


def convert_impression(dialect: Dialect, options: object) -> dict[str, Any] | PageException:
    """The options of ``saveImpression``, each member as its WebIDL type, absent ones missing; or the TypeError."""
    return _convert(*_IMPRESSION[dialect], options)


def convert_conversion(dialect: Dialect, options: object) -> dict[str, Any] | PageException:
    """The options of ``measureConversion``, each member as its WebIDL type, absent ones missing; or the TypeError."""
    return _convert(*_CONVERSION[dialect], options)


def _convert(name: str, members: _Members, required: frozenset[str], options: object) -> dict[str, Any] | PageException:
    if not isinstance(options, Mapping):
        return PageException("TypeError", f"The provided value is not of type '{name}'.")
    converted: dict[str, Any] = {}
    for member, convert in members.items():  # WebIDL reads members in the order of their names
        if member in options:
            try:
                converted[member] = convert(options[member])
            except _ConversionError as error:
                return PageException("TypeError", f"Failed to read the '{member}' property from '{name}': {error}")
        elif member in required:
            message = f"Failed to read the '{member}' property from '{name}': Required member is undefined."
            return PageException("TypeError", message)
    return converted

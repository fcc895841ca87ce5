"""The HTTP API: ``Save-Impression``, ``Measure-Conversion`` and ``Clear-Site-Data`` (current draft, section 11).

A field that does not parse, or in which a known key has the wrong type or is out of range, is ignored as a whole.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

import ada_url
import http_sf

from agent.model.site import is_potentially_trustworthy

SAVE_IMPRESSION = "Save-Impression"
MEASURE_CONVERSION = "Measure-Conversion"
CLEAR_SITE_DATA = "Clear-Site-Data"
DESTINATIONS = frozenset({"", "audio", "image", "script", "track", "video"})
"""Request destinations whose responses may carry the two attribution fields."""

_U32 = 2**32 - 1


@dataclass(frozen=True, slots=True)
class MeasureConversionField:
    """A valid ``Measure-Conversion`` field."""

    options: Mapping[str, Any]
    """Members as ``measureConversion`` takes them."""
    report_url: str
    """Where the report goes; https."""


class _InvalidError(Exception):
    """The field is to be ignored."""


def parse_save_impression(value: str) -> Mapping[str, Any] | None:
    """The options of ``saveImpression`` that a field carries (still to be validated), or None where it is invalid."""
    try:
        return _members(value, _IMPRESSION, required=frozenset({"histogramIndex"}))
    except _InvalidError:
        return None


def parse_measure_conversion(value: str, response_url: str) -> MeasureConversionField | None:
    """The options of ``measureConversion`` and the address for the report, or None where the field is invalid.

    ``report-url`` is resolved against ``response_url`` and must be https; it loses credentials and fragment.
    """
    try:
        members = _members(value, _CONVERSION, required=frozenset({"aggregationService", "histogramSize", "reportUrl"}))
        return MeasureConversionField(members, _report_url(members.pop("reportUrl"), response_url))
    except _InvalidError:
        return None


def clears_impressions(value: str) -> bool:
    """Whether a ``Clear-Site-Data`` field value clears impressions, by name or with ``"*"``."""
    return not {'"impressions"', '"*"'}.isdisjoint(part.strip(" \t") for part in value.split(","))


def _members(
    value: str, known: Mapping[str, tuple[str, Callable[[Any], Any]]], required: frozenset[str]
) -> dict[str, Any]:
    try:
        parsed = http_sf.parse(value.encode("utf-8", "replace"), tltype="dictionary")
    except (http_sf.StructuredFieldError, ValueError, OverflowError) as error:
        raise _InvalidError from error
    assert isinstance(parsed, dict)
    members: dict[str, Any] = {}
    for key, (name, read) in known.items():
        if key in parsed:
            item: Any = parsed[key]
            members[name] = read(item[0])  # the second part are parameters, which are ignored
    if not required <= members.keys():
        raise _InvalidError
    return members


def _integer(least: int, most: int | None = None) -> Callable[[Any], int]:
    def read(item: Any) -> int:
        # bool is an int to Python, and a decimal such as 1.0 is none to the draft
        if type(item) is not int or item < least or (most is not None and item > most):
            raise _InvalidError
        return item

    return read


def _number(item: Any) -> float:
    if type(item) is not int and not isinstance(item, Decimal):
        raise _InvalidError
    return float(item)


def _string(item: Any) -> str:
    if type(item) is not str:  # tokens and display strings are types of their own
        raise _InvalidError
    return item


def _inner_list(read_item: Callable[[Any], Any]) -> Callable[[Any], list[Any]]:
    def read(items: Any) -> list[Any]:
        if not isinstance(items, list):
            raise _InvalidError
        return [read_item(item) for item, _ in items]

    return read


def _report_url(text: str, response_url: str) -> str:
    try:
        parsed = ada_url.URL(text, base=response_url)
    except (ValueError, UnicodeError) as error:
        raise _InvalidError from error
    # Nothing of it is sent: credentials mode "omit". What is kept of a report is shown and shared.
    parsed.username = parsed.password = parsed.hash = ""
    url = str(parsed.href)
    if not url.startswith("https:") or not is_potentially_trustworthy(url):
        raise _InvalidError
    return url


_IMPRESSION: Mapping[str, tuple[str, Callable[[Any], Any]]] = {
    "histogram-index": ("histogramIndex", _integer(0, _U32)),
    "conversion-sites": ("conversionSites", _inner_list(_string)),
    "conversion-callers": ("conversionCallers", _inner_list(_string)),
    "match-value": ("matchValue", _integer(0, _U32)),
    "lifetime-days": ("lifetimeDays", _integer(1)),
    "priority": ("priority", _integer(-(2**31), 2**31 - 1)),
}
_CONVERSION: Mapping[str, tuple[str, Callable[[Any], Any]]] = {
    "aggregation-service": ("aggregationService", _string),
    "histogram-size": ("histogramSize", _integer(1, _U32)),
    "report-url": ("reportUrl", _string),
    "epsilon": ("epsilon", _number),
    "lookback-days": ("lookbackDays", _integer(1)),
    "match-values": ("matchValues", _inner_list(_integer(0, _U32))),
    "impression-sites": ("impressionSites", _inner_list(_string)),
    "impression-callers": ("impressionCallers", _inner_list(_string)),
    "credit": ("credit", _inner_list(_number)),
    "value": ("value", _integer(1, _U32)),
    "max-value": ("maxValue", _integer(1, _U32)),
}

"""Limits as a recorded story gives them: every field under its own name, durations in milliseconds."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields
from typing import Any, TypeVar

from agent.model.attribution_reporting.limits import AttributionReportingLimits
from agent.model.errors import UsageError
from agent.model.limits import AttributionLimits

_MOST = 2**53
Limits = TypeVar("Limits", AttributionLimits, AttributionReportingLimits)


def recorded_limits(kind: type[Limits], given: object) -> Limits:
    """The limits that ``given`` says, the others as they are by default. Raises UsageError for what is no limit."""
    if not isinstance(given, Mapping):
        raise UsageError("`limits` must be an object")
    defaults = kind()
    # By what is declared: 14, the default of a limit that may be a fraction, is whole.
    known = {
        field.name: float(default) if field.type == "float" else default
        for field in fields(kind)
        for default in [getattr(defaults, field.name)]
    }
    limits: dict[str, Any] = {}
    for name, value in given.items():
        if name not in known:
            raise UsageError(f"limits: {name!r} is no limit")
        limits[name] = tuple(value) if isinstance(value, list) else value
        if not _is_like(limits[name], known[name]):
            raise UsageError(f"limits: {value!r} is no value of {name}")
    return kind(**limits)


def _is_like(value: object, default: object) -> bool:
    """Whether ``value`` has the type of ``default``; a whole number is as good as a float."""
    if isinstance(default, float):
        return isinstance(value, int | float) and not isinstance(value, bool) and 0 <= value <= _MOST
    if isinstance(value, tuple) and not all(isinstance(one, str) for one in value):
        return False
    return type(value) is type(default) and not (type(value) is int and not 0 <= value <= _MOST)

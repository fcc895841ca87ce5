"""The configuration of interop stories: ``api_config`` over the ``default_config.json`` beside the file or above."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields, replace
from typing import Any

from agent.delivery.retries import RETRIES
from agent.journeys.recorded_limits import recorded_limits
from agent.journeys.story import StoryError
from agent.model.attribution_reporting.limits import AttributionReportingLimits
from agent.model.clock import DAY, MINUTE
from agent.model.errors import UsageError
from agent.model.site import is_suitable_origin, serialized_origin

DEFAULT_CONFIG_NAME = "default_config.json"
_TEST_COORDINATOR = "https://coordinator.test"
_HARNESS = AttributionReportingLimits(
    max_sources_per_origin=1024,
    max_event_level_channel_capacity_navigation=11.46173,
    aggregatable_report_min_delay=10 * MINUTE,
    aggregatable_report_delay_span=50 * MINUTE,
    aggregation_coordinator_origins=(_TEST_COORDINATOR,),
)
"""What applies where no file says otherwise: the harness's own defaults."""

_DURATIONS = {
    "destination_rate_limit_window_in_minutes": ("destination_rate_limit_window", MINUTE),
    "rate_limit_time_window_in_days": ("rate_limit_time_window", DAY),
    "rate_limit_origins_per_site_window_in_days": ("rate_limit_origins_per_site_window", DAY),
    "aggregatable_report_min_delay": ("aggregatable_report_min_delay", MINUTE),
    "aggregatable_report_delay_span": ("aggregatable_report_delay_span", MINUTE),
}
"""Limits that the files give in another unit, sometimes under another name."""
_TYPES = {field.name: str(field.type) for field in fields(AttributionReportingLimits)}
_COORDINATORS = "aggregation_coordinator_origins"
_LIMITS = "limits"
"""A recorded story's: all limits of the agent that was recorded; nothing else applies then."""
_RETRY = "retry_after_new_navigation"
_SUPPORTS_OS = "needs_cross_app_web"
_FEATURE = "needs_"
"""Begins the names of Chromium's features; all but that one are always on."""
_STRINGS_AND_COMMENTS = re.compile(r'("[^"\\\n]*+(?:\\.[^"\\\n]*+)*+"?)|//[^\n]*')


@dataclass(frozen=True, slots=True)
class InteropConfig:
    """Under which rules a story is played."""

    limits: AttributionReportingLimits
    supports_os: bool = False
    """Whether the agent has an operating system to register with."""


def without_comments(text: str) -> str:
    """JSON text without its ``//`` comments; lines and what strings say stay as they are."""
    return _STRINGS_AND_COMMENTS.sub(lambda found: found[1] or "", text)


def read_interop_config(*configs: Mapping[str, Any] | None) -> InteropConfig:
    """The configuration that later ``configs`` give over earlier ones. Raises StoryError for what is not in it."""
    merged: dict[str, Any] = {}
    for config in configs:
        if config is not None and not isinstance(config, Mapping):
            raise StoryError("`api_config` must be an object")
        merged |= config or {}
    if _LIMITS in merged:
        return InteropConfig(limits_of_recorded(merged[_LIMITS]), merged.get(_SUPPORTS_OS) is True)
    limits: dict[str, Any] = {}
    for key, value in merged.items():
        if key in _DURATIONS:
            name, unit = _DURATIONS[key]
            limits[name] = _number(key, value, int) * unit
        elif key == _COORDINATORS:
            limits[key] = _origins(value)
        elif key == _RETRY and value in RETRIES:
            limits[key] = value
        elif _TYPES.get(key) in ("int", "float"):
            limits[key] = _number(key, value, int if _TYPES[key] == "int" else float)
        elif not key.startswith(_FEATURE):
            raise StoryError(f"api_config: {key} is unknown, or {value!r} is no value of it")
    return InteropConfig(_replaced(limits), merged.get(_SUPPORTS_OS) is True)


def limits_of_recorded(limits: object) -> AttributionReportingLimits:
    """The limits that a recorded story gives. Raises StoryError."""
    try:
        read = recorded_limits(AttributionReportingLimits, limits)
    except UsageError as error:
        raise StoryError(error.what) from error
    if read.retry_after_new_navigation not in RETRIES:
        raise StoryError(f"limits: {_RETRY} must be one of {', '.join(RETRIES[1:])}, or empty")
    return replace(read, aggregation_coordinator_origins=_origins(list(read.aggregation_coordinator_origins)))


def _replaced(limits: Mapping[str, Any]) -> AttributionReportingLimits:
    return AttributionReportingLimits(**{name: limits.get(name, getattr(_HARNESS, name)) for name in _TYPES})


def _number(key: str, value: object, convert: Callable[[str | int | float], Any]) -> Any:
    try:
        if isinstance(value, str | int | float) and not isinstance(value, bool):
            return convert(value)
    except (ValueError, OverflowError):
        pass
    raise StoryError(f"api_config: {key} must be a number, or a string with one, not {value!r}")


def _origins(value: object) -> tuple[str, ...]:
    if not isinstance(value, list) or not value or not all(isinstance(one, str) for one in value):
        raise StoryError(f"api_config: {_COORDINATORS} must be a list of origins")
    for one in value:
        if not is_suitable_origin(one):
            raise StoryError(f"api_config: {one!r} is no origin of a coordinator")
    return tuple(serialized_origin(one) for one in value)

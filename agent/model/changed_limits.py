"""Which limits are not the default ones: what an event keeps of the rules under which it was decided."""

from __future__ import annotations

from dataclasses import fields
from functools import lru_cache
from typing import Any

from agent.model.attribution_reporting.limits import AttributionReportingLimits
from agent.model.limits import AttributionLimits


@lru_cache(maxsize=64)
def changed_limits(limits: AttributionLimits | AttributionReportingLimits) -> dict[str, Any]:
    """The limits that are not as by default, by name, as JSON values; not to be changed."""
    default = type(limits)()
    values = ((field.name, getattr(limits, field.name), getattr(default, field.name)) for field in fields(limits))
    return {name: list(value) if isinstance(value, tuple) else value for name, value, usual in values if value != usual}

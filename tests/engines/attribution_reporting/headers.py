"""Shorthands of the tests that parse headers."""

from __future__ import annotations

import json
from typing import Any

from agent.engines.attribution_reporting.source_registration import parse_source_registration
from agent.engines.attribution_reporting.trigger_registration import parse_trigger_registration
from agent.model.attribution_reporting.limits import AttributionReportingLimits
from agent.model.attribution_reporting.registrations import Issue, Parsed, SourceRegistration, SourceType
from agent.model.attribution_reporting.registrations import TriggerRegistration as Trigger

LIMITS = AttributionReportingLimits()
Paths = list[tuple[str | int, ...] | None]


def parse_source(source_type: SourceType = SourceType.NAVIGATION, /, **fields: Any) -> Parsed[SourceRegistration]:
    """A source header with a destination and these fields."""
    header = {"destination": "https://shop.test", **fields}
    return parse_source_registration(json.dumps(header).encode(), source_type, LIMITS)


def source(source_type: SourceType = SourceType.NAVIGATION, /, **fields: Any) -> SourceRegistration:
    """The source of an accepted header."""
    parsed = parse_source(source_type, **fields)
    assert parsed.value is not None, parsed.errors
    return parsed.value


def parse_trigger(**fields: Any) -> Parsed[Trigger]:
    """A trigger header with these fields."""
    return parse_trigger_registration(json.dumps(fields).encode(), LIMITS)


def trigger(**fields: Any) -> Trigger:
    """The trigger of an accepted header."""
    parsed = parse_trigger(**fields)
    assert parsed.value is not None, parsed.errors
    return parsed.value


def paths(issues: tuple[Issue, ...]) -> Paths:
    """Where the problems are."""
    return [issue.path for issue in issues]


def source_errors(source_type: SourceType = SourceType.NAVIGATION, /, **fields: Any) -> Paths:
    """Where the errors of a source are."""
    return paths(parse_source(source_type, **fields).errors)


def trigger_errors(**fields: Any) -> Paths:
    """Where the errors of a trigger are."""
    return paths(parse_trigger(**fields).errors)

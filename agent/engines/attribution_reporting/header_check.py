"""Checking one header of any kind: whether it parses, every problem, and its normal form."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Any, TypeVar

from agent.engines.attribution_reporting import normalized
from agent.engines.attribution_reporting.eligible_header import parse_eligible
from agent.engines.attribution_reporting.info_header import parse_info
from agent.engines.attribution_reporting.json_text import read_json
from agent.engines.attribution_reporting.os_registration import parse_os_registrations
from agent.engines.attribution_reporting.source_limits import Applicant, Finding, before_eviction
from agent.engines.attribution_reporting.source_registration import parse_source_registration
from agent.engines.attribution_reporting.trigger_registration import parse_trigger_registration
from agent.model.attribution_reporting.facts import Registrant, SourceFacts
from agent.model.attribution_reporting.limits import AttributionReportingLimits
from agent.model.attribution_reporting.registrations import (
    Issue,
    Parsed,
    SourceRegistration,
    SourceType,
    TriggerRegistration,
)
from agent.model.attribution_reporting.verdicts import SourceVerdict

T = TypeVar("T")

_OF_THE_SOURCE_ALONE = (
    SourceVerdict.TRIGGER_STATE_CARDINALITY_LIMIT,
    SourceVerdict.CHANNEL_CAPACITY_LIMIT,
    SourceVerdict.MAX_EVENT_STATES_LIMIT,
    SourceVerdict.SCOPES_CHANNEL_CAPACITY_LIMIT,
)


class HeaderKind(StrEnum):
    """Which header of Attribution Reporting a value belongs to."""

    SOURCE = "source"
    TRIGGER = "trigger"
    ELIGIBLE = "eligible"
    INFO = "info"
    OS = "os"


@dataclass(frozen=True, slots=True)
class HeaderCheck:
    """What a check found."""

    accept: bool
    """Whether it parses."""
    errors: tuple[Issue, ...]
    warnings: tuple[Issue, ...]
    normalized: Any
    """JSON values of a source or trigger, the text of another header; None where it is refused or empty."""
    source: SourceRegistration | None = None
    """What a source header registers."""
    trigger: TriggerRegistration | None = None
    """What a trigger header registers."""


def check_header(
    kind: HeaderKind,
    value: bytes,
    source_type: SourceType,
    limits: AttributionReportingLimits,
) -> HeaderCheck:
    """Check a header's value. Limits of storage play no part: they are no errors of the header."""
    coordinator = limits.aggregation_coordinator_origins[0]
    if kind is HeaderKind.SOURCE:
        source = parse_source_registration(value, source_type, limits)
        checked = _check(source, lambda read: normalized.normalized_source(read, read_json(value), coordinator))
        return replace(checked, source=source.value)
    if kind is HeaderKind.TRIGGER:
        trigger = parse_trigger_registration(value, limits)
        checked = _check(trigger, lambda read: normalized.normalized_trigger(read, read_json(value), coordinator))
        return replace(checked, trigger=trigger.value)
    if kind is HeaderKind.ELIGIBLE:
        return _check(parse_eligible(value), normalized.normalized_eligible)
    if kind is HeaderKind.INFO:
        return _check(parse_info(value), normalized.normalized_info)
    return _check(parse_os_registrations(value), normalized.normalized_os)


def limits_when_stored(
    source: SourceRegistration, source_type: SourceType, limits: AttributionReportingLimits
) -> tuple[Finding, ...]:
    """How a source stands to the limits of storage that depend on nothing but itself (engine, section 2.1)."""
    alone = Applicant(Registrant("", "", 0), source_type, source, SourceFacts(), limits)
    return tuple(finding for finding in before_eviction(alone) if finding.verdict in _OF_THE_SOURCE_ALONE)


def _check(parsed: Parsed[T], normalize: Callable[[T], Any]) -> HeaderCheck:
    form = None if parsed.value is None else normalize(parsed.value)
    return HeaderCheck(parsed.value is not None, parsed.errors, parsed.warnings, form)

"""Reports as candidates: where they went, how far they came, and what they say."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from collections.abc import Set as AbstractSet
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from agent.expectations.matching import Candidate, matches
from agent.model.attribution_reporting.reports import (
    AggregatableContent,
    Contribution,
    EventLevelContent,
    VerboseContent,
)
from agent.model.attribution_reporting.verdicts import TRIGGER_REGISTRATION
from agent.model.clock import format_instant
from agent.model.explanation import CONVERSION
from agent.model.private_aggregation import PRIVATE_AGGREGATION, PrivateAggregationContent
from agent.model.reports import ConversionContent, Report, ReportContent, ReportKind, ReportState

if TYPE_CHECKING:
    from agent.runtime import Agent

MEMBERS: Mapping[str, str] = {
    "kind": "such as event-level, aggregatable, private-aggregation, attribution-conversion",
    "to": "origin or URL that it is sent to",
    "state": "pending, sent, failed ...; sent, or returned to the page, unless said otherwise",
    "site": "where it was earned, such as shop.test",
    "id": "report id",
    "result": "of the last attempt, such as 200",
    "attempts": "how many attempts to send it have begun",
    "reporting_origin": "such as https://adtech.test",
    "destination": "such as https://shop.test; any one of several",
    "event_id": "event-level: source_event_id",
    "trigger_data": "event-level",
    "type": "event-level: navigation or event",
    "randomized_trigger_rate": "event-level",
    "priority": "event-level",
    "source_debug_key": "event-level and aggregatable",
    "trigger_debug_key": "event-level and aggregatable",
    "trigger_context_id": "aggregatable",
    "bucket": "a bucket that it contributes to: a number, or its text in decimal or 0x",
    "value": "a value that it contributes",
    "filtering_id": "a filtering id of its contributions",
    "contributions": "all of them: [{bucket, value, filtering_id}]",
    "null": "whether it contributes nothing",
    "coordinator": "origin of the aggregation coordinator",
    "api": "private-aggregation: shared-storage or protected-audience",
    "context_id": "private-aggregation",
    "service": "conversion report: its aggregation service",
    "dialect": "conversion report: current or level1_2024",
    "histogram": "conversion report: its histogram in clear text, all of it",
    "buckets": "conversion report: what its histogram has: {index: value}",
    "items": "verbose debug report: the types of its items",
}
"""What each member says, by its name; a report has those of its kind."""


_ALL = {"kind", "to", "state", "site", "id", "result", "attempts"}
_DEBUG_KEYS = {"source_debug_key", "trigger_debug_key"}
_SEALED = _ALL | {"reporting_origin", "coordinator", "bucket", "value", "filtering_id", "contributions", "null"}
_EVENT_LEVEL = (_ALL | _DEBUG_KEYS | {"reporting_origin", "destination", "event_id", "trigger_data", "type"}) | {
    "randomized_trigger_rate",
    "priority",
}
_AGGREGATABLE = _SEALED | _DEBUG_KEYS | {"destination", "trigger_context_id"}
_PRIVATE_AGGREGATION = _SEALED | {"api", "context_id"}
MEMBERS_OF: Mapping[str, AbstractSet[str]] = {
    ReportKind.ATTRIBUTION_CONVERSION: _ALL | {"service", "dialect", "histogram", "buckets", "null"},
    ReportKind.EVENT_LEVEL: _EVENT_LEVEL,
    ReportKind.EVENT_LEVEL_DEBUG: _EVENT_LEVEL,
    ReportKind.AGGREGATABLE: _AGGREGATABLE,
    ReportKind.AGGREGATABLE_DEBUG: _AGGREGATABLE,
    ReportKind.AGGREGATE_DEBUG: _AGGREGATABLE,
    ReportKind.VERBOSE_DEBUG: _ALL | {"reporting_origin", "items"},
    ReportKind.PRIVATE_AGGREGATION: _PRIVATE_AGGREGATION,
    ReportKind.PRIVATE_AGGREGATION_DEBUG: _PRIVATE_AGGREGATION,
}
"""Those that reports of a kind have."""
_MADE_BY: Mapping[ReportKind, str] = {
    ReportKind.ATTRIBUTION_CONVERSION: CONVERSION,
    ReportKind.EVENT_LEVEL: TRIGGER_REGISTRATION,
    ReportKind.AGGREGATABLE: TRIGGER_REGISTRATION,
    ReportKind.EVENT_LEVEL_DEBUG: TRIGGER_REGISTRATION,
    ReportKind.AGGREGATABLE_DEBUG: TRIGGER_REGISTRATION,
    ReportKind.VERBOSE_DEBUG: TRIGGER_REGISTRATION,
    ReportKind.AGGREGATE_DEBUG: TRIGGER_REGISTRATION,
    ReportKind.PRIVATE_AGGREGATION: PRIVATE_AGGREGATION,
    ReportKind.PRIVATE_AGGREGATION_DEBUG: PRIVATE_AGGREGATION,
}
"""The kind of the decisions that make each kind of report."""


async def reports(agent: Agent) -> list[Candidate]:
    """Every report."""
    return [_candidate(report) for report in await agent.reports.all()]


async def instead(agent: Agent, kind: str | None, found: Iterable[Candidate]) -> Candidate | None:
    """Where there is no report of ``kind``, the latest decision that could have made one; None where there is one."""
    if any(kind is None or matches(kind, candidate.members["kind"]) for candidate in found):
        return None
    made_by = [_MADE_BY[ReportKind(kind)]] if kind in list(ReportKind) else dict.fromkeys(_MADE_BY.values())
    latest = [event for name in made_by if (event := await agent.events.last(name)) is not None]
    if not latest:
        return None
    event = max(latest, key=lambda one: one.id)
    return Candidate(event, {}, f"{event.summary!r} at {format_instant(event.time)}", f"event:{event.id}")


def report_members(report: Report) -> dict[str, Any]:
    """What ``report`` is compared by."""
    return _content_members(report.content) | {
        "kind": report.kind.value,
        "to": _addresses(report.delivered_to),
        "state": report.state.value,
        "site": report.site,
        "id": report.id,
        "result": report.last_result,
        "attempts": report.attempts,
    }


def _candidate(report: Report) -> Candidate:
    to = f" to {_addresses(report.delivered_to)[0]}" if report.delivered_to else ""
    return Candidate(
        value=report,
        members=report_members(report),
        told=f"the {report.kind} report {report.id[:8]}{to}",
        explains=f"report:{report.id}",
        hint=_hint(report),
    )


def _hint(report: Report) -> str:
    match report.state:
        case ReportState.PENDING if report.next_attempt is not None:
            when = format_instant(report.next_attempt)
            return f"it is due at {when}: move the clock there, for example with advance= or clock.to_next_report()"
        case ReportState.FAILED:
            return f"it was sent and refused: {report.last_result}"
        case ReportState.NOT_SENT:
            return "its host is not mapped: put a server behind it, for example with sites.serve()"
    return ""


def _addresses(url: str | None) -> tuple[str, ...]:
    if url is None:
        return ()
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc}", url


def _content_members(content: ReportContent) -> dict[str, Any]:
    match content:
        case EventLevelContent():
            return {
                "reporting_origin": content.reporting_origin,
                "destination": content.destinations,
                "event_id": content.source_event_id,
                "trigger_data": content.trigger_data,
                "type": content.source_type.value,
                "randomized_trigger_rate": content.randomized_trigger_rate,
                "priority": content.priority,
                "source_debug_key": content.source_debug_key,
                "trigger_debug_key": content.trigger_debug_key,
            }
        case AggregatableContent():
            return _contributed(content.contributions) | {
                "reporting_origin": content.reporting_origin,
                "destination": content.attribution_destination,
                "coordinator": content.coordinator,
                "source_debug_key": content.source_debug_key,
                "trigger_debug_key": content.trigger_debug_key,
                "trigger_context_id": content.trigger_context_id,
            }
        case PrivateAggregationContent():
            return _contributed(content.contributions) | {
                "reporting_origin": content.reporting_origin,
                "coordinator": content.coordinator,
                "api": content.api.value,
                "context_id": content.context_id,
            }
        case VerboseContent():
            return {
                "reporting_origin": content.reporting_origin,
                "items": tuple(item.type for item in content.items),
            }
        case ConversionContent():
            return {
                "service": content.service,
                "dialect": content.dialect.value,
                "histogram": content.histogram,
                "buckets": {str(index): value for index, value in enumerate(content.histogram) if value},
                "null": not any(content.histogram),
            }


def _contributed(contributions: tuple[Contribution, ...]) -> dict[str, Any]:
    return {
        "bucket": tuple(one.bucket for one in contributions),
        "value": tuple(one.value for one in contributions),
        "filtering_id": tuple(one.filtering_id for one in contributions),
        "contributions": tuple(
            {"bucket": one.bucket, "value": one.value, "filtering_id": one.filtering_id} for one in contributions
        ),
        "null": not contributions,
    }

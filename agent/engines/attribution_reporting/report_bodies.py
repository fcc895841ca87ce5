"""What each report of Attribution Reporting sends where: paths, JSON bodies, shared_info (engine, section 6)."""

from __future__ import annotations

from base64 import b64encode
from typing import Any

from agent.engines.attribution_reporting.chromium_json import write
from agent.model.attribution_reporting.reports import (
    AggregatableContent,
    AttributionReportContent,
    EventLevelContent,
    VerboseContent,
)
from agent.model.clock import SECOND

WELL_KNOWN = "/.well-known/attribution-reporting/"
SHARED_INFO_VERSION = "1.0"


def report_path(content: AttributionReportContent) -> str:
    """The path, below the reporting origin, that a report is sent to."""
    match content:
        case VerboseContent():
            return WELL_KNOWN + "debug/verbose"
        case EventLevelContent():
            name = "report-event-attribution"
        case AggregatableContent(aggregatable_debug=True):
            return WELL_KNOWN + "debug/report-aggregate-debug"
        case AggregatableContent():
            name = "report-aggregate-attribution"
    return WELL_KNOWN + ("debug/" if content.debug_copy else "") + name


def event_level_body(content: EventLevelContent) -> dict[str, Any]:
    """The members of an event-level report in alphabetical order."""
    keys = content.source_debug_key, content.trigger_debug_key
    body: dict[str, Any] = {
        "attribution_destination": destinations_value(content.destinations),
        "randomized_trigger_rate": content.randomized_trigger_rate,
        "report_id": content.report_id,
        "scheduled_report_time": _seconds(content.report_time),
    }
    if keys[0] is not None and keys[1] is not None:
        body["source_debug_key"] = str(keys[0])
    body["source_event_id"] = str(content.source_event_id)
    body["source_type"] = content.source_type.value
    body["trigger_data"] = str(content.trigger_data)
    if keys[0] is not None and keys[1] is not None:
        body["trigger_debug_key"] = str(keys[1])
    return body


def event_level_json(content: EventLevelContent) -> bytes:
    """The body of an event-level report."""
    return write(event_level_body(content)).encode()


def verbose_json(content: VerboseContent) -> bytes:
    """The body of a verbose debug report: a list of its items."""
    return write([{"body": item.body, "type": item.type} for item in content.items]).encode()


def shared_info(content: AggregatableContent) -> str:
    """The text that an aggregatable report carries, and that its payload is sealed to byte for byte."""
    info = {
        "api": "attribution-reporting-debug" if content.aggregatable_debug else "attribution-reporting",
        "attribution_destination": content.attribution_destination,
        "report_id": content.report_id,
        "reporting_origin": content.reporting_origin,
        "scheduled_report_time": _seconds(content.report_time),
        "version": SHARED_INFO_VERSION,
    }
    if in_debug_mode(content):
        info["debug_mode"] = "enabled"
    if content.source_registration_time is not None:
        info["source_registration_time"] = _seconds(content.source_registration_time)
    return write(info)


def in_debug_mode(content: AggregatableContent) -> bool:
    """Whether the report shows its clear text: both debug keys are there."""
    return content.source_debug_key is not None and content.trigger_debug_key is not None


def aggregatable_json(
    content: AggregatableContent, info: str, *, payload: bytes, key_id: str, cleartext: bytes | None = None
) -> bytes:
    """The body of an aggregatable report, or of an aggregatable debug report.

    ``info`` is the :func:`shared_info` that ``payload`` was sealed to with the key ``key_id``; ``cleartext``, the
    unsealed payload, is shown :func:`in_debug_mode` alone.
    """
    sealed = {"key_id": key_id, "payload": b64encode(payload).decode()}
    body: dict[str, Any] = {
        "aggregation_coordinator_origin": content.coordinator,
        "aggregation_service_payloads": [sealed],
        "shared_info": info,
    }
    if in_debug_mode(content):
        body["source_debug_key"] = str(content.source_debug_key)
        body["trigger_debug_key"] = str(content.trigger_debug_key)
        if cleartext is not None:
            sealed["debug_cleartext_payload"] = b64encode(cleartext).decode()
    if content.trigger_context_id is not None:
        body["trigger_context_id"] = content.trigger_context_id
    return write(body).encode()


def destinations_value(destinations: tuple[str, ...]) -> str | list[str]:
    """``attribution_destination``: one site as text, several as a list."""
    return destinations[0] if len(destinations) == 1 else list(destinations)


def _seconds(instant: int) -> str:
    return str(instant // SECOND)

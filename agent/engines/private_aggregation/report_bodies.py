"""What a report of Private Aggregation sends where: path, JSON body, shared_info (section 5)."""

from __future__ import annotations

from base64 import b64encode
from typing import Any

from agent.engines.attribution_reporting.chromium_json import write
from agent.model.clock import SECOND
from agent.model.private_aggregation import PrivateAggregationApi, PrivateAggregationContent

WELL_KNOWN = "/.well-known/private-aggregation/"
SHARED_INFO_VERSION = "1.0"


def report_path(api: PrivateAggregationApi, *, debug_copy: bool = False) -> str:
    """The path, below the reporting origin, that a report is sent to."""
    return f"{WELL_KNOWN}{'debug/' if debug_copy else ''}report-{api}"


def shared_info(content: PrivateAggregationContent) -> str:
    """The text that a report carries, and that its payload is sealed to byte for byte."""
    info = {
        "api": content.api.value,
        "report_id": content.report_id,
        "reporting_origin": content.reporting_origin,
        "scheduled_report_time": str(content.scheduled_report_time // SECOND),
        "version": SHARED_INFO_VERSION,
    }
    if content.debug.enabled:
        info["debug_mode"] = "enabled"
    return write(info)


def report_json(
    content: PrivateAggregationContent, info: str, *, payload: bytes, key_id: str, cleartext: bytes
) -> bytes:
    """The body of a report.

    ``info`` is the :func:`shared_info` that ``payload`` was sealed to with the key ``key_id``; ``cleartext``, the
    unsealed payload, is shown in debug mode alone.
    """
    sealed = {"key_id": key_id, "payload": b64encode(payload).decode()}
    body: dict[str, Any] = {
        "aggregation_coordinator_origin": content.coordinator,
        "aggregation_service_payloads": [sealed],
        "shared_info": info,
    }
    if content.context_id is not None:
        body["context_id"] = content.context_id
    if content.debug.enabled:
        sealed["debug_cleartext_payload"] = b64encode(cleartext).decode()
        if content.debug.key is not None:
            body["debug_key"] = str(content.debug.key)
    return write(body).encode()

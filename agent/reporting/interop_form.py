"""Reports of Attribution Reporting in the normal form of interop stories: opened, and without the part of chance."""

from __future__ import annotations

import base64
import json
from collections.abc import Sequence
from typing import Any

from agent.crypto.aggregatable_payload import Payload, open_payload, read_payload
from agent.crypto.hpke import derive_key_pair
from agent.crypto.public_keys import CoordinatorKey
from agent.delivery.assembly import sealed_body
from agent.engines.attribution_reporting.report_bodies import event_level_json, verbose_json
from agent.model.attribution_reporting.limits import AttributionReportingLimits
from agent.model.attribution_reporting.reports import AggregatableContent, EventLevelContent, VerboseContent
from agent.model.reports import Report, ReportKind, kind_of
from agent.model.rng import Rng
from agent.verbs.attribution_reporting import HEADER_PARSING_ERROR

Json = dict[str, Any]

_PRIVATE_KEY, _PUBLIC_KEY = derive_key_pair(b"the key of every story's coordinator")
COORDINATOR_KEY = CoordinatorKey("story", _PUBLIC_KEY)
"""Every report of a story is sealed to this key, and opened again."""
_PAYLOADS = "aggregation_service_payloads"
_DEBUG_COPIES = (ReportKind.EVENT_LEVEL_DEBUG, ReportKind.AGGREGATABLE_DEBUG, ReportKind.AGGREGATE_DEBUG)
_NULL_HISTOGRAM = [{"id": "0", "key": "0x0", "value": 0}]


def story_body(report: Report, limits: AttributionReportingLimits, rng: Rng) -> bytes:
    """The body of a report of Attribution Reporting, sealed to the stories' key."""
    match report.content:
        case EventLevelContent() as content:
            return event_level_json(content)
        case VerboseContent() as content:
            return verbose_json(content)
        case AggregatableContent() as content:
            return sealed_body(content, COORDINATOR_KEY, limits, rng)
    raise AssertionError(f"no story makes a {report.kind} report")


def leaves_at(report: Report) -> int:
    """When a report leaves whose way is free and that nobody hastens, in milliseconds since 1970."""
    match report.content:
        case EventLevelContent() | AggregatableContent() as content if kind_of(content) not in _DEBUG_COPIES:
            return content.report_time
    return report.created


def sent_report(report: Report, body: bytes, now: int, *, with_ids: bool = False) -> Json:
    """A report as it was sent at ``now``, in normal form; ``with_ids`` keeps the report ids."""
    payload = json.loads(body)
    if _PAYLOADS in payload:
        payload["histograms"] = _opened(payload.pop(_PAYLOADS)[0]["payload"], payload["shared_info"])
        payload["shared_info"] = json.loads(payload["shared_info"])
    sent = {"report_time": str(now), "report_url": report.delivered_to, "payload": payload}
    return normalized_report(sent, with_ids=with_ids)


def normalized_report(report: Json, *, with_ids: bool = False) -> Json:
    """A report in normal form: without ids, without what an implementation may say about a header."""
    payload = report["payload"]
    if with_ids:
        return report | {"payload": _histograms_in_order(payload)}
    if isinstance(payload, list):
        payload = [_item(item) for item in payload]
    elif isinstance(payload, dict):
        payload = _without(payload, "report_id")
        if isinstance(info := payload.get("shared_info"), dict):
            payload["shared_info"] = _without(info, "report_id")
    return {**report, "payload": _histograms_in_order(payload)}


def in_order(reports: Sequence[Json]) -> list[Json]:
    """Reports by time, then by what they say, so that two runs give the same text."""
    return sorted(reports, key=lambda report: (int(report["report_time"]), _order(report)))


def _opened(payload: str, shared_info: str) -> list[Json]:
    plaintext = open_payload(base64.b64decode(payload), shared_info, _PRIVATE_KEY)
    assert plaintext is not None, "sealed to the story's own key"
    read = read_payload(plaintext)
    assert isinstance(read, Payload), "sealed from contributions"
    histograms = [{"id": str(one.filtering_id), "key": hex(one.bucket), "value": one.value} for one in read.data]
    return [one for one in histograms if one != _NULL_HISTOGRAM[0]] or _NULL_HISTOGRAM


def _histograms_in_order(payload: Any) -> Any:
    match payload:
        case {"histograms": list(histograms)}:
            return {**payload, "histograms": sorted(histograms, key=_order)}
    return payload


def _item(item: Any) -> Any:
    """An item of a verbose debug report; some of them hold an event-level report."""
    match item:
        case {"type": str(kind), "body": dict(body)}:
            left_out = "error" if kind == HEADER_PARSING_ERROR else "report_id"
            return {**item, "body": _without(body, left_out)}
    return item


def _without(members: Json, name: str) -> Json:
    return {key: value for key, value in members.items() if key != name}


def _order(value: Any) -> str:
    return json.dumps(value, sort_keys=True)

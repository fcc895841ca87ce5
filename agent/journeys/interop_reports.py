"""The normal form in which reports of interop stories are compared: what chance decides is left out."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from agent.crypto.aggregatable_payload import Payload, open_payload, read_payload
from agent.crypto.hpke import derive_key_pair
from agent.crypto.public_keys import CoordinatorKey
from agent.model.reports import Report
from agent.verbs.attribution_reporting import HEADER_PARSING_ERROR

Json = dict[str, Any]

_PRIVATE_KEY, _PUBLIC_KEY = derive_key_pair(b"the key of every story's coordinator")
COORDINATOR_KEY = CoordinatorKey("story", _PUBLIC_KEY)
"""Every report of a story is sealed to this key, and opened again."""
_PAYLOADS = "aggregation_service_payloads"
_NULL_HISTOGRAM = [{"id": "0", "key": "0x0", "value": 0}]


@dataclass(frozen=True, slots=True)
class ReportMismatch:
    """A report that was expected and did not come, one that came and was not expected, or both, alike enough."""

    expected: Json | None
    result: Json | None

    def __str__(self) -> str:
        if self.result is None:
            return f"missing: {_short(self.expected)}"
        if self.expected is None:
            return f"not expected: {_short(self.result)}"
        differences = "".join(f"\n        {line}" for line in _differences(self.expected, self.result, ""))
        return f"differs: {self.result['report_url']} at {self.result['report_time']}{differences}"


def sent_report(report: Report, body: bytes, now: int) -> Json:
    """A report as it was sent at ``now``, in normal form."""
    payload = json.loads(body)
    if _PAYLOADS in payload:
        payload["histograms"] = _opened(payload.pop(_PAYLOADS)[0]["payload"], payload["shared_info"])
        payload["shared_info"] = json.loads(payload["shared_info"])
    return normalized_report({"report_time": str(now), "report_url": report.delivered_to, "payload": payload})


def normalized_report(report: Json) -> Json:
    """A report in normal form: without ids, without what an implementation may say about a header."""
    payload = report["payload"]
    if isinstance(payload, list):
        payload = [_item(item) for item in payload]
    elif isinstance(payload, dict):
        payload = _without(payload, "report_id")
        if isinstance(info := payload.get("shared_info"), dict):
            payload["shared_info"] = _without(info, "report_id")
        if isinstance(histograms := payload.get("histograms"), list):
            payload["histograms"] = sorted(histograms, key=_order)
    return {**report, "payload": payload}


def compare(expected: Sequence[Json], results: Sequence[Json]) -> list[ReportMismatch]:
    """What differs between two sets of reports in normal form; of those that differ, like is shown beside like."""
    unexpected = list(results)
    missing: list[Json] = []
    for report in expected:
        if report in unexpected:
            unexpected.remove(report)
        else:
            missing.append(report)
    mismatches = []
    for report in missing:
        alike = _most_alike(report, unexpected)
        if alike is not None:
            unexpected.remove(alike)
        mismatches.append(ReportMismatch(report, alike))
    return mismatches + [ReportMismatch(None, report) for report in unexpected]


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


def _item(item: Any) -> Any:
    """An item of a verbose debug report; some of them hold an event-level report."""
    match item:
        case {"type": str(kind), "body": dict(body)}:
            left_out = "error" if kind == HEADER_PARSING_ERROR else "report_id"
            return {**item, "body": _without(body, left_out)}
    return item


def _without(members: Json, name: str) -> Json:
    return {key: value for key, value in members.items() if key != name}


def _most_alike(report: Json, others: Sequence[Json]) -> Json | None:
    """Of the reports that went to the same URL, the one with the fewest differences."""
    candidates = [other for other in others if other["report_url"] == report["report_url"]]
    return min(candidates, key=lambda other: sum(1 for _ in _differences(report, other, "")), default=None)


def _differences(expected: Any, result: Any, path: str) -> Iterator[str]:
    if isinstance(expected, dict) and isinstance(result, dict):
        for key in sorted(expected.keys() | result.keys()):
            place = f"{path}.{key}".removeprefix(".")
            if key not in result:
                yield f"{place}: expected {_short(expected[key])}, is missing"
            elif key not in expected:
                yield f"{place}: not expected, is {_short(result[key])}"
            else:
                yield from _differences(expected[key], result[key], place)
    elif isinstance(expected, list) and isinstance(result, list) and len(expected) == len(result):
        for position, (one, other) in enumerate(zip(expected, result, strict=True)):
            yield from _differences(one, other, f"{path}[{position}]")
    elif expected != result:
        yield f"{path}: expected {_short(expected)}, is {_short(result)}"


def _short(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False)


def _order(value: Any) -> str:
    return json.dumps(value, sort_keys=True)

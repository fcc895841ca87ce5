"""A report as a reporting origin received it, with what it says under its payload's seal."""

from __future__ import annotations

import base64
import binascii
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from typing import Any

from agent.crypto.aggregatable_payload import Payload, open_payload, read_payload
from agent.crypto.keys import KeyRing
from agent.expectations.matching import Candidate
from agent.model.attribution_reporting.reports import Contribution
from agent.model.clock import format_instant
from agent.model.errors import UsageError
from agent.model.reports import ReportKind

__tracebackhide__ = True
"""pytest shows the test's line, not those in here."""
_ALIASES = {"destination": "attribution_destination", "event_id": "source_event_id", "type": "source_type"}
"""The names that expectations of an agent have for members of a report."""
_ALL = ("kind", "url")
_DEBUG_KEYS = ("source_debug_key", "trigger_debug_key")
_INFO = ("shared_info", "api", "report_id", "reporting_origin", "scheduled_report_time", "version", "debug_mode")
_PAYLOAD = ("aggregation_service_payloads", "aggregation_coordinator_origin")
_SEALED = (*_INFO, *_PAYLOAD, "bucket", "value", "filtering_id", "null")
_EVENT_LEVEL = (
    *("trigger_data", "source_event_id", "event_id", "source_type", "type", "attribution_destination", "destination"),
    *("randomized_trigger_rate", "report_id", "scheduled_report_time", *_DEBUG_KEYS),
)
_AGGREGATABLE = (
    *(*_SEALED, "attribution_destination", "destination", "source_registration_time", "trigger_context_id"),
    *_DEBUG_KEYS,
)
_PRIVATE_AGGREGATION = (*_SEALED, "context_id", "debug_key")
MEMBERS: Mapping[ReportKind, tuple[str, ...]] = {
    ReportKind.EVENT_LEVEL: (*_EVENT_LEVEL, *_ALL),
    ReportKind.EVENT_LEVEL_DEBUG: (*_EVENT_LEVEL, *_ALL),
    ReportKind.AGGREGATABLE: (*_AGGREGATABLE, *_ALL),
    ReportKind.AGGREGATABLE_DEBUG: (*_AGGREGATABLE, *_ALL),
    ReportKind.AGGREGATE_DEBUG: (*_AGGREGATABLE, *_ALL),
    ReportKind.VERBOSE_DEBUG: ("items", *_ALL),
    ReportKind.PRIVATE_AGGREGATION: (*_PRIVATE_AGGREGATION, *_ALL),
    ReportKind.PRIVATE_AGGREGATION_DEBUG: (*_PRIVATE_AGGREGATION, *_ALL),
}
"""What a reporting origin can see of a report of each kind: all that an expectation may name."""


@dataclass(frozen=True, slots=True)
class CapturedReport:
    """One report. Members of its JSON, and of its ``shared_info``, are attributes: ``report.trigger_data``."""

    kind: ReportKind
    url: str
    """Where it was posted."""
    body: Any
    """Its JSON."""
    raw: bytes
    """The body as it came."""
    received: int
    """Milliseconds since 1970 on the agent's clock."""
    contributions: tuple[Contribution, ...] | None = None
    """Under the seal, without padding; None where there is none, or it does not open with the agent's keys."""

    @property
    def members(self) -> dict[str, Any]:
        """What expectations compare."""
        document = self.body if isinstance(self.body, Mapping) else {}
        members = {**document, **_shared_info(document)}
        members |= {alias: members[name] for alias, name in _ALIASES.items() if name in members}
        if isinstance(self.body, list):
            members["items"] = tuple(item.get("type") for item in self.body)
        if "aggregation_service_payloads" in document:
            contributions = self.contributions or ()
            members |= {
                "bucket": tuple(one.bucket for one in contributions),
                "value": tuple(one.value for one in contributions),
                "filtering_id": tuple(one.filtering_id for one in contributions),
                "null": None if self.contributions is None else not self.contributions,
            }
        return members | {"kind": self.kind.value, "url": self.url}

    def __getattr__(self, name: str) -> Any:
        try:
            return self.members[name]
        except KeyError:
            raise AttributeError(
                f"a report of the kind {self.kind} has no {name!r}; it has {', '.join(self.members)}"
            ) from None


def kind_of(name: ReportKind | str) -> ReportKind:
    """The kind of that name. Raises UsageError for one that no reporting origin gets, with the nearest."""
    if name not in list(MEMBERS):
        close = get_close_matches(name, MEMBERS, 1)
        raise UsageError(
            f"a reporting origin gets no {name} reports",
            where="reporting",
            rule=f"one of {', '.join(MEMBERS)}",
            fix=f"write {close[0]}" if close else "",
        )
    return ReportKind(name)


def check_members(kind: ReportKind, names: Iterable[str]) -> None:
    """Raise UsageError for a name that no report of ``kind`` has, with the nearest that one has."""
    for name in names:
        if name not in MEMBERS[kind]:
            close = get_close_matches(name, MEMBERS[kind], 1)
            raise UsageError(
                f"{kind} reports have no member {name!r}",
                where="reporting",
                rule=f"one of {', '.join(MEMBERS[kind])}",
                fix=f"write {close[0]}" if close else "",
            )


def candidate_of(report: CapturedReport) -> Candidate:
    """``report`` as what an expectation looks at."""
    members = report.members
    report_id = members.get("report_id", "")
    told = f"the {report.kind} report {report_id[:8]}".rstrip() + f" received at {format_instant(report.received)}"
    return Candidate(report, members, told, f"report:{report_id}" if report_id else "")


def opened(body: Any, keys: KeyRing) -> tuple[Contribution, ...] | None:
    """What a sealed report contributes, opened with the test keys; None where there is no seal or it does not open."""
    if not (isinstance(body, Mapping) and body.get("aggregation_service_payloads")):
        return None
    entry = body["aggregation_service_payloads"][0]
    try:
        key, sealed = keys.find(bytes.fromhex(entry["key_id"])), base64.b64decode(entry["payload"], validate=True)
    except (KeyError, TypeError, ValueError, binascii.Error):
        return None
    plaintext = open_payload(sealed, body["shared_info"], key.private_key) if key else None
    payload = read_payload(plaintext) if plaintext is not None else None
    if not isinstance(payload, Payload):
        return None
    entries = (one for one in payload.data if one.bucket or one.value)
    return tuple(Contribution(one.bucket, one.value, one.filtering_id) for one in entries)


def _shared_info(document: Mapping[str, Any]) -> dict[str, Any]:
    try:
        info = json.loads(document.get("shared_info", ""))
    except (TypeError, ValueError):
        return {}
    return info if isinstance(info, dict) else {}

"""A report as a reporting origin received it, with what it says under its payload's seal."""

from __future__ import annotations

import base64
import binascii
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from agent.crypto.aggregatable_payload import Payload, open_payload, read_payload
from agent.crypto.keys import KeyRing
from agent.expectations.matching import Candidate
from agent.model.attribution_reporting.reports import Contribution
from agent.model.clock import format_instant
from agent.model.reports import ReportKind

_ALIASES = {"destination": "attribution_destination", "event_id": "source_event_id", "type": "source_type"}
"""The names that expectations of an agent have for members of a report."""


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
    contributions: tuple[Contribution, ...] = ()
    """Under the seal, without padding."""

    @property
    def members(self) -> dict[str, Any]:
        """What expectations compare."""
        document = self.body if isinstance(self.body, Mapping) else {}
        members = {**document, **_shared_info(document)}
        members |= {alias: members[name] for alias, name in _ALIASES.items() if name in members}
        if isinstance(self.body, list):
            members["items"] = tuple(item.get("type") for item in self.body)
        if "aggregation_service_payloads" in document:
            members |= {
                "bucket": tuple(one.bucket for one in self.contributions),
                "value": tuple(one.value for one in self.contributions),
                "filtering_id": tuple(one.filtering_id for one in self.contributions),
                "null": not self.contributions,
            }
        return members | {"kind": self.kind.value, "url": self.url}

    def __getattr__(self, name: str) -> Any:
        try:
            return self.members[name]
        except KeyError:
            raise AttributeError(
                f"a report of the kind {self.kind} has no {name!r}; it has {', '.join(self.members)}"
            ) from None


def candidate_of(report: CapturedReport) -> Candidate:
    """``report`` as what an expectation looks at."""
    members = report.members
    report_id = members.get("report_id", "")
    told = f"the {report.kind} report {report_id[:8]}".rstrip() + f" received at {format_instant(report.received)}"
    return Candidate(report, members, told, f"report:{report_id}" if report_id else "")


def opened(body: Any, keys: KeyRing) -> tuple[Contribution, ...]:
    """What a sealed report contributes, opened with the test keys; nothing where there is none or it does not open."""
    if not (isinstance(body, Mapping) and body.get("aggregation_service_payloads")):
        return ()
    entry = body["aggregation_service_payloads"][0]
    try:
        key, sealed = keys.find(bytes.fromhex(entry["key_id"])), base64.b64decode(entry["payload"], validate=True)
    except (KeyError, TypeError, ValueError, binascii.Error):
        return ()
    plaintext = open_payload(sealed, body["shared_info"], key.private_key) if key else None
    payload = read_payload(plaintext) if plaintext is not None else None
    if not isinstance(payload, Payload):
        return ()
    entries = (one for one in payload.data if one.bucket or one.value)
    return tuple(Contribution(one.bucket, one.value, one.filtering_id) for one in entries)


def _shared_info(document: Mapping[str, Any]) -> dict[str, Any]:
    try:
        info = json.loads(document.get("shared_info", ""))
    except (TypeError, ValueError):
        return {}
    return info if isinstance(info, dict) else {}

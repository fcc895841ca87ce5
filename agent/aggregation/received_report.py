"""What a body says of itself where browsers send reports: whether it is one of that kind, and how it is known.

A payload is not judged here: it is the aggregation service that counts what cannot be read.
"""

from __future__ import annotations

import itertools
import json
import math
from collections.abc import Mapping
from typing import Any

from agent.model.attribution_reporting.collected import ReceivedReport
from agent.model.clock import SECOND
from agent.model.reports import ReportKind

EVENT_LEVEL_KINDS = frozenset({ReportKind.EVENT_LEVEL, ReportKind.EVENT_LEVEL_DEBUG})
SEALED_KINDS = frozenset(
    {
        ReportKind.AGGREGATABLE,
        ReportKind.AGGREGATABLE_DEBUG,
        ReportKind.AGGREGATE_DEBUG,
        ReportKind.PRIVATE_AGGREGATION,
        ReportKind.PRIVATE_AGGREGATION_DEBUG,
    }
)
"""Kinds with payloads for an aggregation service."""
_LATEST_SECONDS = 10**12
_MOST_LEVELS = 20
"""Of objects and lists in one another; reports have five."""
_MISSING = "members are missing"


class NotAReportError(ValueError):
    """A body is no report of its kind; the message says why."""


def read_report(kind: ReportKind, body: bytes, received: int) -> ReceivedReport:
    """The report in ``body``, as it was ``received`` (milliseconds). Raises NotAReportError."""
    try:
        document = json.loads(body.decode(), parse_constant=_no_number)
        _refuse_nesting(document)
        said = _said(kind, document)
    except (ValueError, RecursionError) as error:
        raise error if isinstance(error, NotAReportError) else NotAReportError(f"it is not JSON: {error}") from None
    report = ReceivedReport(
        kind=kind,
        body=body,
        received=received,
        report_id=_text(said, "report_id"),
        api=_text(said, "api"),
        destination=_text(said, "attribution_destination"),
        scheduled_report_time=_instant(said.get("scheduled_report_time")),
    )
    if report.report_id is None and kind is not ReportKind.VERBOSE_DEBUG:
        raise NotAReportError(_MISSING)
    return report


def _no_number(name: str) -> None:
    raise NotAReportError(f"it is not JSON: {name} is no number")


def _refuse_nesting(document: Any) -> None:
    """What nests so deep that it can be read, and no more be written inside another document, is no report."""
    level = [document]
    for _ in range(_MOST_LEVELS):
        inner = [one.values() if isinstance(one, dict) else one for one in level if isinstance(one, dict | list)]
        level = list(itertools.chain.from_iterable(inner))
        if not level:
            return
    raise NotAReportError(f"it nests more than {_MOST_LEVELS} levels")


def _said(kind: ReportKind, document: Any) -> Mapping[str, Any]:
    """The object with what a report says of itself: nothing in a list of debug messages, which have no name."""
    match document:
        case [*messages] if kind is ReportKind.VERBOSE_DEBUG:
            if all(isinstance(message, dict) and {"type", "body"} <= message.keys() for message in messages):
                return {}
        case {"report_id": str(), "source_event_id": str()} if kind in EVENT_LEVEL_KINDS:
            return dict(document)
        case {
            "shared_info": str(shared_info),
            "aggregation_service_payloads": [{"key_id": str(), "payload": str()}, *_],
        } if kind in SEALED_KINDS:
            info = json.loads(shared_info)
            if isinstance(info, dict):
                return info
    raise NotAReportError(_MISSING)


def _text(said: Mapping[str, Any], name: str) -> str | None:
    value = said.get(name)
    if not isinstance(value, str):
        return None
    try:
        value.encode()
    except UnicodeEncodeError:
        raise NotAReportError(f"{name} has half of a surrogate pair") from None
    return value


def _instant(seconds: object) -> int | None:
    """Milliseconds of seconds since 1970, as digits (Chromium) or a number; None where it is none."""
    if isinstance(seconds, str) and seconds.isascii() and seconds.isdecimal() and len(seconds) <= 12:
        return int(seconds) * SECOND
    if isinstance(seconds, int | float) and not isinstance(seconds, bool) and 0 <= seconds < _LATEST_SECONDS:
        return math.floor(seconds) * SECOND
    return None

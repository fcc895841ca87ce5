"""HAR 1.2 of what registered and of what was delivered, out of the events and the reports.

Instants are the agent's; durations are real. What no event knows is not made up: the entry's comment names it.
"""

from __future__ import annotations

import base64
from collections.abc import Iterable, Mapping, Sequence
from typing import Any
from urllib.parse import parse_qsl, urlsplit

from agent.model.clock import format_instant
from agent.model.events import Event
from agent.model.reports import Report
from agent.model.shared_storage import StorageEvent
from agent.version import DISTRIBUTION

Json = dict[str, Any]
HAR_VERSION = "1.2"
_UNKNOWN = -1
"""A size, or a duration that the format lets be unknown."""
_PROTOCOL = "HTTP/1.1"
"""What the agent's front and its deliveries speak."""
_COMMENT = (
    "Registrations and deliveries of an emulated browser, writes of responses to Shared Storage, and requests for the"
    " keys of coordinators. Times are those of its clock. Cookies and credentials are left out; so are pages, and"
    " responses that registered nothing."
)
_NAVIGATION = "navigation"
"""The kind of the event that a host could not be opened, which is no registration."""
_ATTEMPTS = ("report.sent", "report.retry", "report.failed", "report.not-sent")


def har_document(events: Iterable[Event], reports: Iterable[Report], *, version: str) -> Json:
    """The log of all ``events``, with the bodies of ``reports``; ``version`` is the agent's."""
    bodies = {report.id: report for report in reports}
    entries: list[Json] = []
    for event in events:
        if event.kind in _ATTEMPTS:
            entries += _delivery_entries(event, bodies.get(event.data.get("report", "")))
        elif event.kind != _NAVIGATION and ("asked" in event.data or "http" in event.data):
            entries.append(_registration_entry(event))
    entries.sort(key=lambda entry: str(entry["startedDateTime"]))  # as the format prefers; equal ones stay in order
    log = {"version": HAR_VERSION, "creator": {"name": DISTRIBUTION, "version": version}, "entries": entries}
    return {"log": {**log, "comment": _COMMENT}}


def _registration_entry(event: Event) -> Json:
    """A response that registered, or would have."""
    asked: Mapping[str, Any] = event.data.get("asked", {})
    fields: Mapping[str, str] = asked.get("fields", {})
    comments = [f"event {event.id}: {event.summary}"]
    record: Mapping[str, Any] | None = event.data.get("http")
    if record is None:
        comments.append("registered without a network: method, status, request and other response fields are unknown")
        record = {"method": "", "url": asked["url"], "request": [], "status": 0, "reason": ""}
        record = {**record, "response": [[name, None] for name in fields], "began": event.time, "took": None}
    if event.kind == StorageEvent.BATCH_UPDATE:
        comments.append("Shared-Storage-Write is left out: what is written is kept in no event")
    if altered := asked.get("altered"):
        comments.append(f"not kept as they came: {', '.join(altered)}")
    return _entry(record, fields, event.time, comments, body=None)


def _delivery_entries(event: Event, report: Report | None) -> list[Json]:
    """The requests of one attempt to deliver."""
    records: Sequence[Mapping[str, Any]] = event.data.get("http", ())
    what = f"event {event.id}: {event.summary}, attempt {event.data['attempt']}"
    if not records and event.kind != "report.not-sent":
        unknown = {"method": "POST", "url": event.data["url"], "request": [], "status": 0, "reason": ""}
        records = [{**unknown, "response": [], "began": None, "took": None, "error": "no request was recorded"}]
    entries = []
    for record in records:
        comments = [what]
        body = None
        if record["method"] == "POST":
            body = b"" if report is None else report.body
            if not body:
                comments.append("its body is not kept")
            elif report is not None and report.attempts != event.data["attempt"]:
                comments.append("the body is that of the last attempt")
        entries.append(_entry(record, {}, event.time, comments, body=body))
    return entries


def _entry(
    record: Mapping[str, Any], told: Mapping[str, str], time: int, comments: list[str], *, body: bytes | None
) -> Json:
    """One entry; ``told`` has the values that the record leaves to its event, ``time`` is the event's."""
    if record["began"] is None:
        comments.append("when it began is not recorded: this is when its result was")
    if record["took"] is None:
        comments.append("how long it took is not recorded")
    if cut := record.get("cut"):
        comments.append(f"not kept whole: {', '.join(cut)}")
    if error := record.get("error"):
        comments.append(error)
    values = {name.lower(): value for name, value in told.items()}
    took = record["took"] or 0
    request = {
        "method": record["method"],
        "url": record["url"],
        "httpVersion": _PROTOCOL,
        "cookies": [],
        "headers": _fields(record["request"], {}),
        "queryString": [{"name": name, "value": value} for name, value in _query(record["url"])],
        "headersSize": _UNKNOWN,
        "bodySize": _UNKNOWN if body is None else len(body),
    }
    if body:
        request["postData"] = _post_data(body, _value(record["request"], "content-type"))
    return {
        "startedDateTime": format_instant(time if record["began"] is None else record["began"]),
        "time": took,
        "request": request,
        "response": {
            "status": record["status"],
            "statusText": record["reason"],
            "httpVersion": _PROTOCOL if record["status"] else "",
            "cookies": [],
            "headers": _fields(record["response"], values),
            "content": {
                "size": 0,
                "mimeType": _value(record["response"], "content-type"),
                "comment": "the body is not kept",
            },
            "redirectURL": _value(record["response"], "location"),
            "headersSize": _UNKNOWN,
            "bodySize": _UNKNOWN,
        },
        "cache": {},
        "timings": {
            **dict.fromkeys(("blocked", "dns", "connect", "ssl"), _UNKNOWN),
            "send": 0,
            "wait": took,
            "receive": 0,
            "comment": "all until the response's head is `wait`",
        },
        "comment": "; ".join(comments),
    }


def _fields(fields: Iterable[Sequence[str | None]], told: Mapping[str, str]) -> list[Json]:
    """Header fields; of those that the event tells, several of one name are one, joined."""
    found: list[Json] = []
    left = dict(told)
    for name, value in fields:
        assert name is not None
        known = left.pop(name.lower(), None) if value is None else value
        if known is not None:
            found.append({"name": name, "value": known})
    return found


def _value(fields: Iterable[Sequence[str | None]], wanted: str) -> str:
    return next((value for name, value in fields if name and value and name.lower() == wanted), "")


def _query(url: str) -> list[tuple[str, str]]:
    return parse_qsl(urlsplit(url).query, keep_blank_values=True)


def _post_data(body: bytes, mime_type: str) -> Json:
    data: Json = {"mimeType": mime_type, "params": []}
    try:
        return {**data, "text": body.decode()}
    except UnicodeDecodeError:
        # The format has no encoding for requests; browsers' tools write the same of binary uploads.
        return {**data, "text": base64.b64encode(body).decode(), "encoding": "base64", "comment": "text is base64"}

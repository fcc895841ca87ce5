"""The control API as one table: it answers, it is the OpenAPI document, and it is the page that documents it."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from agent.dashboard.queries import LONGEST_PAGE
from agent.model.errors import UsageError

API = "/api/v1"
_SURROGATE = re.compile("[\ud800-\udfff]")
"""JSON can write the half of a character, which no store of text can hold."""
_NUMBER = re.compile(r"\d{1,15}(\.\d{1,15})?", re.ASCII)
FILE_TYPES = {".har": "application/json", ".zip": "application/zip"}
"""Types of the files that routes answer with."""
_WORDS = {"true": True, "false": False, "on": True, "off": False}


@dataclass(frozen=True, slots=True)
class Field:
    """One value that a route takes."""

    name: str
    place: Literal["path", "query", "body"]
    kind: Literal["string", "integer", "number", "boolean"]
    description: str
    example: str | float | bool
    required: bool = False
    default: int | None = None
    """What it is where it is not given."""
    most: int | None = None

    def read(self, value: object) -> Any:
        """``value`` as this field's kind; text as forms and addresses have it will do. Raises UsageError."""
        taken = self._taken(value)
        if taken is None or (self.most is not None and taken > self.most):
            raise UsageError(
                f"{value!r} is no {self.kind}" + (f" up to {self.most:,}" if self.most is not None else ""),
                where=self.name,
                rule=self.description,
                fix=f"write for example {self.example}",
            )
        return taken

    def _taken(self, value: object) -> Any:
        match self.kind, value:
            case "string", str() if not _SURROGATE.search(value):
                return value
            case "boolean", bool():
                return value
            case "boolean", str() if value in _WORDS:
                return _WORDS[value]
            case "integer", int() if not isinstance(value, bool) and value >= 0:
                return value
            case "integer", str() if value.isascii() and value.isdecimal() and len(value) < 16:
                return int(value)
            case "number", int() | float() if not isinstance(value, bool) and abs(value) < math.inf:
                return value
            case "number", str() if _NUMBER.fullmatch(value):
                return float(value)
        return None


@dataclass(frozen=True, slots=True)
class Route:
    """One method of one address, and the operation that answers."""

    method: Literal["GET", "POST", "PUT", "DELETE"]
    path: str
    """Below :data:`API`."""
    operation: str
    summary: str
    fields: tuple[Field, ...] = ()
    file: str = ""
    """The name of the file that it answers with, where it answers with no document."""

    def read(self, given: Mapping[str, object]) -> dict[str, Any]:
        """What is asked of the operation; a field that is not given, or empty, is left out.

        Raises UsageError for a field that is missing, unknown, or of another kind.
        """
        known = {field.name: field for field in self.fields}
        for name in given:
            if name not in known:
                raise UsageError(
                    f"there is no field {name!r}",
                    where=f"{self.method} {API}{self.path}",
                    rule=f"it takes {', '.join(known) or 'nothing'}",
                )
        asked = {name: known[name].read(value) for name, value in given.items() if value not in ("", None)}
        for field in self.fields:
            if field.default is not None:
                asked.setdefault(field.name, field.default)
            if field.required and field.name not in asked:
                raise UsageError(f"{field.name} is missing", where=field.name, rule=field.description)
        return asked


def _in_path(name: str, description: str, example: str) -> Field:
    return Field(name, "path", "string", description, example, required=True)


_REPORT = _in_path("id", "the beginning of a report's id", "3f2a8c01")
_BEFORE = Field("before", "query", "integer", "only what came before this number", 120)
_LIMIT = Field("limit", "query", "integer", "how many", 50, default=50, most=LONGEST_PAGE)

ROUTES = (
    Route("GET", "/readyz", "ready", "Whether the agent answers; 200 once it does"),
    Route("POST", "/reset", "state.reset", "Forget everything, as in a fresh profile"),
    Route("GET", "/clock", "time.now", "The agent's time"),
    Route(
        "PUT",
        "/clock",
        "time.to",
        "Move the clock forward to an instant; what falls due on the way is done",
        (Field("instant", "body", "string", "ISO 8601, not in the past", "2026-12-24T09:00:00Z", required=True),),
    ),
    Route(
        "POST",
        "/clock/advance",
        "time.advance",
        "Move the clock forward; what falls due is done",
        (Field("by", "body", "string", "a duration with the units w d h m s ms", "2d", required=True),),
    ),
    Route("POST", "/clock/next", "time.next", "Move the clock to the next instant at which something is due"),
    Route("POST", "/clock/freeze", "time.freeze", "Let the clock stand still until it is moved"),
    Route(
        "POST",
        "/clock/run",
        "time.run",
        "Let the clock run",
        (Field("speed", "body", "string", "how many times as fast as the wall clock", "10x"),),
    ),
    Route(
        "GET",
        "/events",
        "events.list",
        "Events: the oldest first behind a number, or the newest first before one",
        (
            Field("after", "query", "integer", "only what came after this number", 100),
            _BEFORE,
            _LIMIT,
            Field("filter", "query", "string", "as on the timeline", "site:shop.test kind:trigger verdict:failure"),
        ),
    ),
    Route(
        "GET",
        "/events/{id}",
        "events.show",
        "One event with its checks",
        (Field("id", "path", "integer", "the event's number", 12, required=True),),
    ),
    Route(
        "GET",
        "/explain/{id}",
        "explain",
        "Why: the tree of checks behind an event, a report or a job",
        (_in_path("id", "an event's number, a report's id, a job's id, or last", "last"),),
    ),
    Route(
        "GET",
        "/reports",
        "reports.list",
        "The latest reports, the oldest of them first",
        (_LIMIT,),
    ),
    Route("GET", "/reports/{id}", "reports.show", "One report with its sealed body", (_REPORT,)),
    Route("POST", "/reports/{id}/send", "reports.send", "Send a report now", (_REPORT,)),
    Route("POST", "/reports/{id}/drop", "reports.drop", "Forget a report", (_REPORT,)),
    Route(
        "POST",
        "/sendpendingreports",
        "reports.send-pending",
        "Send every pending report now (WebDriver: Send pending reports)",
    ),
    Route(
        "POST",
        "/aggregation",
        "aggregation.run",
        "Aggregate what was sent of one kind to one origin; its budget is spent",
        (
            Field("origin", "body", "string", "the reporting origin", "https://adtech.test", required=True),
            Field("kind", "body", "string", "aggregatable or private-aggregation", "aggregatable", required=True),
            Field("epsilon", "body", "number", "above 0, at most 64; 10 without it", 10),
            Field("noise", "body", "boolean", "whether there is noise", example=True),
        ),
    ),
    Route(
        "GET",
        "/state",
        "state.show",
        "What is remembered",
        (
            Field(
                "what",
                "query",
                "string",
                "sources, triggers, reports, shared-storage, private-aggregation, interest-groups or budgets;"
                " impressions and their budgets without it",
                "sources",
            ),
            _LIMIT,
        ),
    ),
    Route(
        "GET",
        "/state/sql",
        "state.sql",
        "Ask what is stored: the rows of one SELECT of SQLite",
        (
            Field(
                "sql", "query", "string", "the SELECT", "SELECT kind, count(*) FROM events GROUP BY kind", required=True
            ),
            Field("limit", "query", "integer", "how many rows", 100, default=100, most=100_000),
            Field("seconds", "query", "number", "how long it may take, at most 100; 5 without it", 5),
        ),
    ),
    Route("GET", "/state/tables", "state.tables", "The tables that can be asked for, with their columns"),
    Route(
        "GET",
        "/export/har",
        "export.har",
        "A file: the registrations and deliveries as HAR 1.2",
        file="tallyhost.har",
    ),
    Route(
        "GET",
        "/export/bundle",
        "export.bundle",
        "A file: all that is known of the run, as a .zip that `tallyhost story` plays again",
        file="tallyhost-bundle.zip",
    ),
    Route(
        "POST",
        "/pages",
        "pages.open",
        "Open an address in a new tab of the agent",
        (Field("url", "body", "string", "an http(s) address", "https://shop.test/", required=True),),
    ),
    Route(
        "PUT",
        "/shared-storage",
        "shared-storage.set",
        "Write an entry of Shared Storage as its owner",
        (
            Field("origin", "body", "string", "the origin", "https://shop.test", required=True),
            Field("key", "body", "string", "its key", "creative", required=True),
            Field("value", "body", "string", "its value; none removes the entry", "2"),
        ),
    ),
    Route("GET", "/chaos", "chaos.show", "What goes wrong with deliveries, and whether the agent is offline"),
    Route(
        "PUT",
        "/chaos",
        "chaos.set",
        "Let deliveries to a host go wrong; replaces the host's rule",
        (
            Field("host", "body", "string", "a host, *.host, or * for all", "adtech.test", required=True),
            Field("fail", "body", "string", "the share that fails", "50%"),
            Field("status", "body", "integer", "the status of what fails", 503),
            Field("stall", "body", "string", "how long there is no answer", "30s"),
            Field("reset", "body", "string", "the share whose connection is reset", "10%"),
            Field("slow", "body", "string", "how much later answers come", "2s"),
            Field("times", "body", "integer", "how many requests it strikes", 3),
            Field("pages", "body", "boolean", "whether pages' own requests are struck too", example=True),
        ),
    ),
    Route(
        "DELETE",
        "/chaos",
        "chaos.clear",
        "Let nothing go wrong any more, with one host or with all",
        (Field("host", "query", "string", "the host of the rule; all without it", "adtech.test"),),
    ),
    Route(
        "PUT",
        "/offline",
        "chaos.offline",
        "Take the agent offline, or back online",
        (Field("offline", "body", "boolean", "whether it is", example=True, required=True),),
    ),
    Route(
        "PUT",
        "/localtestingmode",
        "settings.local-testing-mode",
        "Attribution Reporting without noise and delays from now on (WebDriver: Set local testing mode)",
        (Field("enabled", "body", "boolean", "whether it is on", example=True, required=True),),
    ),
)
"""Every route of the control API."""
BY_OPERATION = {route.operation: route for route in ROUTES}
"""The route that asks an operation."""

"""Chromium's interop stories: from registration headers to delivered reports, through parser, engine and SQLite.

A story is an object with ``input.registrations``: responses that register, network failures and navigations, each at
its time; ``output.reports`` is what is sent in the end, absent for nothing. What chance decides is given with each
response. Reports are sealed to a test key, sent by the rules of delivery, and opened again.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from agent.delivery.retries import NAVIGATION_DELAY, RETRIES, after_attempt
from agent.delivery.sender import Attempt
from agent.delivery.sender import Outcome as Delivery
from agent.engines.attribution_reporting.chromium_json import write
from agent.engines.attribution_reporting.eligible_header import parse_eligible
from agent.journeys.interop_chance import StoryChance
from agent.journeys.interop_config import InteropConfig, limits_of_recorded, read_interop_config
from agent.journeys.interop_recorded import LAST_TIME, clear, drop, hasten
from agent.journeys.interop_reports import compare
from agent.journeys.story import StoryError, StoryResult
from agent.model.attribution_reporting.eligibility import RESPONSE_FIELDS, Eligibility, RegistrationResponse
from agent.model.interfaces import DeliveryResult, NetworkError
from agent.model.reports import Report, ReportKind
from agent.model.rng import SeededRng
from agent.model.site import is_suitable_origin
from agent.reporting.interop_form import Json, in_order, leaves_at, normalized_report, sent_report, story_body
from agent.verbs import attribution_reporting as verbs
from agent.verbs.attribution_reporting import RegistrationRules
from storage import report_queue
from storage.database import MEMORY, Database

_ELIGIBLE = "Attribution-Reporting-Eligible"
_FIELDS = {name.lower(): name for name in RESPONSE_FIELDS}
_AT_ONE_TIME = 256
_DELIVERED = Attempt(Delivery.DELIVERED, "200")
_DISCONNECTED = Attempt(Delivery.FAILED, NetworkError.INTERNET_DISCONNECTED.value, transient=True)


class InteropResult(StoryResult):
    """What a story gave: ``results`` are the reports that were sent, in normal form, by time."""

    __slots__ = ()

    def emit(self) -> str:
        """One JSON line for an outside judge."""
        return json.dumps({"id": self.id, "reports": self.results}, separators=(",", ":"))


def is_interop_story(case: Mapping[str, Any]) -> bool:
    """Whether a case is in this format."""
    return isinstance(case.get("input"), Mapping) and "registrations" in case["input"]


def run_interop_story(
    case: Mapping[str, Any], default_config: Mapping[str, Any] | None = None, *, name: str = ""
) -> InteropResult:
    """Play one story on a fresh store, and compare the reports that were sent with those it expects.

    ``default_config`` applies under the story's own ``api_config``; ``name`` is the id. Raises StoryError.
    """
    events = case["input"]["registrations"]
    if not isinstance(events, list):
        raise StoryError("`input.registrations` must be a list")
    config = read_interop_config(default_config, case.get("api_config"))
    recorded = case.get("recorded") is True
    expected = _expected(case, with_ids=recorded)
    with Database.open(MEMORY, now=0) as database:
        player = _Player(database, config, recorded=recorded)
        for position, event in enumerate(events):
            try:
                player.play(position, event)
            except StoryError as error:
                raise StoryError(f"registrations[{position}]: {error.what}", event=position) from error
        player.deliver(LAST_TIME)
    return InteropResult(name, in_order(player.sent), compare(expected, player.sent))


def _expected(case: Mapping[str, Any], *, with_ids: bool) -> list[Json]:
    match case.get("output", {}):
        case {"reports": list(reports)}:
            pass
        case {**members} if "reports" not in members:
            reports = []
        case _:
            raise StoryError("`output.reports` must be a list")
    for report in reports:
        match report:
            case {"report_time": str(), "report_url": str(), "payload": _}:
                pass
            case _:
                raise StoryError("a report of `output.reports` needs `report_time`, `report_url` and `payload`")
    return [normalized_report(report, with_ids=with_ids) for report in reports]


class _Player:
    """Plays the events of one story, one by one."""

    def __init__(self, database: Database, config: InteropConfig, *, recorded: bool) -> None:
        self._sent: list[tuple[str, Json]] = []
        self._recorded = recorded
        self._database, self._config = database, config
        self._chance = StoryChance()
        self._rules = RegistrationRules(config.limits, self._chance, supports_os=config.supports_os)
        self._rng = SeededRng(0)
        self._waiting_retry = RETRIES.index(config.limits.retry_after_new_navigation)
        self._connected = True
        self._now = -1

    @property
    def sent(self) -> list[Json]:
        """The reports that were sent, but for those that were dropped."""
        return [report for _, report in self._sent]

    def play(self, position: int, event: Any) -> None:
        """Play one event. Raises StoryError."""
        if not isinstance(event, dict):
            raise StoryError("an event must be an object")
        match event:
            case {"connection": bool(connected)}:
                self._advance(event)
                self._connected = connected
            case {"navigation": True}:
                self._advance(event)
                due = self._now + NAVIGATION_DELAY
                self._database.transact("navigation", lambda c: report_queue.after_navigation(c, due))
            case {"clear": dict(whom)}:
                self._advance(event)
                self._database.transact("clear", lambda c: clear(c, whom, self._now))
            case {"drop": str(report_id)}:
                self._advance(event)
                self._sent = [one for one in self._sent if one[0] != report_id]
                self._database.transact("drop", lambda c: drop(c, report_id))
            case {"send": str(report_id)}:
                self._advance(event)
                hastened = self._database.transact("hasten", lambda c: hasten(c, report_id))
                self._record([self._attempt(report, leaves_at(report)) for report in hastened])
            case {"registration_request": dict(request), "responses": list(responses)}:
                for number, response in enumerate(responses):
                    self._respond(str(position), event, number, request, response)
            case _:
                raise StoryError(
                    "an event has `registration_request` and `responses`, `connection`, `navigation`, `clear`, `drop`"
                    " or `send`"
                )

    def deliver(self, until: int) -> None:
        """Send, each at its time, the reports that are due before ``until``."""
        while (due := self._database.transact("next due", report_queue.next_due)) is not None and due < until:
            self._send(due)

    def _send(self, now: int) -> None:
        """Send what is due at ``now``."""

        def claim(connection: sqlite3.Connection) -> list[Report]:
            due = report_queue.due(connection, ReportKind, now, _AT_ONE_TIME)
            return report_queue.claim(connection, [one.position for one in due], now)

        while reports := self._database.transact("claim", claim):
            self._record([self._attempt(report, now) for report in reports])

    def _record(self, results: Sequence[DeliveryResult]) -> None:
        def record(connection: sqlite3.Connection) -> None:
            for result in results:
                report_queue.record(connection, result)

        self._database.transact("record", record)

    def _attempt(self, report: Report, now: int) -> DeliveryResult:
        body = story_body(report, self._config.limits, self._rng)
        if self._connected:
            self._sent.append((report.id, sent_report(report, body, now, with_ids=self._recorded)))
        attempt = _DELIVERED if self._connected else _DISCONNECTED
        return after_attempt(report, attempt, now, body=body, waiting=self._waiting_retry)

    def _advance(self, event: Mapping[str, Any]) -> None:
        """Let time pass until an event, or a response."""
        text = event.get("timestamp")
        now = int(text) if isinstance(text, str) and text.isascii() and text.isdigit() and len(text) < 17 else -1
        # In a recorded run several may come at one instant, and one be registered before another that came earlier.
        if not (now >= 0 if self._recorded else self._now < now) or now > LAST_TIME:
            raise StoryError(f"`timestamp` must be milliseconds, after the event before, in a string, not {text!r}")
        self.deliver(now)
        self._now = now

    def _respond(
        self, navigation: str, event: Mapping[str, Any], number: int, request: Mapping[str, Any], response: Any
    ) -> None:
        if not isinstance(response, dict):
            raise StoryError("a response must be an object")
        self._advance(response if number or "timestamp" in response else event)
        self._chance.read(response)
        eligibility = _eligibility(request.get(_ELIGIBLE))
        read = RegistrationResponse(
            context_origin=_url(request, "context_origin"),
            url=_url(response, "url"),
            eligibility=eligibility,
            fields=_fields(response.get("response")),
            fenced=_flag(request, "fenced"),
            navigation=_navigation(request, navigation) if eligibility is Eligibility.NAVIGATION_SOURCE else "",
            debug_permission=_flag(response, "debug_permission"),
        )
        now = self._now
        rules = self._rules
        if "limits" in event:
            rules = replace(rules, limits=limits_of_recorded(event["limits"]))
        self._database.transact("register", lambda c: verbs.register(c, read, rules, now=now))
        self._send(now)


def _eligibility(header: object) -> Eligibility:
    if header is None:
        return Eligibility.UNSET
    if not isinstance(header, str):
        raise StoryError(f"`{_ELIGIBLE}` must be a string")
    # An invalid header allows nothing.
    return parse_eligible(header.encode()).value or Eligibility.EMPTY


def _fields(headers: object) -> dict[str, bytes]:
    if not isinstance(headers, Mapping):
        raise StoryError("`response` must be an object with header fields")
    fields = {}
    for name, value in headers.items():
        if name.lower() not in _FIELDS:
            raise StoryError(f"`response`: {name} is no header of Attribution Reporting")
        text = value if isinstance(value, str) else write(_as_read(value))
        fields[_FIELDS[name.lower()]] = text.encode("utf-8", "surrogatepass")
    return fields


def _as_read(value: Any) -> Any:
    """JSON as Chromium reads it: integers of more than 32 bits are doubles, and are written as such again."""
    if isinstance(value, dict):
        return {key: _as_read(member) for key, member in value.items()}
    if isinstance(value, list):
        return [_as_read(entry) for entry in value]
    return float(value) if type(value) is int and not -(2**31) <= value < 2**31 else value


def _url(parent: Mapping[str, Any], key: str) -> str:
    value = parent.get(key)
    if not isinstance(value, str) or not is_suitable_origin(value):
        raise StoryError(f"`{key}` must be an https URL, not {value!r}")
    return value


def _navigation(request: Mapping[str, Any], default: str) -> str:
    """What names the navigation: its event, or in a recorded story what several may share."""
    given = request.get("navigation", default)
    if not isinstance(given, str):
        raise StoryError(f"`navigation` must be a string, not {given!r}")
    return given


def _flag(parent: Mapping[str, Any], key: str) -> bool:
    value = parent.get(key, False)
    if not isinstance(value, bool):
        raise StoryError(f"`{key}` must be true or false, not {value!r}")
    return value

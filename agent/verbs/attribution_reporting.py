"""The verbs of Attribution Reporting: what a response registers, what is cleared, what expires.

Each function takes the connection of a running transaction. Events of registrations are in the store already, as the
reports that a decision made name its event; :func:`clear_reporting_origin` and :func:`expire` leave theirs to
the caller.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from agent.engines.attribution_reporting.info_header import Info, Platform, choose_platform, parse_info
from agent.engines.attribution_reporting.os_registration import parse_os_registrations
from agent.engines.attribution_reporting.source_registration import parse_source_registration
from agent.engines.attribution_reporting.trigger_registration import parse_trigger_registration
from agent.model.attribution_reporting.eligibility import (
    INFO,
    REGISTER_OS_SOURCE,
    REGISTER_OS_TRIGGER,
    REGISTER_SOURCE,
    REGISTER_TRIGGER,
    Eligibility,
    RegistrationResponse,
)
from agent.model.attribution_reporting.facts import Chance, Registrant
from agent.model.attribution_reporting.limits import AttributionReportingLimits
from agent.model.attribution_reporting.registrations import Issue, SourceType
from agent.model.attribution_reporting.reports import DebugItem, VerboseContent
from agent.model.attribution_reporting.verdicts import SOURCE_REGISTRATION, TRIGGER_REGISTRATION
from agent.model.clock import DAY
from agent.model.events import Check, Event, Trace
from agent.model.site import is_suitable_origin, schemeful_site, serialized_origin
from agent.verbs.attribution import Outcome
from agent.verbs.attribution_reports import ReportWriter, append_event, host_of, with_own_ids
from agent.verbs.os_registration import delegation_reports
from agent.verbs.recording import Recording
from agent.verbs.source_registration import register_source
from agent.verbs.trigger_registration import register_trigger
from storage import (
    aggregatable_debug_budgets,
    attribution_rate_limits,
    pending_attribution_reports,
    source_rate_limits,
    sources,
)

HEADER_PARSING_ERROR = "header-parsing-error"
IGNORED = "ignored"
DELEGATED = "delegated"
_DONE = {HEADER_PARSING_ERROR: "refused"}
_SHOWN = 1024
"""How much of a refused header an event shows."""
_TOLD = 20
"""How many of its errors an event tells."""
_WEB_AND_OS = {
    SOURCE_REGISTRATION: (REGISTER_SOURCE, REGISTER_OS_SOURCE),
    TRIGGER_REGISTRATION: (REGISTER_TRIGGER, REGISTER_OS_TRIGGER),
}
_ALLOWED = {
    SOURCE_REGISTRATION: (
        Eligibility.EVENT_SOURCE,
        Eligibility.NAVIGATION_SOURCE,
        Eligibility.EVENT_SOURCE_OR_TRIGGER,
    ),
    TRIGGER_REGISTRATION: (Eligibility.UNSET, Eligibility.TRIGGER, Eligibility.EVENT_SOURCE_OR_TRIGGER),
}
"""Section 2.7."""
_LATEST_NAVIGATIONS = 1024


class NavigationScopes:
    """The one set of attribution scopes that a reporting origin has in a navigation (registration, section 3.5)."""

    def __init__(self) -> None:
        self._scopes: dict[tuple[str, str], tuple[str, ...]] = {}

    def admits(self, navigation: str, reporting_origin: str, scopes: tuple[str, ...]) -> bool:
        """Whether a source of ``navigation`` ("" for none) may have these scopes; the first that has any decides."""
        if not (navigation and scopes):
            return True
        first = self._scopes.setdefault((navigation, reporting_origin), scopes)
        if len(self._scopes) > _LATEST_NAVIGATIONS:
            del self._scopes[next(iter(self._scopes))]
        return first == scopes


@dataclass(frozen=True, slots=True)
class RegistrationRules:
    """Under which rules an agent's responses register."""

    limits: AttributionReportingLimits
    chance: Chance
    enabled: bool = True
    enrolled_sites: frozenset[str] | None = None
    """Reporting sites that may register; None for everyone."""
    supports_os: bool = False
    """Whether the operating system takes registrations."""
    navigations: NavigationScopes = field(default_factory=NavigationScopes)


def register(
    connection: sqlite3.Connection, response: RegistrationResponse, rules: RegistrationRules, *, now: int
) -> Outcome:
    """Register what ``response``, received at ``now``, asks for, as far as it may; it never throws for what it says.

    The verdict is that of the registration, ``header-parsing-error``, or ``ignored``.
    """
    return _Response(connection, response, rules, Recording(response, rules.chance, rules.limits), now).register()


@dataclass(frozen=True, slots=True)
class _Response:
    connection: sqlite3.Connection
    response: RegistrationResponse
    rules: RegistrationRules
    recording: Recording
    now: int

    def register(self) -> Outcome:
        fields = self.response.fields
        kinds = [kind for kind, names in _WEB_AND_OS.items() if any(name in fields for name in names)]
        if not kinds:
            return Outcome(IGNORED, ())
        if (check := self._who()) is not None:
            return self._ignored(kinds[0], check)
        info = parse_info(fields.get(INFO, b""))
        if info.value is None:
            return self._refused(kinds[0], INFO, info.errors)
        eligibility = self.response.eligibility
        if len(kinds) > 1 and eligibility is Eligibility.EVENT_SOURCE_OR_TRIGGER:
            detail = "the response registers a source and a trigger"
            return self._ignored(kinds[0], Check("one kind of field", False, detail, "send one of them"))
        if (kind := next((kind for kind in kinds if eligibility in _ALLOWED[kind]), None)) is None:
            detail = f"the request was eligible for {', '.join(eligibility.keys) or 'nothing'}"
            if eligibility is Eligibility.UNSET:
                detail = "a plain request is eligible for a trigger alone"
            check = Check("eligibility", False, detail, "ask for it: attributionsrc, or fetch's option")
            return self._ignored(kinds[0], check)
        return self._with_platform(kind, info.value)

    def _with_platform(self, kind: str, info: Info) -> Outcome:
        """Register with the web or the operating system, as their fields and the preferred platform say."""
        web, system = (field in self.response.fields for field in _WEB_AND_OS[kind])
        preferred, supports_os = info.preferred_platform, self.rules.supports_os
        platform = choose_platform(preferred, web=web, os=system, supports_os=supports_os)
        if platform is Platform.WEB:
            return self._source(info) if kind == SOURCE_REGISTRATION else self._trigger(info)
        if platform is Platform.OS:
            return self._delegated(kind, info)
        if preferred is None and web:
            detail, fix = (
                "there is a field for the web and one for the OS",
                "name a preferred-platform, or send one field",
            )
        else:
            detail, fix = "the agent has no OS to register with", "send the web field, with no preferred-platform"
        return self._ignored(kind, Check("platform", False, detail, fix))

    def _delegated(self, kind: str, info: Info) -> Outcome:
        field = _WEB_AND_OS[kind][1]
        parsed = parse_os_registrations(self.response.fields[field])
        if parsed.value is None:
            return self._refused(kind, field, parsed.errors, info)
        urls = ", ".join(one.url for one in parsed.value)
        reports: Iterable[VerboseContent] = ()
        if not self.response.fenced:
            reports = delegation_reports(field, parsed.value, schemeful_site(self.response.context_origin))
        told = with_own_ids(reports, self.recording)
        event = append_event(self.connection, self._event(kind, DELEGATED, f"to the OS: {urls}", {}, ()))
        ReportWriter(self.connection, self.now, event.id).at_once(told)
        return Outcome(DELEGATED, (event,))

    def _who(self) -> Check | None:
        """The failed check that stands against anything being registered, or None (section 2.3)."""
        response, rules = self.response, self.rules
        if not rules.enabled:
            return Check(
                "enabled", False, "Attribution Reporting is switched off", "switch it on, in a profile not private"
            )
        for name, url in (("context origin", response.context_origin), ("reporting origin", response.url)):
            if not is_suitable_origin(url):
                fix = "serve it over https, or from localhost"
                return Check(f"suitable {name}", False, f"{serialized_origin(url)} is not trustworthy", fix)
        site = schemeful_site(response.url)
        if rules.enrolled_sites is not None and site not in rules.enrolled_sites:
            return Check("enrolled", False, f"{site} is not among the enrolled sites", "add it to enrolled_sites")
        return None

    def _source(self, info: Info) -> Outcome:
        navigation = self.response.eligibility is Eligibility.NAVIGATION_SOURCE
        source_type = SourceType.NAVIGATION if navigation else SourceType.EVENT
        header, limits = self.response.fields[REGISTER_SOURCE], self.rules.limits
        parsed = parse_source_registration(header, source_type, limits)
        if parsed.value is None:
            return self._refused(SOURCE_REGISTRATION, REGISTER_SOURCE, parsed.errors, info)
        registrant, scopes = self._registrant(), parsed.value.attribution_scopes
        values = scopes.values if scopes is not None else ()
        if not self.rules.navigations.admits(self.response.navigation, registrant.reporting_origin, values):
            detail = f"{registrant.reporting_origin} registered with other attribution_scopes before"
            fix = "give all sources of one navigation the same attribution_scopes"
            return self._ignored(SOURCE_REGISTRATION, Check("scopes of the navigation", False, detail, fix))
        return register_source(
            self.connection,
            registrant,
            source_type,
            parsed.value,
            limits=limits,
            chance=self.recording,
            told=self.recording.told,
            before=(_parsed_check(REGISTER_SOURCE, parsed.warnings),),
        )

    def _trigger(self, info: Info) -> Outcome:
        limits = self.rules.limits
        parsed = parse_trigger_registration(self.response.fields[REGISTER_TRIGGER], limits)
        if parsed.value is None:
            return self._refused(TRIGGER_REGISTRATION, REGISTER_TRIGGER, parsed.errors, info)
        return register_trigger(
            self.connection,
            self._registrant(),
            parsed.value,
            limits=limits,
            chance=self.recording,
            told=self.recording.told,
            before=(_parsed_check(REGISTER_TRIGGER, parsed.warnings),),
        )

    def _registrant(self) -> Registrant:
        response = self.response
        return Registrant(
            context_origin=response.context_origin,
            reporting_origin=serialized_origin(response.url),
            now=self.now,
            debug_permission=response.debug_permission,
            fenced=response.fenced,
            context_site=schemeful_site(response.context_origin),
            reporting_site=schemeful_site(response.url),
        )

    def _ignored(self, kind: str, check: Check) -> Outcome:
        """Nothing is registered, and nobody but the owner is told why."""
        event = self._event(kind, IGNORED, check.detail, {}, (check,))
        return Outcome(IGNORED, (append_event(self.connection, event),))

    def _refused(self, kind: str, header: str, errors: Sequence[Issue], info: Info | None = None) -> Outcome:
        """A field that does not parse: told to its server where it asked for that (section 3.4)."""
        value = self.response.fields[header].decode(errors="replace")
        checks = [
            Check(f"{header} {_path(error)}".rstrip(), False, error.message, error.fix or error.rule)
            for error in errors[:_TOLD]
        ]
        data = {
            "header": header,
            "value": value[:_SHOWN],
            "errors": [{"path": list(error.path or ()), "message": error.message} for error in errors[:_TOLD]],
            "count": len(errors),
        }
        reports: Sequence[VerboseContent] = ()
        if info is not None and info.report_header_errors and not self.response.fenced:
            who = self._registrant()
            body = {"context_site": who.context_site, "header": header, "value": value}
            reports = (VerboseContent(who.reporting_origin, (DebugItem(HEADER_PARSING_ERROR, body),)),)
        told = with_own_ids(reports, self.recording)
        event = self._event(kind, HEADER_PARSING_ERROR, f"{header}: {checks[0].detail}", data, checks)
        event = append_event(self.connection, event)
        ReportWriter(self.connection, self.now, event.id).at_once(told)
        return Outcome(HEADER_PARSING_ERROR, (event,))

    def _event(self, kind: str, verdict: str, why: str, data: Mapping[str, Any], checks: Iterable[Check]) -> Event:
        origin = serialized_origin(self.response.url)
        noun = kind.partition("-")[0]
        return Event(
            kind=kind,
            time=self.now,
            verdict=verdict,
            summary=f"{noun} of {origin} {_DONE.get(verdict, verdict)}: {why}",
            site=host_of(schemeful_site(self.response.context_origin))
            if is_suitable_origin(self.response.context_origin)
            else "",
            data={"reporting_origin": origin, "url": self.response.url, **data, **self.recording.told()},
            trace=Trace(tuple(checks)),
        )


def clear_reporting_origin(connection: sqlite3.Connection, origin: str, *, now: int) -> Outcome:
    """``Clear-Site-Data: "storage"`` from ``origin``: its sources and pending reports go, what limits count stays."""
    count = sources.remove_of_reporting_origin(connection, origin)
    reports = pending_attribution_reports.remove_of_reporting_origin(connection, origin)
    summary = f"cleared Attribution Reporting of {origin}: {count} sources, {reports} pending reports"
    data = {"what": "origin", "origins": [origin], "sources": count, "reports": reports}
    return Outcome("cleared", (Event("clearing", now, "cleared", summary, host_of(schemeful_site(origin)), data),))


def clear_site_data(connection: sqlite3.Connection, hosts: Iterable[str]) -> None:
    """The user clears the data of sites: what their origins registered and would report; what limits count stays."""
    sites = _schemeful(hosts)
    for origin in pending_attribution_reports.reporting_origins(connection):
        if schemeful_site(origin) in sites:
            pending_attribution_reports.remove_of_reporting_origin(connection, origin)
    sources.remove(connection, sources.ids_of_reporting_sites(connection, sites))


def clear_history(connection: sqlite3.Connection, hosts: Iterable[str]) -> None:
    """The user clears the history of sites: their data, what others registered on them, and what limits count."""
    sites = _schemeful(hosts)
    clear_site_data(connection, hosts)
    ids = sources.ids_of_context_sites(connection, sites)
    pending_attribution_reports.remove_of_sources(connection, ids)
    sources.remove(connection, ids)
    source_rate_limits.remove_sites(connection, sites)
    attribution_rate_limits.remove_sites(connection, sites)
    aggregatable_debug_budgets.remove_sites(connection, sites)


def _schemeful(hosts: Iterable[str]) -> list[str]:
    return [f"{scheme}://{host}" for host in hosts for scheme in ("https", "http")]


def clear_all(connection: sqlite3.Connection) -> None:
    """The user clears everything: sources, pending reports, and what limits count."""
    sources.remove_all(connection)
    pending_attribution_reports.remove_all(connection)
    source_rate_limits.remove_all(connection)
    attribution_rate_limits.remove_all(connection)
    aggregatable_debug_budgets.remove_all(connection)


def expire(connection: sqlite3.Connection, *, limits: AttributionReportingLimits, now: int) -> Outcome:
    """Remove the sources that have expired and what no window reaches any more; without an event where none has."""
    count = source_rate_limits.expire(connection, now)
    source_rate_limits.sweep(
        connection,
        origins_until=now - limits.rate_limit_origins_per_site_window,
        destinations_until=now - max(limits.destination_rate_limit_window, DAY),
        origins_of_destinations_until=now - limits.rate_limit_time_window,
    )
    attribution_rate_limits.sweep(connection, now - limits.rate_limit_time_window)
    if not count:
        return Outcome("expired", ())
    summary = f"{count} source{'' if count == 1 else 's'} of Attribution Reporting expired"
    return Outcome("expired", (Event("expiry", now, "expired", summary, data={"sources": count}),))


def _parsed_check(header: str, warnings: Sequence[Issue]) -> Check:
    """That a field was understood, and what of it was ignored or changed."""
    if not warnings:
        return Check(header, True, "parsed")
    count = f"{len(warnings)} warning{'' if len(warnings) == 1 else 's'}"
    told = "; ".join(f"{_path(one)} {one.message}".lstrip() for one in warnings[:_TOLD])
    return Check(header, True, f"parsed, {count}: {told[:_SHOWN]}")


def _path(error: Issue) -> str:
    return ".".join(str(part) for part in error.path or ())

"""Registering with an operating system, which a desktop browser cannot: as far as interop stories show it.

Chromium on Android hands registrations to the system where a page or the feature cross-app-web asks for that
(registration sections 3.1 to 3.3).
"""

from __future__ import annotations

import sqlite3

from agent.engines.attribution_reporting.info_header import Info, Platform, choose_platform, parse_info
from agent.engines.attribution_reporting.os_registration import parse_os_registrations
from agent.model.attribution_reporting.eligibility import (
    INFO,
    REGISTER_OS_SOURCE,
    REGISTER_OS_TRIGGER,
    REGISTER_SOURCE,
    REGISTER_TRIGGER,
    Eligibility,
    RegistrationResponse,
)
from agent.model.attribution_reporting.reports import DebugItem, VerboseContent
from agent.model.site import is_suitable_origin, schemeful_site, serialized_origin
from agent.verbs import attribution_reporting as verbs
from agent.verbs.attribution_reporting import HEADER_PARSING_ERROR, RegistrationRules
from agent.verbs.attribution_reports import ReportWriter

_SOURCE = (REGISTER_SOURCE, REGISTER_OS_SOURCE, "os-source-delegated")
_TRIGGER = (REGISTER_TRIGGER, REGISTER_OS_TRIGGER, "os-trigger-delegated")
_KINDS = {
    Eligibility.UNSET: (_TRIGGER,),
    Eligibility.EMPTY: (),
    Eligibility.TRIGGER: (_TRIGGER,),
    Eligibility.EVENT_SOURCE: (_SOURCE,),
    Eligibility.NAVIGATION_SOURCE: (_SOURCE,),
    Eligibility.EVENT_SOURCE_OR_TRIGGER: (_SOURCE, _TRIGGER),
}
"""What may register: the web's field, the system's, and the debug type of a hand-over."""


def register(
    connection: sqlite3.Connection, response: RegistrationResponse, rules: RegistrationRules, *, now: int
) -> None:
    """Register what a response asks for with the web or with the system, as its preferred platform decides."""
    fields = response.fields
    info = parse_info(fields.get(INFO, b""), cross_app_web=True).value
    kinds = [kind for kind in _KINDS[response.eligibility] if kind[0] in fields or kind[1] in fields]
    if info is None or len(kinds) != 1:
        return
    ((web, system, delegated),) = kinds
    platform = choose_platform(info.preferred_platform, web=web in fields, os=system in fields, supports_os=True)
    if platform is Platform.WEB:
        verbs.register(connection, response, rules, now=now)
    elif platform is Platform.OS:
        reports = _reports(response, system, delegated, info)
        ReportWriter(connection, rules.chance, now, 0).at_once(reports)


def _reports(response: RegistrationResponse, field: str, delegated: str, info: Info) -> list[VerboseContent]:
    """The verbose debug reports about a hand-over; a fenced frame has none."""
    if response.fenced:
        return []
    context_site, value = schemeful_site(response.context_origin), response.fields[field]
    registrations = parse_os_registrations(value).value
    if registrations is None:
        body = {"context_site": context_site, "header": field, "value": value.decode(errors="replace")}
        refused = VerboseContent(serialized_origin(response.url), (DebugItem(HEADER_PARSING_ERROR, body),))
        return [refused] if info.report_header_errors else []
    return [
        VerboseContent(
            serialized_origin(one.url),
            (DebugItem(delegated, {"context_site": context_site, "registration_url": one.url}),),
        )
        for one in registrations
        if one.debug_reporting and is_suitable_origin(one.url)
    ]

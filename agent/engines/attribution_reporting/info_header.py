"""``Attribution-Reporting-Info``, and the choice between web and OS (registration sections 3.1 and 3.2)."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Final

import http_sf

from agent.engines.attribution_reporting.json_node import Problems
from agent.engines.attribution_reporting.structured_text import (
    read_dictionary,
    warn_of_parameters,
    warn_of_unknown_keys,
)
from agent.model.attribution_reporting.registrations import Issue, Parsed

PREFERRED_PLATFORM: Final = "preferred-platform"
REPORT_HEADER_ERRORS: Final = "report-header-errors"


class Platform(StrEnum):
    """Who registers."""

    WEB = "web"
    OS = "os"


@dataclass(frozen=True, slots=True)
class Info:
    """What the field asks for."""

    preferred_platform: Platform | None = None
    report_header_errors: bool = False


def parse_info(field: bytes) -> Parsed[Info]:
    """The field; where it is invalid, the whole response registers nothing.

    The preferred platform counts also where no system takes registrations: Chromium 143 was seen to register nothing
    of a response that prefers ``os``, or a platform that there is not.
    """
    problems = Problems()
    members = read_dictionary(field, problems)
    if members is None:
        return Parsed(None, tuple(problems.errors))
    warn_of_unknown_keys(members, (PREFERRED_PLATFORM, REPORT_HEADER_ERRORS), problems)
    for key in (PREFERRED_PLATFORM, REPORT_HEADER_ERRORS):
        if key in members:
            warn_of_parameters(key, members[key], problems)
    platform: Platform | None = None
    if PREFERRED_PLATFORM in members:
        platform = _platform(members[PREFERRED_PLATFORM][0], problems)
    report = members.get(REPORT_HEADER_ERRORS, (False, {}))[0]
    if not isinstance(report, bool):
        problems.add(Issue((REPORT_HEADER_ERRORS,), "is no boolean", "a boolean: the bare key, ?1 or ?0"))
    return problems.result(Info(platform, report))


def choose_platform(
    preferred: Platform | None, *, web: bool, os: bool, supports_web: bool = True, supports_os: bool = False
) -> Platform | None:
    """Who registers a source, or a trigger: ``web`` and ``os`` say which fields the response has.

    None where nobody does.
    """
    if preferred is None:
        if web and os:
            return None
        preferred = Platform.OS if os else Platform.WEB
    present = {Platform.WEB: web, Platform.OS: os}
    able = {Platform.WEB: web and supports_web, Platform.OS: os and supports_os}
    other = Platform.OS if preferred is Platform.WEB else Platform.WEB
    if not present[preferred]:
        return None
    if able[preferred]:
        return preferred
    return other if able[other] else None


def _platform(value: object, problems: Problems) -> Platform | None:
    if isinstance(value, http_sf.Token):
        for platform in Platform:
            if str(value) == platform.value:
                return platform
    problems.add(Issue((PREFERRED_PLATFORM,), "is no platform", "the token web or os, without quotes"))
    return None

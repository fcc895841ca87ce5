"""``Attribution-Reporting-Register-OS-Source`` and ``-OS-Trigger`` (registration section 3.3)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import ada_url

from agent.engines.attribution_reporting.json_node import Problems
from agent.engines.attribution_reporting.structured_text import read_list
from agent.model.attribution_reporting.registrations import Issue, Parsed, Severity

DEBUG_REPORTING: Final = "debug-reporting"


@dataclass(frozen=True, slots=True)
class OsRegistration:
    """One registration that is handed to the operating system."""

    url: str
    """Serialised."""
    debug_reporting: bool = False


def parse_os_registrations(field: bytes) -> Parsed[tuple[OsRegistration, ...]]:
    """The registrations of a field; members that are no URLs are skipped."""
    problems = Problems()
    members = read_list(field, problems)
    if members is None:
        return Parsed(None, tuple(problems.errors))
    found: list[OsRegistration] = []
    for position, (value, parameters) in enumerate(members):
        url = _url(value)
        if url is None:
            _warn((position,), "is skipped: it is no string with a URL", problems)
            continue
        debug = parameters.get(DEBUG_REPORTING, False)
        if not isinstance(debug, bool):
            _warn((position, DEBUG_REPORTING), "is no boolean and counts as false", problems)
        for name in parameters:
            if name != DEBUG_REPORTING:
                _warn((position, name), "is an unknown parameter and is ignored", problems)
        found.append(OsRegistration(url, debug is True))
    return problems.result(tuple(found))


def _url(value: object) -> str | None:
    if not isinstance(value, str):  # tokens and display strings are of types of their own
        return None
    try:
        return str(ada_url.URL(value).href)
    except (ValueError, UnicodeError):
        return None


def _warn(path: tuple[str | int, ...], message: str, problems: Problems) -> None:
    problems.add(Issue(path, message, severity=Severity.WARNING))

"""The eight checks of one report: each that fails counts, and a report that fails any is left out of the sums."""

from __future__ import annotations

import re
from typing import Final

from agent.model.aggregation import SUPPORTED_MAJOR_VERSIONS, ErrorCounter, JobParameters, SharedInfo
from agent.model.caching import remember_short
from agent.model.clock import DAY
from agent.model.site import registrable_domain, site_of_origin

OPERATIONS: Final = frozenset({"histogram"})
DESTINATION_APIS: Final = frozenset({"attribution-reporting", "attribution-reporting-debug"})
"""The APIs whose shared ID has a destination."""
APIS: Final = DESTINATION_APIS | {"protected-audience", "shared-storage"}
OLDEST: Final = 90 * DAY
"""A report that was scheduled this long ago is too old."""
_LONGEST_ORIGIN: Final = 300
"""Characters; a host has at most 253. Where a job takes a whole site, reports choose what its ledger keeps of them."""
_DEBUG_ENABLED: Final = "enabled"
_VERSION: Final = re.compile(r"([0-9]+)\.[0-9]+")
_ZERO_VERSION: Final = re.compile(r"0+\.0+")
_UUID: Final = re.compile(r"[0-9a-fA-F]{8}-(?:[0-9a-fA-F]{4}-){3}[0-9a-fA-F]{12}")
_DISTINCT_DIGITS: Final = 9
"""Versions that differ beyond these digits of their major part are equal to us."""


def report_errors(
    info: SharedInfo, operation: str, parameters: JobParameters, *, now: int, clear_text: bool
) -> tuple[ErrorCounter, ...]:
    """The counters that a report raises, in the order of the service's checks; empty for a report that counts.

    All eight checks run (section 5). Of reports in clear text the local tool checks five: neither origin, age nor
    operation. ``operation`` is that of the payload, ``now`` an instant.
    """
    errors: list[ErrorCounter] = []
    if not clear_text:
        if (origin_error := _origin_error(info.reporting_origin, parameters)) is not None:
            errors.append(origin_error)
        if info.scheduled_report_time <= now - OLDEST:
            errors.append(ErrorCounter.ORIGINAL_REPORT_TIME_TOO_OLD)
        if operation not in OPERATIONS:
            errors.append(ErrorCounter.UNSUPPORTED_OPERATION)
    if parameters.debug_run and info.debug_mode != _DEBUG_ENABLED:
        errors.append(ErrorCounter.DEBUG_NOT_ENABLED)
    if info.api is not None and info.api not in APIS:
        errors.append(ErrorCounter.UNSUPPORTED_REPORT_API_TYPE)
    version_exists = _version_exists(info.version)
    if not (version_exists and _has_unit_members(info)):
        errors.append(ErrorCounter.REQUIRED_SHAREDINFO_FIELD_INVALID)
    if info.report_id is None or not _UUID.fullmatch(info.report_id):
        errors.append(ErrorCounter.INVALID_REPORT_ID)
    if not version_exists or major_version(info) not in SUPPORTED_MAJOR_VERSIONS:
        errors.append(ErrorCounter.UNSUPPORTED_SHAREDINFO_VERSION)
    return tuple(errors)


def major_version(info: SharedInfo) -> int | None:
    """The number before the dot of ``version``; None where that is not two numbers and a dot."""
    return _major(info.version)


def is_too_new(info: SharedInfo) -> bool:
    """Whether a report is of a major version after ours, which fails the whole job: UNSUPPORTED_REPORT_VERSION."""
    major = _major(info.version)
    return major is not None and major > max(SUPPORTED_MAJOR_VERSIONS)


@remember_short
def reporting_site(origin: str) -> str | None:
    """The site of a reporting origin as jobs name it, ``https://shop.test``; None where it has none.

    Hosts that are IP addresses, public suffixes or of one label have none, and nor has what is longer than an origin.
    """
    if len(origin) > _LONGEST_ORIGIN:
        return None
    try:
        host = site_of_origin(origin)
    except ValueError:
        return None
    return f"https://{host}" if registrable_domain(host) == host else None


def _origin_error(origin: str, parameters: JobParameters) -> ErrorCounter | None:
    if parameters.reporting_site is None:
        same = origin == parameters.attribution_report_to
        return None if same else ErrorCounter.ATTRIBUTION_REPORT_TO_MISMATCH
    site = reporting_site(origin)
    if site is None:
        return ErrorCounter.ATTRIBUTION_REPORT_TO_MALFORMED
    return None if site == parameters.reporting_site else ErrorCounter.REPORTING_SITE_MISMATCH


def _has_unit_members(info: SharedInfo) -> bool:
    """Whether a report has what its budget units are made of; the same for every filtering id."""
    if not info.reporting_origin:
        return False
    return info.api in APIS and (info.api not in DESTINATION_APIS or bool(info.attribution_destination))


@remember_short
def _version_exists(version: str) -> bool:
    return _VERSION.fullmatch(version) is not None and _ZERO_VERSION.fullmatch(version) is None


@remember_short
def _major(version: str) -> int | None:
    match = _VERSION.fullmatch(version)
    return None if match is None else int(match[1].lstrip("0")[:_DISTINCT_DIGITS] or "0")

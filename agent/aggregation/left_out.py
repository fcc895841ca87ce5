"""Reports that are left out, told to a person: what was compared, and which common mistake explains it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping

from agent.aggregation.avro import Record
from agent.crypto.aggregatable_payload import open_under
from agent.engines.aggregation.budget_units import instant_text
from agent.engines.aggregation.mistakes import (
    Mistake,
    origin_mismatch,
    undecryptable,
    unknown_key,
    unreadable_payload,
    unreadable_shared_info,
)
from agent.engines.aggregation.report_checks import reporting_site
from agent.model.aggregation import ErrorCounter, JobParameters, LeftOut, SharedInfo

TOLD_FOR_EACH_COUNTER = 5
_SHOWN = 80
"""Characters of a text that somebody else wrote."""


def first_of_each_counter(reports: Iterable[LeftOut]) -> list[LeftOut]:
    """Those that are among the first few for one of their counters."""
    told: dict[ErrorCounter, int] = {}
    kept = []
    for report in reports:
        if any(told.get(error, 0) < TOLD_FOR_EACH_COUNTER for error in report.errors):
            kept.append(report)
            for error in report.errors:
                told[error] = told.get(error, 0) + 1
    return kept


def unreadable_info(record: Record) -> tuple[str, Mistake | None]:
    """Detail and mistake of a report whose shared_info cannot be read."""
    detail = f"shared_info is no object with version, scheduled_report_time and reporting_origin: {_shown(record[2])}"
    return detail, unreadable_shared_info(record.shared_info)


def unopened(record: Record, private_keys: Mapping[str, bytes]) -> tuple[str, Mistake | None]:
    """Detail and mistake of a payload that does not open, or for which there is no key."""
    if record.key_id not in private_keys:
        return f"key_id {_shown(record.key_id)}", unknown_key(record.key_id[:_SHOWN], private_keys)

    def opens(key_id: str, payload: bytes, info: bytes) -> bool:
        return open_under(payload, info, private_keys[key_id]) is not None

    mistake = undecryptable(record.payload, record.shared_info, record.key_id, key_ids=private_keys, opens=opens)
    return f"{len(record.payload):,} bytes do not open with key {_shown(record.key_id)} and shared_info", mistake


def unparsed(plaintext: bytes, reason: str, *, clear_text: bool) -> tuple[str, Mistake | None]:
    """Detail and mistake of a plaintext that holds no contributions, for ``reason``."""
    return f"of the clear text, {len(plaintext):,} bytes, {reason}", unreadable_payload(
        plaintext, clear_text=clear_text
    )


def refused(
    errors: Iterable[ErrorCounter], info: SharedInfo, operation: str, parameters: JobParameters
) -> tuple[str, Mistake | None]:
    """Detail and mistake of a report that failed checks."""
    compared = [_COMPARED[error](info, operation, parameters) for error in errors if error in _COMPARED]
    return "; ".join(compared), origin_mismatch(info, parameters)


def _shown(text: str) -> str:
    return repr(text if len(text) <= _SHOWN else text[:_SHOWN] + "...")


def _site(info: SharedInfo, operation: str, parameters: JobParameters) -> str:
    del operation
    site = reporting_site(info.reporting_origin)
    return f"the site of reporting_origin {_shown(info.reporting_origin)} is {site}, not {parameters.reporting_site}"


def _members(info: SharedInfo, operation: str, parameters: JobParameters) -> str:
    del operation, parameters
    return (
        f"no budget unit is made of version {_shown(info.version)}, api {_shown(info.api or '')}, "
        f"reporting_origin {_shown(info.reporting_origin)}, "
        f"attribution_destination {_shown(info.attribution_destination or '')}"
    )


_COMPARED: Mapping[ErrorCounter, Callable[[SharedInfo, str, JobParameters], str]] = {
    ErrorCounter.ATTRIBUTION_REPORT_TO_MISMATCH: lambda info, _, parameters: (
        f"reporting_origin is {_shown(info.reporting_origin)}, not {parameters.attribution_report_to!r}"
    ),
    ErrorCounter.ATTRIBUTION_REPORT_TO_MALFORMED: lambda info, *_: (
        f"reporting_origin {_shown(info.reporting_origin)} has no site"
    ),
    ErrorCounter.REPORTING_SITE_MISMATCH: _site,
    ErrorCounter.ORIGINAL_REPORT_TIME_TOO_OLD: lambda info, *_: (
        f"it was scheduled at {instant_text(info.scheduled_report_time)}, 90 days ago or more"
    ),
    ErrorCounter.UNSUPPORTED_OPERATION: lambda _, operation, __: f"the payload's operation is {_shown(operation)}",
    ErrorCounter.DEBUG_NOT_ENABLED: lambda info, *_: (
        f"it is a debug run, and debug_mode is {_shown(info.debug_mode) if info.debug_mode else 'absent'}"
    ),
    ErrorCounter.UNSUPPORTED_REPORT_API_TYPE: lambda info, *_: f"api is {_shown(info.api or '')}",
    ErrorCounter.REQUIRED_SHAREDINFO_FIELD_INVALID: _members,
    ErrorCounter.INVALID_REPORT_ID: lambda info, *_: (
        f"report_id is {_shown(info.report_id) if info.report_id else 'absent'}"
    ),
    ErrorCounter.UNSUPPORTED_SHAREDINFO_VERSION: lambda info, *_: f"version is {_shown(info.version)}",
}
"""What each check compared."""

"""``shared_info`` of a report, as the service reads it: the JSON text that the browser sealed the payload with.

Whatever the text holds, reading it raises nothing: what is not understood is no shared info. Members that the service
does not know are skipped, of equal members the last counts, and a member that is null counts as absent.
"""

from __future__ import annotations

import json
import re
from decimal import ROUND_FLOOR, Decimal
from typing import Any, Final

import orjson

from agent.model.aggregation import SharedInfo
from agent.model.clock import SECOND

_MAX_SECONDS: Final = 2**53
"""Farthest instant before or after 1970: the milliseconds of the hour around it fit 64 bits."""
_DIGITS: Final = re.compile(r"[0-9]{1,19}")
_MILLISECOND: Final = Decimal("0.001")


def parse_shared_info(text: str) -> SharedInfo | None:
    """What ``text`` says (section 5); None where that is a DECRYPTION_ERROR.

    That is: no JSON object, no ``version``, ``scheduled_report_time`` or ``reporting_origin``, or a member of a wrong
    type. Times are seconds since 1970, written as a string of digits or as a number, and become milliseconds; what is
    finer than a millisecond is cut off.
    """
    try:
        members = orjson.loads(text)
    except orjson.JSONDecodeError:
        return None
    if type(members) is not dict:
        return None
    get = members.get
    scheduled, registered = get("scheduled_report_time"), get("source_registration_time")
    if type(scheduled) is float or type(registered) is float:
        decimals = _read_decimals(text)
        scheduled, registered = decimals.get("scheduled_report_time"), decimals.get("source_registration_time")
    scheduled_time = _milliseconds(scheduled)
    registration_time = _milliseconds(registered)
    version, origin = get("version"), get("reporting_origin")
    if type(version) is not str or type(origin) is not str or scheduled_time is None:
        return None
    if registered is not None and registration_time is None:
        return None
    api, report_id = get("api"), get("report_id")
    debug_mode, destination = get("debug_mode"), get("attribution_destination")
    for optional in (api, report_id, debug_mode, destination):
        if optional is not None and type(optional) is not str:
            return None
    return SharedInfo(version, origin, scheduled_time, api, report_id, debug_mode, destination, registration_time)


def _milliseconds(value: object) -> int | None:
    """The instant that a member names; None where it names none, or one too far away."""
    if type(value) is str:
        seconds = int(value) if _DIGITS.fullmatch(value) else None
    elif type(value) is int:
        seconds = value
    elif type(value) is Decimal and -_MAX_SECONDS <= value <= _MAX_SECONDS:
        return int(value.quantize(_MILLISECOND, ROUND_FLOOR) * SECOND)
    else:
        return None
    if seconds is None or not -_MAX_SECONDS <= seconds <= _MAX_SECONDS:
        return None
    return seconds * SECOND


def _read_decimals(text: str) -> dict[str, Any]:
    """The members of a JSON object, numbers with a fraction or an exponent exact: a double would round their end."""
    try:
        members: dict[str, Any] = json.loads(text, parse_float=Decimal)
    except (ArithmeticError, RecursionError):  # an exponent, or a depth, that only the faster reader takes
        return {}
    return members

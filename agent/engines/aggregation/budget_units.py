"""Budget units: what a report spends, and how the service names it when it was spent before.

A unit is a shared ID (the hash of what the reports of a batch have in common), an hour and an origin. What is asked
here is asked of reports that passed :func:`agent.engines.aggregation.report_checks.report_errors`.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from decimal import Decimal
from functools import lru_cache
from typing import Any, Final

import orjson

from agent.engines.aggregation.report_checks import DESTINATION_APIS, major_version
from agent.model.aggregation import BudgetUnit, SharedInfo
from agent.model.caching import LONGEST
from agent.model.clock import DAY, HOUR, MINUTE, SECOND

_LAST_PLAIN_YEAR: Final = 9999
_DAYS_OF_400_YEARS: Final = 146_097
_DAYS_FROM_MARCH_OF_YEAR_0: Final = 719_468
"""To 1970-01-01. Years that begin in March have their leap day at the end."""


def shared_id(info: SharedInfo, filtering_id: int) -> str:
    """The shared ID of a report queried for ``filtering_id``: SHA-256 in hex (section 7)."""
    parts = [info.api or "", info.version, info.reporting_origin]
    if info.api in DESTINATION_APIS:
        parts.append(info.attribution_destination or "")
        if info.source_registration_time is not None:
            parts.append(instant_text(info.source_registration_time))
    if filtering_id or (major_version(info) or 0) >= 1:
        parts.append(str(filtering_id))
    return hashlib.sha256("-".join(parts).encode()).hexdigest()


def budget_units(info: SharedInfo, filtering_ids: frozenset[int]) -> tuple[BudgetUnit, ...]:
    """What a report spends: one unit for each queried filtering id, in their order (section 7).

    The same for a null report, and for one without a contribution of a queried id.
    """
    destination = info.attribution_destination if info.api in DESTINATION_APIS else None
    # Reports of a batch are much alike: what they spend is hashed once. Texts are whatever a file holds, so that long
    # ones are not remembered.
    is_short = len(info.version) + len(info.reporting_origin) + len(destination or "") <= LONGEST
    return (_remembered_units if is_short else _units)(
        info.api,
        info.version,
        info.reporting_origin,
        destination,
        info.source_registration_time,
        info.scheduled_report_time // HOUR * HOUR,
        filtering_ids,
    )


def _units(
    api: str | None,
    version: str,
    origin: str,
    destination: str | None,
    registration_time: int | None,
    hour: int,
    filtering_ids: frozenset[int],
) -> tuple[BudgetUnit, ...]:
    info = SharedInfo(
        version,
        origin,
        hour,
        api,
        attribution_destination=destination,
        source_registration_time=registration_time,
    )
    return tuple(BudgetUnit(shared_id(info, filtering_id), hour, origin) for filtering_id in sorted(filtering_ids))


_remembered_units = lru_cache(maxsize=4096)(_units)


def unit_document(info: SharedInfo, filtering_id: int) -> dict[str, Any]:
    """An entry of the budget-exhausted dump (section 2.5), times as Decimals of seconds: see :func:`exhausted_dump`.

    Without the report id, so that reports that differ in that alone have equal entries.
    """
    members = {
        "api": info.api,
        "attribution_destination": info.attribution_destination,
        "reporting_origin": info.reporting_origin,
        "scheduled_report_time": _seconds(info.scheduled_report_time),
        "source_registration_time": _seconds(info.source_registration_time),
        "version": info.version,
    }
    relevant = {name: value for name, value in members.items() if value is not None}
    return {"aggregateable_input_budget_id": {"filtering_id": filtering_id, "relevant_shared_info": relevant}}


def exhausted_dump(documents: Iterable[Mapping[str, Any]]) -> bytes:
    """The text of the budget-exhausted dump (section 2.5): indented, keys sorted, equal entries once."""
    entries = {orjson.dumps(entry, default=_number, option=orjson.OPT_SORT_KEYS): entry for entry in documents}
    info = {"aggregatable_input_budget_consumption_info": list(entries.values())}
    options = orjson.OPT_INDENT_2 | orjson.OPT_SORT_KEYS
    return orjson.dumps({"privacy_budget_exhausted_info": info}, default=_number, option=options)


def _seconds(time: int | None) -> Decimal | None:
    """An instant in seconds with nine decimals, as the service writes it."""
    return None if time is None else Decimal(f"{Decimal(time).scaleb(-3):.9f}")


def _number(value: object) -> orjson.Fragment:
    """A Decimal as the JSON number that it is, trailing zeros kept."""
    if not isinstance(value, Decimal):
        raise TypeError(f"{value!r} is no part of the dump")
    return orjson.Fragment(f"{value:f}")


def instant_text(time: int) -> str:
    """An instant as Java's ``Instant.toString`` writes it: ``2021-01-01T00:00:00Z``, a fraction where it has one."""
    days, rest = divmod(time, DAY)
    year, month, day = _date(days)
    hour, minute = rest // HOUR, rest % HOUR // MINUTE
    second, fraction = divmod(rest % MINUTE, SECOND)
    sign = "-" if year < 0 else "+" if year > _LAST_PLAIN_YEAR else ""
    milliseconds = f".{fraction:03d}" if fraction else ""
    return f"{sign}{abs(year):04d}-{month:02d}-{day:02d}T{hour:02d}:{minute:02d}:{second:02d}{milliseconds}Z"


def _date(days: int) -> tuple[int, int, int]:
    """Year, month and day of the day that many after 1970-01-01, of years that ``datetime`` does not reach too."""
    era, day = divmod(days + _DAYS_FROM_MARCH_OF_YEAR_0, _DAYS_OF_400_YEARS)
    year = (day - day // 1_460 + day // 36_524 - day // (_DAYS_OF_400_YEARS - 1)) // 365
    day -= 365 * year + year // 4 - year // 100
    month = (5 * day + 2) // 153
    day_of_month = day - (153 * month + 2) // 5 + 1
    in_next_year = month >= 10
    return 400 * era + year + in_next_year, month - 9 if in_next_year else month + 3, day_of_month

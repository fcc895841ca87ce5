"""Which budget units a job spent or found spent: the part of its explanation that names them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from agent.engines.aggregation.budget_units import instant_text, shared_id
from agent.engines.aggregation.explained_reports import counted, shown
from agent.model.aggregation import BudgetUnit, SharedInfo, SpentUnit
from agent.model.clock import HOUR, SECOND, format_instant
from agent.model.events import Check

KEPT_UNITS = 100
"""How many units an event's data lists at most."""
NAMED_UNITS = 10
"""How many its checks name; ``Partial.made_of`` need not know more."""
_SHOWN_DIGITS = 12


def exhausted_checks(
    rule: str, exhausted: Sequence[SpentUnit], documents: Sequence[Mapping[str, Any]], *, wanted: int
) -> Iterator[Check]:
    """Which of the ``wanted`` units are spent, by which job and since when, and what that means.

    ``documents``: the entries of the budget-exhausted dump, which tell what the units are made of; a shared ID is a
    hash, and tells nothing.
    """
    made_of = _made_of(documents)
    for one in exhausted[:NAMED_UNITS]:
        what = made_of.get((one.unit.shared_id, one.unit.hour))
        detail = f"{_named(one.unit, what)}: spent by job {one.job_request_id!r} at {format_instant(one.time)}"
        yield Check(rule, passed=False, detail=detail)
    more = len(exhausted) - NAMED_UNITS
    others = f" ({more:,} more than are named)" if more > 0 else ""
    yield Check(
        rule,
        passed=False,
        detail=f"{len(exhausted):,} of {counted(wanted, 'unit')} spent before{others}: nothing was spent now",
        fix="put all reports of an hour, late ones too, into one batch; leave those of the units named out, or query"
        " other filtering ids",
    )


def spent_checks(
    rule: str, units: Mapping[BudgetUnit, int], made_of: Mapping[BudgetUnit, str] | None = None
) -> Iterator[Check]:
    """The units that a job spent, each with its number of reports and, where known, what it is made of."""
    for unit, reports in list(units.items())[:NAMED_UNITS]:
        detail = f"{_named(unit, (made_of or {}).get(unit))}: spent for {counted(reports, 'report')}"
        yield Check(rule, passed=True, detail=detail)
    more = len(units) - NAMED_UNITS
    if more > 0:
        yield Check(rule, passed=True, detail=f"{more:,} more: {counted(len(units), 'unit')} spent in all")
    elif not units:
        yield Check(rule, passed=True, detail="none spent: no report counts")


def unit_text(info: SharedInfo, filtering_id: int) -> str:
    """What a unit is made of, beside its hour and origin, for a person."""
    destination = shown(info.attribution_destination or "")
    return ", ".join(part for part in (info.api, destination, f"filtering id {filtering_id}") if part)


def unit_values(unit: BudgetUnit) -> dict[str, Any]:
    """A unit as plain JSON."""
    return {
        "reporting_origin": shown(unit.reporting_origin),
        "hour": instant_text(unit.hour),
        "shared_id": unit.shared_id,
    }


def _shared_info(said: Mapping[str, Any]) -> SharedInfo:
    registered = said.get("source_registration_time")
    return SharedInfo(
        version=said["version"],
        reporting_origin=said["reporting_origin"],
        scheduled_report_time=_milliseconds(said["scheduled_report_time"]),
        api=said.get("api"),
        attribution_destination=said.get("attribution_destination"),
        source_registration_time=None if registered is None else _milliseconds(registered),
    )


def _milliseconds(seconds: Any) -> int:
    return int(seconds * SECOND)


def _named(unit: BudgetUnit, made_of: str | None) -> str:
    what = made_of or f"shared ID {unit.shared_id[:_SHOWN_DIGITS]}..."
    return f"hour from {instant_text(unit.hour)}, {shown(unit.reporting_origin)}, {what}"


def _made_of(documents: Sequence[Mapping[str, Any]]) -> dict[tuple[str, int], str]:
    """What units are made of, by shared ID and hour."""
    made_of = {}
    for document in documents:
        entry = document["aggregateable_input_budget_id"]
        info = _shared_info(entry["relevant_shared_info"])
        filtering_id, hour = entry["filtering_id"], info.scheduled_report_time // HOUR * HOUR
        made_of[shared_id(info, filtering_id), hour] = unit_text(info, filtering_id)
    return made_of

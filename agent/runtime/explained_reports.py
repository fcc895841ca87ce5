"""Reports in explanations: how far each is on its way, and which batch or job of the aggregation service took it."""

from __future__ import annotations

import json
from collections.abc import Sequence

from agent.delivery.sender import NOT_MAPPED
from agent.engines.aggregation.budget_units import budget_units
from agent.engines.aggregation.explained_reports import counted
from agent.engines.aggregation.shared_info import parse_shared_info
from agent.engines.attribution_reporting.durations import duration_text
from agent.model.aggregation import BudgetUnit
from agent.model.attribution_reporting.reports import AggregatableContent
from agent.model.clock import format_instant
from agent.model.events import Check, Event
from agent.model.explanation import DROPPED, REPORT, Explanation
from agent.model.ledger import AggregatedBatch
from agent.model.private_aggregation import PrivateAggregationContent
from agent.model.reports import Report, ReportKind, ReportState

REMOVED = "removed"


def explained_report(report: Report, now: int, children: Sequence[Explanation] = ()) -> Explanation:
    """How far ``report`` is at ``now``, over ``children``."""
    content = report.content
    null = isinstance(content, AggregatableContent | PrivateAggregationContent) and not content.contributions
    return Explanation(
        title=f"null {_noun(report.kind)}" if null else _noun(report.kind),
        kind=REPORT,
        verdict=report.state,
        time=report.created,
        summary=f"to {report.delivered_to or 'the page'}",
        site=report.site,
        checks=(_delivered(report, now),),
        children=tuple(children),
        event_id=0,
        report_id=report.id,
        data={
            "kind": report.kind.value,
            "url": report.delivered_to,
            "event": report.event_id,
            "attempts": report.attempts,
            "next_attempt": None if report.next_attempt is None else format_instant(report.next_attempt),
            "last_result": report.last_result,
        },
    )


def removed_report(name: str, decision: Event, happened: Sequence[Explanation]) -> Explanation:
    """A report that ``decision`` made under ``name``, its kind and id, and that is not stored any more.

    ``happened``: to it, before it went.
    """
    kind, _, report_id = name.partition(" ")
    detail, fix = "what its sites or its source stored was cleared", "see the timeline for a clearing"
    if ReportKind(kind) is ReportKind.EVENT_LEVEL:
        detail = f"a report of higher priority replaced it, or {detail}"
        fix = "see the timeline for a later trigger of this source, or a clearing"
    if any(one.kind == DROPPED for one in happened):
        detail, fix = "the profile's owner dropped it", "have another made"
    return Explanation(
        title=_noun(ReportKind(kind)),
        kind=REPORT,
        verdict=REMOVED,
        time=decision.time,
        summary="it was made, and is gone",
        site=decision.site,
        checks=(Check("stored", passed=False, detail=detail, fix=fix),),
        children=tuple(happened),
        report_id=report_id,
    )


def explained_batch(batch: AggregatedBatch) -> Explanation:
    """The batch of conversion reports that consumed one."""
    return Explanation(
        title=f"batch {batch.id} of {batch.service}",
        kind="aggregated-batch",
        verdict="aggregated",
        time=batch.time,
        summary=f"{counted(batch.reports, 'report')} for epsilon {batch.epsilon:g}: each counts once",
    )


def units_of(report: Report) -> tuple[BudgetUnit, ...]:
    """The budget units that an aggregatable report shares, one for each filtering id it may be queried for."""
    content = report.content
    if not isinstance(content, AggregatableContent | PrivateAggregationContent) or not report.body:
        return ()
    info = parse_shared_info(json.loads(report.body)["shared_info"])
    if info is None:
        return ()
    return budget_units(info, frozenset({0, *(one.filtering_id for one in content.contributions)}))


def _noun(kind: ReportKind) -> str:
    """``event-level report``, ``conversion report``, ``aggregatable debug report``."""
    noun = kind.removeprefix("attribution-").removesuffix("-debug")
    return f"{noun}{' debug' if kind.attempted_once else ''} report"


def _delivered(report: Report, now: int) -> Check:
    """Whether it is delivered, and what is waited for."""
    rule, made = "delivered", f"{report.attempts} attempt{'' if report.attempts == 1 else 's'}"
    match report.state:
        case ReportState.RETURNED:
            return Check(rule, passed=True, detail="given to the page that called, which sends it itself")
        case ReportState.SENT:
            return Check(rule, passed=True, detail=f"{made}, the last: {report.last_result}")
        case ReportState.SENDING:
            told = "an attempt is under way; one that was cut off is taken up when the agent starts"
            return Check("on its way", passed=True, detail=told)
        case ReportState.PENDING:
            return Check("on its way", passed=True, detail=f"{made} made; {_due(report, now)}")
        case ReportState.NOT_SENT:
            why = "its host is not mapped"
            if report.last_result not in (None, NOT_MAPPED):
                why = str(report.last_result)  # it names the coordinator's
            detail = f"{why}, and nothing leaves the machine unasked"
            return Check(rule, passed=False, detail=detail, fix="map the host: --map HOST=URL")
        case ReportState.FAILED:
            detail = f"{made}, the last: {report.last_result}; there is no other"
            return Check(rule, passed=False, detail=detail, fix="have the server answer as the last attempt asks")


def _due(report: Report, now: int) -> str:
    if report.next_attempt is None:
        return "the next one waits for a navigation: open a page, then move the clock"
    when, left = format_instant(report.next_attempt), report.next_attempt - now
    if left > 0:
        return f"due {when}, in {duration_text(left)}: tallyhost time next goes there"
    return f"due since {when}: a profile at rest, or offline, sends nothing"

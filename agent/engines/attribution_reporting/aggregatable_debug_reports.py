"""Aggregatable debug reports (engine, section 10): how registrations ended, as histograms."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from agent.model.attribution_reporting.facts import Chance, DebugBudgetUse, DebugCharge, Registrant
from agent.model.attribution_reporting.limits import AttributionReportingLimits
from agent.model.attribution_reporting.registrations import AggregatableDebugReporting
from agent.model.attribution_reporting.reports import AggregatableContent, Contribution
from agent.model.events import Check


@dataclass(frozen=True, slots=True)
class Payer:
    """The budget behind an aggregatable debug report."""

    remaining: int
    """What may still be spent: of the source's debug budget, or of what stands in for it."""
    source_id: int | None = None
    """The source that pays; None where no stored source does, 0 for the one that is being stored."""
    reports: int = 0
    """How many aggregatable debug reports that source has made."""
    key_piece: int = 0
    """The source's key piece, where a trigger's report is about it."""


@dataclass(frozen=True, slots=True)
class AggregatableDebugReport:
    """What comes of it; a null report where there is nothing to say or no budget to say it."""

    content: AggregatableContent
    charge: DebugCharge | None
    check: Check
    """It stops nothing, so it passes; the detail says why the report is null."""


def report(
    registrant: Registrant,
    config: AggregatableDebugReporting | None,
    types: Sequence[str],
    destination: str,
    payer: Payer,
    use: DebugBudgetUse,
    *,
    limits: AttributionReportingLimits,
    chance: Chance,
) -> AggregatableDebugReport | None:
    """The report about a registration that ended as ``types`` say; None where none was asked for.

    That it is there tells nothing: a null report is sent as well.
    """
    if config is None or not config.debug_data or registrant.fenced:
        return None
    told = [(name, config.debug_data[name]) for name in types if name in config.debug_data]
    need = sum(one.value for _, one in told)
    contributions: tuple[Contribution, ...] = ()
    refused = _refusal(registrant, need, payer, use, limits) if told else "no type of this outcome is in debug_data"
    if refused:
        detail = f"null report: {refused}"
    else:
        piece = config.key_piece | payer.key_piece
        detail = f"{need} for {', '.join(name for name, _ in told)}"
        contributions = tuple(Contribution(piece | one.key_piece, one.value) for _, one in told)
    content = AggregatableContent(
        reporting_origin=registrant.reporting_origin,
        report_id=chance.report_id(),
        attribution_destination=destination,
        report_time=registrant.now,
        coordinator=config.aggregation_coordinator_origin or limits.aggregation_coordinator_origins[0],
        contributions=contributions,
        aggregatable_debug=True,
    )
    charge = DebugCharge(need, payer.source_id) if contributions else None
    return AggregatableDebugReport(content, charge, Check("aggregatable debug report", True, detail))


def _refusal(
    registrant: Registrant, need: int, payer: Payer, use: DebugBudgetUse, limits: AttributionReportingLimits
) -> str:
    """Which budget or limit, in their order, stands against spending ``need``; "" where none does."""
    if need > payer.remaining:
        return f"{need} asked, {payer.remaining} left of the debug budget"
    reports = limits.max_aggregatable_debug_reports_per_source
    if payer.source_id is not None and payer.reports >= reports:
        return f"the source has made {payer.reports} debug reports, at most {reports}"
    site, other = registrant.context_site, registrant.reporting_site
    whole = limits.max_aggregatable_debug_budget_per_context_site
    if use.of_context_site + need > whole:
        return f"{need} asked, {use.of_context_site} of {whole} spent within a day on {site}"
    whole = limits.max_aggregatable_debug_budget_per_context_reporting_site
    spent = use.of_context_and_reporting_site
    if spent + need > whole:
        return f"{need} asked, {spent} of {whole} spent within a day on {site} by {other}"
    return ""

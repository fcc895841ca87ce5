"""The verbs of Private Aggregation: gather the facts, let the engine decide, apply the changes.

Each function takes the connection of a running transaction.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from itertools import groupby
from typing import Any

from agent.engines.attribution_reporting.chance import RngChance
from agent.engines.private_aggregation.batches import BatchFacts, Decision, decide
from agent.engines.private_aggregation.budget import Window, counted_after, minute_of, windows
from agent.engines.private_aggregation.report_bodies import report_path
from agent.engines.private_aggregation.scheduling import is_deterministic
from agent.model.attribution_reporting.reports import Contribution
from agent.model.clock import format_instant
from agent.model.events import Event
from agent.model.private_aggregation import PRIVATE_AGGREGATION, Batch, PrivateAggregationApi, PrivateAggregationContent
from agent.model.private_aggregation_limits import PrivateAggregationLimits
from agent.model.reports import Report, ReportState, kind_of
from agent.model.rng import Rng
from agent.model.settings import Settings
from agent.model.site import is_suitable_origin, schemeful_site, site_of_origin
from agent.verbs.attribution import Outcome
from agent.verbs.attribution_reports import append_event
from storage import pending_private_aggregation_reports, private_aggregation_budgets, reports

_TOLD = 20
"""How many contributions an event tells."""


@dataclass(frozen=True, slots=True)
class PrivateAggregationRules:
    """Under which rules an agent's operations contribute."""

    limits: PrivateAggregationLimits
    rng: Rng
    debug_mode_allowed: Callable[[str, str], bool]
    """Whether ``enableDebugMode`` takes effect for a top-level and a reporting origin."""
    enabled: bool = True
    enrolled_sites: frozenset[str] | None = None
    """Reporting sites that may contribute; None for everyone."""


@dataclass(frozen=True, slots=True)
class SiteBudgets:
    """What a site has left with one API."""

    site: str
    api: PrivateAggregationApi
    small: Window
    large: Window


def rules_of(settings: Settings, rng: Rng, *, enabled: bool) -> PrivateAggregationRules:
    """The rules that ``settings`` make; ``enabled``: whether the profile is neither private nor opted out."""
    cookies = settings.third_party_cookies
    return PrivateAggregationRules(
        limits=settings.private_aggregation_limits,
        rng=rng,
        debug_mode_allowed=settings.debug_mode_allowed or (lambda _top_level, _reporting: cookies),
        enabled=enabled and settings.private_aggregation,
        enrolled_sites=settings.enrolled_sites,
    )


def complete(
    connection: sqlite3.Connection,
    batch: Batch,
    rules: PrivateAggregationRules,
    *,
    now: int,
    auction: int | None = None,
) -> Outcome:
    """Make of ``batch``, complete at ``now`` (milliseconds), what leaves of it.

    ``auction``: the number of the event of the auction that made it, for its own event.

    The verdict is a ``BatchVerdict``. Reports and event are in the store then; there is no event where the
    operation did nothing that concerns Private Aggregation.
    """
    facts = _facts(connection, batch, rules, now)
    decision = decide(batch, facts, rules.limits, now=now, rng=rules.rng)
    if decision.report is None and not _concerns(batch, rules.limits):
        return Outcome(decision.verdict, ())
    event = append_event(connection, _event(batch, decision, now, auction))
    for content in (decision.debug_copy, decision.report):
        if content is not None:
            reports.insert(connection, _report(content, rules.rng, now, event.id))
    if decision.spent:
        site, minute = schemeful_site(batch.reporting_origin), minute_of(now)
        private_aggregation_budgets.spend(connection, site, batch.api, minute, decision.spent)
    return Outcome(decision.verdict, (event,))


def budgets(connection: sqlite3.Connection, limits: PrivateAggregationLimits, *, now: int) -> list[SiteBudgets]:
    """What every site that spent something lately has left, by site and API."""
    uses = private_aggregation_budgets.read(connection, counted_after(limits, now))
    return [
        SiteBudgets(site, api, *windows({one.minute: one.spent for one in of_site}, limits, now))
        for (site, api), of_site in groupby(uses, key=lambda one: (one.site, one.api))
    ]


def clear_site_data(connection: sqlite3.Connection, hosts: Iterable[str]) -> None:
    """The user clears the data of sites: the reports of their origins that were not sent, and what they spent."""
    sites = {f"{scheme}://{host}" for host in hosts for scheme in ("https", "http")}
    urls = pending_private_aggregation_reports.urls(connection)
    pending_private_aggregation_reports.remove(connection, [url for url in urls if schemeful_site(url) in sites])
    private_aggregation_budgets.remove_sites(connection, sites)


def clear_all(connection: sqlite3.Connection) -> None:
    """The user clears everything: what was not sent, and what was spent."""
    pending_private_aggregation_reports.remove(connection, pending_private_aggregation_reports.urls(connection))
    private_aggregation_budgets.remove_all(connection)


def _facts(connection: sqlite3.Connection, batch: Batch, rules: PrivateAggregationRules, now: int) -> BatchFacts:
    origin = batch.reporting_origin
    if not is_suitable_origin(origin):
        return BatchFacts(trustworthy=False, enabled=rules.enabled)
    site, counted = schemeful_site(origin), counted_after(rules.limits, now)
    private_aggregation_budgets.expire(connection, counted)
    return BatchFacts(
        enabled=rules.enabled,
        enrolled=rules.enrolled_sites is None or site in rules.enrolled_sites,
        debug_mode_allowed=batch.debug.enabled and rules.debug_mode_allowed(batch.top_level_origin, origin),
        use=private_aggregation_budgets.use(connection, site, batch.api, counted),
        pending_reports=pending_private_aggregation_reports.count(
            connection, [origin + report_path(api) for api in PrivateAggregationApi]
        ),
    )


def _concerns(batch: Batch, limits: PrivateAggregationLimits) -> bool:
    """Whether the operation did, or was to do, anything about Private Aggregation."""
    called = batch.contributions or batch.conditional or batch.debug.enabled
    return bool(called) or is_deterministic(batch.api, batch.config, limits)


def _report(content: PrivateAggregationContent, rng: Rng, now: int, event_id: int) -> Report:
    """The record of a report; a debug copy has an id of its own, as it is sent with that of its report."""
    return Report(
        id=RngChance(rng).report_id() if content.debug_copy else content.report_id,
        kind=kind_of(content),
        created=now,
        content=content,
        event_id=event_id,
        delivered_to=content.reporting_origin + report_path(content.api, debug_copy=content.debug_copy),
        state=ReportState.PENDING,
        next_attempt=now if content.debug_copy else content.scheduled_report_time,
    )


def _event(batch: Batch, decision: Decision, now: int, auction: int | None) -> Event:
    report = decision.report or decision.debug_copy
    contributions = report.contributions if report is not None else batch.contributions
    data: dict[str, Any] = {
        "api": batch.api.value,
        "reporting_origin": batch.reporting_origin,
        "top_level_origin": batch.top_level_origin,
        "context_id": batch.config.context_id,
        "calls": len(batch.contributions) + len(batch.conditional),
        "contributions": [_told(one) for one in contributions[:_TOLD]],
        "count": len(contributions),
        "spent": decision.spent,
        "reports": [
            f"{kind_of(content).value} {content.report_id}"
            for content in (decision.report, decision.debug_copy)
            if content is not None
        ],
    }
    if auction is not None:
        data["auction"] = auction
    if decision.report is not None:
        data["scheduled_report_time"] = format_instant(decision.report.scheduled_report_time)
    return Event(
        kind=PRIVATE_AGGREGATION,
        time=now,
        verdict=decision.verdict,
        summary=f"batch of {batch.reporting_origin} ({batch.api}): {decision.verdict}",
        site=_host_of(batch.top_level_origin),
        data=data,
        trace=decision.trace,
    )


def _told(contribution: Contribution) -> dict[str, Any]:
    """A contribution as JSON; what may exceed 53 bits is text."""
    return {
        "bucket": str(contribution.bucket),
        "value": contribution.value,
        "filtering_id": str(contribution.filtering_id),
    }


def _host_of(origin: str) -> str:
    """The site of an origin as events name sites; "" for an opaque one."""
    try:
        return site_of_origin(origin)
    except ValueError:
        return ""

"""Storing a source: the checks in Chromium's order, and what comes of them (engine, section 2.1)."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

from agent.engines.attribution_reporting import aggregatable_debug_reports, debug_reports, source_limits
from agent.engines.attribution_reporting.aggregatable_debug_reports import Payer
from agent.engines.attribution_reporting.destination_limit import dropped_destinations
from agent.engines.attribution_reporting.new_source import make_source
from agent.engines.attribution_reporting.randomized_response import flip_rate, states_of
from agent.engines.attribution_reporting.scopes import scopes_change
from agent.engines.attribution_reporting.source_limits import Applicant
from agent.model.attribution_reporting.facts import (
    Chance,
    DebugCharge,
    FakeReport,
    NewSource,
    Registrant,
    ScopesChange,
    SourceFacts,
    SourceOutcome,
)
from agent.model.attribution_reporting.limits import AttributionReportingLimits
from agent.model.attribution_reporting.registrations import SourceRegistration, SourceType
from agent.model.attribution_reporting.reports import DebugContent
from agent.model.attribution_reporting.verdicts import SourceVerdict
from agent.model.events import Check, Trace


@dataclass(slots=True)
class _Ending:
    """How a registration ends, filled step by step."""

    verdict: SourceVerdict = SourceVerdict.SUCCESS
    checks: list[Check] = field(default_factory=list)
    limit: str | float | None = None
    evicted: tuple[str, ...] = ()
    scopes: ScopesChange | None = None
    response: tuple[FakeReport, ...] | None = None
    stored: NewSource | None = None


def register_source(
    registrant: Registrant,
    source_type: SourceType,
    registration: SourceRegistration,
    facts: SourceFacts,
    *,
    limits: AttributionReportingLimits,
    chance: Chance,
) -> SourceOutcome:
    """Decide about a source; without debug permission it loses its debug key."""
    asks = registration.debug_key is not None or registration.debug_reporting
    debug = debug_reports.permission(registrant, asked=asks)
    if registration.debug_key is not None and not registrant.debug_permission:
        registration = replace(registration, debug_key=None)
    one = Applicant(registrant, source_type, registration, facts, limits)
    ending = _decide(one, chance)
    reports, charge = _debug_reports(one, ending, chance)
    return SourceOutcome(
        verdict=ending.verdict,
        trace=Trace((*ending.checks, *debug)),
        evict_destinations=ending.evicted,
        scopes_change=ending.scopes,
        new_source=ending.stored,
        debug_reports=reports,
        debug_charge=charge,
    )


def _decide(one: Applicant, chance: Chance) -> _Ending:
    """Steps 1 to 14; the first that fails decides, though the limit of all reporting sites does so at the very end."""
    ending = _Ending()
    refused: SourceVerdict | None = None
    for finding in source_limits.before_eviction(one):
        ending.checks.append(finding.check)
        if finding.check.passed:
            continue
        if finding.verdict is SourceVerdict.DESTINATION_GLOBAL_RATE_LIMIT:
            refused = finding.verdict
        else:
            ending.verdict, ending.limit = finding.verdict, finding.limit
            return ending
    if not _makes_room(one, ending):
        return ending
    ending.scopes = scopes_change(one.registration.attribution_scopes, one.facts)
    ending.checks += _of_scopes(ending.scopes)
    rate = flip_rate(states_of(one.registration), one.registration.event_level_epsilon)
    truthful = one.limits.debug_mode or not one.limits.noise
    ending.response = None if truthful else chance.randomized_response(one.registration, rate)
    if refused is None:
        for finding in source_limits.reporting_origins(one):
            ending.checks.append(finding.check)
            if not finding.check.passed:
                refused = finding.verdict
                break
    if refused is not None:
        ending.verdict = refused
        return ending
    ending.verdict = _success(ending)
    ending.stored = make_source(one, rate, ending.response, chance)
    ending.checks.append(_of_response(rate, ending.response))
    return ending


def _makes_room(one: Applicant, ending: _Ending) -> bool:
    """Steps 9 and 10: whether the new source has a place among the destinations, at others' cost where need be."""
    limit = one.limits.max_destinations_per_source_site_reporting_site
    own = one.registration.destinations
    dropped = dropped_destinations(
        one.facts.destination_groups, own, one.registration.destination_limit_priority, one.registrant.now, limit
    )
    lost = [destination for destination in dropped if destination in own]
    rule = "destinations of unexpired sources"
    scope = f"of {one.registrant.context_site} and {one.registrant.reporting_site}"
    if lost:
        fix = "raise destination_limit_priority, or register for fewer destinations"
        ending.checks.append(
            Check(rule, False, f"all {limit} places {scope} are taken by others: none for {', '.join(lost)}", fix)
        )
        ending.verdict, ending.limit = SourceVerdict.DESTINATION_LIMIT, str(limit)
        return False
    detail = f"{len(one.facts.destination_groups)} {scope} so far, at most {limit}"
    if dropped:
        detail += f"; the sources for {', '.join(dropped)} are evicted"
    ending.checks.append(Check(rule, True, detail))
    ending.evicted = dropped
    return True


def _of_scopes(change: ScopesChange) -> list[Check]:
    """What a source with scopes takes away; nothing is said of one without."""
    if change.remove_unlike is None:
        return []
    lost = [f"{', '.join(scopes)} for {destination}" for destination, scopes in change.remove_scopes.items()]
    room = f"room for {change.remove_unlike.limit}"
    return [Check("attribution scopes", True, f"{room}; sources are removed with {'; '.join(lost)}" if lost else room)]


def _success(ending: _Ending) -> SourceVerdict:
    return SourceVerdict.SUCCESS if ending.response is None else SourceVerdict.NOISED


def _of_response(rate: float, response: tuple[FakeReport, ...] | None) -> Check:
    if response is None:
        detail = "the truth"
    elif response:
        detail = f"{len(response)} made-up reports, and no real ones"
    else:
        detail = "no event-level reports whatever happens"
    return Check("randomized response", True, f"{detail}, at a rate of {rate:.7f}")


def _debug_reports(
    one: Applicant, ending: _Ending, chance: Chance
) -> tuple[tuple[DebugContent, ...], DebugCharge | None]:
    """What is told about the ending: hidden refusals look like success in the verbose report alone."""
    shown = _success(ending) if ending.verdict in _HIDDEN else ending.verdict
    replaced = one.limits.max_destinations_per_source_site_reporting_site if ending.evicted else None
    verbose = debug_reports.of_source(one.registrant, one.registration, shown, limit=ending.limit, replaced=replaced)
    config = one.registration.aggregatable_debug_reporting
    types = [ending.verdict, SourceVerdict.DESTINATION_LIMIT_REPLACED] if ending.evicted else [ending.verdict]
    summed = aggregatable_debug_reports.report(
        one.registrant,
        config,
        types,
        one.registration.destinations[0],
        Payer(config.budget if config else 0, 0 if ending.stored else None),
        one.facts.debug_budget_use,
        limits=one.limits,
        chance=chance,
    )
    reports: tuple[DebugContent, ...] = () if verbose is None else (verbose,)
    if summed is None:
        return reports, None
    ending.checks.append(summed.check)
    return (*reports, summed.content), summed.charge


_HIDDEN = frozenset({SourceVerdict.DESTINATION_GLOBAL_RATE_LIMIT, SourceVerdict.REPORTING_ORIGIN_LIMIT})
"""What depends on other reporting sites is told to none of them."""

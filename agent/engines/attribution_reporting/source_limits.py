"""The limits that a new source must keep, in Chromium's order (engine, section 2.1)."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import dataclass
from typing import NamedTuple

from agent.engines.attribution_reporting.durations import duration_text
from agent.engines.attribution_reporting.randomized_response import (
    channel_capacity,
    scopes_channel_capacity,
    states_of,
)
from agent.model.attribution_reporting.facts import Registrant, SourceFacts
from agent.model.attribution_reporting.limits import AttributionReportingLimits
from agent.model.attribution_reporting.registrations import AttributionScopes, SourceRegistration, SourceType
from agent.model.attribution_reporting.verdicts import SourceVerdict
from agent.model.clock import DAY
from agent.model.events import Check

_FEWER_STATES = "register fewer trigger_data, event report windows or max_event_level_reports"


@dataclass(frozen=True, slots=True)
class Applicant:
    """A source that asks to be stored."""

    registrant: Registrant
    source_type: SourceType
    registration: SourceRegistration
    facts: SourceFacts
    limits: AttributionReportingLimits


class Finding(NamedTuple):
    """One step of the order of checks."""

    check: Check
    verdict: SourceVerdict
    """How the registration ends where the check failed."""
    limit: str | float
    """``limit`` of the verbose debug report: text, but a number for the channel capacities."""


def before_eviction(one: Applicant) -> Iterator[Finding]:
    """Steps 1 to 8; the first that fails ends the registration, but for that of every reporting site in step 7."""
    states = states_of(one.registration)
    scopes = one.registration.attribution_scopes
    yield _state_cardinality(one, states)
    yield _channel_capacity(one, states)
    if scopes is not None:
        if one.source_type is SourceType.EVENT:
            yield _max_event_states(scopes, states)
        yield _scopes_channel_capacity(one, scopes, states)
    yield _sources_of_origin(one)
    yield _reporting_origin_of_sites(one)
    yield _destinations_in_window(one)
    yield _destinations_in_window_of_all(one)
    yield _destinations_of_day(one)


def reporting_origins(one: Applicant) -> Iterator[Finding]:
    """Step 13, for each destination."""
    limit = one.limits.rate_limit_max_source_registration_reporting_origins
    own = one.registrant.reporting_origin
    for destination in one.registration.destinations:
        known = one.facts.reporting_origins_of_destinations.get(destination, frozenset())
        passed = own in known or len(known) < limit
        detail = (
            f"{own} is {'one of' if own in known else 'new beside'} {len(known)} that registered sources for "
            f"{destination} on {one.registrant.context_site} within "
            f"{duration_text(one.limits.rate_limit_time_window)}, at most {limit}"
        )
        fix = "" if passed else "register from fewer reporting origins; the page is told that it went well"
        check = Check("reporting origins of source site and destination", passed, detail, fix)
        yield Finding(check, SourceVerdict.REPORTING_ORIGIN_LIMIT, str(limit))


def _state_cardinality(one: Applicant, states: int) -> Finding:
    limit = one.limits.max_trigger_state_cardinality
    passed = states <= limit
    check = Check("trigger states", passed, f"{states}, at most {limit}", "" if passed else _FEWER_STATES)
    return Finding(check, SourceVerdict.TRIGGER_STATE_CARDINALITY_LIMIT, str(limit))


def _channel_capacity(one: Applicant, states: int) -> Finding:
    navigation = one.source_type is SourceType.NAVIGATION
    limits = one.limits
    limit = (
        limits.max_event_level_channel_capacity_navigation
        if navigation
        else limits.max_event_level_channel_capacity_event
    )
    epsilon = one.registration.event_level_epsilon
    bits = channel_capacity(states, epsilon)
    passed = bits <= limit
    detail = f"{bits:.4f} bits of {states} states at epsilon {epsilon:g}, at most {limit:g} bits"
    fix = "" if passed else f"{_FEWER_STATES}, or a smaller event_level_epsilon"
    return Finding(Check("channel capacity", passed, detail, fix), SourceVerdict.CHANNEL_CAPACITY_LIMIT, limit)


def _max_event_states(scopes: AttributionScopes, states: int) -> Finding:
    limit = scopes.max_event_states
    passed = states <= limit
    fix = "" if passed else f"raise attribution_scopes.max_event_states to {states}"
    check = Check("max_event_states of scopes", passed, f"{states} states, at most {limit}", fix)
    return Finding(check, SourceVerdict.MAX_EVENT_STATES_LIMIT, str(limit))


def _scopes_channel_capacity(one: Applicant, scopes: AttributionScopes, states: int) -> Finding:
    limit = (
        one.limits.max_event_level_channel_capacity_scopes_navigation
        if one.source_type is SourceType.NAVIGATION
        else one.limits.max_event_level_channel_capacity_scopes_event
    )
    bits = scopes_channel_capacity(states, scopes.max_event_states, scopes.limit)
    passed = bits <= limit
    detail = (
        f"{bits:.4f} bits of {states} states and {scopes.max_event_states} for each of {scopes.limit - 1} "
        f"more scopes, at most {limit:g} bits"
    )
    fix = "" if passed else "register a smaller attribution_scopes.limit or max_event_states"
    check = Check("channel capacity with scopes", passed, detail, fix)
    return Finding(check, SourceVerdict.SCOPES_CHANNEL_CAPACITY_LIMIT, limit)


def _sources_of_origin(one: Applicant) -> Finding:
    limit, count = one.limits.max_sources_per_origin, one.facts.active_sources_of_origin
    passed = count < limit
    detail = f"{count} active sources of {one.registrant.context_origin}, room for {limit}"
    fix = "" if passed else "wait until sources expire, or register with a shorter expiry"
    check = Check("sources of the source origin", passed, detail, fix)
    return Finding(check, SourceVerdict.STORAGE_LIMIT, str(limit))


def _reporting_origin_of_sites(one: Applicant) -> Finding:
    limit = one.limits.rate_limit_max_reporting_origins_per_source_reporting_site
    known, own = one.facts.reporting_origins_of_sites, one.registrant.reporting_origin
    passed = own in known or len(known) < limit
    detail = (
        f"{own} on {one.registrant.context_site}, where {_named(known)} registered within "
        f"{duration_text(one.limits.rate_limit_origins_per_site_window)}, at most {limit}"
    )
    fix = "" if passed else "register from the reporting origin that was used first, or wait"
    check = Check("reporting origins of source site and reporting site", passed, detail, fix)
    return Finding(check, SourceVerdict.REPORTING_ORIGIN_PER_SITE_LIMIT, str(limit))


def _destinations_in_window(one: Applicant) -> Finding:
    limit = one.limits.max_destinations_per_rate_limit_window_reporting_site
    count = _with_own(one, one.facts.destinations_in_window_of_reporting_site)
    check = _of_destinations(
        "destinations in the rate limit's window",
        count,
        limit,
        f"of {one.registrant.context_site} and {one.registrant.reporting_site} {_window(one)}",
    )
    return Finding(check, SourceVerdict.DESTINATION_RATE_LIMIT, str(limit))


def _destinations_in_window_of_all(one: Applicant) -> Finding:
    limit = one.limits.max_destinations_per_rate_limit_window
    count = _with_own(one, one.facts.destinations_in_window)
    check = _of_destinations(
        "destinations in the rate limit's window, any reporting site",
        count,
        limit,
        f"of {one.registrant.context_site} {_window(one)}",
    )
    return Finding(check, SourceVerdict.DESTINATION_GLOBAL_RATE_LIMIT, str(limit))


def _destinations_of_day(one: Applicant) -> Finding:
    limit = one.limits.max_destinations_per_reporting_site_per_day
    count = _with_own(one, one.facts.destinations_of_day)
    check = _of_destinations(
        "destinations of a day",
        count,
        limit,
        f"of {one.registrant.context_site} and {one.registrant.reporting_site} within {duration_text(DAY)}",
    )
    return Finding(check, SourceVerdict.DESTINATION_PER_DAY_RATE_LIMIT, str(limit))


def _with_own(one: Applicant, known: Collection[str]) -> int:
    return len(known) + len(set(one.registration.destinations).difference(known))


def _window(one: Applicant) -> str:
    return f"within {duration_text(one.limits.destination_rate_limit_window)}"


def _of_destinations(rule: str, count: int, limit: int, scope: str) -> Check:
    passed = count <= limit
    fix = "" if passed else "register for fewer destinations, or wait"
    over = "" if passed else f": {count - limit} too many"
    return Check(rule, passed, f"{count} {scope} with the new ones, at most {limit}{over}", fix)


def _named(origins: Collection[str]) -> str:
    if not origins:
        return "none"
    return ", ".join(sorted(origins)[:3]) + (f" and {len(origins) - 3} more" if len(origins) > 3 else "")

"""The verbs of attribution: gather the facts, let the engine decide, apply the changes.

Each function takes the connection of a running transaction. The API being disabled (opted out, private mode) changes
neither the statements nor the draws of a call: it only masks what is stored and reported.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from agent.engines.attribution import clearing, conversion, epochs
from agent.engines.attribution.budget import Deduction
from agent.engines.attribution.credit import Share
from agent.engines.attribution.explanation import NAMED
from agent.engines.attribution.facts import ConversionFacts
from agent.engines.attribution.options import conversion_request, impression_request
from agent.model.attribution import (
    AggregationService,
    AttributionState,
    AttributionVerdict,
    CallContext,
    ConversionRequest,
    Dialect,
    ImpressionRequest,
    Policy,
)
from agent.model.changed_limits import changed_limits
from agent.model.clock import DAY, format_instant
from agent.model.errors import PageException
from agent.model.events import Check, Event, Trace
from agent.model.limits import AttributionLimits
from agent.model.rng import Draw, RecordedRng, Rng
from agent.verbs.recording import told_options
from storage import impressions, privacy_budgets

_EXPIRED = "expired"
_LONGEST_HOST = 253
IMPRESSIONS, SITE_DATA, HISTORY = "impressions", "site-data", "history"
"""What was cleared, as the event says: what a site saved, a user's site data, a user's history."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """How a call ended."""

    verdict: str
    """An :class:`AttributionVerdict`, the name of the exception, or ``cleared`` or ``expired``."""
    events: tuple[Event, ...]
    """Empty where nothing happened."""
    exception: PageException | None = None
    """What the page sees thrown; nothing was changed then."""
    request: ImpressionRequest | ConversionRequest | None = None
    """The normal form of a valid call."""
    histogram: tuple[int, ...] | None = None
    """What the report holds, all zeros while the API is disabled; None for anything but a valid conversion."""
    deductions: tuple[Deduction, ...] = ()
    """Every epoch that was asked to pay."""
    shares: tuple[Share, ...] = ()
    """Who was credited with what."""
    impression_id: int = 0
    """Position of the stored impression, 0 where none was stored."""

    @property
    def trace(self) -> Trace:
        """The checks of the decision; none where nothing happened."""
        return self.events[0].trace if self.events else Trace()


def save_impression(
    connection: sqlite3.Connection,
    dialect: Dialect,
    context: CallContext,
    options: Mapping[str, Any],
    *,
    limits: AttributionLimits,
    now: int,
    enabled: bool,
) -> Outcome:
    """Save one impression. ``options`` are converted WebIDL members; ``now`` is in milliseconds."""
    request = impression_request(dialect, context, options, limits)
    if isinstance(request, PageException):
        return _refused("impression", dialect, context, options, request, limits, now)
    identifier = impressions.save(connection, request.impression(now), stored=enabled)
    verdict = AttributionVerdict.STORED if enabled else AttributionVerdict.API_DISABLED
    audience = ", ".join(request.conversion_sites) or "any site"
    event = Event(
        kind="impression",
        time=now,
        verdict=verdict,
        summary=f"impression on {request.impression_site} for {audience}, bucket {request.histogram_index}",
        site=context.top_level_site,
        data={
            "dialect": dialect.value,
            "impression": identifier,
            "key": request.key,
            "intermediarySite": request.intermediary_site,
            "conversionSites": _hosts(request.conversion_sites),
            "conversionCallers": _hosts(request.conversion_callers),
            "histogramIndex": request.histogram_index,
            "lifetimeDays": request.lifetime_days,
            "priority": request.priority,
            **_asked(context, options, limits),
        },
        trace=Trace((Check("options", True), _enabled_check(enabled))),
    )
    return Outcome(verdict, (event,), request=request, impression_id=identifier)


def measure_conversion(
    connection: sqlite3.Connection,
    dialect: Dialect,
    context: CallContext,
    options: Mapping[str, Any],
    *,
    limits: AttributionLimits,
    services: Sequence[AggregationService],
    rng: Rng,
    now: int,
    enabled: bool,
    policy: Policy | None = None,
    named: int = NAMED,
) -> Outcome:
    """Measure one conversion. ``options`` are converted WebIDL members; ``now`` is in milliseconds.

    ``policy`` replaces the dialect's own, to imitate a reference; ``named`` is how many of the latest impressions
    the trace explains one by one; with 0 there is no trace.
    """
    request = conversion_request(dialect, context, options, limits, services)
    if isinstance(request, PageException):
        return _refused("conversion", dialect, context, options, request, limits, now)
    if policy is not None:
        request = replace(request, policy=policy)

    recorded = RecordedRng(rng)
    state, facts = _gather(connection, request, limits, recorded, now, named)
    decision = conversion.decide(request, facts, limits, recorded, explained=named > 0)
    if enabled:
        verdict, histogram, budgets, quotas = decision.verdict, decision.histogram, decision.budgets, decision.quotas
        kept = replace(state, epoch_start=facts.epoch_start)
    else:
        verdict, histogram, budgets, quotas = AttributionVerdict.API_DISABLED, (0,) * request.histogram_size, {}, {}
        kept = state
    privacy_budgets.write_state(connection, kept)
    privacy_budgets.write(connection, budgets)
    privacy_budgets.write_quotas(connection, quotas)

    outcome = Outcome(
        verdict,
        (),
        request=request,
        histogram=histogram,
        deductions=decision.deductions if enabled else (),
        shares=decision.shares if enabled else (),
    )
    # What a disabled API worked out in vain did not happen: no charge and no credit of it is told.
    happened = decision.trace.checks if enabled else ()
    trace = Trace((Check("options", True), _enabled_check(enabled), *happened))
    told = {**_asked(context, options, limits), "drawn": recorded.fractions}
    return replace(outcome, events=(_conversion_event(request, outcome, facts, limits, trace, told),))


def _gather(
    connection: sqlite3.Connection,
    request: ConversionRequest,
    limits: AttributionLimits,
    rng: Rng,
    now: int,
    named: int,
) -> tuple[AttributionState, ConversionFacts]:
    phase = rng.fraction(Draw.EPOCH_PHASE)  # drawn by every call, so that the number of draws tells nothing
    state = privacy_budgets.read_state(connection)
    start = epochs.choose_start(now, phase, limits) if state.epoch_start is None else state.epoch_start
    candidates = impressions.candidates(
        connection,
        dialect=request.dialect,
        conversion_site=request.conversion_site,
        caller=request.caller,
        since=now - request.lookback,
        epoch_start=start,
        period=epochs.period(limits),
        impression_sites=request.impression_sites,
        keys=request.keys,
    )
    charged = privacy_budgets.charged(
        connection,
        conversion_site=request.conversion_site,
        first=epochs.epoch_of(now - limits.max_lookback_days * DAY, start, limits),
        last=epochs.epoch_of(now, start, limits),
    )
    return state, ConversionFacts(
        now=now,
        epoch_start=start,
        first_epoch=epochs.first_usable(now, start, state.last_clear, limits),
        candidates=candidates,
        charged=charged,
        recent=impressions.recent(connection, named),
    )


def clear_impressions_for_site(connection: sqlite3.Connection, site: str, *, now: int) -> Outcome:
    """``Clear-Site-Data: "impressions"`` from ``site``: what it saved goes, what names it names it no more."""
    change = clearing.clear_impressions(impressions.touching_site(connection, site), site)
    impressions.remove(connection, change.removed)
    impressions.narrow(connection, change.narrowed)
    counts = f"{len(change.removed)} removed, {len(change.narrowed)} narrowed"
    return _cleared(now, f"impressions of {site}: {counts}", IMPRESSIONS, site=site, data={"sites": [site]})


def clear_site_data(
    connection: sqlite3.Connection, sites: Collection[str], *, limits: AttributionLimits, rng: Rng, now: int
) -> Outcome:
    """The user clears the data of ``sites`` and keeps the history: they can measure nothing more in open epochs."""
    state = privacy_budgets.read_state(connection)
    recorded = RecordedRng(rng)
    state, budgets = clearing.exhaust_sites(sites, now, state, recorded.fraction(Draw.EPOCH_PHASE), limits)
    privacy_budgets.write_state(connection, state)
    privacy_budgets.write(connection, budgets)
    data = {"sites": list(sites), "drawn": recorded.fractions}
    return _cleared(now, f"site data of {', '.join(sites)}: budgets set to 0", SITE_DATA, data=data)


def clear_history(connection: sqlite3.Connection, sites: Collection[str] | None = None, *, now: int) -> Outcome:
    """The user clears the history, of ``sites`` or (None) of all: nothing seen so far counts again, for any site."""
    if sites:
        impressions.remove_sites(connection, sites)
        privacy_budgets.remove_sites(connection, sites)
    else:
        impressions.remove_all(connection)
        privacy_budgets.remove_all(connection)
    privacy_budgets.write_state(connection, replace(privacy_budgets.read_state(connection), last_clear=now))
    of_what = ", ".join(sites) if sites else "all sites"
    return _cleared(now, f"history of {of_what}", HISTORY, data={"sites": list(sites) if sites else None})


def expire(connection: sqlite3.Connection, *, now: int) -> Outcome:
    """Remove the impressions that can match no more; without an event where there are none."""
    first = impressions.expired(connection, now, NAMED)
    count = impressions.expire(connection, now)
    if not count:
        return Outcome(_EXPIRED, ())
    event = Event(
        kind="expiry",
        time=now,
        verdict=_EXPIRED,
        summary=f"{count} impression{'' if count == 1 else 's'} expired",
        data={
            "impressions": [{"impression": one.id, "site": one.impression_site} for one in first],
            "count": count,
        },
        trace=Trace(
            tuple(
                Check(f"impression {one.id}", True, f"{one.impression_site}, lived until {format_instant(one.expires)}")
                for one in first
            )
        ),
    )
    return Outcome(_EXPIRED, (event,))


def _refused(
    kind: str,
    dialect: Dialect,
    context: CallContext,
    options: Mapping[str, Any],
    exception: PageException,
    limits: AttributionLimits,
    now: int,
) -> Outcome:
    event = Event(
        kind=kind,
        time=now,
        verdict=exception.name,
        summary=f"{kind} on {context.top_level_site} refused: {exception.message}",
        site=context.top_level_site,
        data={
            "dialect": dialect.value,
            "intermediarySite": context.intermediary_site,
            **_asked(context, options, limits),
        },
        trace=Trace((Check("options", False, exception.message, "the page sees this exception; correct the call"),)),
    )
    return Outcome(exception.name, (event,), exception=exception)


def _hosts(sites: Iterable[str]) -> list[str]:
    """Sites as an event tells them: URLs name longer ones than DNS can."""
    return [site[:_LONGEST_HOST] for site in sites]


def _asked(context: CallContext, options: Mapping[str, Any], limits: AttributionLimits) -> dict[str, Any]:
    """What an event keeps of a call, so that a recorded run can be played again."""
    asked = {**told_options(options), "allowed": context.allowed, "activated": context.activated}
    if changed := changed_limits(limits):
        asked["limits"] = changed
    if context.http is not None:
        asked["http"] = context.http
    return asked


def _cleared(now: int, summary: str, what: str, *, data: Mapping[str, Any], site: str = "") -> Outcome:
    data = {"what": what, **data}
    return Outcome("cleared", (Event("clearing", now, "cleared", f"cleared {summary}", site, data),))


def _enabled_check(enabled: bool) -> Check:
    if enabled:
        return Check("enabled", True)
    return Check(
        "enabled", False, "opted out or private: the page cannot tell", "opt in, in a profile that is not private"
    )


def _conversion_event(
    request: ConversionRequest,
    outcome: Outcome,
    facts: ConversionFacts,
    limits: AttributionLimits,
    trace: Trace,
    told: Mapping[str, Any],
) -> Event:
    histogram = outcome.histogram or ()
    return Event(
        kind="conversion",
        time=facts.now,
        verdict=outcome.verdict,
        summary=f"conversion on {request.conversion_site}: {outcome.verdict}",
        site=request.conversion_site,
        data={
            "dialect": request.dialect.value,
            "service": request.service.url,
            "intermediarySite": request.intermediary_site,
            "histogramSize": request.histogram_size,
            "buckets": {str(index): value for index, value in enumerate(histogram) if value},
            "value": request.value,
            "maxValue": request.max_value,
            "epsilon": request.epsilon,
            "lookbackDays": request.lookback_days,
            "epochs": [
                {
                    "epoch": one.epoch,
                    "start": epochs.bounds(one.epoch, facts.epoch_start, limits)[0],
                    "charged": one.price.site if one.accepted else 0,
                    "accepted": one.accepted,
                }
                for one in outcome.deductions
            ],
            "credited": [
                {"impression": one.impression.id, "bucket": one.impression.histogram_index, "amount": one.amount}
                for one in outcome.shares
            ],
            **told,
        },
        trace=trace,
    )

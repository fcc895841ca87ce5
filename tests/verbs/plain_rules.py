"""The limits of Attribution Reporting once more, as plainly as they are told: lists that are read from end to end.

Written from the engine's description (sections 2.1 to 2.4, 3.1 to 3.3), and not from the engine: what the two say of
the same registrations must agree. Left out is what depends on a registration alone, and what follows from a verdict.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from agent.model.attribution_reporting.facts import FakeReport
from agent.model.attribution_reporting.limits import AttributionReportingLimits
from agent.model.attribution_reporting.registrations import (
    AttributionScopes,
    EventTriggerData,
    SourceRegistration,
    TriggerRegistration,
)
from agent.model.clock import DAY
from agent.model.site import schemeful_site

Rank = tuple[int, int]


@dataclass(eq=False)
class PlainSource:
    """A stored source."""

    number: int
    context: str
    origin: str
    time: int
    said: SourceRegistration
    response: tuple[FakeReport, ...] | None
    scopes: AttributionScopes | None
    attributions: int
    budget: int
    named: dict[str, int]
    active: bool = True
    event_active: bool = True
    reports: int = 0
    event_keys: set[int] = field(default_factory=set)
    aggregatable_keys: set[int] = field(default_factory=set)

    @property
    def expiry(self) -> int:
        """From then on it is expired."""
        return self.time + self.said.expiry


@dataclass(eq=False)
class PlainReport:
    """A pending report."""

    kind: str
    source: PlainSource
    due: int
    trigger_time: int
    priority: int = 0


@dataclass(eq=False)
class Row:
    """What rate limits count: a source, an event-level or an aggregatable attribution, for one destination."""

    scope: str
    source: PlainSource
    destination: str
    report: PlainReport | None = None
    deactivated: bool = False

    @property
    def site(self) -> str:
        """The source site."""
        return schemeful_site(self.source.context)

    @property
    def reporting_site(self) -> str:
        """The site of the reporting origin."""
        return schemeful_site(self.source.origin)


class PlainRules:
    """Everything that one browser has stored."""

    def __init__(self, limits: AttributionReportingLimits) -> None:
        self._limits = limits
        self._sources: list[PlainSource] = []
        self._stored = 0
        self._rows: list[Row] = []
        self._pending: list[PlainReport] = []

    def deliver(self, now: int) -> None:
        """Everything that is due leaves."""
        self._pending = [report for report in self._pending if report.due > now]

    def pending(self, kind: str) -> int:
        """How many reports are pending."""
        return sum(report.kind == kind for report in self._pending)

    # A source.

    def source(
        self, context: str, origin: str, now: int, said: SourceRegistration, response: tuple[FakeReport, ...] | None
    ) -> str:
        """Register a source; gives the verdict."""
        limits, destinations = self._limits, said.destinations
        new = PlainSource(
            self._stored + 1, context, origin, now, said, response, said.attribution_scopes, len(response or ()),
            limits.aggregatable_budget_per_source, dict(said.named_budgets),
        )  # fmt: skip
        own = [row for row in self._rows if row.scope == "source" and row.site == schemeful_site(context)]
        ours = [row for row in own if row.reporting_site == schemeful_site(origin)]
        kept = [one for one in self._sources if one.active and one.expiry > now and one.context == context]
        if len(kept) >= limits.max_sources_per_origin:
            return "source-storage-limit"
        origins = {
            row.source.origin for row in ours if row.source.time > now - limits.rate_limit_origins_per_site_window
        }
        if origin not in origins and len(origins) >= limits.rate_limit_max_reporting_origins_per_source_reporting_site:
            return "source-reporting-origin-per-site-limit"
        since = now - limits.destination_rate_limit_window
        if _named(ours, now, since, destinations) > limits.max_destinations_per_rate_limit_window_reporting_site:
            return "source-destination-rate-limit"
        too_many_of_all = _named(own, now, since, destinations) > limits.max_destinations_per_rate_limit_window
        if _named(ours, now, now - DAY, destinations) > limits.max_destinations_per_reporting_site_per_day:
            return "source-destination-per-day-rate-limit"
        if not self._makes_room(new, [row for row in ours if row.source.expiry > now and not row.deactivated]):
            return "source-destination-limit"
        self._scopes(new)
        if too_many_of_all:
            return "source-destination-global-rate-limit"
        since = now - limits.rate_limit_time_window
        for destination in destinations:
            origins = {row.source.origin for row in own if row.destination == destination and row.source.time > since}
            if origin not in origins and len(origins) >= limits.rate_limit_max_source_registration_reporting_origins:
                return "source-reporting-origin-limit"
        self._store(new)
        return "source-success" if response is None else "source-noised"

    def _makes_room(self, new: PlainSource, rows: Sequence[Row]) -> bool:
        ranks: dict[str, Rank] = {}
        asked = [(one, (new.said.destination_limit_priority, new.time)) for one in new.said.destinations]
        for name, rank in [
            *asked,
            *((row.destination, (row.source.said.destination_limit_priority, row.source.time)) for row in rows),
        ]:
            ranks[name] = max(rank, ranks.get(name, rank))
        excess = max(0, len(ranks) - self._limits.max_destinations_per_source_site_reporting_site)
        dropped = sorted(ranks, key=lambda name: (ranks[name], name))[:excess]
        if set(dropped) & set(new.said.destinations):
            return False
        lost = {row.source for row in rows if row.destination in dropped}
        for row in self._rows:
            row.deactivated = row.deactivated or (row.scope == "source" and row.source in lost)
        self._remove(lost, new.time, aggregatable=True)
        return True

    def _scopes(self, new: PlainSource) -> None:
        wanted = set(new.said.destinations)
        others = [
            one
            for one in self._sources
            if one.active and one.expiry > new.time and one.origin == new.origin and wanted & set(one.said.destinations)
        ]
        if new.scopes is None:
            for one in others:
                one.scopes = None
            return
        limit, states, values = new.scopes.limit, new.scopes.max_event_states, new.scopes.values
        alike = [
            one
            for one in others
            if one.scopes is not None and one.scopes.max_event_states == states and one.scopes.limit >= limit
        ]
        lost = {one for one in others if one not in alike}
        for destination in wanted:
            here = [one for one in alike if destination in one.said.destinations]
            newest: dict[str, int] = {}
            for one in here:
                for scope in one.scopes.values if one.scopes else ():
                    newest[scope] = max(one.time, newest.get(scope, 0))
            ranked = sorted(((time, scope) for scope, time in newest.items() if scope not in values), reverse=True)
            dropped = {scope for _, scope in ranked[limit - len(values) :]}
            lost |= {one for one in here if one.scopes and dropped & set(one.scopes.values)}
        self._remove(lost, new.time, aggregatable=False)

    def _remove(self, lost: Iterable[PlainSource], now: int, *, aggregatable: bool) -> None:
        gone = set(lost)
        reports = {
            report
            for report in self._pending
            if report.source in gone and (report.trigger_time >= now if report.kind == "event-level" else aggregatable)
        }
        self._sources = [one for one in self._sources if one not in gone]
        self._drop(reports)

    def _drop(self, reports: set[PlainReport]) -> None:
        self._pending = [report for report in self._pending if report not in reports]
        self._rows = [row for row in self._rows if row.report is None or row.report not in reports]

    def _store(self, new: PlainSource) -> None:
        self._stored += 1
        self._sources.append(new)
        for destination in new.said.destinations:
            self._rows.append(Row("source", new, destination))
            if new.response is not None:
                self._rows.append(Row("event-level", new, destination))
        windows = new.said.event_report_windows
        bounds = (windows.start_time, *windows.end_times)
        for fake in new.response or ():
            start, end = (new.time + bound for bound in bounds[fake.window : fake.window + 2])
            self._pending.append(PlainReport("event-level", new, end, start))

    # A trigger, whose lists have one entry at most, without filters.

    def trigger(self, context: str, origin: str, now: int, said: TriggerRegistration) -> tuple[str | None, str | None]:
        """Register a trigger; how its event-level and its aggregatable side end, None for a side that it has not."""
        event, summed = said.event_trigger_data, said.registers_aggregatable
        if not (event or summed):
            return None, None
        site = schemeful_site(context)
        known = [
            one
            for one in self._sources
            if one.active and one.origin == origin and site in one.said.destinations and one.expiry > now
        ]
        matching = [one for one in known if not said.attribution_scopes or _shares(one, said.attribution_scopes)]
        if not matching:
            return "trigger-no-matching-source" if event else None, "trigger-no-matching-source" if summed else None
        source = max(matching, key=lambda one: (one.said.priority, one.number))
        for one in known:
            one.active = one is source
        refused = self._event_refusal(source, now, event[0]) if event else None
        summed_refused = self._aggregatable_refusal(source, site, now, said) if summed else None
        if (event and refused is None) or (summed and summed_refused is None):
            origins = {row.source.origin for row in self._attributions(source, site, now)}
            if origin not in origins and len(origins) >= self._limits.rate_limit_max_attribution_reporting_origins:
                refused = refused or "trigger-reporting-origin-limit"
                summed_refused = summed_refused or "trigger-reporting-origin-limit"
        return (
            refused or self._store_event(source, site, now, event[0]) if event else None,
            summed_refused or self._store_aggregatable(source, site, now, said) if summed else None,
        )

    def _attributions(self, source: PlainSource, site: str, now: int) -> list[Row]:
        since = now - self._limits.rate_limit_time_window
        return [
            row
            for row in self._rows
            if row.scope != "source"
            and row.site == schemeful_site(source.context)
            and row.destination == site
            and row.source.time > since
        ]

    def _counts(self, kind: str, source: PlainSource, site: str, now: int) -> tuple[bool, bool]:
        """Whether attributions, and pending reports, leave no room for another."""
        attributions = [
            row
            for row in self._attributions(source, site, now)
            if row.scope == kind and row.reporting_site == schemeful_site(source.origin)
        ]
        pending = [one for one in self._pending if one.kind == kind and site in one.source.said.destinations]
        limits = self._limits
        most = (
            limits.max_event_level_reports_per_destination
            if kind == "event-level"
            else limits.max_aggregatable_reports_per_destination
        )
        return len(attributions) >= limits.rate_limit_max_attributions, len(pending) >= most

    def _event_refusal(self, source: PlainSource, now: int, entry: EventTriggerData) -> str | None:
        if source.response:
            return "trigger-event-noise"
        if entry.deduplication_key in source.event_keys:
            return "trigger-event-deduplicated"
        passed = now - source.time >= source.said.event_report_windows.end_times[-1]
        return "trigger-event-report-window-passed" if passed else None

    def _store_event(self, source: PlainSource, site: str, now: int, entry: EventTriggerData) -> str:
        due = source.time + next(end for end in source.said.event_report_windows.end_times if now < source.time + end)
        if not source.event_active:
            return "trigger-event-excessive-reports"
        if source.attributions < source.said.max_event_level_reports:
            attributed, full = self._counts("event-level", source, site, now)
            if attributed:
                return "trigger-event-attributions-per-source-destination-limit"
            if full:
                return "trigger-event-storage-limit"
            source.attributions += 1
        else:
            rivals = [
                one for one in self._pending if one.kind == "event-level" and one.source is source and one.due == due
            ]
            if not rivals:
                source.event_active = False
                return "trigger-event-excessive-reports"
            lowest = min(reversed(rivals), key=lambda one: one.priority)  # of equal ones the one stored last
            if entry.priority <= lowest.priority:
                return "trigger-event-low-priority"
            self._drop({lowest})
        if entry.deduplication_key is not None:
            source.event_keys.add(entry.deduplication_key)
        if source.response is not None:
            return "trigger-event-noise"
        report = PlainReport("event-level", source, due, now, entry.priority)
        self._pending.append(report)
        self._rows.append(Row("event-level", source, site, report))
        return "stored"

    def _aggregatable_refusal(self, source: PlainSource, site: str, now: int, said: TriggerRegistration) -> str | None:
        if now >= source.time + source.said.aggregatable_report_window:
            return "trigger-aggregate-report-window-passed"
        if {one.deduplication_key for one in said.aggregatable_deduplication_keys} & source.aggregatable_keys:
            return "trigger-aggregate-deduplicated"
        if not _need(source, said):
            return "trigger-aggregate-no-contributions"
        attributed, full = self._counts("aggregatable", source, site, now)
        if full:
            return "trigger-aggregate-storage-limit"
        return "trigger-aggregate-attributions-per-source-destination-limit" if attributed else None

    def _store_aggregatable(self, source: PlainSource, site: str, now: int, said: TriggerRegistration) -> str:
        counts, need = said.trigger_context_id is None, _need(source, said)
        if counts and source.reports >= self._limits.max_aggregatable_reports_per_source:
            return "trigger-aggregate-excessive-reports"
        if need > source.budget:
            return "trigger-aggregate-insufficient-budget"
        name = said.named_budgets[0].name if said.named_budgets else None
        if name is not None and name in source.named:
            if need > source.named[name]:
                return "trigger-aggregate-insufficient-named-budget"
            source.named[name] -= need
        source.budget -= need
        source.reports += counts
        source.aggregatable_keys |= {
            one.deduplication_key for one in said.aggregatable_deduplication_keys if one.deduplication_key is not None
        }
        delay = self._limits.aggregatable_report_min_delay if counts else 0
        report = PlainReport("aggregatable", source, now + delay, now)
        self._pending.append(report)
        self._rows.append(Row("aggregatable", source, site, report))
        return "stored"


def _named(rows: Iterable[Row], now: int, since: int, new: Iterable[str]) -> int:
    """How many destinations unexpired sources of these rows named later than ``since``, the new ones with them."""
    return len({row.destination for row in rows if row.source.expiry > now and row.source.time > since} | set(new))


def _shares(source: PlainSource, scopes: Iterable[str]) -> bool:
    return source.scopes is not None and bool(set(source.scopes.values) & set(scopes))


def _need(source: PlainSource, said: TriggerRegistration) -> int:
    """What a trigger with one entry of values contributes to the source's keys."""
    values = said.aggregatable_values[0].values
    return sum(value.value for key, value in values.items() if key in source.said.aggregation_keys)

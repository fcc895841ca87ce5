"""What the registrations of sources and triggers share: their reports, their event, the debug budget."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from agent.engines.attribution_reporting.report_bodies import report_path
from agent.model.attribution_reporting.facts import Chance, DebugBudgetUse, Registrant, StoredSource
from agent.model.attribution_reporting.registrations import AggregatableDebugReporting
from agent.model.attribution_reporting.reports import (
    AggregatableContent,
    AttributionReportContent,
    EventLevelContent,
    VerboseContent,
)
from agent.model.events import Event
from agent.model.reports import Report, ReportKind, ReportState, kind_of
from storage import aggregatable_debug_budgets, pending_attribution_reports, sources
from storage import events as event_store
from storage import reports as report_store


@dataclass(frozen=True, slots=True)
class ReportWriter:
    """Stores the reports of one decision, made at ``now`` and told in event ``event_id``."""

    connection: sqlite3.Connection
    now: int
    event_id: int

    def event_level(self, content: EventLevelContent, source_id: int) -> int:
        """Store a report of a source's; gives its position."""
        position = self._insert(content, content.report_id, content.report_time)
        pending_attribution_reports.add(
            self.connection,
            position,
            kind=ReportKind.EVENT_LEVEL,
            reporting_origin=content.reporting_origin,
            source_id=source_id,
            destinations=content.destinations,
            trigger_time=content.trigger_time,
            report_time=content.report_time,
            priority=content.priority,
        )
        return position

    def aggregatable(
        self, content: AggregatableContent, source_id: int | None = None, destinations: Sequence[str] = ()
    ) -> int:
        """Store a report of a source's, which has these ``destinations``, or a null report; gives its position."""
        position = self._insert(content, content.report_id, content.report_time)
        pending_attribution_reports.add(
            self.connection,
            position,
            kind=ReportKind.AGGREGATABLE,
            reporting_origin=content.reporting_origin,
            source_id=source_id,
            destinations=destinations,
            trigger_time=self.now,
            report_time=content.report_time,
        )
        return position

    def at_once(self, reports: Iterable[tuple[str, AttributionReportContent]]) -> None:
        """Store debug reports, each under its own id of :func:`with_own_ids`."""
        for report_id, content in reports:
            self._insert(content, report_id, self.now)

    def _insert(self, content: AttributionReportContent, report_id: str, due: int) -> int:
        report = Report(
            id=report_id,
            kind=kind_of(content),
            created=self.now,
            content=content,
            event_id=self.event_id,
            delivered_to=content.reporting_origin + report_path(content),
            state=ReportState.PENDING,
            next_attempt=due,
        )
        return report_store.insert(self.connection, report)


def with_own_ids(
    contents: Iterable[AttributionReportContent], chance: Chance
) -> list[tuple[str, AttributionReportContent]]:
    """Debug reports, each with an id of its own under which it is stored: a copy is sent with that of its report.

    To be drawn before the decision's event tells what chance decided.
    """
    return [(chance.report_id(), content) for content in contents]


def report_names(contents: Iterable[AttributionReportContent]) -> list[str]:
    """What an event tells of reports: kind and, where it is sent, report id."""
    return [
        kind_of(content).value
        if isinstance(content, VerboseContent)
        else f"{kind_of(content).value} {content.report_id}"
        for content in contents
    ]


def append_event(connection: sqlite3.Connection, event: Event) -> Event:
    """Store ``event``; gives it with its id."""
    (event_id,) = event_store.append(connection, [event])
    # What dataclasses.replace does, in half the time.
    return Event(event.kind, event.time, event.verdict, event.summary, event.site, event.data, event.trace, event_id)


def debug_budget_use(
    connection: sqlite3.Connection, registrant: Registrant, config: AggregatableDebugReporting | None
) -> DebugBudgetUse:
    """What aggregatable debug reports spent where ``registrant`` registers, if ``config`` asks for one."""
    if config is None:
        return DebugBudgetUse()
    return aggregatable_debug_budgets.use(
        connection, registrant.context_site, registrant.reporting_site, registrant.now
    )


def spend_debug_budget(
    connection: sqlite3.Connection, registrant: Registrant, need: int, paying: StoredSource | None
) -> None:
    """Charge an aggregatable debug report that needs ``need`` to its day, and to the source that pays, if one does."""
    aggregatable_debug_budgets.spend(
        connection, registrant.context_site, registrant.reporting_site, registrant.now, need
    )
    if paying is not None:
        changed = replace(
            paying,
            num_aggregatable_debug_reports=paying.num_aggregatable_debug_reports + 1,
            remaining_aggregatable_debug_budget=paying.remaining_aggregatable_debug_budget - need,
        )
        sources.update(connection, changed)


def host_of(site: str) -> str:
    """The host of a serialised site, as events name sites."""
    return site.partition("://")[2]

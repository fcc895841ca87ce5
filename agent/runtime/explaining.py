"""Why: the tree of one decision, report, attempt or job, read in one transaction, however much is stored."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from agent.engines.aggregation.stored_explanation import stored_job_event
from agent.model.aggregation import AGGREGATION_JOB, StoredJob
from agent.model.attribution_reporting.verdicts import SOURCE_REGISTRATION, TRIGGER_REGISTRATION
from agent.model.clock import Clock
from agent.model.errors import UsageError
from agent.model.events import Event
from agent.model.explanation import CONVERSION, DECISIONS, Explanation, explained
from agent.model.private_aggregation import PRIVATE_AGGREGATION
from agent.model.protected_audience import AudienceEvent
from agent.model.reports import Report, ReportKind
from agent.model.shared_storage import StorageEvent
from agent.runtime.explained_reports import explained_batch, explained_report, removed_report, units_of
from agent.runtime.nearest_sources import nearest_sources
from storage import aggregation_jobs, aggregation_ledger, events, reports
from storage.database import AsyncDatabase

LAST = "last"
_LONGEST_NUMBER = 15
_TOLD = 20
"""Attempts, jobs or impressions of one node that the tree has, the latest or the first of them."""
_WHERE = "explain"


class Explaining:
    """Explains what is in one profile's memory."""

    def __init__(self, database: AsyncDatabase, clock: Clock) -> None:
        self._database, self._clock = database, clock

    async def explain(self, wanted: str) -> Explanation:
        """Why: ``last``, an event's number, a job's id or the beginning of a report's id.

        ``event:12``, ``job:12`` and ``report:12`` say which of them is meant, where an id may be several. Raises
        UsageError where there is none, or where it could be several.
        """
        now = self._clock.now()
        return await self._database.transact("explain", lambda connection: _Memory(connection, now).explain(wanted))


@dataclass(frozen=True, slots=True)
class _Memory:
    """A profile's memory inside a transaction."""

    connection: sqlite3.Connection
    now: int

    # What is meant.

    def explain(self, wanted: str) -> Explanation:
        """See :meth:`Explaining.explain`."""
        kind, _, rest = wanted.partition(":")
        found: Explanation | None
        if kind == "event" and rest:
            found = self._event(self._numbered(rest))
        elif kind == "job" and rest:
            found = self._event(self._job_event(rest))
        elif kind == "report" and rest:
            found = self._report(rest)
        elif wanted == LAST:
            found = self._event(self._last_decision())
        else:
            found = self._event(self._only_one(wanted)) or self._report(wanted)
        if found is None:
            raise UsageError(
                f"no event, job or report {wanted!r}",
                where=_WHERE,
                rule="an event's number, a job's id, the beginning of a report's id, or the word last",
                fix="`tallyhost open` prints the number of each event, `tallyhost aggregate` the ids of jobs,"
                " `tallyhost reports list` those of reports",
            )
        return found

    def _last_decision(self) -> Event:
        latest = [event for kind in DECISIONS if (event := events.last(self.connection, kind)) is not None]
        if not latest:
            raise UsageError(
                "nothing was decided yet",
                fix="open a page that saves an impression, measures a conversion, registers a source or a trigger or"
                " uses Shared Storage, or aggregate reports",
            )
        last = max(latest, key=lambda event: event.id)
        # What became of an operation's contributions says more than that it has ended.
        return self._batch_of(last) or last

    def _batch_of(self, run: Event) -> Event | None:
        """The contributions of an operation, which its end names."""
        operation = run.kind in {StorageEvent.RUN, StorageEvent.SELECT_URL}
        number = run.data.get("batch") if operation else None
        return None if number is None else events.get(self.connection, number)

    def _made(self, batch: Event) -> Event | None:
        """The auction that contributed, or the end of the operation that did."""
        if batch.kind != PRIVATE_AGGREGATION:
            return None
        auction = batch.data.get("auction")
        return events.of_batch(self.connection, batch.id) if auction is None else events.get(self.connection, auction)

    def _only_one(self, wanted: str) -> Event | None:
        """The event of that number or that job; a number that is also the id of a job is refused."""
        event, job = self._numbered(wanted), self._job_event(wanted)
        if event is not None and job is not None and event.id != job.id:
            raise UsageError(
                f"{wanted!r} is the number of an event and the id of a job",
                where=_WHERE,
                fix=f"write event:{wanted} or job:{wanted}",
            )
        return job or event

    def _numbered(self, wanted: str) -> Event | None:
        if not wanted.isdecimal() or len(wanted) > _LONGEST_NUMBER:
            return None
        return events.get(self.connection, int(wanted))

    def _job_event(self, job_request_id: str) -> Event | None:
        job = aggregation_jobs.find(self.connection, job_request_id)
        return None if job is None else self._event_of(job)

    def _event_of(self, job: StoredJob) -> Event:
        # An unfinished job has no event yet.
        event = events.get(self.connection, job.event) if job.event else None
        return event or stored_job_event(job, aggregation_jobs.spent(self.connection, job.job_request_id))

    # The tree.

    def _event(self, event: Event | None) -> Explanation | None:
        """The tree over an event."""
        if event is None:
            return None
        if event.kind.startswith("report.") and "report" in event.data:
            # Ids are of one length: the whole of one begins no other.
            stored = reports.find(self.connection, event.data["report"])
            return explained(event, [explained_report(one, self.now, list(self._decision(one))) for one in stored])
        return explained(event, [*self._came_from(event), *self._came_of(event)])

    def _report(self, prefix: str) -> Explanation | None:
        """The tree over the report whose id begins so."""
        found = reports.find(self.connection, prefix)
        if len(found) > 1:
            raise UsageError(
                f"several reports have an id that begins with {prefix!r}", fix="tallyhost reports list shows them"
            )
        if not found:
            return None
        (report,) = found
        return explained_report(report, self.now, [*self._decision(report), *self._became(report)])

    def _decision(self, report: Report) -> Iterator[Explanation]:
        """What made a report, without its other reports."""
        event = events.get(self.connection, report.event_id) if report.event_id else None
        if event is not None:
            yield explained(event, list(self._came_from(event)))

    def _came_from(self, event: Event) -> Iterator[Explanation]:
        """What it depends on: sources, or those nearest, credited impressions, an operation or auction, jobs before."""
        if (made := self._made(event)) is not None:
            yield explained(made)
        if event.kind == TRIGGER_REGISTRATION and event.data.get("source"):
            source = events.of_source(self.connection, event.data["source"])
            if source is not None:
                yield explained(source)
        elif event.kind == TRIGGER_REGISTRATION and "destination" in event.data:
            yield from nearest_sources(self.connection, event)
        if event.kind == AGGREGATION_JOB:
            yield from self._jobs(unit["job_request_id"] for unit in event.data.get("exhausted", ()))
        if event.kind == CONVERSION:
            for credited in event.data.get("credited", ())[:_TOLD]:
                impression = events.of_impression(self.connection, credited["impression"])
                if impression is not None:
                    yield explained(impression)

    def _came_of(self, event: Event) -> Iterator[Explanation]:
        """The reports of a decision, each over its attempts and what took it."""
        if not event.id:
            return
        if (batch := self._batch_of(event)) is not None:
            yield explained(batch, list(self._came_of(batch)))
        if event.kind == AudienceEvent.AUCTION:
            for batch in events.of_auction(self.connection, event.id, limit=_TOLD):
                yield explained(batch, list(self._came_of(batch)))
        stored = reports.of_event(self.connection, event.id)
        for report in stored:
            yield explained_report(report, self.now, list(self._became(report)))
        if event.kind in {SOURCE_REGISTRATION, TRIGGER_REGISTRATION, PRIVATE_AGGREGATION}:
            there = {report.id for report in stored}
            for name in event.data.get("reports", ()):
                kind, _, report_id = name.partition(" ")
                # Copies for debugging and messages have ids of their own, that no event tells.
                if not ReportKind(kind).attempted_once and report_id not in there:
                    yield removed_report(name, event, list(self._happened(report_id)))

    def _became(self, report: Report) -> Iterator[Explanation]:
        """The attempts to send a report, and the jobs of the aggregation service that took it."""
        yield from self._happened(report.id)
        if report.kind is ReportKind.ATTRIBUTION_CONVERSION:
            batch = aggregation_ledger.batch_of(self.connection, report.id)
            if batch is not None:
                yield explained_batch(batch)
        units = units_of(report)
        spent = aggregation_jobs.spenders(self.connection, units) if units else []
        yield from self._jobs(one.job_request_id for one in spent)

    def _happened(self, report_id: str) -> Iterator[Explanation]:
        """The attempts at a report, and what its owner did to it."""
        return map(explained, events.of_report(self.connection, report_id, limit=_TOLD))

    def _jobs(self, job_request_ids: Iterable[str]) -> Iterator[Explanation]:
        """The jobs of these ids, each once."""
        for job_request_id in list(dict.fromkeys(job_request_ids))[:_TOLD]:
            event = self._job_event(job_request_id)
            if event is not None:
                yield explained(event)

"""What scripts, tests and the command line see of an agent: its clock, events, reports and state."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable
from dataclasses import dataclass
from itertools import chain
from operator import attrgetter
from pathlib import Path

from agent.delivery.retries import after_interruption
from agent.model.attribution import AttributionState, Budget, Impression
from agent.model.attribution_reporting.facts import StoredSource
from agent.model.clock import LATEST, Clock
from agent.model.errors import UsageError
from agent.model.event_filter import EVERY_EVENT, EventFilter
from agent.model.events import Event
from agent.model.limits import AttributionLimits
from agent.model.rng import Rng, begin_chapter
from agent.model.site import parse_a_site
from agent.runtime import forgetting
from agent.runtime.latest import PAGE, Latest, read_latest
from agent.verbs.attribution import Outcome
from storage import aggregation_ledger, impressions, privacy_budgets, report_queue, sources
from storage import clock as stored_clock
from storage import events as event_store
from storage import reports as report_store
from storage.database import AsyncDatabase
from storage.read_only import Rows, Table, tables

LARGEST = 2**63 - 1
"""No event has a greater id."""


class EventStream:
    """Every event of the profile: iterate to replay from the first and then to follow, without end.

    When another state is loaded, or all is reset, iteration begins anew with what is there then.
    """

    def __init__(self, database: AsyncDatabase) -> None:
        self._database = database
        self.news = asyncio.Condition()
        """Notified when there are new events in the store."""
        self._replaced = 0

    async def announce(self, *, replaced: bool = False) -> None:
        """There are new events in the store, or other ones in the place of all that were there (``replaced``)."""
        async with self.news:
            self._replaced += replaced
            self.news.notify_all()

    async def read(self, *, after: int = 0, limit: int = PAGE, kind: str | None = None) -> list[Event]:
        """At most ``limit`` events with an id above ``after``, oldest first, of ``kind`` where it is given."""
        return await self._database.transact(
            "read events", lambda c: event_store.read(c, after=after, limit=limit, kind=kind)
        )

    async def all(self, kind: str | None = None) -> list[Event]:
        """Every event so far, of ``kind`` where it is given."""
        return (await self.latest(None, kind)).rows

    async def latest(self, limit: int | None, kind: str | None = None) -> Latest[Event]:
        """The ``limit`` latest events, of ``kind`` where it is given; all of them where ``limit`` is None."""

        def read(connection: sqlite3.Connection, after: int) -> list[Event]:
            return event_store.read(connection, after=after, limit=PAGE, kind=kind)

        return await read_latest(self._database, "events", read, attrgetter("id"), limit=limit, kind=kind)

    async def newest(
        self,
        wanted: EventFilter = EVERY_EVENT,
        *,
        before: int | None = None,
        after: int = 0,
        limit: int = PAGE,
    ) -> list[Event]:
        """At most ``limit`` events with ids below ``before`` and above ``after`` that fit ``wanted``, newest first."""
        return await self._database.transact(
            "read newest events",
            lambda c: event_store.newest(c, wanted, before=before, after=after, limit=limit),
        )

    async def newest_of(self, kinds: Iterable[str], *, before: int | None = None, limit: int = PAGE) -> list[Event]:
        """At most ``limit`` events below ``before`` that are of one of ``kinds``, newest first; found by seeking."""

        def read(connection: sqlite3.Connection) -> list[Event]:
            below = LARGEST if before is None else before
            each = (event_store.before(connection, below, kind, limit=limit) for kind in kinds)
            return sorted(chain.from_iterable(each), key=attrgetter("id"), reverse=True)[:limit]

        return await self._database.transact("read newest events of kinds", read)

    async def get(self, event_id: int) -> Event:
        """The event of that id. Raises UsageError when there is none."""
        event = await self._database.transact("read event", lambda c: event_store.get(c, event_id))
        if event is None:
            raise UsageError(f"there is no event {event_id}", fix="`tallyhost open` prints the number of each event")
        return event

    async def last(self, kind: str | None = None) -> Event | None:
        """The latest event, of ``kind`` where it is given."""
        return await self._database.transact("read last event", lambda c: event_store.last(c, kind))

    async def __aiter__(self) -> AsyncIterator[Event]:
        seen = replaced = 0
        while True:
            async with self.news:
                if replaced != self._replaced:
                    seen, replaced = 0, self._replaced
                page = await self.read(after=seen)
                if not page:
                    await self.news.wait()
            for event in page:
                seen = event.id
                yield event


@dataclass(frozen=True, slots=True)
class StateSummary:
    """How much the profile holds."""

    impressions: int
    budgets: int
    epoch_start: int | None
    last_clear: int | None


class State:
    """What the profile remembers, and ways to make it forget."""

    def __init__(
        self,
        database: AsyncDatabase,
        events: EventStream,
        apply: Callable[[str, Callable[[sqlite3.Connection], Outcome]], Awaitable[Outcome]],
        clock: Clock,
        rng: Rng,
        limits: AttributionLimits,
    ) -> None:
        self._database, self._events, self._apply = database, events, apply
        self._clock, self._rng, self._limits = clock, rng, limits

    async def impressions(self) -> list[Impression]:
        """Every stored impression in the order saved."""
        return (await self.latest_impressions(None)).rows

    async def latest_impressions(self, limit: int | None) -> Latest[Impression]:
        """The ``limit`` impressions saved last; all of them where it is None."""

        def read(connection: sqlite3.Connection, after: int) -> list[Impression]:
            return impressions.read(connection, after=after, limit=PAGE)

        return await read_latest(self._database, "impressions", read, attrgetter("id"), limit=limit)

    async def sources(self) -> list[StoredSource]:
        """Every source of Attribution Reporting that has not expired, in the order stored."""
        return (await self.latest_sources(None)).rows

    async def latest_sources(self, limit: int | None) -> Latest[StoredSource]:
        """The ``limit`` sources stored last, of those that have not expired; all of these where it is None."""

        def read(connection: sqlite3.Connection, after: int) -> list[StoredSource]:
            return sources.read(connection, after=after, limit=PAGE)

        return await read_latest(self._database, "sources", read, attrgetter("id"), limit=limit)

    async def newest_sources(self, *, before: int | None = None, limit: int = PAGE) -> list[StoredSource]:
        """At most ``limit`` unexpired sources with an id below ``before``, newest first."""
        return await self._database.transact(
            "read newest sources", lambda c: sources.newest(c, before=before, limit=limit)
        )

    async def newest_impressions(self, *, before: int | None = None, limit: int = PAGE) -> list[Impression]:
        """At most ``limit`` impressions with an id below ``before``, newest first."""
        return await self._database.transact(
            "read newest impressions", lambda c: impressions.newest(c, before=before, limit=limit)
        )

    async def inactive_sources(self, since: int = 0, until: int | None = None) -> frozenset[int]:
        """Ids, from ``since`` to ``until``, of the sources that attribute no more: another was attributed."""
        return await self._database.transact("read inactive sources", lambda c: sources.inactive(c, since, until))

    async def budgets(self, limit: int | None = None) -> list[Budget]:
        """Every privacy budget that was ever charged, or ``limit`` of them, with what is left of it."""
        found: list[Budget] = []
        while page := await self._budgets(len(found), PAGE if limit is None else min(PAGE, limit - len(found))):
            found += page
        return found

    async def _budgets(self, offset: int, limit: int) -> list[Budget]:
        return await self._database.transact(
            "read budgets", lambda c: privacy_budgets.read(c, offset=offset, limit=limit)
        )

    async def summary(self) -> StateSummary:
        """How much there is of each."""

        def work(connection: sqlite3.Connection) -> StateSummary:
            state: AttributionState = privacy_budgets.read_state(connection)
            return StateSummary(
                impressions.count(connection),
                privacy_budgets.count(connection),
                state.epoch_start,
                state.last_clear,
            )

        return await self._database.transact("summarise state", work)

    async def clear(self, *, site: str, keep_history: bool = False) -> None:
        """Clear one site's data as a user does.

        ``keep_history``: its budgets of open epochs are set to 0 and impressions stay; else what it saved and its
        budgets go, and nothing seen so far counts again, for any site (draft, section 8). Raises UsageError for
        what is no site.
        """
        parsed = parse_a_site(site, self._limits.allow_localhost)
        if parsed is None:
            raise UsageError(
                f"{site!r} is no site", where="clear", rule="a host with a registrable domain", fix="shop.test"
            )
        now = self._clock.now()
        if keep_history:
            await self._apply(
                "clear site data",
                lambda c: forgetting.clear_site_data(c, [parsed], limits=self._limits, rng=self._rng, now=now),
            )
        else:
            await self._apply("clear history of site", lambda c: forgetting.clear_history(c, [parsed], now=now))

    async def clear_history(self) -> None:
        """Clear the history of all sites: every impression and budget goes, open epochs become unusable."""
        now = self._clock.now()
        await self._apply("clear history", lambda c: forgetting.clear_history(c, None, now=now))

    async def sql(self, sql: str, *, limit: int = 1000, seconds: float = 5) -> Rows:
        """The first ``limit`` rows of one SELECT over all that the profile holds, which changes and delays nothing.

        Raises UsageError for what is none, and for one that takes more than so many real ``seconds``.
        """
        return await self._database.ask(sql, limit=limit, seconds=seconds)

    async def tables(self) -> list[Table]:
        """The tables that :meth:`sql` can ask for."""
        return await self._database.transact("read tables", tables)

    async def save(self, path: Path | str) -> None:
        """Write a copy of the whole profile, events and reports included, to the file ``path``."""
        await self._database.save(Path(path))

    async def load(self, path: Path | str) -> None:
        """Replace the whole profile by what :meth:`save` wrote to ``path``; a clock behind the saved one moves to it.

        An attempt to send a report that ran when it was saved counts as interrupted, as when a profile is opened again;
        draws by a seed go on, so that no report gets the id of one that was loaded. Raises UsageError or
        HostEnvironmentError for a file that is none; nothing is replaced then.
        """

        def stands(loaded: tuple[int, int]) -> None:
            begin_chapter(self._rng, loaded[1])

        now = self._clock.now()
        ahead, _ = await self._database.load(Path(path), now=now, then=self._go_on, stands=stands)
        self._clock.advance(max(0, ahead - self._clock.lead))
        await self._events.announce(replaced=True)

    def _go_on(self, connection: sqlite3.Connection) -> tuple[int, int]:
        """Take up what is loaded; gives how far ahead the clock is to stand from now on, and its last event's id."""
        clock = self._clock
        lead, now = clock.lead, clock.now()
        ahead = min(max(stored_clock.lead(connection, now - lead), lead), lead + LATEST - now)
        stored_clock.write_ahead(connection, max(0, ahead))
        now += ahead - lead
        results = [after_interruption(report, now, now) for report in report_queue.interrupted(connection)]
        for result in results:
            report_queue.record(connection, result)
        event_store.append(connection, [result.event for result in results])
        last = event_store.last(connection)
        return ahead, 0 if last is None else last.id

    async def reset(self) -> None:
        """Make the profile as new: it forgets everything but its keys and how far its clock was moved."""

        def work(connection: sqlite3.Connection) -> None:
            impressions.remove_all(connection)
            privacy_budgets.remove_all(connection)
            forgetting.clear_registrations_and_storage(connection)
            privacy_budgets.write_state(connection, AttributionState())
            report_store.remove_all(connection)
            event_store.remove_all(connection)
            aggregation_ledger.remove_all(connection)

        await self._database.transact("reset", work)
        await self._events.announce(replaced=True)

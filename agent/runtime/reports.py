"""The reports of a profile as its owner sees them: found, waited for, sent at once, dropped."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import Awaitable, Callable, Collection
from operator import attrgetter

from agent.model.clock import Clock
from agent.model.errors import UsageError
from agent.model.events import Event
from agent.model.explanation import DROPPED, HASTENED
from agent.model.reports import Report, ReportKind, ReportState
from agent.runtime.inspection import EventStream
from agent.runtime.latest import PAGE, Latest, read_latest
from agent.runtime.transactions import Transactions
from agent.verbs.attribution import Outcome
from storage import report_queue
from storage import reports as report_store
from storage.database import AsyncDatabase


class Reports:
    """The reports of the profile, with their clear text: for the owner's eyes, no page ever sees this."""

    def __init__(
        self,
        database: AsyncDatabase,
        events: EventStream,
        transactions: Transactions,
        clock: Clock,
        settle: Callable[[], Awaitable[None]],
    ) -> None:
        self._database, self._events = database, events
        self._transactions, self._clock, self._settle = transactions, clock, settle

    async def all(self, *, kind: ReportKind | str | None = None) -> list[Report]:
        """Every report so far, oldest first; of ``kind`` where it is given."""
        return [report for report in (await self.latest(None)).rows if kind is None or report.kind == kind]

    async def read(self, *, after: int = 0, limit: int = PAGE) -> list[Report]:
        """At most ``limit`` reports behind the position ``after``, oldest first."""
        return await self._database.transact("read reports", lambda c: report_store.read(c, after=after, limit=limit))

    async def latest(self, limit: int | None) -> Latest[Report]:
        """The ``limit`` latest reports; all of them where it is None."""

        def read(connection: sqlite3.Connection, after: int) -> list[Report]:
            return report_store.read(connection, after=after, limit=PAGE)

        return await read_latest(self._database, "reports", read, attrgetter("position"), limit=limit)

    async def newest(
        self,
        *,
        before: int | None = None,
        limit: int = PAGE,
        states: Collection[ReportState] = tuple(ReportState),
        kinds: Collection[ReportKind] = tuple(ReportKind),
    ) -> list[Report]:
        """At most ``limit`` reports of ``states`` and ``kinds`` at positions below ``before``, newest first."""
        return await self._database.transact(
            "read newest reports",
            lambda c: report_store.newest(c, before=before, limit=limit, states=states, kinds=kinds),
        )

    async def sent_batches(self, kinds: Collection[ReportKind]) -> list[tuple[ReportKind, str, int]]:
        """What was sent of ``kinds``: kind, URL and how many reports."""
        return await self._database.transact("count sent reports", lambda c: report_store.sent_batches(c, kinds))

    async def sent(self, kind: ReportKind, url: str, *, after: int = 0, limit: int = PAGE) -> list[Report]:
        """At most ``limit`` reports of ``kind`` that were sent to ``url``, behind the position ``after``."""
        return await self._database.transact(
            "read sent reports", lambda c: report_store.sent(c, kind, url, after=after, limit=limit)
        )

    async def count_by_state(self) -> dict[ReportState, int]:
        """How many reports are in each state that has any."""
        return await self._database.transact("count reports", report_store.count_by_state)

    async def next_due(self) -> int | None:
        """When the next pending report is due, in milliseconds; None when none is."""
        return await self._database.transact("next due report", report_queue.next_due)

    async def find(self, prefix: str) -> list[Report]:
        """The report whose id begins with ``prefix``, or two where several do."""
        return await self._database.transact("find report", lambda c: report_store.find(c, prefix))

    async def get(self, prefix: str) -> Report:
        """The report whose id begins with ``prefix``. Raises UsageError when none or several do."""
        found = await self.find(prefix)
        if len(found) == 1:
            return found[0]
        what = "no report has" if not found else "several reports have"
        raise UsageError(f"{what} an id that begins with {prefix!r}", fix="tallyhost reports list shows them")

    async def wait(
        self,
        kind: ReportKind | str = ReportKind.ATTRIBUTION_CONVERSION,
        timeout: float = 30,  # noqa: ASYNC109 - the promised signature
        *,
        count: int = 1,
    ) -> list[Report]:
        """Wait until there are ``count`` reports of ``kind`` whose delivery has ended; gives all of them.

        ``timeout`` is in real seconds. Raises TimeoutError that says what there was instead.
        """
        finished = {ReportState.RETURNED, ReportState.SENT, ReportState.FAILED, ReportState.NOT_SENT}
        reports: list[Report] = []
        try:
            async with asyncio.timeout(timeout):
                while True:
                    async with self._events.news:
                        reports = await self.all(kind=kind)
                        done = [report for report in reports if report.state in finished]
                        if len(done) >= count:
                            return done
                        await self._events.news.wait()
        except TimeoutError:
            states = ", ".join(report.state.value for report in reports) or "none"
            raise TimeoutError(f"{count} {kind} report(s) expected within {timeout} s; there were: {states}") from None

    async def send(self, prefix: str) -> Report:
        """Send a report now that waits, was given up or had nowhere to go; gives it as it is after the attempt.

        Raises UsageError for any other.
        """
        report = await self.get(prefix)
        if not await self._hasten(f"report {report.id[:8]} to be sent now", report):
            raise UsageError(
                f"report {report.id[:8]} is {report.state}",
                where="send",
                rule="what waits, failed, or was not sent for want of a host can be sent",
            )
        return await self.get(report.id)

    async def send_pending(self) -> int:
        """Send every pending report now; gives how many there were."""
        return await self._hasten("all pending reports to be sent now", None)

    async def _hasten(self, what: str, report: Report | None) -> int:
        now, hastened = self._clock.now(), 0

        def work(connection: sqlite3.Connection) -> Outcome:
            nonlocal hastened
            hastened = report_queue.hasten(connection, None if report is None else [report.position], now)
            return Outcome("hastened", (_by_owner(HASTENED, what, report, now),) if hastened else ())

        await self._transactions.apply("hasten reports", work)
        if hastened:
            await self._settle()
        return hastened

    async def drop(self, prefix: str) -> Report:
        """Forget a report, whatever its state, and give it. Raises UsageError while it is being sent."""
        report = await self.get(prefix)
        now, dropped = self._clock.now(), False

        def work(connection: sqlite3.Connection) -> Outcome:
            nonlocal dropped
            dropped = report_queue.drop(connection, report.position)
            what = f"report {report.id[:8]} dropped"
            return Outcome("dropped", (_by_owner(DROPPED, what, report, now),) if dropped else ())

        await self._transactions.apply("drop report", work)
        if not dropped:
            raise UsageError(f"report {report.id[:8]} is just being sent", where="drop", fix="try again in a moment")
        return report


def _by_owner(kind: str, what: str, report: Report | None, now: int) -> Event:
    site, data = ("", {}) if report is None else (report.site, {"report": report.id})
    return Event(kind, now, kind.partition(".")[2], f"{what}, by the profile's owner", site, data)

"""The shell around decisions: a verb, its events and what is kept of it, in one transaction."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import TypeVar

from agent.model.events import Event
from agent.verbs.attribution import Outcome
from agent.verbs.shared_storage import SelectionOutcome, StorageOutcome
from storage import events as event_store
from storage.database import AsyncDatabase

D = TypeVar("D", Outcome, StorageOutcome, SelectionOutcome)


class Transactions:
    """Runs the verbs of one profile; ``announce`` is called when there are new events in its store."""

    def __init__(self, database: AsyncDatabase, announce: Callable[[], None]) -> None:
        self._database, self._announce = database, announce

    async def apply(
        self,
        name: str,
        work: Callable[[sqlite3.Connection], D],
        keep: Callable[[sqlite3.Connection, D], None] = lambda _connection, _outcome: None,
    ) -> D:
        """Run one verb, append its events, and ``keep`` what came of it, in one transaction."""

        def transaction(connection: sqlite3.Connection) -> D:
            outcome = work(connection)
            ids = event_store.append(connection, outcome.events)
            events = tuple(replace(event, id=number) for event, number in zip(outcome.events, ids, strict=True))
            outcome = replace(outcome, events=events)
            keep(connection, outcome)
            return outcome

        outcome = await self._database.transact(name, transaction)
        if outcome.events:
            self._announce()
        return outcome

    async def note(self, *events: Event) -> Sequence[Event]:
        """Record events that change nothing; gives them as stored."""
        if not events:
            return ()
        return (await self.apply("note", lambda _: Outcome(events[0].verdict, events))).events

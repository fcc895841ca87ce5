"""Shared Storage as it is stored: for worklets and pages, and for the agent's owner."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import TypeVar

from agent.engines.shared_storage.select_url import Selection
from agent.engines.shared_storage.write_header import WriteHeader
from agent.model.clock import Clock
from agent.model.events import Check, Event, Trace
from agent.model.shared_storage import (
    ClearMethod,
    DeleteMethod,
    Entry,
    ModifierMethod,
    OriginMetadata,
    SetMethod,
    Writer,
    WrittenBy,
)
from agent.model.shared_storage_limits import SharedStorageLimits
from agent.runtime.shared_storage_calls import shown
from agent.runtime.transactions import Transactions
from agent.verbs import shared_storage as verbs
from agent.verbs.shared_storage import SelectionOutcome
from storage import select_url_budgets
from storage import shared_storage as store
from storage.database import AsyncDatabase

T = TypeVar("T")


class StoredSharedStorage:
    """The entries and budgets of one profile; what is written leaves its events.

    Origins are serialised, as ``https://shop.test``. The methods from :meth:`origins` on are the owner's, and what
    developer tools offer (shared-storage section 11).
    """

    def __init__(
        self, database: AsyncDatabase, transactions: Transactions, clock: Clock, limits: SharedStorageLimits
    ) -> None:
        self._database, self._transactions, self._clock, self._limits = database, transactions, clock, limits

    async def _read(self, name: str, work: Callable[[sqlite3.Connection], T]) -> T:
        return await self._database.transact(name, work)

    async def update(self, writer: Writer, methods: Sequence[ModifierMethod], *, batch: bool) -> str | None:
        """Apply writes, all or none; gives the message of the OperationError that a worklet's code sees, or None."""
        now, limits = self._clock.now(), self._limits
        outcome = await self._transactions.apply(
            "update shared storage", lambda c: verbs.update(c, writer, methods, limits, now=now, batch=batch)
        )
        return outcome.failure

    async def update_by_header(self, writer: Writer, header: WriteHeader) -> None:
        """Apply what a response's ``Shared-Storage-Write`` says."""
        now, limits = self._clock.now(), self._limits
        await self._transactions.apply(
            "update shared storage by header", lambda c: verbs.apply_header(c, writer, header, limits, now=now)
        )

    async def get(self, origin: str, key: str) -> str | None:
        """The value of an unexpired entry."""
        now, limits = self._clock.now(), self._limits
        return await self._read("get entry", lambda c: verbs.get(c, origin, key, limits, now=now))

    async def length(self, origin: str) -> int:
        """How many unexpired entries there are."""
        now, limits = self._clock.now(), self._limits
        return await self._read("count entries", lambda c: verbs.length(c, origin, limits, now=now))

    async def remaining_budget(self, origin: str) -> float:
        """Bits that selectURL may still spend on navigations of the origin's site."""
        now, limits = self._clock.now(), self._limits
        return await self._read("read budget", lambda c: verbs.remaining_budget(c, origin, limits, now=now))

    async def select_url(
        self,
        origin: str,
        urls: Sequence[str],
        index: int | None,
        *,
        now: int,
        page: float,
        site_page: float,
        saved: bool,
        site: str,
        name: str,
        before: tuple[Check, ...],
        batch: int | None = None,
    ) -> Selection:
        """Choose the URL that a call of selectURL shows; see :func:`agent.verbs.shared_storage.select_url`.

        ``name`` is the operation's, ``before`` what became of it, ``batch`` the number of the event of what it
        contributed, for the event.
        """

        def work(connection: sqlite3.Connection) -> SelectionOutcome:
            outcome = verbs.select_url(
                connection,
                origin,
                urls,
                index,
                self._limits,
                now=now,
                page=page,
                site_page=site_page,
                saved=saved,
                site=site,
            )
            return replace(outcome, events=tuple(_of_operation(event, name, before, batch) for event in outcome.events))

        return (await self._transactions.apply("select URL", work)).selection

    async def navigated(self, origin: str, bits: float, *, site: str) -> None:
        """Spend the bits of a selected URL whose frame navigates its tab; ``site`` is the top-level one, as a host."""
        now, limits = self._clock.now(), self._limits
        await self._transactions.apply(
            "spend navigation budget", lambda c: verbs.navigated(c, origin, bits, limits, now=now, site=site)
        )

    async def expire(self) -> None:
        """Remove expired entries."""
        now, limits = self._clock.now(), self._limits
        await self._transactions.apply("expire shared storage", lambda c: verbs.expire(c, limits, now=now))

    async def origins(self, limit: int | None = None) -> list[tuple[str, OriginMetadata]]:
        """The origins that have entries, in order, or ``limit`` of them, with what is known of each."""
        now, limits, most = self._clock.now(), self._limits, -1 if limit is None else limit
        return await self._read("list origins", lambda c: verbs.origins(c, limits, now=now, offset=0, limit=most))

    async def count_origins(self) -> int:
        """How many origins have entries."""
        return await self._read("count origins", store.count_origins)

    async def entries(self, origin: str, limit: int | None = None) -> tuple[Entry, ...]:
        """The unexpired entries of ``origin``, or ``limit`` of them, in the order of their keys' UTF-16 code units."""
        now, limits, most = self._clock.now(), self._limits, -1 if limit is None else limit
        return await self._read("read entries", lambda c: verbs.entries(c, origin, limits, now=now, limit=most))

    async def metadata(self, origin: str) -> OriginMetadata:
        """What is known of an origin's entries without reading them."""
        now, limits = self._clock.now(), self._limits
        return await self._read("read metadata", lambda c: verbs.metadata(c, origin, limits, now=now))

    async def set(self, origin: str, key: str, value: str, *, ignore_if_present: bool = False) -> str | None:
        """Write an entry; gives why that failed, or None."""
        return await self._by_owner(origin, SetMethod(key, value, ignore_if_present))

    async def delete(self, origin: str, key: str) -> None:
        """Remove an entry."""
        await self._by_owner(origin, DeleteMethod(key))

    async def clear(self, origin: str) -> None:
        """Remove every entry of ``origin``."""
        await self._by_owner(origin, ClearMethod())

    async def _by_owner(self, origin: str, method: ModifierMethod) -> str | None:
        return await self.update(Writer(origin, WrittenBy.OWNER), (method,), batch=False)

    async def reset_budget(self, origin: str) -> None:
        """Forget what selectURL spent for navigations of the origin's site."""
        now = self._clock.now()
        await self._transactions.apply("reset selectURL budget", lambda c: verbs.reset_budget(c, origin, now=now))

    async def navigation_budgets(self) -> list[tuple[str, float, list[tuple[int, float]]]]:
        """By site: the bits that selectURL may still spend on navigations, and instant and bits of what was spent."""
        ended = self._clock.now() - self._limits.navigation_window

        def work(connection: sqlite3.Connection) -> list[tuple[str, int, float]]:
            return select_url_budgets.read(connection, offset=0, limit=-1)

        by_site: dict[str, list[tuple[int, float]]] = {}
        for site, time, bits in await self._read("read selectURL budgets", work):
            by_site.setdefault(site, []).append((time, bits))
        return [
            (site, self._limits.navigation_bits - sum(bits for time, bits in spent if time > ended), spent)
            for site, spent in by_site.items()
        ]


def _of_operation(event: Event, name: str, before: tuple[Check, ...], batch: int | None) -> Event:
    data = {**event.data, "name": shown(name), **({} if batch is None else {"batch": batch})}
    return replace(event, data=data, trace=Trace((*before, *event.trace.checks)))

"""The verbs of Shared Storage: writes, selectURL's choices, what its owner sees and resets, clearing, expiry.

Each function takes the connection of a running transaction; events are for the caller to append. Origins are
serialised, instants are milliseconds since 1970.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from agent.engines.shared_storage import explanation, modifiers
from agent.engines.shared_storage.select_url import Budgets, Selection, choose
from agent.engines.shared_storage.write_header import WriteHeader
from agent.model.events import Check, Event
from agent.model.shared_storage import Entry, ModifierMethod, OriginMetadata, StorageVerdict, Writer
from agent.model.shared_storage_limits import SharedStorageLimits
from agent.model.site import schemeful_site, site_of_origin
from storage import select_url_budgets, shared_storage


@dataclass(frozen=True, slots=True)
class StorageOutcome:
    """How a call ended."""

    verdict: str
    events: tuple[Event, ...]
    """Empty where there was nothing to do."""
    failure: str | None = None
    """The message of the OperationError that a worklet's code sees; nothing was changed then. Pages see nothing."""


@dataclass(frozen=True, slots=True)
class SelectionOutcome:
    """How a call of selectURL ended."""

    verdict: str
    events: tuple[Event, ...]
    selection: Selection


# Writes.


def update(
    connection: sqlite3.Connection,
    writer: Writer,
    methods: Sequence[ModifierMethod],
    limits: SharedStorageLimits,
    *,
    now: int,
    batch: bool = False,
) -> StorageOutcome:
    """Apply ``methods`` to the entries of the writer's origin, all or none (shared-storage section 2).

    ``batch`` says whether they were called through ``batchUpdate``; a single method is called by its own name.
    """
    if not methods:
        return StorageOutcome(StorageVerdict.IGNORED, ())
    return _update(connection, writer, methods, limits, now=now, batch=batch)


def apply_header(
    connection: sqlite3.Connection, writer: Writer, header: WriteHeader, limits: SharedStorageLimits, *, now: int
) -> StorageOutcome:
    """Apply what a response's ``Shared-Storage-Write`` says, as one batch (shared-storage section 9)."""
    if header.methods:
        dropped = explanation.dropped_checks(header)
        return _update(connection, writer, header.methods, limits, now=now, batch=True, before=dropped)
    event = explanation.ignored_header(writer, header, now=now)
    return StorageOutcome(event.verdict, (event,))


def _update(
    connection: sqlite3.Connection,
    writer: Writer,
    methods: Sequence[ModifierMethod],
    limits: SharedStorageLimits,
    *,
    now: int,
    batch: bool,
    before: Sequence[Check] = (),
) -> StorageOutcome:
    origin, expired = writer.origin, now - limits.entry_lifetime
    # What is expired does not count; once it is gone, the decision need not think of it.
    gone = shared_storage.remove_expired(connection, origin, expired=expired)
    if gone:
        before = (*before, Check("expired entries", True, f"{gone} removed first"))
    found = (shared_storage.get(connection, origin, key, expired=expired) for key in modifiers.keys_of(methods))
    facts = modifiers.OriginFacts(
        now=now,
        bytes_used=shared_storage.totals(connection, origin, expired=expired).bytes_used,
        entries={entry.key: entry for entry in found if entry is not None},
    )
    decision = modifiers.apply(methods, facts, limits, batch=batch)
    if decision.cleared:
        shared_storage.clear(connection, origin)
    shared_storage.remove(connection, origin, (key for key, entry in decision.writes.items() if entry is None))
    shared_storage.write(connection, origin, (entry for entry in decision.writes.values() if entry is not None))
    event = explanation.write_event(writer, decision, batch=batch, now=now, before=before)
    return StorageOutcome(decision.verdict, (event,), decision.failure)


# What worklets read; it leaves no event.


def get(connection: sqlite3.Connection, origin: str, key: str, limits: SharedStorageLimits, *, now: int) -> str | None:
    """The value of an unexpired entry, or None."""
    entry = shared_storage.get(connection, origin, key, expired=now - limits.entry_lifetime)
    return None if entry is None else entry.value


def length(connection: sqlite3.Connection, origin: str, limits: SharedStorageLimits, *, now: int) -> int:
    """How many unexpired entries there are."""
    return shared_storage.totals(connection, origin, expired=now - limits.entry_lifetime).length


def entries(
    connection: sqlite3.Connection, origin: str, limits: SharedStorageLimits, *, now: int, limit: int = -1
) -> tuple[Entry, ...]:
    """A snapshot of the unexpired entries, in the order of their keys' UTF-16 code units; not more than ``limit``."""
    return tuple(shared_storage.entries(connection, origin, expired=now - limits.entry_lifetime, limit=limit))


def remaining_budget(connection: sqlite3.Connection, origin: str, limits: SharedStorageLimits, *, now: int) -> float:
    """Bits that selectURL may still spend on navigations of the origin's site, never below 0."""
    spent = select_url_budgets.spent(connection, schemeful_site(origin), ended=now - limits.navigation_window)
    return max(0.0, limits.navigation_bits - spent)


# selectURL (section 6).


def select_url(
    connection: sqlite3.Connection,
    origin: str,
    urls: Sequence[str],
    index: int | None,
    limits: SharedStorageLimits,
    *,
    now: int,
    page: float,
    site_page: float,
    saved: bool = False,
    site: str = "",
) -> SelectionOutcome:
    """Choose the URL that a call shows, once its operation has ended.

    ``origin`` is the worklet's data origin, ``site`` the host of the top-level site. ``page`` and ``site_page`` are the
    bits left of the page's own budgets, off which the caller takes the selection's ``page_cost``; ``index`` and
    ``saved`` as for :func:`choose`.
    """
    budgets = Budgets(remaining_budget(connection, origin, limits, now=now), page, site_page)
    selection = choose(index, len(urls), budgets, saved=saved)
    event = explanation.selection_event(origin, selection, urls, site=site, now=now)
    return SelectionOutcome(selection.verdict, (event,), selection)


def navigated(
    connection: sqlite3.Connection, origin: str, bits: float, limits: SharedStorageLimits, *, now: int, site: str = ""
) -> StorageOutcome:
    """The frame of a selected URL navigated the tab: the data origin's site pays ``bits``, once for each selection."""
    owner = schemeful_site(origin)
    select_url_budgets.spend(connection, owner, bits=bits, now=now)
    left = remaining_budget(connection, origin, limits, now=now)
    event = explanation.navigation_event(owner, bits, left, site=site, now=now)
    return StorageOutcome(event.verdict, (event,))


# What the owner sees and does (section 11); writes are those of update(), by WrittenBy.OWNER.


def metadata(connection: sqlite3.Connection, origin: str, limits: SharedStorageLimits, *, now: int) -> OriginMetadata:
    """What is known of an origin's storage without reading it."""
    totals = shared_storage.totals(connection, origin, expired=now - limits.entry_lifetime)
    budget = remaining_budget(connection, origin, limits, now=now)
    return OriginMetadata(totals.creation_time, totals.length, totals.bytes_used, budget)


def origins(
    connection: sqlite3.Connection, limits: SharedStorageLimits, *, now: int, offset: int = 0, limit: int = 1000
) -> list[tuple[str, OriginMetadata]]:
    """A page of the origins that have entries, in order; all of them where ``limit`` is -1."""
    found = shared_storage.origins(connection, offset=offset, limit=limit)
    return [(origin, metadata(connection, origin, limits, now=now)) for origin in found]


def reset_budget(connection: sqlite3.Connection, origin: str, *, now: int) -> StorageOutcome:
    """Make the navigation budget of the origin's site whole again."""
    owner = schemeful_site(origin)
    select_url_budgets.reset(connection, owner)
    event = explanation.reset_event(owner, now=now)
    return StorageOutcome(event.verdict, (event,))


# Clearing, whose event is the caller's, and expiry.


def clear_origin(connection: sqlite3.Connection, origin: str) -> int:
    """``Clear-Site-Data: "storage"`` from ``origin``: its entries go; gives how many there were."""
    return shared_storage.clear(connection, origin)


def clear_site_data(connection: sqlite3.Connection, hosts: Iterable[str]) -> None:
    """The user clears the data of sites: the entries of their origins go, what selectURL spent stays."""
    sites = set(hosts)
    for origin in shared_storage.origins(connection):
        if site_of_origin(origin) in sites:
            shared_storage.clear(connection, origin)


def clear_history(connection: sqlite3.Connection, hosts: Iterable[str]) -> None:
    """The user clears the history of sites: their data, and what selectURL spent."""
    hosts = list(hosts)
    clear_site_data(connection, hosts)
    for host in hosts:
        for scheme in ("https", "http"):
            select_url_budgets.reset(connection, f"{scheme}://{host}")


def clear_all(connection: sqlite3.Connection) -> None:
    """The user clears everything: all entries, and what selectURL spent."""
    shared_storage.remove_all(connection)
    select_url_budgets.remove_all(connection)


def expire(connection: sqlite3.Connection, limits: SharedStorageLimits, *, now: int) -> StorageOutcome:
    """Remove the entries that have expired, and what counts no more; without an event where no entry has."""
    select_url_budgets.sweep(connection, ended=now - limits.navigation_window)
    removed = {
        origin: shared_storage.remove_expired(connection, origin, expired=now - limits.entry_lifetime)
        for origin in shared_storage.origins(connection)
    }
    gone = {origin: count for origin, count in removed.items() if count}
    return StorageOutcome(explanation.EXPIRED, (explanation.expiry_event(gone, now=now),) if gone else ())

"""One profile's Shared Storage with its verbs, for tests."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from agent.engines.shared_storage.write_header import parse_write_header
from agent.model.clock import DAY
from agent.model.events import Event
from agent.model.shared_storage import (
    AppendMethod,
    ClearMethod,
    DeleteMethod,
    ModifierMethod,
    SetMethod,
    Writer,
    WrittenBy,
)
from agent.model.shared_storage_limits import SharedStorageLimits
from agent.verbs import shared_storage as verbs
from agent.verbs.shared_storage import StorageOutcome
from storage.database import Database

A = "https://a.test"
NOON = 1_767_614_400_000
"""2026-01-05T12:00:00Z."""
MONTH = 30 * DAY


class StorageWorld:
    """A store in memory, at an instant that tests move; writes are those of a page of ``pub.test``."""

    def __init__(self, **limits: Any) -> None:
        self.now = NOON
        self.limits = replace(SharedStorageLimits(), **limits)
        self.database = Database.open(":memory:", now=NOON)
        self.connection = self.database.connection

    def update(
        self, *methods: ModifierMethod, origin: str = A, by: WrittenBy = WrittenBy.PAGE, batch: bool | None = None
    ) -> StorageOutcome:
        """Apply methods; several are a batch unless ``batch`` says otherwise."""
        batch = len(methods) != 1 if batch is None else batch
        writer = Writer(origin, by, "pub.test")
        return self.database.transact(
            "update", lambda c: verbs.update(c, writer, methods, self.limits, now=self.now, batch=batch)
        )

    def set(self, key: str, value: str, *, ignore_if_present: bool = False, origin: str = A) -> StorageOutcome:
        return self.update(SetMethod(key, value, ignore_if_present), origin=origin)

    def append(self, key: str, value: str) -> StorageOutcome:
        return self.update(AppendMethod(key, value))

    def delete(self, key: str) -> StorageOutcome:
        return self.update(DeleteMethod(key))

    def clear(self) -> StorageOutcome:
        return self.update(ClearMethod())

    def header(self, field: str, *, origin: str = A) -> StorageOutcome:
        """Apply a response's field."""
        writer, header = Writer(origin, WrittenBy.HEADER, "pub.test"), parse_write_header(field.encode(), self.limits)
        return self.database.transact(
            "header", lambda c: verbs.apply_header(c, writer, header, self.limits, now=self.now)
        )

    def get(self, key: str, *, origin: str = A) -> str | None:
        return verbs.get(self.connection, origin, key, self.limits, now=self.now)

    def length(self, origin: str = A) -> int:
        return verbs.length(self.connection, origin, self.limits, now=self.now)

    def stored(self, origin: str = A) -> dict[str, str]:
        """The unexpired entries, in their order."""
        found = verbs.entries(self.connection, origin, self.limits, now=self.now)
        return {entry.key: entry.value for entry in found}

    def remaining(self, origin: str = A) -> float:
        return verbs.remaining_budget(self.connection, origin, self.limits, now=self.now)

    def navigated(self, bits: float, origin: str = A) -> StorageOutcome:
        return self.database.transact(
            "navigate",
            lambda c: verbs.navigated(c, origin, bits, self.limits, now=self.now, site="pub.test"),
        )

    def expire(self) -> StorageOutcome:
        return self.database.transact("expire", lambda c: verbs.expire(c, self.limits, now=self.now))


def the_event(events: Sequence[Event]) -> Event:
    """The one event of a decision."""
    (event,) = events
    return event

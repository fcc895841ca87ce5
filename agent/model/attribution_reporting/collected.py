"""What a reporting origin's server asks of storage: the shelf for the reports that browsers send by themselves."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from agent.model.reports import ReportKind


@dataclass(frozen=True, slots=True)
class CollectedAttributionReport:
    """A report as it was received."""

    id: int
    """Position on the shelf, from 1."""
    received: int
    """Milliseconds since 1970."""
    kind: ReportKind
    body: bytes


class CollectedAttributionReports(Protocol):
    """The shelf of one reporting origin."""

    async def add(self, kind: ReportKind, body: bytes, *, report_id: str | None, received: int) -> int:
        """Keep ``body`` and give its id once it is durable.

        A report that comes again, with the same ``kind`` and ``report_id``, is not kept twice and gives the id it has;
        ``report_id`` None means that it has no name.
        """
        ...

    async def page(self, *, after: int, limit: int) -> list[CollectedAttributionReport]:
        """At most ``limit`` reports with an id above ``after``, oldest first."""
        ...

"""What a reporting origin's server asks of storage: the shelf for the reports that browsers send by themselves."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from agent.model.clock import HOUR, format_instant
from agent.model.errors import UsageError
from agent.model.reports import ReportKind


@dataclass(frozen=True, slots=True)
class ReceivedReport:
    """A report as it arrives, with what it says of itself; a member that is absent is None."""

    kind: ReportKind
    body: bytes
    received: int
    """Milliseconds since 1970."""
    report_id: str | None = None
    api: str | None = None
    destination: str | None = None
    """``attribution_destination``; None also for an event-level report with several."""
    scheduled_report_time: int | None = None
    """Milliseconds since 1970."""


@dataclass(frozen=True, slots=True)
class CollectedAttributionReport:
    """A report as it was received."""

    id: int
    """Position on the shelf, from 1."""
    received: int
    """Milliseconds since 1970."""
    kind: ReportKind
    body: bytes


@dataclass(frozen=True, slots=True)
class Selection:
    """Which reports make a batch: of one kind, for a debug copy beside its report would spend the same budget.

    The range of ``scheduled_report_time`` is of whole hours, as budgets are: the rest of an hour that was aggregated
    once can never be (aggregation service, section 7).
    """

    kind: ReportKind
    api: str | None = None
    """Such as ``shared-storage``; None for every API of that kind."""
    destination: str | None = None
    """Such as ``https://shop.test``; None for every one."""
    from_time: int | None = None
    """Milliseconds since 1970, included; None for no bound."""
    until_time: int | None = None
    """Milliseconds since 1970, excluded; None for no bound."""

    def __post_init__(self) -> None:
        for time in (self.from_time, self.until_time):
            if time is not None and time % HOUR:
                raise UsageError(
                    f"{format_instant(time)} is not the beginning of an hour",
                    where="selection of reports",
                    rule="a budget is for a whole hour of scheduled_report_time, so a batch takes whole hours",
                    fix=f"begin or end it at {format_instant(time - time % HOUR)}",
                )


class CollectedAttributionReports(Protocol):
    """The shelf of one reporting origin."""

    async def add(self, report: ReceivedReport) -> int:
        """Keep ``report`` and give its id once it is durable.

        One that comes again, with the same kind, ``report_id`` and body, is not kept twice and gives the id it has;
        ``report_id`` None means that it has no name. Another body under a known name is another report: nobody can
        replace a report, or keep it out, by sending its name first.
        """
        ...

    async def page(
        self, *, after: int, limit: int, selection: Selection | None = None
    ) -> list[CollectedAttributionReport]:
        """At most ``limit`` reports with an id above ``after``, oldest first; of a ``selection`` where it is given."""
        ...

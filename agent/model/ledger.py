"""What the aggregation side asks of storage: the service's ledger, the collector's shelf."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol, TypeVar

from agent.model.attribution import Dialect

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class AggregatedBatch:
    """One batch that was aggregated, as the service remembers and answers it."""

    time: int
    """Milliseconds since 1970."""
    dialect: Dialect
    service: str
    collector: str
    budget_source: str
    reports: int
    minimum_batch: int
    epsilon: float
    scale: float
    """Scale b of the discrete Laplace noise, in units of value."""
    standard_deviation: float
    """Of one bucket's noise; 0 where noise was off."""
    noise: bool
    histogram: tuple[int, ...]
    """The noised sums; negative ones are kept."""
    p5: tuple[int, ...]
    p95: tuple[int, ...]
    """For each bucket, the interval that holds the true sum with at least 90 % confidence."""
    id: int = 0
    """Position in the ledger, from 1; 0 until recorded."""


class Ledger(Protocol):
    """Which reports were aggregated, and what came of it; every method works inside one open transaction."""

    def aggregated(self, report_ids: Sequence[bytes]) -> frozenset[bytes]:
        """Those of ``report_ids`` that an earlier batch consumed."""
        ...

    def record(self, batch: AggregatedBatch, report_ids: Sequence[bytes]) -> int:
        """Consume ``report_ids`` and keep ``batch``, both or neither; gives the batch's id."""
        ...

    def batches(self, *, after: int, limit: int) -> list[AggregatedBatch]:
        """At most ``limit`` batches with an id above ``after``, oldest first."""
        ...


class LedgerTransactions(Protocol):
    """Runs work on the ledger; what raises leaves nothing behind."""

    async def transact(self, work: Callable[[Ledger], T]) -> T:
        """Run ``work`` inside one transaction; when this returns, what it recorded is durable."""
        ...


@dataclass(frozen=True, slots=True)
class CollectedReport:
    """A sealed report as a collector keeps it."""

    id: int
    """Position on the shelf, from 1."""
    received: int
    """Milliseconds since 1970."""
    service: str
    """Aggregation service that the report names in the clear."""
    body: bytes


class CollectedReports(Protocol):
    """The shelf on which a collector keeps sealed reports."""

    async def add(self, body: bytes, *, service: str, received: int) -> int:
        """Keep ``body`` and give its id once it is durable; the same bytes again give the id they have."""
        ...

    async def page(self, *, after: int, limit: int, service: str | None) -> list[CollectedReport]:
        """At most ``limit`` reports with an id above ``after``, oldest first; ``service`` None means any."""
        ...

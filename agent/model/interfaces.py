"""What one part of the agent needs of another, so that neither imports the other."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol

from agent.model.events import Event
from agent.model.reports import Report, ReportKind, ReportState


class NetworkError(StrEnum):
    """Why a request that was sent has no response, as far as a sender must tell it apart."""

    INTERNET_DISCONNECTED = "internet disconnected"
    NAME_NOT_RESOLVED = "name not resolved"
    TIMED_OUT = "timed out"
    CONNECTION_TIMED_OUT = "connection timed out"
    CONNECTION_ABORTED = "connection aborted"
    CONNECTION_RESET = "connection reset"
    OTHER = "other"
    """Such as a refused connection."""


@dataclass(frozen=True, slots=True)
class Answer:
    """The head of a server's response."""

    status: int
    location: str | None = None
    """The value of the ``Location`` field, if there was one."""
    headers: tuple[tuple[str, str], ...] = ()
    """All fields, where they are known."""


@dataclass(frozen=True, slots=True)
class NoAnswer:
    """Why a request has no response."""

    mapped: bool
    """False where the host is neither mapped nor allowed, so that nothing was sent."""
    detail: str
    error: NetworkError = NetworkError.OTHER


@dataclass(frozen=True, slots=True)
class Fetched:
    """A server's whole response."""

    status: int
    headers: tuple[tuple[str, str], ...]
    body: bytes


class Fetch(Protocol):
    """A GET on the network, under the same host map as the browser's own; follows no redirect."""

    async def __call__(self, url: str, headers: Sequence[tuple[str, str]], limit: int) -> Fetched | NoAnswer:
        """Send, and give the response, its body cut after ``limit`` bytes, or why there is none."""
        ...


class Exchange(Protocol):
    """One request on the network, under the same host map as the browser's own; follows no redirect."""

    async def __call__(
        self, method: str, url: str, headers: Sequence[tuple[str, str]], body: bytes
    ) -> Answer | NoAnswer:
        """Send, and give the response's head or why there is none."""
        ...


@dataclass(frozen=True, slots=True)
class DeliveryResult:
    """What one attempt to send came to, ready to be recorded."""

    report_id: str
    state: ReportState
    """PENDING (again), SENT, FAILED or NOT_SENT."""
    attempts: int
    """How many attempts stand; one that sent nothing is none."""
    next_attempt: int | None
    last_result: str
    event: Event
    body: bytes | None = None
    """What was sent; None where that is the body that is stored already, or nothing was."""
    waits_for: str | None = None
    """The host whose mapping it waits for; None for the one that it is sent to."""


@dataclass(frozen=True, slots=True)
class DueReport:
    """A report whose time has come."""

    position: int
    kind: ReportKind


class ReportQueue(Protocol):
    """The store of reports as delivery sees it; every method is one transaction."""

    async def due(self, kinds: Iterable[ReportKind], now: int, limit: int) -> Sequence[DueReport]:
        """The first ``limit`` pending reports of ``kinds`` that are due at ``now``, first due first."""
        ...

    async def claim(self, positions: Sequence[int], now: int) -> Sequence[Report]:
        """Take those that are pending and due at ``now`` still: they are SENDING, their attempt counted."""
        ...

    async def postpone(self, kinds: Iterable[ReportKind], before: int, delay: Callable[[], int], limit: int) -> int:
        """Put pending reports of ``kinds`` that were due before ``before`` behind it, each by a ``delay()`` of its own.

        At most ``limit`` of each kind; gives how many in all.
        """
        ...

    async def after_navigation(self, due: int) -> int:
        """Make the pending reports that wait for a navigation due at ``due``; gives how many."""
        ...

    async def interrupted(self) -> Sequence[Report]:
        """The reports left SENDING by an agent that ended before it recorded the result."""
        ...

    async def record(self, results: Sequence[DeliveryResult]) -> Sequence[Event]:
        """Record what attempts came to; gives their events as stored."""
        ...

    async def next_due(self) -> int | None:
        """When the next pending report is due, in milliseconds; None when none is pending."""
        ...

    async def release(self, host: str, now: int) -> int:
        """Make what was not sent to ``host`` (or ``*.host``, or ``*``) pending at ``now``; gives how many."""
        ...

"""What one part of the agent needs of another, so that neither imports the other."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from agent.model.events import Event
from agent.model.reports import Report, ReportState


@dataclass(frozen=True, slots=True)
class Answer:
    """The head of a server's response."""

    status: int
    location: str | None = None
    """The value of the ``Location`` field, if there was one."""


@dataclass(frozen=True, slots=True)
class NoAnswer:
    """Why a request has no response."""

    mapped: bool
    """False where the host is neither mapped nor allowed, so that nothing was sent."""
    detail: str


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


class ReportQueue(Protocol):
    """The store of reports as delivery sees it; every method is one transaction."""

    async def claim_due(self, now: int, limit: int) -> Sequence[Report]:
        """Take at most ``limit`` pending reports due at ``now``: they are SENDING, their attempt counted."""
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

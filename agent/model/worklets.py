"""What the host of worklets and the agent say to one another.

A worklet is a realm of its own that runs one script. Each call of one of its operations is known by a number of the
agent's choice; what its code does while that operation is under way is told under that number.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from agent.model.attribution_reporting.reports import Contribution
from agent.model.private_aggregation import ConditionalContribution, PrivateAggregationConfig
from agent.model.shared_storage import ModifierMethod
from agent.model.shared_storage_limits import SharedStorageLimits


@dataclass(frozen=True, slots=True)
class WorkletScript:
    """The module script, a classic script by its nature, and the URL that its exceptions name."""

    url: str
    text: str


@dataclass(frozen=True, slots=True)
class ScriptFailure:
    """Why code did not come to its end: the exception's stack, else the exception as text."""

    message: str


@dataclass(frozen=True, slots=True)
class Operation:
    """One call of ``run`` or ``selectURL``, as its worklet learns of it."""

    id: int
    name: str
    data: str | None
    """The structured clone of ``data`` as pages' scripts encode it; None where the call had none."""
    config: PrivateAggregationConfig
    urls: tuple[str, ...] | None = None
    """Absolute URLs of ``selectURL``; None for ``run``."""
    private_aggregation_allowed: bool = True
    """Whether the permissions policy lets it contribute."""


@dataclass(frozen=True, slots=True)
class OperationResult:
    """How an operation ended."""

    index: int | None = None
    """Which URL ``selectURL``'s operation chose; None for ``run``."""
    failure: ScriptFailure | None = None
    """Set where it threw, rejected, or could not be called; ``selectURL`` then takes URL 0."""
    uncaught_error: bool = False
    """Whether it was code of the script that failed, by throwing or rejecting."""
    died: bool = False
    """Whether its worklet ended first."""


@dataclass(frozen=True, slots=True)
class StorageFailure:
    """What a worklet's code sees rejected."""

    name: str
    """Of the DOMException."""
    message: str


class WorkletServices(Protocol):
    """What the code of one worklet can ask of the agent; ``operation`` is the call under way, 0 outside of any."""

    async def get(self, operation: int, key: str) -> str | None:
        """The value of an unexpired entry."""
        ...

    async def length(self, operation: int) -> int:
        """How many unexpired entries there are."""
        ...

    async def entries(self, operation: int) -> tuple[tuple[str, str], ...]:
        """A snapshot of the unexpired entries, in the order of their keys' UTF-16 code units."""
        ...

    async def remaining_budget(self, operation: int) -> float:
        """Bits that selectURL may still spend on navigations."""
        ...

    async def update(
        self, operation: int, methods: tuple[ModifierMethod, ...], lock: str | None, *, batch: bool
    ) -> StorageFailure | None:
        """Apply writes, all or none, holding ``lock`` if one is named; gives what the code sees rejected."""
        ...

    async def request_lock(self, name: str, *, mode: str, if_available: bool, steal: bool) -> int | None:
        """``navigator.locks.request``: wait for the lock and give a number for it, None where it is not available."""
        ...

    def release_lock(self, lock: int) -> None:
        """The callback of a request has ended."""
        ...

    def contributed(self, operation: int, contribution: Contribution) -> None:
        """``contributeToHistogram`` took a contribution."""
        ...

    def contributed_on_event(self, operation: int, contribution: ConditionalContribution) -> None:
        """``contributeToHistogramOnEvent`` took a contribution."""
        ...

    def debug_mode_enabled(self, operation: int, key: int | None) -> None:
        """``enableDebugMode`` took effect."""
        ...

    def late_contribution(self) -> None:
        """Code contributed outside of every operation that is under way; it was ignored."""
        ...

    def logged(self, level: str, text: str) -> None:
        """Code called ``console``; ``level`` is the method's name."""
        ...

    def ended(self, reason: str) -> None:
        """The worklet was ended from outside: it did not respond, held too much memory, or its process is gone."""
        ...


class Worklet(Protocol):
    """One worklet."""

    async def add_module(self, script: WorkletScript) -> ScriptFailure | None:
        """Evaluate the script; gives what it threw."""
        ...

    async def call(self, operation: Operation) -> OperationResult:
        """Run an operation to its end; several may be under way at once."""
        ...

    def lock_broken(self, lock: int) -> None:
        """A lock that its code holds was stolen by another request."""
        ...

    async def close(self) -> None:
        """End it at once, whatever its code does; operations under way end as died."""
        ...


class WorkletHost(Protocol):
    """Makes worklets."""

    async def create(
        self, services: WorkletServices, *, options: Mapping[str, Any], limits: SharedStorageLimits | None = None
    ) -> Worklet:
        """A fresh worklet; ``options`` tell its script what it shows, such as ``{"errorReporting": False}``.

        ``limits``: what its code may hold, and how long it may run without a pause.
        """
        ...

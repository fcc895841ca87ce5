"""One operation of a worklet under way, and what it has contributed so far."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field

from agent.engines.private_aggregation.contributions import merge
from agent.model.attribution_reporting.reports import Contribution
from agent.model.private_aggregation import (
    Batch,
    ConditionalContribution,
    DebugDetails,
    ErrorEvent,
    PrivateAggregationApi,
)
from agent.model.worklets import Operation, OperationResult
from agent.runtime.alarms import Alarm

_KEPT_CALLS = 10_000
"""Calls of a contributing loop that are kept as they are; more are merged, so that memory stays bounded. Of those that
wait for one event no more are kept: Chromium's number for uncaught errors."""


Ended = Callable[["RunningOperation", OperationResult, int], Awaitable[None]]
"""What follows an operation's end, at an instant in milliseconds."""


@dataclass(slots=True, eq=False)
class RunningOperation:
    """An operation between its call and its end."""

    call: Operation
    started: int
    """Milliseconds since 1970 on the agent's clock."""
    ahead: int
    """How far the clock was moved ahead when it started, or when it was told that the clock has moved."""
    began: float
    """Seconds of the event loop's clock."""
    ended: Ended
    task: asyncio.Task[None] = field(init=False)
    """Ends with it."""
    alarm: Alarm | None = None
    """Its time limit, where it reports in any case."""
    reporting: asyncio.Task[None] | None = None
    """Stores its batch, where that was complete before its end."""
    batch_event: int | None = None
    """The number of its batch's event."""
    reported: bool = False
    """Whether its batch is complete: it contributes no more."""
    too_late: int = 0
    """How many contributions came after that."""
    debug_too_late: bool = False
    """Whether debug mode was asked for after it."""
    too_many: int = 0
    """How many were dropped that would have waited for an event, for as many as may wait for it already."""
    debug: DebugDetails = field(default_factory=DebugDetails)
    contributions: list[Contribution] = field(default_factory=list)
    conditional: list[ConditionalContribution] = field(default_factory=list)
    _waiting: Counter[ErrorEvent] = field(default_factory=Counter)

    def contribute(self, contribution: Contribution, most: int) -> None:
        """Take a contribution; a report has ``most`` entries at most."""
        if self.reported:
            self.too_late += 1
            return
        self.contributions.append(contribution)
        if len(self.contributions) > _KEPT_CALLS:
            # One entry more than a report can have, so that it stays known that there were too many.
            self.contributions = list(merge(self.contributions, most + 1).contributions)

    def contribute_on_event(self, contribution: ConditionalContribution) -> None:
        """Take a contribution that waits for an event."""
        if self.reported:
            self.too_late += 1
        elif self._waiting[contribution.event] >= _KEPT_CALLS:
            self.too_many += 1
        else:
            self._waiting[contribution.event] += 1
            self.conditional.append(contribution)

    @property
    def kept(self) -> int:
        """How many contributions it holds."""
        return len(self.contributions) + len(self.conditional)

    def batch(self, reporting_origin: str, top_level_origin: str, *, timed_out: bool, uncaught_error: bool) -> Batch:
        """Everything that it contributed; it contributes no more."""
        self.reported = True
        return Batch(
            PrivateAggregationApi.SHARED_STORAGE,
            reporting_origin,
            top_level_origin,
            self.started,
            tuple(self.contributions),
            tuple(self.conditional),
            self.debug,
            self.call.config,
            timed_out,
            uncaught_error,
        )

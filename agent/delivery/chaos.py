"""Chaos on the way of what the agent itself sends: reports, and requests for coordinators' keys."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field, replace

from ada_url import URL

from agent.model.chaos import Strike, Trouble, chaos_event
from agent.model.chaos_rules import ChaosRules
from agent.model.clock import SECOND, Clock
from agent.model.events import Check, Event
from agent.model.interfaces import Answer, NetworkError, NoAnswer


@dataclass(frozen=True, slots=True)
class Chaos:
    """The rules in force, the clock on which delays pass, and who stores events.

    ``mapped`` tells whether a URL's host can be reached at all: where it cannot, nothing is there to go wrong.
    """

    rules: ChaosRules
    clock: Clock
    note: Callable[[Event], Awaitable[None]]
    mapped: Callable[[str], bool]


@dataclass(slots=True)
class Strikes:
    """What chaos does to the requests of one attempt, redirects included; nothing where ``chaos`` is None."""

    chaos: Chaos | None
    limit: float
    """Seconds in which the attempt must have its answer."""
    site: str = ""
    report_id: str | None = None
    """The report that is to be sent, if it is one."""
    checks: list[Check] = field(default_factory=list)
    """Which rules struck."""

    async def meet(self, method: str, url: str) -> Answer | NoAnswer | None:
        """What a request that is about to be sent comes to instead; None: it is to be sent, now that this returns.

        Raises TimeoutError where chaos delays it beyond the limit. Delays pass on the agent's clock: faster where it
        runs faster, and without waiting where it stands still.
        """
        chaos = self.chaos
        if chaos is None or not chaos.rules.all or not chaos.mapped(url):
            return None
        asked = f"{self.report_id or 'keys'} {method} {url}"
        trouble = chaos.rules.strike(str(URL(url).hostname), asked, page=False)
        if trouble is None:
            return None
        too_late = trouble.delay >= self.limit * SECOND
        if too_late:
            trouble = replace(trouble, strike=Strike.STALLED)
        self.checks.append(trouble.check())
        now = chaos.clock.now()
        await chaos.note(chaos_event(trouble, method, url, now=now, site=self.site, report_id=self.report_id))
        await _passes(chaos.clock, min(trouble.delay, round(self.limit * SECOND)))
        if too_late:
            raise TimeoutError
        return _instead(trouble)


def _instead(trouble: Trouble) -> Answer | NoAnswer | None:
    match trouble.strike:
        case Strike.FAILED:
            return Answer(trouble.rule.status)
        case Strike.RESET:
            return _no_answer(trouble, NetworkError.CONNECTION_RESET)
        case Strike.STALLED:
            return _no_answer(trouble, NetworkError.TIMED_OUT)
        case Strike.SLOWED:
            return None


def _no_answer(trouble: Trouble, error: NetworkError) -> NoAnswer:
    return NoAnswer(mapped=True, detail=f"{trouble} (net::ERR_{error.name})", error=error)


async def _passes(clock: Clock, duration: int) -> None:
    """Wait until ``duration`` milliseconds have passed on ``clock``; not at all where it stands still."""
    if seconds := clock.seconds_until(clock.now() + duration):
        await asyncio.sleep(seconds)

"""Forgetting what can match no more."""

from __future__ import annotations

import asyncio
import logging
import sqlite3
from collections.abc import Awaitable, Callable

from agent.model.attribution_reporting.limits import AttributionReportingLimits
from agent.model.clock import DAY, HOUR, SECOND, Clock
from agent.model.errors import HostEnvironmentError
from agent.verbs import attribution, attribution_reporting
from agent.verbs.attribution import Outcome

_log = logging.getLogger("tallyhost")
Apply = Callable[[str, Callable[[sqlite3.Connection], Outcome]], Awaitable[Outcome]]


class Expiry:
    """Expiry of what is stored: at launch, when the clock is moved, and daily on the agent's clock."""

    def __init__(self, apply: Apply, clock: Clock, limits: AttributionReportingLimits) -> None:
        self._apply, self._clock, self._limits = apply, clock, limits
        self._last = clock.now()

    async def expire(self) -> None:
        """Remove the impressions and the sources that can match no more."""
        now = self._clock.now()
        await self._apply("expire impressions", lambda c: attribution.expire(c, now=now))
        await self._apply("expire sources", lambda c: attribution_reporting.expire(c, limits=self._limits, now=now))
        self._last = now

    async def daily(self) -> None:
        """Expire daily, until cancelled."""
        while True:
            await asyncio.sleep(HOUR / SECOND)
            if self._clock.now() - self._last >= DAY:
                try:
                    await self.expire()
                except HostEnvironmentError as error:  # a full disk, a lock: an hour later it may be gone
                    _log.error("what expired stays for now: %s", error)

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import Callable

import pytest

from agent.model.attribution import CallContext, Dialect
from agent.model.attribution_reporting.limits import AttributionReportingLimits
from agent.model.clock import DAY, Clock
from agent.model.errors import HostEnvironmentError
from agent.model.tasks import Tasks
from agent.runtime import Agent, expiry
from agent.verbs.attribution import Outcome


async def test_what_expires_when_the_clock_is_advanced_leaves_an_event_and_nothing_else_does() -> None:
    async with Agent.open_profile(":memory:", clock=Clock.frozen()) as agent:
        options = {"histogramIndex": 0, "lifetimeDays": 2}
        await agent.save_impression(Dialect.CURRENT, CallContext("news.test"), options)
        for _ in range(2):
            await agent.clock.advance("1d")  # the last millisecond of the lifetime is still part of it
        assert [event.kind for event in await agent.events.all()] == ["impression"]
        for _ in range(2):
            await agent.clock.advance("1ms")
        (_, expiry) = await agent.events.all()
        assert (expiry.kind, expiry.verdict, expiry.summary) == ("expiry", "expired", "1 impression expired")
        assert expiry.time == agent.clock.now() - 1
        assert await agent.state.impressions() == []


async def test_a_store_that_fails_once_does_not_end_the_daily_expiry(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(expiry, "HOUR", 1)
    clock, asked = Clock.frozen(), []
    both = asyncio.Event()

    async def apply(name: str, _work: Callable[[sqlite3.Connection], Outcome]) -> Outcome:
        asked.append(name)
        if len(asked) == 1:
            raise HostEnvironmentError("the database is locked by another process")
        if name == "expire sources":
            both.set()
        return Outcome("expired", ())

    tasks = Tasks()
    tasks.start(expiry.Expiry(apply, clock, AttributionReportingLimits()).daily(), "daily expiry")
    clock.advance(DAY)
    try:
        await asyncio.wait_for(both.wait(), 5)
    finally:
        await tasks.close()
    assert asked == ["expire impressions", "expire impressions", "expire sources"]

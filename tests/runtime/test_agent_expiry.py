from __future__ import annotations

from agent.model.attribution import CallContext, Dialect
from agent.model.clock import Clock
from agent.runtime import Agent


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

"""Alarms: what is to happen at an instant of the agent's clock."""

from __future__ import annotations

import asyncio

from agent.model.clock import Clock
from agent.runtime.alarms import Alarms


async def test_alarms_ring_in_their_order_when_the_clock_has_moved() -> None:
    clock, rung = Clock.frozen(), list[str]()
    alarms = Alarms(clock)
    alarms.after(5000, lambda: rung.append("late"))
    alarms.after(1000, lambda: rung.append("early"))
    alarms.after(5001, lambda: rung.append("not yet"))
    clock.advance(5000)
    alarms.ring()
    alarms.ring()
    assert rung == ["early", "late"]


async def test_an_alarm_that_is_cancelled_does_not_ring() -> None:
    clock, rung = Clock.frozen(), list[str]()
    alarms = Alarms(clock)
    alarms.cancel(alarms.after(1, lambda: rung.append("cancelled")))
    alarms.after(1, lambda: rung.append("closed"))
    alarms.close()
    clock.advance(1)
    alarms.ring()
    assert rung == []


async def test_time_that_passes_rings_alarms_unless_the_clock_stands_still() -> None:
    rung = list[str]()
    running, standing = Alarms(Clock()), Alarms(Clock.frozen())
    running.after(1, lambda: rung.append("running"))
    standing.after(1, lambda: rung.append("standing"))
    standing.after(1, lambda: rung.append("in real time"), in_real_time=True)
    await asyncio.sleep(0.05)
    assert rung == ["running", "in real time"]


async def test_a_stopped_clock_rings_nothing_by_itself_until_it_goes_on() -> None:
    clock, rung = Clock(), list[str]()
    alarms = Alarms(clock)
    alarms.after(50, lambda: rung.append("set while it ran"))
    clock.freeze()
    alarms.after(10, lambda: rung.append("set while it stood"))
    alarms.after(10, lambda: rung.append("in real time"), in_real_time=True)
    await asyncio.sleep(0.15)
    assert rung == ["in real time"]
    clock.run()
    await asyncio.sleep(0.15)
    assert rung == ["in real time", "set while it stood", "set while it ran"]


async def test_a_clock_that_is_moved_rings_nothing_before_it_is_asked_to() -> None:
    clock, rung = Clock(), list[str]()
    alarms = Alarms(clock)
    alarms.after(60_000, lambda: rung.append("due"))
    clock.run(10_000)
    clock.advance("1h")
    await asyncio.sleep(0.05)
    assert rung == []
    alarms.ring()
    assert rung == ["due"]

"""Arrivals keep their order, whatever it takes to know what they are."""

from __future__ import annotations

import asyncio

import pytest

from agent.runtime import arrivals
from agent.runtime.arrivals import Arrivals


async def _after(seconds: float, item: int | None) -> int | None:
    await asyncio.sleep(seconds)
    return item


async def test_what_arrived_first_is_handed_on_first() -> None:
    handed: list[int] = []

    async def hand_on(item: int) -> None:
        await asyncio.sleep(0.01 if item % 2 else 0)
        handed.append(item)

    line = Arrivals(hand_on)
    await asyncio.gather(*[line.add(_after(0.05 - item / 200, item)) for item in range(10)])
    await line.settled()
    assert handed == list(range(10))
    await line.close()


async def test_nothing_and_failures_hold_nobody_up() -> None:
    handed: list[int] = []

    async def hand_on(item: int) -> None:
        if item == 2:
            raise ValueError
        handed.append(item)

    async def fail() -> int:
        raise RuntimeError

    line = Arrivals(hand_on)
    coming = [line.add(_after(0.01, 1)), line.add(_after(0, None)), line.add(fail()), line.add(_after(0, 2))]
    outcomes = await asyncio.gather(*coming, line.add(_after(0, 3)), return_exceptions=True)
    await line.settled()
    assert handed == [1, 3]
    assert [type(outcome) for outcome in outcomes] == [type(None), type(None), RuntimeError, type(None), type(None)]
    await line.close()


async def test_an_arrival_is_let_go_before_it_is_handed_on_while_there_is_room(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(arrivals, "_ROOM", 2)
    gate, handed = asyncio.Event(), []

    async def hand_on(item: int) -> None:
        await gate.wait()
        handed.append(item)

    line = Arrivals(hand_on)
    waiting = [asyncio.ensure_future(line.add(_after(0, item))) for item in range(4)]  # noqa: TID251 - a test's own
    await asyncio.sleep(0.02)
    assert [one.done() for one in waiting] == [True, True, False, False]
    gate.set()
    await asyncio.gather(*waiting)
    await line.settled()
    assert handed == [0, 1, 2, 3]
    await line.close()

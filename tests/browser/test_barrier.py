"""Many waits make few questions, and none is answered by a question that was asked before it."""

from __future__ import annotations

import asyncio
from typing import cast

from agent.browser.barrier import Barrier
from agent.browser.observer import Observer
from agent.model.tasks import Tasks


class _Browser:
    """Answers a question after a while, and counts."""

    def __init__(self) -> None:
        self.asked = self.answered = 0
        self.of: list[str | None] = []

    async def caught_up(self, session: str | None) -> None:
        self.asked += 1
        self.of.append(session)
        await asyncio.sleep(0.02)
        self.answered += 1


async def test_those_who_wait_together_ask_once_and_those_who_come_later_once_more() -> None:
    browser, tasks = _Browser(), Tasks()
    barrier = Barrier(cast("Observer", browser), tasks)

    async def come_after(seconds: float) -> tuple[int, int]:
        await asyncio.sleep(seconds)
        asked = browser.asked
        await barrier.passed()
        return asked, browser.answered

    waits = await asyncio.gather(come_after(0), *(come_after(0.005) for _ in range(20)), come_after(0.2))
    assert waits == [(0, 1), *[(1, 2)] * 20, (2, 3)]
    assert browser.asked == 3
    await tasks.close()


async def test_each_session_is_asked_for_itself() -> None:
    browser, tasks = _Browser(), Tasks()
    barrier = Barrier(cast("Observer", browser), tasks)
    await asyncio.gather(barrier.passed("A"), barrier.passed("B"), barrier.passed(), barrier.passed("A"))
    assert browser.of == ["A", "B", None, "A"]
    await tasks.close()

from __future__ import annotations

import asyncio

import pytest

from agent.model.tasks import Tasks


async def _after(turns: int) -> str:
    for _ in range(turns):
        await asyncio.sleep(0)
    return "done"


async def test_work_that_ends_first_gives_its_result() -> None:
    end: asyncio.Future[None] = asyncio.get_running_loop().create_future()
    assert await Tasks().until(end, _after(3), "work") == "done"


async def test_an_end_that_comes_first_cancels_the_work() -> None:
    end: asyncio.Future[None] = asyncio.get_running_loop().create_future()
    was_cancelled = False

    async def work() -> bool:
        nonlocal was_cancelled
        try:
            return await asyncio.Event().wait()
        except asyncio.CancelledError:
            was_cancelled = True
            raise

    asyncio.get_running_loop().call_later(0.01, end.set_result, None)
    assert await Tasks().until(end, work(), "work") is None
    await asyncio.sleep(0)
    assert was_cancelled


async def test_work_that_fails_raises() -> None:
    async def work() -> None:
        raise ValueError("broken")

    end: asyncio.Future[None] = asyncio.get_running_loop().create_future()
    with pytest.raises(ValueError, match="broken"):
        await Tasks().until(end, work(), "work")

"""Locks that the code of a worklet asks for (shared-storage section 2; Web Locks section 4)."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import pytest

from agent.model.worklets import WorkletServices
from tests.runtime import worklet_world
from tests.runtime.worklet_world import World


@pytest.fixture
async def world() -> AsyncIterator[World]:
    """A world whose page has made worklet 1."""
    async with worklet_world.world() as made:
        await made.create_worklet()
        yield made


async def _request(services: WorkletServices, *, if_available: bool = False, steal: bool = False) -> int | None:
    return await services.request_lock("l", mode="exclusive", if_available=if_available, steal=steal)


async def test_a_lock_that_is_stolen_in_the_moment_of_its_grant_is_told_after_the_grant(world: World) -> None:
    services, told = world.worklet.services, list[list[int]]()
    first = await _request(services)
    assert first is not None

    async def wait() -> int | None:
        number = await _request(services)
        told.append(list(world.worklet.broken_locks))
        return number

    waiting = asyncio.ensure_future(wait())  # noqa: TID251 - awaited below
    await asyncio.sleep(0)
    services.release_lock(first)
    thief = await _request(services, steal=True)
    number = await waiting
    await asyncio.sleep(0)
    assert thief is not None
    assert number is not None
    assert told == [[]], "the code knows of its lock before it hears that it is broken"
    assert world.worklet.broken_locks == [number]
    services.release_lock(number)
    assert await _request(services, if_available=True) is None, "the thief holds it"
    services.release_lock(thief)
    assert await _request(services, if_available=True) is not None

"""Locks of Shared Storage: first come, first served, by data origin and name (Web Locks section 4)."""

from __future__ import annotations

import asyncio

from agent.runtime.locks import EXCLUSIVE, SHARED, Lock, LockManager

A, B = "https://a.test", "https://b.test"


async def _asked(locks: LockManager, name: str = "l", mode: str = EXCLUSIVE) -> asyncio.Task[Lock | None]:
    task = asyncio.ensure_future(locks.acquire(A, name, mode=mode))  # noqa: TID251 - awaited by the test
    await asyncio.sleep(0)
    return task


async def _take(locks: LockManager, mode: str = EXCLUSIVE) -> Lock:
    lock = await locks.acquire(A, "l", mode=mode)
    assert lock is not None
    return lock


async def test_an_exclusive_lock_is_granted_in_the_order_of_the_requests() -> None:
    locks = LockManager()
    first = await _take(locks)
    second, third = await _asked(locks), await _asked(locks)
    assert not second.done()
    locks.release(first)
    await asyncio.sleep(0)
    granted = await second
    assert granted is not None
    assert not third.done()
    locks.release(granted)
    assert await third is not None


async def test_locks_of_other_names_and_origins_are_other_locks() -> None:
    locks = LockManager()
    await _take(locks)
    assert await locks.acquire(A, "other", if_available=True) is not None
    assert await locks.acquire(B, "l", if_available=True) is not None


async def test_shared_locks_are_held_together_but_do_not_overtake_an_exclusive_request() -> None:
    locks = LockManager()
    one, two = await _take(locks, SHARED), await _take(locks, SHARED)
    exclusive, late = await _asked(locks), await _asked(locks, mode=SHARED)
    locks.release(one)
    await asyncio.sleep(0)
    assert not exclusive.done()
    assert not late.done()
    locks.release(two)
    held = await exclusive
    assert held is not None
    assert not late.done()
    locks.release(held)
    assert await late is not None


async def test_a_lock_that_is_not_available_is_not_waited_for_where_that_is_asked() -> None:
    locks = LockManager()
    lock = await _take(locks)
    assert await locks.acquire(A, "l", if_available=True) is None
    locks.release(lock)
    assert await locks.acquire(A, "l", if_available=True) is not None


async def test_a_stolen_lock_is_broken_for_its_holder_who_can_no_more_release_it() -> None:
    locks, broken = LockManager(), list[str]()
    stolen = await locks.acquire(A, "l", broken=lambda: broken.append("l"))
    waiting = await _asked(locks)
    thief = await locks.acquire(A, "l", steal=True)
    assert broken == ["l"]
    assert stolen is not None
    locks.release(stolen)
    await asyncio.sleep(0)
    assert not waiting.done(), "the thief holds it"
    assert thief is not None
    locks.release(thief)
    assert await waiting is not None


async def test_who_gives_up_waiting_holds_up_nobody() -> None:
    locks = LockManager()
    first = await _take(locks, SHARED)
    exclusive, shared = await _asked(locks), await _asked(locks, mode=SHARED)
    exclusive.cancel()
    assert await shared is not None, "nothing exclusive waits before it any more"
    locks.release(first)


async def test_a_lock_granted_to_one_who_gave_up_in_that_moment_goes_on_to_the_next() -> None:
    locks = LockManager()
    first = await _take(locks)
    second, third = await _asked(locks), await _asked(locks)
    locks.release(first)
    second.cancel()
    assert await third is not None


async def test_holding_no_name_holds_nothing() -> None:
    locks = LockManager()
    async with locks.holding(A, None), locks.holding(A, "l"):
        assert await locks.acquire(A, "l", if_available=True) is None
    assert await locks.acquire(A, "l", if_available=True) is not None

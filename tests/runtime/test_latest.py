"""The latest rows are read, and only these; all rows are read a page at a time."""

from __future__ import annotations

import tracemalloc
from collections.abc import AsyncIterator
from dataclasses import replace
from operator import attrgetter

import pytest

from agent.model.events import Event, Trace
from agent.runtime.latest import PAGE, read_latest
from storage import events
from storage.database import AsyncDatabase
from tests.delivery.attribution_reports import NOW

EVENT = Event("first", NOW, "", "x" * 100, "", {}, Trace(()))


@pytest.fixture
async def database() -> AsyncIterator[AsyncDatabase]:
    async with await AsyncDatabase.open(":memory:", now=NOW) as opened:
        yield opened


async def add(database: AsyncDatabase, count: int) -> None:
    await database.transact("add", lambda c: events.append(c, [EVENT, replace(EVENT, kind="second")] * (count // 2)))


async def ids(database: AsyncDatabase, limit: int | None, kind: str | None = None) -> tuple[list[int], int]:
    found = await read_latest(
        database,
        "events",
        lambda c, after: events.read(c, after=after, limit=PAGE, kind=kind),
        attrgetter("id"),
        limit=limit,
        kind=kind,
    )
    return [event.id for event in found.rows], found.left_out


async def test_the_latest_are_given_the_oldest_first_and_the_rest_is_counted(database: AsyncDatabase) -> None:
    await add(database, 1_200)
    assert await ids(database, 2) == ([1_199, 1_200], 1_198)
    assert await ids(database, 2, "first") == ([1_197, 1_199], 598)
    assert await ids(database, PAGE + 1) == (list(range(700, 1_201)), 699)


async def test_without_a_limit_every_row_of_every_page_is_given(database: AsyncDatabase) -> None:
    await add(database, 1_200)
    assert await ids(database, None) == (list(range(1, 1_201)), 0)
    assert await ids(database, 5_000) == (list(range(1, 1_201)), 0)


async def test_the_memory_of_the_latest_does_not_grow_with_what_is_stored(database: AsyncDatabase) -> None:
    async def peak() -> int:
        tracemalloc.start()
        try:
            await ids(database, 100)
            return tracemalloc.get_traced_memory()[1]
        finally:
            tracemalloc.stop()

    await add(database, 200)
    await ids(database, 100)
    few = await peak()
    await add(database, 20_000)
    assert await peak() < 2 * few

"""Reads a store, or its latest rows, in short transactions: nothing else waits long, and what is left out is told."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from dataclasses import dataclass
from typing import Generic, TypeVar

from storage import latest
from storage.database import AsyncDatabase
from storage.latest import StoreName

PAGE = 500
"""Rows of one transaction."""
Row = TypeVar("Row")


@dataclass(frozen=True, slots=True)
class Latest(Generic[Row]):
    """The latest rows of a store."""

    rows: list[Row]
    """The oldest first."""
    left_out: int
    """How many older ones there are."""


async def read_latest(
    database: AsyncDatabase,
    store: StoreName,
    read: Callable[[sqlite3.Connection, int], list[Row]],
    key: Callable[[Row], int],
    *,
    limit: int | None = None,
    kind: str | None = None,
) -> Latest[Row]:
    """The ``limit`` latest rows of ``store``; all of them where it is None.

    ``read`` gives the next page of rows whose ``key`` is greater than a number, of ``kind`` where that is given.
    """
    after = left_out = 0
    if limit is not None:
        after, left_out = await database.transact(f"count {store}", lambda c: latest.begin(c, store, limit, kind=kind))
    rows: list[Row] = []
    while page := await database.transact(f"read {store}", lambda c: read(c, after)):  # noqa: B023 - awaited at once
        rows += page
        after = key(page[-1])
    return Latest(rows, left_out)

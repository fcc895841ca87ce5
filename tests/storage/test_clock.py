"""The profile's clock never goes back, also over restarts."""

from __future__ import annotations

from storage.clock import read_ahead, write_ahead
from storage.database import Database


def test_a_new_profile_stands_at_the_wall_clock() -> None:
    with Database.open(":memory:", now=0) as database:
        assert database.transact("read", read_ahead) == 0


def test_what_was_advanced_is_remembered() -> None:
    with Database.open(":memory:", now=0) as database:
        database.transact("write", lambda c: write_ahead(c, 172_800_000))
        assert database.transact("read", read_ahead) == 172_800_000

"""The profile's clock never goes back, also over restarts."""

from __future__ import annotations

import pytest

from agent.model.events import Event
from storage import events
from storage.clock import lead, read_ahead, write_ahead
from storage.database import Database


def test_a_new_profile_stands_at_the_wall_clock() -> None:
    with Database.open(":memory:", now=0) as database:
        assert database.transact("read", read_ahead) == 0


def test_what_was_advanced_is_remembered() -> None:
    with Database.open(":memory:", now=0) as database:
        database.transact("write", lambda c: write_ahead(c, 172_800_000))
        assert database.transact("read", read_ahead) == 172_800_000


@pytest.mark.parametrize(
    ("moved", "source", "ahead"),
    [(0, 10_000, 0), (500, 10_000, 500), (0, 4_000, 5_000), (500, 4_000, 5_000), (6_000, 4_000, 6_000)],
)
def test_it_does_not_stand_before_the_last_event_whatever_its_source(moved: int, source: int, ahead: int) -> None:
    with Database.open(":memory:", now=0) as database:
        database.transact("write", lambda c: write_ahead(c, moved))
        assert database.transact("read", lambda c: lead(c, source)) == moved
        database.transact("decide", lambda c: events.append(c, [Event("expiry", 9_000, "expired", "")]))
        assert database.transact("read", lambda c: lead(c, source)) == ahead


def test_a_job_of_another_time_does_not_move_it() -> None:
    decided = [Event("expiry", 9_000, "expired", ""), Event("aggregation-job", 20_000, "SUCCESS", "")]
    with Database.open(":memory:", now=0) as database:
        database.transact("decide", lambda c: events.append(c, decided))
        assert database.transact("read", lambda c: lead(c, 4_000)) == 5_000

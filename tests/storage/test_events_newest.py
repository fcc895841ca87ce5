from __future__ import annotations

from typing import Any

import pytest

from agent.model.event_filter import EVERY_EVENT, EventFilter
from agent.model.events import Check, Event, Trace
from storage import events
from storage.database import MEMORY, Database

KINDS = ("source-registration", "trigger-registration", "report.sent")


def event(number: int, *, failed: bool = False, **data: Any) -> Event:
    trace = Trace((Check("first", passed=True), Check("second", passed=not failed)))
    site = "shop.test" if number % 2 else "news.test"
    return Event(KINDS[number % 3], number, f"verdict-{number}", f"number {number} of 100%_!", site, data, trace)


@pytest.fixture
def database() -> Database:
    """Nine events, of which 3, 6 and 9 failed and 5 tells of a URL."""
    database = Database.open(MEMORY, now=0)
    given = [
        event(number, failed=number % 3 == 0, **({"url": "https://a.test"} if number == 5 else {}))
        for number in range(1, 10)
    ]
    database.transact("fill", lambda c: events.append(c, given))
    return database


def found(database: Database, wanted: EventFilter = EVERY_EVENT, **bounds: int) -> list[int]:
    return [one.id for one in database.transact("read", lambda c: events.newest(c, wanted, **bounds))]


def test_the_newest_come_first_within_bounds(database: Database) -> None:
    assert found(database, limit=3) == [9, 8, 7]
    assert found(database, before=7, limit=3) == [6, 5, 4]
    assert found(database, before=7, after=4) == [6, 5]


def test_parts_of_words_will_do_whatever_their_case(database: Database) -> None:
    assert found(database, EventFilter(kind="TRIGGER")) == [7, 4, 1]
    assert found(database, EventFilter(site="shop", kind="source")) == [9, 3]
    assert found(database, EventFilter(verdict="verdict-8")) == [8]
    assert found(database, EventFilter(words=("NUMBER", "news", "4"))) == [4]


def test_no_character_is_special(database: Database) -> None:
    assert len(found(database, EventFilter(words=("100%_!",)))) == 9
    assert found(database, EventFilter(words=("100%!",))) == []
    assert found(database, EventFilter(site="s%p")) == []
    assert found(database, EventFilter(kind="source_registration")) == []


def test_what_failed_and_what_tells_of_a_url(database: Database) -> None:
    assert found(database, EventFilter(failed=True)) == [9, 6, 3]
    assert found(database, EventFilter(failed=False), limit=2) == [8, 7]
    assert found(database, EventFilter(about_url=True)) == [5]

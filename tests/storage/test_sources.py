"""Sources are stored, picked, deactivated, removed: by seeking, however many there are."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

import pytest

from agent.model.attribution_reporting.facts import AttributionLogic, StoredSource
from agent.model.attribution_reporting.registrations import AttributionScopes
from agent.model.clock import DAY
from storage import source_rate_limits, sources
from storage.database import Database
from tests.engines.attribution_reporting.registration_world import ADTECH, NEWS, NOON, SHOP, a_source, on_news, stored
from tests.storage.plans import scans, steps, trigger_steps

OTHER = "https://other.test"


@pytest.fixture
def connection() -> Iterator[sqlite3.Connection]:
    with Database.open(":memory:", now=NOON) as opened:
        yield opened.connection


def insert(connection: sqlite3.Connection, *, who: dict[str, Any] | None = None, **registration: Any) -> int:
    return sources.insert(connection, stored(a_source(**registration), registrant=on_news(**(who or {}))))


def picked(connection: sqlite3.Connection, *scopes: str, destination: str = SHOP) -> int | None:
    source = sources.pick(connection, ADTECH, destination, scopes)
    return None if source is None else source.id


def ids(connection: sqlite3.Connection) -> list[int]:
    return [source.id for source in sources.read(connection)]


def scoped(limit: int, *values: str, states: int = 3) -> dict[str, Any]:
    return {"attribution_scopes": AttributionScopes(limit, values, states)}


def test_a_source_is_read_as_it_was_stored(connection: sqlite3.Connection) -> None:
    source = stored(
        a_source(source_event_id=2**64 - 1, priority=-(2**63), named_budgets={"a": 5, "b": 0}, **scoped(2, "x", "y")),
        randomized_trigger_rate=8e-7,
        attribution_logic=AttributionLogic.FALSELY,
        num_attributions=3,
        remaining_aggregatable_debug_budget=17,
    )
    assert sources.insert(connection, source) == 1
    assert sources.get(connection, 1) == source
    assert sources.get(connection, 2) is None
    assert sources.read(connection) == [source]
    assert sources.count(connection) == 1


def test_ids_ascend_and_are_never_given_twice(connection: sqlite3.Connection) -> None:
    assert [insert(connection) for _ in range(3)] == [1, 2, 3]
    sources.remove(connection, [2, 3])
    assert insert(connection) == 4


def test_the_source_of_highest_priority_is_picked_and_of_several_the_one_stored_last(
    connection: sqlite3.Connection,
) -> None:
    assert picked(connection) is None
    for priority in (0, 5, 5, -1):
        insert(connection, priority=priority)
    assert picked(connection) == 3
    insert(connection, priority=5, **scoped(1, "x"))
    assert picked(connection) == 5, "scopes of a source do not matter to a trigger without"
    insert(connection, priority=-5)
    assert picked(connection) == 5


@pytest.mark.parametrize(
    "other",
    [
        {"destinations": (OTHER,)},
        {"who": {"reporting_origin": "https://www.adtech.test"}},
    ],
)
def test_a_source_of_another_destination_or_reporting_origin_is_not_picked(
    connection: sqlite3.Connection, other: dict[str, Any]
) -> None:
    insert(connection, **other)
    assert picked(connection) is None


def test_a_source_is_picked_for_each_of_its_destinations(connection: sqlite3.Connection) -> None:
    insert(connection, destinations=(OTHER, SHOP))
    assert [picked(connection, destination=site) for site in (SHOP, OTHER, NEWS)] == [1, 1, None]


def test_a_trigger_with_scopes_needs_a_source_with_one_of_them(connection: sqlite3.Connection) -> None:
    insert(connection, priority=9)
    insert(connection, priority=2, **scoped(3, "a", "b"))
    insert(connection, priority=1, **scoped(3, "b", "c"))
    assert [picked(connection, *scopes) for scopes in (("b",), ("c",), ("c", "a"), ("d",))] == [2, 3, 2, None]


def test_deactivated_sources_are_picked_no_more_for_any_destination_and_still_stored(
    connection: sqlite3.Connection,
) -> None:
    insert(connection, destinations=(OTHER, SHOP))
    insert(connection, **scoped(2, "a"))
    insert(connection)
    insert(connection, destinations=(OTHER,))
    assert sources.deactivate_others(connection, ADTECH, SHOP, kept=3) == 2
    assert sources.deactivate_others(connection, ADTECH, SHOP, kept=3) == 0
    assert (picked(connection), picked(connection, "a"), picked(connection, destination=OTHER)) == (3, None, 4)
    assert ids(connection) == [1, 2, 3, 4]
    assert sources.inactive(connection) == {1, 2}
    assert sources.inactive(connection, 2) == sources.inactive(connection, 2, 3) == {2}
    assert sources.inactive(connection, 3, 9) == frozenset()


@pytest.mark.parametrize(
    "work", [lambda c: sources.inactive(c, 3, 5), lambda c: sources.newest(c, before=5)], ids=["inactive", "newest"]
)
def test_a_page_of_old_sources_reads_nothing_but_them(
    connection: sqlite3.Connection, work: Callable[[sqlite3.Connection], object]
) -> None:
    (step,) = steps(connection, work)
    assert step.startswith("SEARCH sources USING INTEGER PRIMARY KEY (")
    assert "rowid<?" in step


def test_the_active_sources_of_an_origin_are_counted(connection: sqlite3.Connection) -> None:
    elsewhere = "https://blog.news.test"
    for _ in range(3):
        insert(connection)
    insert(connection, who={"context_origin": elsewhere})
    assert [sources.active_count(connection, origin) for origin in (NEWS, elsewhere, SHOP)] == [3, 1, 0]
    sources.deactivate_others(connection, ADTECH, SHOP, kept=4)
    assert [sources.active_count(connection, origin) for origin in (NEWS, elsewhere)] == [0, 1]
    sources.remove(connection, [1, 4])
    assert [sources.active_count(connection, origin) for origin in (NEWS, elsewhere)] == [0, 0]


def test_counters_and_budgets_are_written(connection: sqlite3.Connection) -> None:
    insert(connection, named_budgets={"a": 5})
    insert(connection)
    source = sources.get(connection, 1)
    assert source is not None
    changed = replace(
        source,
        event_level_active=False,
        num_attributions=2,
        num_aggregatable_reports=3,
        num_aggregatable_debug_reports=4,
        remaining_aggregatable_budget=6,
        remaining_aggregatable_debug_budget=7,
        remaining_named_budgets={"a": 1},
    )
    sources.update(connection, changed)
    assert sources.get(connection, 1) == changed
    assert sources.get(connection, 2) == replace(source, id=2, registration=a_source(), remaining_named_budgets={})


def test_deduplication_keys_are_kept_for_each_source_and_kind(connection: sqlite3.Connection) -> None:
    largest = 2**64 - 1
    for _ in range(2):
        insert(connection)
    sources.add_deduplication_key(connection, 1, "event-level", largest)
    sources.add_deduplication_key(connection, 1, "aggregatable", 5)
    known = [
        sources.known_deduplication_keys(connection, source, kind, [0, 5, largest])
        for source, kind in [(1, "event-level"), (1, "aggregatable"), (2, "event-level")]
    ]
    assert known == [{largest}, {5}, set()]


def test_scopes_are_told_with_the_time_of_the_newest_source_that_is_like_the_new_one(
    connection: sqlite3.Connection,
) -> None:
    insert(connection, **scoped(3, "a", "b"))
    insert(connection, who={"now": NOON + 5}, **scoped(3, "b", "c"), destinations=(OTHER, SHOP))
    insert(connection, who={"now": NOON + 6})
    like = AttributionScopes(3, ("z",), 3)
    assert sources.scopes_of(connection, ADTECH, [SHOP, OTHER, NEWS], like) == {
        SHOP: (("a", NOON), ("b", NOON + 5), ("c", NOON + 5)),
        OTHER: (("b", NOON + 5), ("c", NOON + 5)),
        NEWS: (),
    }
    for unlike in (replace(like, limit=4), replace(like, max_event_states=4)):
        assert sources.scopes_of(connection, ADTECH, [SHOP], unlike) == {SHOP: ()}
    assert sources.scopes_of(connection, ADTECH, [SHOP], like, without=[2]) == {SHOP: (("a", NOON), ("b", NOON))}


def test_sources_unlike_a_scoped_one_have_no_scopes_other_event_states_or_a_lower_limit(
    connection: sqlite3.Connection,
) -> None:
    insert(connection)
    insert(connection, **scoped(5, "a", states=3))
    insert(connection, **scoped(5, "b", states=2))
    insert(connection, **scoped(5, "c", states=4))
    insert(connection, **scoped(4, "d", states=3))
    insert(connection, **scoped(6, "e", states=3))
    insert(connection, destinations=(OTHER,))
    new = AttributionScopes(5, ("x",), 3)
    assert sources.unlike_scopes(connection, ADTECH, [SHOP], new) == [1, 3, 4, 5]
    assert sources.unlike_scopes(connection, ADTECH, [OTHER, NEWS], new) == [7]
    assert sources.with_scopes(connection, ADTECH, {SHOP: ["a", "e", "z"], OTHER: ["b"]}) == [2, 6]


def test_a_source_that_lost_its_scopes_is_one_without(connection: sqlite3.Connection) -> None:
    insert(connection, priority=1, destinations=(OTHER, SHOP), **scoped(3, "a"))
    insert(connection, destinations=(NEWS,), **scoped(3, "a"))
    sources.clear_scopes(connection, ADTECH, (SHOP,))
    source = sources.get(connection, 1)
    assert source is not None
    assert source.registration.attribution_scopes is None
    assert (picked(connection), picked(connection, "a")) == (1, None)
    assert picked(connection, "a", destination=NEWS) == 2
    assert sources.unlike_scopes(connection, ADTECH, [OTHER], AttributionScopes(1, ("a",))) == [1]
    sources.remove(connection, [1])
    assert picked(connection) is None


def test_what_an_origin_registered_is_removed_active_or_not(connection: sqlite3.Connection) -> None:
    insert(connection)
    insert(connection, who={"reporting_origin": "https://www.adtech.test"})
    insert(connection)
    sources.deactivate_others(connection, ADTECH, SHOP, kept=3)
    assert sources.remove_of_reporting_origin(connection, ADTECH) == 2
    assert ids(connection) == [2]


def test_a_source_is_gone_at_its_expiry_time_and_not_before(connection: sqlite3.Connection) -> None:
    insert(connection, expiry=DAY, **scoped(1, "a"))
    insert(connection, expiry=2 * DAY)
    sources.add_deduplication_key(connection, 1, "event-level", 1)
    assert source_rate_limits.expire(connection, NOON + DAY - 1) == 0
    assert ids(connection) == [1, 2]
    assert source_rate_limits.expire(connection, NOON + DAY) == 1
    assert ids(connection) == [2]
    assert (picked(connection), picked(connection, "a"), sources.active_count(connection, NEWS)) == (2, None, 1)
    assert connection.execute("SELECT count(*) FROM source_deduplication_keys").fetchone() == (0,)


def test_reading_pages_through_the_store(connection: sqlite3.Connection) -> None:
    for _ in range(5):
        insert(connection)
    assert [source.id for source in sources.read(connection, after=2, limit=2)] == [3, 4]


def _anything(connection: sqlite3.Connection) -> StoredSource:
    insert(connection, **scoped(3, "a"))
    source = sources.get(connection, 1)
    assert source is not None
    return source


@pytest.mark.parametrize(
    "work",
    [
        lambda c: sources.insert(c, stored(a_source(**scoped(3, "a")))),
        lambda c: sources.pick(c, ADTECH, SHOP),
        lambda c: sources.pick(c, ADTECH, SHOP, ["a", "b"]),
        lambda c: sources.active_count(c, NEWS),
        lambda c: sources.deactivate_others(c, ADTECH, SHOP, kept=1),
        lambda c: sources.update(c, stored()),
        lambda c: sources.known_deduplication_keys(c, 1, "event-level", [1, 2]),
        lambda c: sources.add_deduplication_key(c, 1, "event-level", 3),
        lambda c: sources.scopes_of(c, ADTECH, [SHOP], AttributionScopes(3, ("a",))),
        lambda c: sources.unlike_scopes(c, ADTECH, [SHOP], AttributionScopes(3, ("a",))),
        lambda c: sources.with_scopes(c, ADTECH, {SHOP: ["a"]}),
        lambda c: sources.clear_scopes(c, ADTECH, (SHOP,)),
        lambda c: sources.remove(c, [1]),
        lambda c: sources.remove_of_reporting_origin(c, ADTECH),
        lambda c: source_rate_limits.expire(c, NOON + 40 * DAY),
    ],
)
def test_nothing_that_a_registration_does_scans_the_sources(
    connection: sqlite3.Connection, work: Callable[[sqlite3.Connection], object]
) -> None:
    _anything(connection)
    assert scans(steps(connection, work)) == []


def test_no_trigger_of_the_schema_scans_a_table(connection: sqlite3.Connection) -> None:
    assert scans(trigger_steps(connection)) == []

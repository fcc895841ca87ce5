from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Any

import pytest

from agent.model.attribution import Candidate, Dialect, Impression
from agent.model.clock import DAY, WEEK
from storage import impressions, privacy_budgets
from storage.database import Database
from tests.storage.plans import steps

CURRENT, SEED = Dialect.CURRENT, Dialect.LEVEL1_2024
PLAIN = Impression(CURRENT, 7, "news.test", None, (), (), 1_000, 30, 3, priority=-2)


@pytest.fixture
def connection() -> Iterator[sqlite3.Connection]:
    with Database.open(":memory:", now=0) as database:
        yield database.connection


def save(connection: sqlite3.Connection, **changes: Any) -> int:
    return impressions.save(connection, replace(PLAIN, **changes), stored=True)


def found(
    connection: sqlite3.Connection,
    site: str = "shop.test",
    caller: str | None = None,
    *,
    dialect: Dialect = CURRENT,
    since: int = 0,
    impression_sites: Sequence[str] = (),
    keys: Sequence[str] | Sequence[int] = (),
) -> list[int]:
    return [
        one.id
        for one in impressions.candidates(
            connection,
            dialect=dialect,
            conversion_site=site,
            caller=caller or site,
            since=since,
            epoch_start=0,
            period=WEEK,
            impression_sites=impression_sites,
            keys=keys,
        )
    ]


def test_what_is_saved_is_read_back_as_it_was(connection: sqlite3.Connection) -> None:
    whole = replace(
        PLAIN, intermediary_site="ads.test", conversion_sites=("a.test", "b.test"), conversion_callers=("c.test",)
    )
    identifier = impressions.save(connection, whole, stored=True)
    assert impressions.read(connection) == [replace(whole, id=identifier)]


def test_a_candidate_carries_what_a_conversion_needs(connection: sqlite3.Connection) -> None:
    identifier = save(connection, conversion_sites=("shop.test",), intermediary_site="ads.test")
    privacy_budgets.write_quotas(connection, {0: {"news.test": 5, "ads.test": 9}, 1: {"news.test": 9}})
    (candidate,) = impressions.candidates(
        connection,
        dialect=CURRENT,
        conversion_site="shop.test",
        caller="shop.test",
        since=0,
        epoch_start=0,
        period=WEEK,
    )
    assert candidate == Candidate(identifier, 7, "news.test", "ads.test", (), (), 1_000, 1_000 + 30 * DAY, 3, -2, 5)


@pytest.mark.parametrize(
    ("late", "quota"), [(-WEEK, 8), (-1, 8), (0, 9), (WEEK - 1, 9), (WEEK, None), (-WEEK - 1, None)]
)
def test_a_candidates_quota_is_that_of_its_epoch_also_before_the_first(
    connection: sqlite3.Connection, late: int, quota: int | None
) -> None:
    start = 10 * WEEK
    quotas = {-1: {"news.test": 8}, 0: {"news.test": 9}}
    privacy_budgets.write_quotas(connection, quotas)
    save(connection, timestamp=start + late)
    (candidate,) = impressions.candidates(
        connection,
        dialect=CURRENT,
        conversion_site="shop.test",
        caller="shop.test",
        since=start - 2 * WEEK,
        epoch_start=start,
        period=WEEK,
    )
    assert candidate.quota == quota


@pytest.mark.parametrize("key", ["", "7", "é", "a\x00b", "\ud800", '"', "x" * 70_000])
def test_an_ad_is_kept_code_unit_for_code_unit(connection: sqlite3.Connection, key: str) -> None:
    identifier = save(connection, dialect=SEED, key=key)
    save(connection, dialect=SEED, key="another")
    assert impressions.read(connection)[0].key == key
    assert found(connection, dialect=SEED, keys=[key, "third"]) == [identifier]


def test_ids_ascend_and_are_never_given_twice(connection: sqlite3.Connection) -> None:
    assert [save(connection), save(connection)] == [1, 2]
    impressions.remove_all(connection)
    assert save(connection) == 3


def test_nothing_is_stored_while_disabled_and_the_statements_are_the_same(connection: sqlite3.Connection) -> None:
    statements: list[str] = []
    connection.set_trace_callback(lambda text: statements.append(text.split(" SELECT ")[0]))
    assert impressions.save(connection, PLAIN, stored=True) == 1
    enabled, statements[:] = list(statements), []
    assert impressions.save(connection, PLAIN, stored=False) == 0
    assert statements == enabled
    assert impressions.count(connection) == 1
    assert found(connection) == [1]


def test_candidates_are_those_for_the_site_and_those_for_any(connection: sqlite3.Connection) -> None:
    anyone = save(connection)
    named = save(connection, conversion_sites=("other.test", "shop.test"))
    save(connection, conversion_sites=("other.test",))
    assert found(connection) == [anyone, named]


def test_candidates_are_those_for_the_caller_and_those_for_any(connection: sqlite3.Connection) -> None:
    anyone = save(connection)
    named = save(connection, conversion_callers=("ads.test",))
    both = save(connection, conversion_sites=("shop.test",), conversion_callers=("ads.test", "b.test"))
    save(connection, conversion_callers=("b.test",))
    assert found(connection, caller="ads.test") == [anyone, named, both]
    assert found(connection) == [anyone]


def test_candidates_are_of_one_dialect(connection: sqlite3.Connection) -> None:
    current, seed = save(connection), save(connection, dialect=SEED, key="7")
    assert found(connection) == [current]
    assert found(connection, dialect=SEED) == [seed]


def test_candidates_were_saved_within_the_window_and_come_in_the_order_saved(connection: sqlite3.Connection) -> None:
    for timestamp in (10, 20, 20, 30):
        save(connection, timestamp=timestamp, conversion_sites=("shop.test",) if timestamp == 20 else ())
    assert found(connection, since=20) == [2, 3, 4]


@pytest.mark.parametrize(
    ("impression_sites", "keys", "ids"),
    [((), (), [1, 2, 3]), (("news.test",), (), [1, 2]), ((), (8,), [2, 3]), (("news.test", "x.test"), (8, 9), [2])],
)
def test_candidates_are_narrowed_by_site_and_key(
    connection: sqlite3.Connection, impression_sites: tuple[str, ...], keys: tuple[int, ...], ids: list[int]
) -> None:
    save(connection)
    save(connection, key=8)
    save(connection, key=8, impression_site="blog.test")
    assert found(connection, impression_sites=impression_sites, keys=keys) == ids


@pytest.mark.parametrize("impression_sites", [(), ("news.test",)])
@pytest.mark.parametrize("keys", [(), (7,)])
def test_candidates_are_sought_by_index_whatever_the_query(
    connection: sqlite3.Connection, impression_sites: tuple[str, ...], keys: tuple[int, ...]
) -> None:
    statements: list[str] = []
    connection.set_trace_callback(statements.append)
    found(connection, impression_sites=impression_sites, keys=keys)
    connection.set_trace_callback(None)
    (statement,) = statements
    plan = [row[3] for row in connection.execute("EXPLAIN QUERY PLAN " + statement)]
    assert plan[0].startswith("SEARCH a USING")
    assert any(step.startswith("SEARCH q USING PRIMARY KEY (site=? AND epoch=?)") for step in plan)
    assert "dialect=? AND conversion_site=? AND conversion_caller=?" in plan[0]
    assert ("key=?" in plan[0]) == bool(keys)
    assert ("impression_site=?" in plan[0]) == bool(impression_sites)
    assert not any(step.startswith("SCAN") and "json_each" not in step for step in plan)


def test_expiry_is_strictly_after_the_last_millisecond(connection: sqlite3.Connection) -> None:
    save(connection, lifetime_days=1)
    assert impressions.expire(connection, 1_000 + DAY) == 0
    assert impressions.expire(connection, 1_000 + DAY + 1) == 1
    assert found(connection) == []


def test_what_is_expired_is_read_by_its_end_up_to_a_limit(connection: sqlite3.Connection) -> None:
    for days in (3, 1, 2, 1):
        save(connection, lifetime_days=days)
    end = 1_000 + 2 * DAY
    assert [one.id for one in impressions.expired(connection, end, 10)] == [2, 4]
    assert [one.id for one in impressions.expired(connection, end + 1, 10)] == [2, 4, 3]
    assert [one.id for one in impressions.expired(connection, end + 1, 1)] == [2]


def test_what_touches_a_site_is_what_it_saved_and_what_names_it(connection: sqlite3.Connection) -> None:
    own = save(connection)
    save(connection, intermediary_site="ads.test")
    framed = save(connection, impression_site="blog.test", intermediary_site="news.test")
    for_it = save(connection, impression_site="blog.test", conversion_sites=("a.test", "news.test"))
    caller = save(connection, impression_site="blog.test", conversion_callers=("news.test",))
    seed = save(connection, dialect=SEED, key="7", impression_site="blog.test", conversion_sites=("news.test",))
    assert [one.id for one in impressions.touching_site(connection, "news.test")] == [own, framed, for_it, caller, seed]


def test_narrowing_takes_a_site_out_of_the_store_and_of_the_index(connection: sqlite3.Connection) -> None:
    save(connection, conversion_sites=("a.test", "b.test"), conversion_callers=("c.test", "d.test"))
    save(connection, conversion_sites=("a.test",))
    narrowed = replace(impressions.read(connection)[0], conversion_sites=("b.test",), conversion_callers=())
    impressions.narrow(connection, [narrowed])
    assert impressions.read(connection)[0] == narrowed
    assert found(connection, "a.test", "c.test") == [2]
    assert found(connection, "b.test") == [1]


def test_impressions_are_removed_by_id_by_site_and_all_together(connection: sqlite3.Connection) -> None:
    for site in ("a.test", "b.test", "c.test", "d.test"):
        save(connection, impression_site=site)
    impressions.remove(connection, [1])
    assert impressions.remove_sites(connection, ["b.test", "x.test"]) == 1
    assert [one.impression_site for one in impressions.read(connection)] == ["c.test", "d.test"]
    assert impressions.remove_all(connection) == 2
    assert connection.execute("SELECT count(*) FROM impression_audiences").fetchone() == (0,)


def test_the_store_is_read_in_pages_and_the_latest_first_on_request(connection: sqlite3.Connection) -> None:
    for _ in range(5):
        save(connection)
    assert [one.id for one in impressions.read(connection, after=1, limit=3)] == [2, 3, 4]
    assert [one.id for one in impressions.recent(connection, 2)] == [5, 4]
    assert impressions.count(connection) == 5


def test_clearing_and_expiry_seek_and_never_scan_the_store(connection: sqlite3.Connection) -> None:
    save(connection, conversion_sites=("a.test", "b.test"))
    (stored,) = impressions.read(connection)
    statements: list[str] = []
    connection.set_trace_callback(statements.append)
    impressions.touching_site(connection, "a.test")
    impressions.narrow(connection, [replace(stored, conversion_sites=("b.test",))])
    impressions.remove(connection, [1])
    impressions.remove_sites(connection, ["a.test"])
    impressions.expired(connection, 5, 20)
    impressions.expire(connection, 5)
    connection.set_trace_callback(None)
    run = [text for text in statements if not text.startswith("--")]  # cascades are told as comments
    assert len(set(run)) == 8
    for statement in run:
        steps = [row[3] for row in connection.execute("EXPLAIN QUERY PLAN " + statement)]
        assert not [step for step in steps if step.startswith("SCAN") and "VIRTUAL TABLE" not in step], statement
        assert "expires" not in statement or not any("TEMP B-TREE" in step for step in steps), "the index has the order"


def test_a_page_of_old_impressions_reads_nothing_but_them(connection: sqlite3.Connection) -> None:
    numbers = [save(connection) for _ in range(4)]
    assert [one.id for one in impressions.newest(connection, before=numbers[2], limit=1)] == [numbers[1]]
    assert [one.id for one in impressions.newest(connection, limit=2)] == [numbers[3], numbers[2]]
    assert steps(connection, lambda c: impressions.newest(c, before=3)) == [
        "SEARCH impressions USING INTEGER PRIMARY KEY (rowid<?)"
    ]

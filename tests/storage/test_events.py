"""The stream of events keeps what was told, in order."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import partial

import pytest

from agent.model.events import Check, Event, Trace
from storage import events
from storage.database import Database
from tests.storage.plans import steps

NOW = 1_767_603_600_000
EVENT = Event(
    kind="conversion",
    time=NOW,
    verdict="budget-exhausted",
    summary="shop.test measured nothing",
    site="shop.test",
    data={"histogram": [0, 1], "value": 1.5, "who": None, "nested": {"é": "\U0001f600"}},
    trace=Trace((Check("policy", True), Check("budget", False, "0 < 1", "wait a week"))),
)


@pytest.fixture
def database() -> Iterator[Database]:
    with Database.open(":memory:", now=NOW) as opened:
        yield opened


def append(database: Database, *added: Event) -> list[int]:
    return database.transact("append", lambda c: events.append(c, added))


def test_an_event_is_read_as_it_was_appended(database: Database) -> None:
    (event_id,) = append(database, EVENT)
    stored = database.transact("get", lambda c: events.get(c, event_id))
    assert stored == replace(EVENT, id=1)
    assert stored.trace.stopped_at == Check("budget", False, "0 < 1", "wait a week")


def test_ids_count_from_one_in_the_order_given(database: Database) -> None:
    assert append(database, EVENT, EVENT) == [1, 2]
    assert append(database) == []
    many = [replace(EVENT, verdict=str(n)) for n in range(3, 1_003)]
    assert append(database, *many) == list(range(3, 1_003))
    last = database.transact("last", events.last)
    assert last is not None
    assert (last.id, last.verdict) == (1_002, "1002")


def test_an_id_is_never_given_twice(database: Database) -> None:
    append(database, EVENT, EVENT)
    database.transact("clear", lambda c: c.execute("DELETE FROM events"))
    assert append(database, EVENT) == [3]


@pytest.mark.parametrize("count", [0, 1, 500])
def test_append_is_one_statement_however_many_events(database: Database, count: int) -> None:
    statements: list[str] = []
    database.on_statement(statements.append)
    append(database, *[EVENT] * count)
    assert len(statements) == 3  # BEGIN, INSERT, COMMIT


def test_lone_surrogates_and_nul_of_a_page_are_kept_in_data_and_marked_in_the_summary(database: Database) -> None:
    hostile = "a\ud800b\0c"
    append(database, replace(EVENT, summary=hostile, data={"ad": hostile}, trace=Trace((Check("ad", True, hostile),))))
    (stored,) = database.transact("read", events.read)
    assert stored.data == {"ad": hostile}
    assert stored.trace.checks[0].detail == hostile
    assert stored.summary == "a\ufffdb\ufffdc"


def test_data_that_is_no_json_is_refused_and_appends_nothing(database: Database) -> None:
    with pytest.raises(ValueError, match="not JSON compliant"):
        append(database, EVENT, replace(EVENT, data={"value": float("nan")}))
    assert database.transact("read", events.read) == []


def test_read_pages_through_the_stream_without_gap_or_repetition(database: Database) -> None:
    append(database, *[EVENT] * 25)
    after, pages = 0, []
    while page := database.transact("read", partial(events.read, after=after, limit=10)):
        pages.append([event.id for event in page])
        after = page[-1].id
    assert pages == [list(range(1, 11)), list(range(11, 21)), list(range(21, 26))]


def test_read_gives_the_events_that_equal_every_filter(database: Database) -> None:
    variants = [
        replace(EVENT, kind=kind, site=site, verdict=verdict)
        for kind in ("impression", "conversion")
        for site in ("news.test", "shop.test")
        for verdict in ("stored", "refused")
    ]
    append(database, *variants)

    def read(**filters: str) -> list[int]:
        return [event.id for event in database.transact("read", lambda c: events.read(c, **filters))]  # type: ignore[arg-type]

    assert read(kind="impression") == [1, 2, 3, 4]
    assert read(site="shop.test") == [3, 4, 7, 8]
    assert read(kind="conversion", site="news.test") == [5, 6]
    assert read(kind="conversion", site="news.test", verdict="refused") == [6]
    assert read(kind="none") == []


def test_last_is_the_newest_of_its_kind(database: Database) -> None:
    assert database.transact("last", events.last) is None
    append(database, EVENT, replace(EVENT, kind="impression"), EVENT, replace(EVENT, kind="clock"))
    newest = [database.transact("last", lambda c, k=k: events.last(c, k)) for k in (None, "impression", "conversion")]  # type: ignore[misc]
    assert [event.id for event in newest if event] == [4, 2, 3]
    assert database.transact("last", lambda c: events.last(c, "none")) is None
    assert database.transact("get", lambda c: events.get(c, 99)) is None


@pytest.mark.parametrize("filters", [{}, {"kind": "conversion"}, {"site": "shop.test"}])
def test_reading_a_page_never_scans_or_sorts_the_stream(database: Database, filters: dict[str, str]) -> None:
    statements: list[str] = []
    database.on_statement(statements.append)
    database.transact("read", lambda c: events.read(c, after=5, **filters))  # type: ignore[arg-type]
    database.on_statement(None)
    plan = database.connection.execute(f"EXPLAIN QUERY PLAN {statements[1]}").fetchall()
    assert [row[3].split()[0] for row in plan] == ["SEARCH"]


def test_what_happened_to_a_report_are_its_latest_events_in_their_order(database: Database) -> None:
    for kind in ("report.retry", "report.not-sent", "conversion", "report.sent"):
        append(
            database, replace(EVENT, kind=kind, data={"report": "7f"}), replace(EVENT, kind=kind, data={"report": "8"})
        )
    happened = database.transact("read", lambda c: events.of_report(c, "7f", limit=2))
    assert [event.kind for event in happened] == ["report.not-sent", "report.sent"]


def test_a_source_and_an_impression_name_the_event_that_stored_them(database: Database) -> None:
    source = replace(EVENT, kind="source-registration", data={"source": 3})
    append(database, source, replace(EVENT, kind="trigger-registration", data={"source": 3}))
    append(database, replace(EVENT, kind="impression", data={"impression": 3}))
    found = database.transact("find", lambda c: (events.of_source(c, 3), events.of_impression(c, 3)))
    assert [event.id for event in found if event] == [1, 3]
    assert database.transact("find", lambda c: (events.of_source(c, 4), events.of_impression(c, 1))) == (None, None)


def test_an_auction_and_a_batch_name_the_events_of_what_they_are_linked_with(database: Database) -> None:
    of_auction = replace(EVENT, kind="private-aggregation", data={"auction": 7})
    append(database, of_auction, replace(of_auction, kind="conversion"), replace(of_auction, data={}), of_auction)
    append(database, replace(EVENT, kind="shared-storage.run", data={"batch": 4}))
    append(database, replace(EVENT, kind="shared-storage.select-url", data={"batch": 1}))
    found = database.transact("find", lambda c: events.of_auction(c, 7))
    assert [event.id for event in found] == [1, 4]
    assert [event.id for event in database.transact("find", lambda c: events.of_auction(c, 7, limit=1))] == [1]
    run, selection = database.transact("find", lambda c: (events.of_batch(c, 4), events.of_batch(c, 1)))
    assert [event.id for event in (run, selection) if event] == [5, 6]
    assert database.transact("find", lambda c: (events.of_auction(c, 8), events.of_batch(c, 2))) == ([], None)


def test_the_events_before_one_are_given_from_the_latest_on(database: Database) -> None:
    append(database, *[EVENT] * 4, replace(EVENT, kind="impression"), EVENT)
    before = database.transact("before", lambda c: events.before(c, 5, "conversion", limit=2))
    assert [event.id for event in before] == [4, 3]


@pytest.mark.parametrize(
    "work",
    [
        lambda c: events.of_report(c, "7f"),
        lambda c: events.of_source(c, 3),
        lambda c: events.of_impression(c, 3),
        lambda c: events.of_auction(c, 3),
        lambda c: events.of_batch(c, 3),
        lambda c: events.before(c, 5, "conversion", limit=2),
    ],
)
def test_what_belongs_to_something_is_found_by_seeking(
    database: Database, work: Callable[[sqlite3.Connection], object]
) -> None:
    plan = steps(database.connection, work)
    assert {step.split()[0] for step in plan} == {"SEARCH"}


def test_texts_that_a_page_made_long_are_cut(database: Database) -> None:
    check = Check("r" * 20_000, False, "d" * 20_000, "f" * 20_000)
    append(database, replace(EVENT, summary="s" * events.LONGEST_TEXT, trace=Trace((check,))))
    append(database, replace(EVENT, summary="s" * (events.LONGEST_TEXT + 1)))
    whole, cut = database.transact("read", events.read)
    assert whole.summary == "s" * 8192
    assert cut.summary == "s" * 8191 + "…"
    (kept,) = whole.trace.checks
    assert [(len(text), text[-1]) for text in (kept.rule, kept.detail, kept.fix)] == [(8192, "…")] * 3

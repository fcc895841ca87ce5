from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from dataclasses import replace

import pytest

from agent.model.attribution import Dialect
from agent.model.ledger import AggregatedBatch
from storage.aggregation_ledger import AggregationLedger
from storage.database import MEMORY, Database

BATCH = AggregatedBatch(
    time=1_767_603_600_000,
    dialect=Dialect.LEVEL1_2024,
    service="aggregator.test",
    collector="adtech.test",
    budget_source="shop.test",
    reports=2,
    minimum_batch=2,
    epsilon=0.1,
    scale=655_360.0,
    standard_deviation=926_818.0,
    noise=True,
    histogram=(-5, 2**70),
    p5=(-7, 1),
    p95=(-3, 3),
)
IDS = [bytes(range(16)), bytes(16)]


@pytest.fixture
def database() -> Iterator[Database]:
    with Database.open(MEMORY, now=0) as opened:
        yield opened


def record(database: Database, batch: AggregatedBatch, ids: list[bytes]) -> int:
    return database.transact("record", lambda connection: AggregationLedger(connection).record(batch, ids))


def batches(database: Database, *, after: int = 0, limit: int = 10) -> list[AggregatedBatch]:
    return database.transact("read", lambda c: AggregationLedger(c).batches(after=after, limit=limit))


def aggregated(database: Database, ids: list[bytes]) -> frozenset[bytes]:
    return database.transact("look up", lambda connection: AggregationLedger(connection).aggregated(ids))


def test_a_batch_comes_back_as_it_was_recorded(database: Database) -> None:
    batch_id = record(database, BATCH, IDS)
    assert batches(database) == [replace(BATCH, id=batch_id)]


def test_only_recorded_report_ids_are_consumed(database: Database) -> None:
    assert aggregated(database, IDS) == frozenset()
    record(database, BATCH, IDS)
    assert aggregated(database, [b"x" * 16, IDS[1]]) == {IDS[1]}
    assert aggregated(database, []) == frozenset()


def test_a_consumed_report_id_cannot_be_recorded_again_and_its_batch_is_undone(database: Database) -> None:
    record(database, BATCH, IDS[:1])
    with pytest.raises(sqlite3.IntegrityError):
        record(database, BATCH, IDS)
    assert len(batches(database)) == 1
    assert aggregated(database, IDS) == {IDS[0]}


def test_batches_are_read_in_pages_oldest_first(database: Database) -> None:
    ids = [record(database, BATCH, [bytes([n]) * 16]) for n in range(4)]
    assert [batch.id for batch in batches(database, after=ids[0], limit=2)] == ids[1:3]


def test_looking_up_and_recording_take_a_fixed_number_of_statements(database: Database) -> None:
    counts = []
    for size in (1, 1_000):
        ids = [bytes([size % 251]) + n.to_bytes(15, "big") for n in range(size)]
        statements: list[str] = []
        database.on_statement(statements.append)
        aggregated(database, ids)
        record(database, BATCH, ids)
        database.on_statement(None)
        counts.append(len(statements))
    assert counts[0] == counts[1]


def test_a_look_up_goes_by_the_key(database: Database) -> None:
    # Else a batch of n reports would read the whole ledger n times.
    statements: list[str] = []
    database.on_statement(statements.append)
    aggregated(database, IDS)
    database.on_statement(None)
    (select,) = (statement for statement in statements if statement.startswith("SELECT"))
    plan = database.connection.execute(f"EXPLAIN QUERY PLAN {select}").fetchall()
    assert any("SEARCH aggregated_reports USING PRIMARY KEY" in row[3] for row in plan)

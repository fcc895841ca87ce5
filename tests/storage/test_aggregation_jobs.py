"""The memory of jobs and of the budget units that they spent."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

import pytest

from agent.model.aggregation import (
    BudgetUnit,
    ErrorCounter,
    JobStatus,
    ResultInfo,
    ReturnCode,
    Settlement,
    SpentUnit,
    StoredJob,
)
from agent.model.clock import HOUR
from agent.model.errors import UsageError
from agent.model.events import Check, Event, Trace
from storage import aggregation_jobs, aggregation_ledger, events
from storage.database import MEMORY, AsyncDatabase, Database

NOW = 1_767_603_600_000
REQUEST = {"inputs": ["reports.avro"], "job_parameters": {"attribution_report_to": "https://adtech.test"}}
EVENT = Event("aggregation-job", NOW, "SUCCESS", "done", trace=Trace((Check("privacy budget", passed=True),)))
DONE = ResultInfo(
    ReturnCode.SUCCESS_WITH_ERRORS,
    "done",
    {ErrorCounter.DECRYPTION_ERROR: 2, ErrorCounter.NUM_REPORTS_WITH_ERRORS: 2},
    ("two",),
    NOW + 1,
)
OUTCOME = {"summary": [["559", -3, 500, True]], "seed": None}


def unit(number: int, *, hour: int = 0, origin: str = "https://adtech.test") -> BudgetUnit:
    return BudgetUnit(f"{number:064x}", hour * HOUR, origin)


UNITS = {unit(1): 3, unit(2): 1}


@pytest.fixture
def database() -> Iterator[Database]:
    with Database.open(MEMORY, now=0) as opened:
        yield opened


def begin(database: Database, name: str = "one", request: Mapping[str, object] = REQUEST) -> StoredJob:
    job = StoredJob(name, request, NOW)
    return database.transact("begin", lambda c: aggregation_jobs.begin(c, job))


def settle(
    database: Database,
    name: str = "one",
    units: Mapping[BudgetUnit, int] = UNITS,
    outcome: Mapping[str, object] = OUTCOME,
) -> Settlement:
    return database.transact("settle", lambda c: aggregation_jobs.settle(c, name, units, outcome, now=NOW))


def finish(database: Database, name: str = "one", info: ResultInfo = DONE) -> int:
    return database.transact("finish", lambda c: aggregation_jobs.finish(c, name, info, EVENT))


def find(database: Database, name: str = "one") -> StoredJob | None:
    return database.transact("find", lambda c: aggregation_jobs.find(c, name))


def spent(database: Database, name: str = "one") -> list[SpentUnit]:
    return database.transact("spent", lambda c: aggregation_jobs.spent(c, name))


def begun(database: Database, *names: str) -> None:
    for name in names:
        begin(database, name)


def test_a_job_that_begins_is_received_and_has_a_position(database: Database) -> None:
    assert begin(database) == StoredJob("one", REQUEST, NOW, JobStatus.RECEIVED, id=1)


def test_a_known_id_changes_nothing_and_gives_the_job_that_has_it(database: Database) -> None:
    first = begin(database)
    assert begin(database, request={"other": 1}) == first


def test_settling_spends_the_units_and_keeps_the_outcome_with_them(database: Database) -> None:
    begun(database, "one")
    assert settle(database) == Settlement(outcome=OUTCOME)
    assert spent(database) == [SpentUnit(one, "one", NOW) for one in sorted(UNITS)]
    job = find(database)
    assert job is not None
    assert (job.status, job.settled, job.outcome) == (JobStatus.IN_PROGRESS, NOW, OUTCOME)


def test_units_of_an_earlier_job_are_refused_by_name_and_nothing_is_spent(database: Database) -> None:
    begun(database, "one", "two")
    settle(database)
    refused = settle(database, "two", {unit(3): 1, unit(2): 5, unit(4): 1})
    assert refused == Settlement(exhausted=(SpentUnit(unit(2), "one", NOW),))
    assert spent(database, "two") == []
    job = find(database, "two")
    assert job is not None
    assert (job.status, job.settled, job.outcome) == (JobStatus.RECEIVED, None, None)


@pytest.mark.parametrize("other", [unit(1, hour=1), unit(5), unit(1, origin="https://other.test")])
def test_another_shared_id_hour_or_origin_is_another_unit(database: Database, other: BudgetUnit) -> None:
    begun(database, "one", "two")
    settle(database)
    assert settle(database, "two", {other: 1}).exhausted == ()


def test_a_settled_job_spends_nothing_more_and_is_given_the_outcome_that_stands(database: Database) -> None:
    begun(database, "one")
    settle(database)
    assert settle(database, units={unit(9): 1}, outcome={"other": 1}) == Settlement(outcome=OUTCOME)
    assert {one.unit for one in spent(database)} == set(UNITS)


def test_a_job_without_units_keeps_its_outcome(database: Database) -> None:
    begun(database, "one", "two")
    settle(database)
    assert settle(database, "two", {}, {"refused": True}) == Settlement(outcome={"refused": True})
    assert spent(database, "two") == []


def test_a_finished_job_tells_how_it_ended_and_its_event_is_in_the_stream(database: Database) -> None:
    begun(database, "one")
    settle(database)
    number = finish(database)
    job = find(database)
    assert job is not None
    assert (job.status, job.result_info, job.event) == (JobStatus.FINISHED, DONE, number)
    (event,) = database.transact("read", events.read)
    assert (event.id, event.trace) == (number, EVENT.trace)


def test_finishing_again_changes_nothing_and_adds_no_event(database: Database) -> None:
    begun(database, "one")
    number = finish(database)
    other = ResultInfo(ReturnCode.INTERNAL_ERROR, "", {}, (), NOW + 9)
    assert finish(database, info=other) == number
    job = find(database)
    assert job is not None
    assert job.result_info == DONE
    assert len(database.transact("read", events.read)) == 1


def test_a_job_that_finished_without_budget_cannot_spend_later(database: Database) -> None:
    begun(database, "one")
    finish(database)
    with pytest.raises(UsageError, match="is finished"):
        settle(database)
    assert spent(database) == []


def test_a_job_that_a_reset_forgot_spends_nothing(database: Database) -> None:
    begun(database, "one")
    database.transact("reset", aggregation_ledger.remove_all)
    for end in (settle, finish):
        with pytest.raises(UsageError, match="not known"):
            end(database)
    assert find(database) is None


def test_a_reset_forgets_what_was_spent_and_never_gives_a_position_twice(database: Database) -> None:
    begun(database, "one")
    settle(database)
    database.transact("reset", aggregation_ledger.remove_all)
    begun(database, "two")
    assert settle(database, "two").exhausted == ()
    job = find(database, "two")
    assert job is not None
    assert job.id == 2


def test_jobs_are_read_in_pages_oldest_first_and_unfinished_ones_apart(database: Database) -> None:
    begun(database, "a", "b", "c", "d")
    settle(database, "b")
    finish(database, "c")

    def names(jobs: Sequence[StoredJob]) -> list[str]:
        return [job.job_request_id for job in jobs]

    assert names(database.transact("page", lambda c: aggregation_jobs.jobs(c, after=1, limit=2))) == ["b", "c"]
    assert names(database.transact("rest", aggregation_jobs.unfinished)) == ["a", "b", "d"]


def statements_of(database: Database, units: Mapping[BudgetUnit, int], name: str) -> list[str]:
    statements: list[str] = []
    database.on_statement(statements.append)
    settle(database, name, units)
    database.on_statement(None)
    return statements


def test_settling_takes_a_fixed_number_of_statements(database: Database) -> None:
    begun(database, "one", "two")
    few = statements_of(database, {unit(1): 1}, "one")
    many = statements_of(database, {unit(number): 1 for number in range(2, 2_000)}, "two")
    assert len(few) == len(many)


@pytest.mark.parametrize(
    ("table", "found_by"), [("u", "PRIMARY KEY (shared_id=? AND hour=? AND reporting_origin=?)"), ("j", "rowid=?")]
)
def test_exhausted_units_are_found_by_their_key_and_not_by_reading_the_ledger(
    database: Database, table: str, found_by: str
) -> None:
    plan = database.connection.execute(f"EXPLAIN QUERY PLAN {aggregation_jobs._EXHAUSTED}", ("[]",)).fetchall()
    details = [row[3] for row in plan]
    assert any(detail.startswith(f"SEARCH {table} USING") and found_by in detail for detail in details), details
    assert [detail.split()[1] for detail in details if detail.startswith("SCAN")] == ["asked"]


def test_what_a_job_spent_and_which_are_unfinished_is_found_by_an_index(database: Database) -> None:
    statements: list[str] = []
    database.on_statement(statements.append)
    spent(database)
    database.transact("rest", aggregation_jobs.unfinished)
    database.on_statement(None)
    selects = [statement for statement in statements if statement.startswith("SELECT")]
    plans = [database.connection.execute(f"EXPLAIN QUERY PLAN {select}").fetchall() for select in selects]
    first, second = ("; ".join(row[3] for row in plan) for plan in plans)
    assert "aggregation_budget_units_by_job" in first
    assert "SCAN" not in first
    assert "USING INDEX aggregation_jobs_unfinished" in second


async def test_the_ledger_of_a_database_announces_an_event_once_it_is_durable() -> None:
    told: list[str] = []
    async with await AsyncDatabase.open(MEMORY, now=0) as database:
        ledger = aggregation_jobs.DatabaseJobLedger(database, lambda: told.append("event"))
        await ledger.begin(StoredJob("one", REQUEST, NOW))
        await ledger.settle("one", UNITS, OUTCOME, now=NOW)
        assert told == []
        number = await ledger.finish("one", DONE, EVENT)
        assert told == ["event"]
        found = await ledger.find("one")
        assert found is not None
        assert found.event == number
        assert await ledger.jobs(after=0, limit=5) == [found]
        assert await ledger.unfinished() == []
        assert [one.unit for one in await ledger.spent("one")] == sorted(UNITS)

"""Jobs that succeed: the order of the service, what is spent, what is written."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Mapping
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio

from agent.aggregation import durable_files, outputs
from agent.aggregation.avro import read_facts
from agent.model.aggregation import BudgetUnit, ErrorCounter, JobStatus, ReturnCode, Settlement, Summary
from agent.model.clock import HOUR, SECOND
from agent.model.errors import UsageError
from agent.model.rng import Draw, SeededRng
from storage import events
from storage.aggregation_jobs import DatabaseJobLedger
from storage.database import MEMORY, AsyncDatabase
from tests.aggregation.jobs import BUCKET, NOW, ORIGIN, batch, clear, domain_file, job, record, run

PARAMETERS = {"attribution_report_to": ORIGIN}
ALL = {"report_error_threshold_percentage": "100"}
DEBUG_RUN = PARAMETERS | {"debug_run": "true"}


@pytest_asyncio.fixture
async def database() -> AsyncIterator[AsyncDatabase]:
    async with await AsyncDatabase.open(MEMORY, now=NOW) as opened:
        yield opened


@pytest.fixture
def ledger(database: AsyncDatabase) -> DatabaseJobLedger:
    return DatabaseJobLedger(database)


def sums(summary: Summary | None) -> dict[int, int]:
    assert summary is not None
    return {fact.bucket: fact.metric for fact in summary.facts}


def metrics(folder: Path) -> dict[int, int]:
    return read_facts(folder / "out" / "output.avro")


async def test_a_job_sums_its_reports_into_the_domain_and_spends_their_units(
    tmp_path: Path, ledger: DatabaseJobLedger
) -> None:
    batch(tmp_path, [record(0), record(1), record(2, contributions=[(BUCKET, 1), (9, 50)])])
    finished = await run(job(tmp_path), ledger)
    assert finished.result_info.return_code is ReturnCode.SUCCESS
    # Bucket 9 is not in the domain, bucket 7 is in no report.
    assert sums(finished.summary) == metrics(tmp_path) == {BUCKET: 201, 7: 0}
    (spent,) = finished.spent
    assert (spent.unit.hour, spent.unit.reporting_origin) == ((NOW - HOUR) // HOUR * HOUR, ORIGIN)
    assert (spent.job_request_id, spent.time) == ("job-1", NOW)
    stored = await ledger.find("job-1")
    assert stored == finished.job
    assert stored is not None
    assert (stored.status, stored.result_info) == (JobStatus.FINISHED, finished.result_info)


class RecordedRng(SeededRng):
    """Notes when noise is drawn."""

    def __init__(self, steps: list[str]) -> None:
        super().__init__(3)
        self.steps = steps

    def note(self, draw: Draw) -> None:
        assert draw is Draw.NOISE
        if self.steps[-1] != "noise":
            self.steps.append("noise")

    def below(self, draw: Draw, bound: int) -> int:
        self.note(draw)
        return super().below(draw, bound)

    def bytes(self, draw: Draw, count: int) -> bytes:
        self.note(draw)
        return super().bytes(draw, count)


class RecordedLedger(DatabaseJobLedger):
    """Notes which of its methods is called."""

    def __init__(self, database: AsyncDatabase, steps: list[str]) -> None:
        super().__init__(database)
        self.steps = steps

    async def begin(self, *given: Any) -> Any:
        self.steps.append("begin")
        return await super().begin(*given)

    async def settle(
        self, job_request_id: str, units: Mapping[BudgetUnit, int], outcome: Mapping[str, Any], *, now: int
    ) -> Settlement:
        self.steps.append("budget")
        return await super().settle(job_request_id, units, outcome, now=now)

    async def finish(self, *given: Any) -> int:
        self.steps.append("finish")
        return await super().finish(*given)


async def test_noise_is_drawn_then_the_budget_spent_then_the_result_written_then_the_end_recorded(
    tmp_path: Path, database: AsyncDatabase, monkeypatch: pytest.MonkeyPatch
) -> None:
    batch(tmp_path, [record(0)])
    steps: list[str] = []
    write = durable_files.write_file

    def recorded(path: Path, content: Any) -> None:
        steps.append(path.name)
        write(path, content)

    monkeypatch.setattr(outputs, "write_file", recorded)
    await run(job(tmp_path), RecordedLedger(database, steps), noise=True, rng=RecordedRng(steps))
    files = ["output.avro", "output.json", "output.csv", "job.json", "result_info.json"]
    assert steps == ["begin", "noise", "budget", *files, "finish"]


async def test_the_same_reports_are_refused_a_second_time_and_the_dump_tells_which(
    tmp_path: Path, ledger: DatabaseJobLedger
) -> None:
    hour = str((NOW - HOUR) // SECOND)
    batch(tmp_path, [record(0), record(1), record(2, scheduled_report_time=str(int(hour) - 7200))])
    first = await run(job(tmp_path, parameters=PARAMETERS | {"filtering_ids": "3"}), ledger)
    assert len(first.spent) == 2
    second = await run(job(tmp_path, "job-2", output=outputs.Output(tmp_path / "two")), ledger)
    assert second.result_info.return_code is ReturnCode.SUCCESS  # other filtering ids are other units
    third = await run(job(tmp_path, "job-3", output=outputs.Output(tmp_path / "three")), ledger)
    assert third.result_info.return_code is ReturnCode.PRIVACY_BUDGET_EXHAUSTED
    assert (third.summary, third.spent) == (None, ())
    assert {one.job_request_id for one in third.exhausted} == {"job-2"}
    name = "privacy_budget_exhausted_debugging_information_2026-01-05T09:00:00Z.json"
    assert {path.name for path in (tmp_path / "three").iterdir()} == {name, "result_info.json"}
    text = (tmp_path / "three" / name).read_text()
    assert f'"scheduled_report_time": {hour}.000000000' in text
    info = json.loads(text)["privacy_budget_exhausted_info"]["aggregatable_input_budget_consumption_info"]
    entries = [entry["aggregateable_input_budget_id"] for entry in info]
    assert sorted(entry["relevant_shared_info"].pop("scheduled_report_time") for entry in entries) == [
        int(hour) - 7200,
        int(hour),
    ]
    relevant = {
        "api": "attribution-reporting",
        "attribution_destination": "https://shop.test",
        "reporting_origin": ORIGIN,
        "source_registration_time": 0,
        "version": "1.0",
    }
    assert entries == [{"filtering_id": 0, "relevant_shared_info": relevant}] * 2


async def test_a_batch_that_overlaps_an_earlier_one_in_part_consumes_nothing(
    tmp_path: Path, ledger: DatabaseJobLedger
) -> None:
    late = record(1, scheduled_report_time=str((NOW - 5 * HOUR) // SECOND))
    batch(tmp_path, [record(0)])
    await run(job(tmp_path), ledger)
    batch(tmp_path, [record(2), late])
    refused = await run(job(tmp_path, "job-2"), ledger)
    assert (len(refused.exhausted), refused.spent) == (1, ())
    batch(tmp_path, [late])
    assert (await run(job(tmp_path, "job-3"), ledger)).result_info.return_code is ReturnCode.SUCCESS


async def test_a_debug_run_neither_checks_nor_spends_and_shows_what_is_behind_the_noise(
    tmp_path: Path, ledger: DatabaseJobLedger
) -> None:
    batch(tmp_path, [record(0, debug_mode="enabled", contributions=[(BUCKET, 5), (9, 1)])])
    await run(job(tmp_path), ledger)
    for name in ("debug-1", "debug-2"):
        finished = await run(job(tmp_path, name, parameters=DEBUG_RUN), ledger, noise=True)
        assert (finished.result_info.return_code, finished.spent) == (ReturnCode.SUCCESS, ())
    rows = json.loads((tmp_path / "out" / "debug_output.json").read_text())["facts"]
    assert {row["bucket"]: (row["unnoised_metric"], row["in_domain"], row["in_reports"]) for row in rows} == {
        "0x7": (0, True, False),
        "0x9": (1, False, True),
        "0x559": (5, True, True),
    }
    assert all(row["metric"] == row["unnoised_metric"] + row["noise"] for row in rows)


async def test_clear_text_has_no_budget(tmp_path: Path, ledger: DatabaseJobLedger) -> None:
    batch(tmp_path, [clear(record(0))])
    for name in ("job-1", "job-2"):
        finished = await run(job(tmp_path, name, clear_text=True), ledger, keys={})
        assert (sums(finished.summary), finished.spent) == ({BUCKET: 100, 7: 0}, ())


async def test_no_valid_report_is_success_and_pure_noise_without_any_budget(
    tmp_path: Path, ledger: DatabaseJobLedger
) -> None:
    batch(tmp_path, [])
    finished = await run(job(tmp_path), ledger, noise=True)
    assert (finished.result_info.return_code, finished.spent) == (ReturnCode.SUCCESS, ())
    assert finished.summary is not None
    assert [(fact.bucket, fact.unnoised_metric) for fact in finished.summary.facts] == [(7, 0), (BUCKET, 0)]
    assert any(fact.metric for fact in finished.summary.facts)


async def test_reports_below_the_threshold_are_left_out_and_counted_once_in_the_total_which_is_last(
    tmp_path: Path, ledger: DatabaseJobLedger
) -> None:
    good = [record(number) for number in range(18)]
    batch(tmp_path, [*good, record(90, api="unknown-api"), record(91, reporting_origin="https://other.test")])
    finished = await run(job(tmp_path), ledger)
    assert finished.result_info.return_code is ReturnCode.SUCCESS_WITH_ERRORS
    assert sums(finished.summary)[BUCKET] == 1800
    summary = json.loads((tmp_path / "out" / "result_info.json").read_text())["error_summary"]
    assert [(one["category"], one["count"]) for one in summary["error_counts"]] == [
        ("ATTRIBUTION_REPORT_TO_MISMATCH", 1),
        ("UNSUPPORTED_REPORT_API_TYPE", 1),
        ("REQUIRED_SHAREDINFO_FIELD_INVALID", 1),
        ("NUM_REPORTS_WITH_ERRORS", 2),
    ]
    assert all(one["description"] for one in summary["error_counts"])


async def test_without_a_domain_the_reports_own_buckets_are_published(
    tmp_path: Path, ledger: DatabaseJobLedger
) -> None:
    batch(tmp_path, [record(0, contributions=[(5, 1), (6, 2)])])
    assert sums((await run(job(tmp_path, domain=None), ledger)).summary) == {5: 1, 6: 2}


async def test_a_domain_is_read_from_files_duplicates_are_harmless(tmp_path: Path, ledger: DatabaseJobLedger) -> None:
    batch(tmp_path, [record(0)])
    files = (domain_file(tmp_path, [BUCKET, 1], "a.avro"), domain_file(tmp_path, [1, 2], "b.avro"))
    assert sums((await run(job(tmp_path, domain=None, domain_files=files), ledger)).summary) == {
        BUCKET: 100,
        1: 0,
        2: 0,
    }


async def test_two_runs_of_one_job_at_once_end_in_one_result(tmp_path: Path, ledger: DatabaseJobLedger) -> None:
    batch(tmp_path, [record(0)])
    one, other = await asyncio.gather(*(run(job(tmp_path), ledger, noise=True, seed=seed) for seed in (1, 2)))
    assert sums(one.summary) == sums(other.summary) == metrics(tmp_path)
    assert {one.resumed, other.resumed} == {True, False}
    assert one.event.id == other.event.id
    assert one.spent == other.spent


async def test_an_id_that_was_used_is_refused(tmp_path: Path, ledger: DatabaseJobLedger) -> None:
    batch(tmp_path, [record(0)])
    first = await run(job(tmp_path), ledger)
    with pytest.raises(UsageError, match="job job-1 is finished: SUCCESS"):
        await run(job(tmp_path), ledger)
    assert await ledger.find("job-1") == first.job


async def test_an_id_is_refused_for_another_request_than_the_one_that_began(
    tmp_path: Path, database: AsyncDatabase, monkeypatch: pytest.MonkeyPatch
) -> None:
    batch(tmp_path, [record(0)])
    ledger = DatabaseJobLedger(database)

    async def dies(*_given: object, **_named: object) -> Settlement:
        raise asyncio.CancelledError

    with monkeypatch.context() as patched:
        patched.setattr(ledger, "settle", dies)
        with pytest.raises(asyncio.CancelledError):
            await run(job(tmp_path), ledger)
    for changed in (
        {"domain": (BUCKET, 8)},
        {"parameters": PARAMETERS | {"filtering_ids": "1"}},
        {"inputs": (tmp_path,)},
        {"output": outputs.Output(tmp_path / "elsewhere")},
    ):
        with pytest.raises(UsageError, match="begun with another request"):
            await run(job(tmp_path, **changed), ledger)
    assert (await run(job(tmp_path), ledger)).result_info.return_code is ReturnCode.SUCCESS


async def test_the_event_tells_every_step_and_is_the_one_in_the_stream(
    tmp_path: Path, database: AsyncDatabase, ledger: DatabaseJobLedger
) -> None:
    batch(tmp_path, [record(0)])
    finished = await run(job(tmp_path), ledger)
    (event,) = await database.transact("read", lambda c: events.read(c, kind="aggregation-job"))
    assert event == finished.event
    assert event.verdict == ReturnCode.SUCCESS
    assert event.trace.stopped_at is None
    assert finished.job.event == event.id


async def test_processes_give_what_one_gives(tmp_path: Path, ledger: DatabaseJobLedger) -> None:
    inputs = tuple(batch(tmp_path, [record(number), record(0)], f"{number}.avro") for number in range(3))
    one, two = [
        await run(job(tmp_path, f"debug-{workers}", inputs=inputs, parameters=DEBUG_RUN | ALL), ledger, workers=workers)
        for workers in (1, 2)
    ]
    assert one.partial == two.partial
    assert one.summary == two.summary


async def test_progress_is_told_in_shards(tmp_path: Path, ledger: DatabaseJobLedger) -> None:
    inputs = tuple(batch(tmp_path, [record(number)], f"{number}.avro") for number in range(3))
    told: list[tuple[int, int]] = []
    finished = await run(job(tmp_path, inputs=inputs), ledger, progress=lambda done, total: told.append((done, total)))
    assert told == [(1, 3), (2, 3), (3, 3)]
    assert finished.partial is not None
    assert finished.partial.errors[ErrorCounter.NUM_REPORTS_WITH_ERRORS] == 0

"""Jobs that fail: the service's codes, and what they leave of the budget."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Mapping
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio

from agent.aggregation import job_steps
from agent.aggregation.job import FinishedJob
from agent.aggregation.outputs import Output
from agent.model.aggregation import BudgetUnit, ReturnCode, Settlement, StoredJob
from agent.model.errors import HostEnvironmentError
from storage import aggregation_ledger
from storage.aggregation_jobs import DatabaseJobLedger
from storage.database import MEMORY, AsyncDatabase
from tests.aggregation.jobs import BUCKET, NOW, ORIGIN, batch, domain_file, job, record, run

PARAMETERS = {"attribution_report_to": ORIGIN}
RESULT_INFO = {"result_info.json"}


@pytest_asyncio.fixture
async def database() -> AsyncIterator[AsyncDatabase]:
    async with await AsyncDatabase.open(MEMORY, now=NOW) as opened:
        yield opened


@pytest.fixture
def ledger(database: AsyncDatabase) -> DatabaseJobLedger:
    return DatabaseJobLedger(database)


async def assert_refused(
    finished: FinishedJob, code: ReturnCode, folder: Path, ledger: DatabaseJobLedger, message: str
) -> None:
    """It spent nothing, wrote ``result_info.json`` alone, and is finished; the reports' budget is there."""
    assert finished.result_info.return_code is code
    assert any(message in told for told in finished.result_info.error_messages)
    assert (finished.summary, finished.spent) == (None, ())
    assert {path.name for path in (folder / "out").iterdir()} == RESULT_INFO
    assert json.loads((folder / "out" / "result_info.json").read_text())["return_code"] == code
    stored = await ledger.find("job-1")
    assert stored is not None
    assert stored.result_info == finished.result_info
    assert await ledger.spent("job-1") == []
    assert finished.event.verdict == code
    assert finished.event.trace.stopped_at is not None
    batch(folder, [record(0)])
    again = await run(job(folder, "again", output=Output(folder / "again")), ledger)
    assert again.result_info.return_code is ReturnCode.SUCCESS


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"debug_privacy_epsilon": "65"}, "debug_privacy_epsilon=65"),
        ({"report_error_threshold_percentage": "101"}, "report_error_threshold_percentage=101"),
        ({"filtering_ids": "-1"}, "filtering_ids=-1"),
        ({"input_report_count": "-1"}, "input_report_count=-1"),
        ({"reporting_site": "https://adtech.test"}, "attribution_report_to or reporting_site"),
    ],
)
async def test_an_invalid_parameter_is_invalid_job(
    tmp_path: Path, ledger: DatabaseJobLedger, changed: dict[str, str], message: str
) -> None:
    batch(tmp_path, [record(0)])
    finished = await run(job(tmp_path, parameters=PARAMETERS | changed), ledger)
    await assert_refused(finished, ReturnCode.INVALID_JOB, tmp_path, ledger, message)


async def test_a_job_that_must_name_a_domain_and_does_not_is_invalid_job(
    tmp_path: Path, ledger: DatabaseJobLedger
) -> None:
    batch(tmp_path, [record(0)])
    finished = await run(job(tmp_path, domain=None, domain_required=True), ledger)
    await assert_refused(finished, ReturnCode.INVALID_JOB, tmp_path, ledger, "output_domain_bucket_name")


async def test_an_empty_domain_is_input_data_read_failed(tmp_path: Path, ledger: DatabaseJobLedger) -> None:
    batch(tmp_path, [record(0)])
    finished = await run(job(tmp_path, domain=()), ledger)
    await assert_refused(finished, ReturnCode.INPUT_DATA_READ_FAILED, tmp_path, ledger, "domain")


@pytest.mark.parametrize("content", [b"", b"no avro at all", None])
async def test_a_domain_that_cannot_be_read_is_input_data_read_failed(
    tmp_path: Path, ledger: DatabaseJobLedger, content: bytes | None
) -> None:
    batch(tmp_path, [record(0)])
    if content is not None:
        (tmp_path / "domain.avro").write_bytes(content)
    finished = await run(job(tmp_path, domain=None, domain_files=(tmp_path / "domain.avro",)), ledger)
    await assert_refused(finished, ReturnCode.INPUT_DATA_READ_FAILED, tmp_path, ledger, "domain.avro")


async def test_reports_for_a_domain_are_input_data_read_failed(tmp_path: Path, ledger: DatabaseJobLedger) -> None:
    reports = batch(tmp_path, [record(0)])
    finished = await run(job(tmp_path, domain=None, domain_files=(reports,)), ledger)
    await assert_refused(finished, ReturnCode.INPUT_DATA_READ_FAILED, tmp_path, ledger, "reports.avro")


@pytest.mark.parametrize("damage", ["missing", "empty", "truncated", "corrupt", "foreign"])
async def test_reports_that_cannot_be_read_are_input_data_read_failed(
    tmp_path: Path, ledger: DatabaseJobLedger, damage: str
) -> None:
    reports = batch(tmp_path, [record(number) for number in range(5)])
    whole = reports.read_bytes()
    match damage:
        case "missing":
            reports.unlink()
        case "empty":
            reports.write_bytes(b"")
        case "truncated":
            reports.write_bytes(whole[:-100])
        case "corrupt":
            reports.write_bytes(whole[:-16] + b"x" * 16)  # the marker at the end of a block
        case "foreign":
            reports = domain_file(tmp_path, [1], "reports.avro")
    finished = await run(job(tmp_path), ledger)
    await assert_refused(finished, ReturnCode.INPUT_DATA_READ_FAILED, tmp_path, ledger, "reports.avro")


async def test_one_report_of_a_version_to_come_fails_the_whole_job(tmp_path: Path, ledger: DatabaseJobLedger) -> None:
    batch(tmp_path, [*(record(number) for number in range(20)), record(90, version="2.0")])
    finished = await run(job(tmp_path), ledger)
    await assert_refused(finished, ReturnCode.UNSUPPORTED_REPORT_VERSION, tmp_path, ledger, "version 2.0")


@pytest.mark.parametrize(
    ("bad", "good", "changed", "code"),
    [
        (1, 9, {}, ReturnCode.SUCCESS_WITH_ERRORS),  # 10 % is not above 10 %
        (1, 8, {}, ReturnCode.REPORTS_WITH_ERRORS_EXCEEDED_THRESHOLD),
        (1, 99, {"report_error_threshold_percentage": "0"}, ReturnCode.REPORTS_WITH_ERRORS_EXCEEDED_THRESHOLD),
        (1, 0, {"report_error_threshold_percentage": "100%"}, ReturnCode.SUCCESS_WITH_ERRORS),
        (2, 20, {"input_report_count": "10"}, ReturnCode.REPORTS_WITH_ERRORS_EXCEEDED_THRESHOLD),
    ],
)
async def test_too_many_reports_with_errors_fail_the_job(
    tmp_path: Path, ledger: DatabaseJobLedger, bad: int, good: int, changed: dict[str, str], code: ReturnCode
) -> None:
    broken = [record(number, report_id="none") for number in range(bad)]
    batch(tmp_path, [*broken, *(record(number) for number in range(good))])
    finished = await run(job(tmp_path, parameters=PARAMETERS | changed), ledger)
    assert finished.result_info.return_code is code
    if code is ReturnCode.REPORTS_WITH_ERRORS_EXCEEDED_THRESHOLD:
        # With nothing allowed reading stops at the shard of the first error, which is the only one here.
        await assert_refused(finished, code, tmp_path, ledger, f"{bad} of the {bad + good} reports")


async def test_a_failure_of_our_own_is_internal_error_and_consumes_nothing(
    tmp_path: Path, ledger: DatabaseJobLedger, monkeypatch: pytest.MonkeyPatch
) -> None:
    batch(tmp_path, [record(0)])

    async def fails(*_given: object, **_named: object) -> None:
        raise ExceptionGroup("several", [HostEnvironmentError("a worker process of the job ended")])

    with monkeypatch.context() as patched:
        patched.setattr(job_steps, "process_all", fails)
        finished = await run(job(tmp_path), ledger)
    await assert_refused(finished, ReturnCode.INTERNAL_ERROR, tmp_path, ledger, "a worker process of the job ended")


async def test_a_result_that_cannot_be_written_costs_its_budget_and_says_so(
    tmp_path: Path, ledger: DatabaseJobLedger
) -> None:
    batch(tmp_path, [record(0)])
    (tmp_path / "out").write_text("a file where the folder should be")
    finished = await run(job(tmp_path), ledger)
    assert finished.result_info.return_code is ReturnCode.RESULT_WRITE_ERROR
    assert "is gone" in finished.result_info.return_message
    assert str(tmp_path / "out") in finished.result_info.error_messages[0]
    assert (finished.summary, finished.files, len(finished.spent)) == (None, (), 1)
    stored = await ledger.find("job-1")
    assert stored is not None
    assert stored.result_info == finished.result_info
    stopped = finished.event.trace.stopped_at
    assert stopped is not None
    assert stopped.rule == "summary written"
    again = await run(job(tmp_path, "again", output=Output(tmp_path / "again")), ledger)
    assert again.result_info.return_code is ReturnCode.PRIVACY_BUDGET_EXHAUSTED


async def test_a_ledger_that_is_full_is_privacy_budget_error_and_the_job_can_be_run_again(
    tmp_path: Path, database: AsyncDatabase, ledger: DatabaseJobLedger
) -> None:
    batch(tmp_path, [record(0)])
    wanted = job(tmp_path, domain=tuple(range(5_000)))
    await ledger.begin(StoredJob("job-1", wanted.asked(), NOW))
    await limit_pages(database, full=True)
    finished = await run(wanted, ledger)
    assert finished.result_info.return_code is ReturnCode.PRIVACY_BUDGET_ERROR
    assert any("no space left" in told for told in finished.result_info.error_messages)
    assert (finished.summary, finished.spent) == (None, ())
    assert {path.name for path in (tmp_path / "out").iterdir()} == RESULT_INFO
    await limit_pages(database, full=False)
    stored = await ledger.find("job-1")
    assert stored is not None
    # Its end was small enough to be recorded, or not: in no case was budget spent.
    assert stored.outcome is None
    assert await ledger.spent("job-1") == []


async def limit_pages(database: AsyncDatabase, *, full: bool) -> None:
    def work(connection: Any) -> None:
        (pages,) = connection.execute("PRAGMA page_count").fetchone()
        connection.execute(f"PRAGMA max_page_count = {pages if full else pages + 10_000}")

    await database.transact("limit", work)


class UnsureLedger(DatabaseJobLedger):
    """Spends, and then cannot say so."""

    async def settle(
        self, job_request_id: str, units: Mapping[BudgetUnit, int], outcome: Mapping[str, Any], *, now: int
    ) -> Settlement:
        await super().settle(job_request_id, units, outcome, now=now)
        raise HostEnvironmentError("the connection to the agent is lost")


async def test_budget_that_was_spent_although_the_ledger_failed_is_not_lost(
    tmp_path: Path, database: AsyncDatabase
) -> None:
    batch(tmp_path, [record(0)])
    finished = await run(job(tmp_path), UnsureLedger(database))
    assert finished.result_info.return_code is ReturnCode.SUCCESS
    assert finished.summary is not None
    assert {fact.bucket: fact.metric for fact in finished.summary.facts} == {BUCKET: 100, 7: 0}
    assert len(finished.spent) == 1


class LostLedger(UnsureLedger):
    """Spends, and then says nothing more."""

    lost = True

    async def find(self, job_request_id: str) -> StoredJob | None:
        if self.lost:
            raise HostEnvironmentError("the connection to the agent is lost")
        return await super().find(job_request_id)


async def test_a_job_whose_ledger_is_lost_is_not_finished_and_goes_on_when_it_runs_again(
    tmp_path: Path, database: AsyncDatabase, ledger: DatabaseJobLedger
) -> None:
    batch(tmp_path, [record(0)])
    finished = await run(job(tmp_path), LostLedger(database), noise=True, seed=1)
    assert finished.result_info.return_code is ReturnCode.PRIVACY_BUDGET_ERROR
    assert {path.name for path in (tmp_path / "out").iterdir()} == RESULT_INFO
    again = await run(job(tmp_path), ledger, noise=True, seed=2)
    assert again.resumed
    assert again.result_info.return_code is ReturnCode.SUCCESS
    assert len(again.spent) == 1


async def test_a_profile_that_is_reset_while_a_job_runs_gives_no_result(
    tmp_path: Path, database: AsyncDatabase, monkeypatch: pytest.MonkeyPatch
) -> None:
    batch(tmp_path, [record(0)])
    ledger = DatabaseJobLedger(database)
    settle = ledger.settle

    async def reset_first(*given: Any, **named: Any) -> Settlement:
        await database.transact("reset", aggregation_ledger.remove_all)
        return await settle(*given, **named)

    monkeypatch.setattr(ledger, "settle", reset_first)
    finished = await run(job(tmp_path), ledger)
    assert finished.result_info.return_code is ReturnCode.PRIVACY_BUDGET_ERROR
    assert {path.name for path in (tmp_path / "out").iterdir()} == RESULT_INFO

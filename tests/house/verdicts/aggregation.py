"""How jobs of the aggregation service end, why reports are left out of them, and how far they came."""

from __future__ import annotations

from collections.abc import Callable, Coroutine, Mapping, Sequence
from pathlib import Path
from typing import Any
from unittest.mock import patch

from agent.aggregation import job_steps
from agent.aggregation.avro import Record
from agent.aggregation.outcome import AggregationError, AggregationErrorCode
from agent.aggregation.outputs import Output
from agent.aggregation.service import aggregate
from agent.crypto.conversion_report import seal_report
from agent.crypto.keys import generate_key
from agent.engines.aggregation.stored_explanation import stored_job_event
from agent.model.aggregation import BudgetUnit, ErrorCounter, JobStatus, ReturnCode, Settlement, StoredJob
from agent.model.clock import Clock
from agent.model.conversion_report import ReportRefusalCode
from agent.model.errors import HostEnvironmentError
from agent.model.events import Event, Trace
from agent.model.rng import SeededRng
from storage.aggregation_jobs import DatabaseJobLedger
from storage.aggregation_ledger import AggregationLedger
from storage.database import MEMORY, AsyncDatabase, Database
from tests.aggregation import batches, reports
from tests.aggregation.jobs import NOW, ORIGIN, batch, job, record, run
from tests.aggregation.test_shards import CASES
from tests.house.verdicts.scene import Scene, Scenes

C, E, J, A = ReturnCode, ErrorCounter, JobStatus, AggregationErrorCode
PARAMETERS = {"attribution_report_to": ORIGIN}
Making = Callable[[Path], Coroutine[Any, Any, Event]]


class LostLedger(DatabaseJobLedger):
    """Cannot be reached when the budget is asked for."""

    async def settle(self, *_given: Any, **_named: Any) -> Settlement:
        raise HostEnvironmentError("the connection to the agent is lost", fix="start the agent again")

    async def find(self, job_request_id: str) -> StoredJob | None:
        del job_request_id
        raise HostEnvironmentError("the connection to the agent is lost", fix="start the agent again")


def ended(
    *records: Record,
    before: Sequence[str] = (),
    ledger: type[DatabaseJobLedger] = DatabaseJobLedger,
    run_with: dict[str, Any] | None = None,
    **parameters: str,
) -> Making:
    """The event of a job over ``records``, behind jobs of the ids ``before`` over the same."""

    async def made(folder: Path) -> Event:
        batch(folder, records)
        async with await AsyncDatabase.open(MEMORY, now=NOW) as database:
            for name in before:
                await run(job(folder, name, output=Output(folder / name)), DatabaseJobLedger(database))
            wanted = job(folder, parameters=PARAMETERS | parameters)
            return (await run(wanted, ledger(database), **(run_with or {}))).event

    return made


async def without_input(folder: Path) -> Event:
    async with await AsyncDatabase.open(MEMORY, now=NOW) as database:
        return (await run(job(folder), DatabaseJobLedger(database))).event


async def without_room_for_its_output(folder: Path) -> Event:
    folder.mkdir(exist_ok=True)
    (folder / "out").write_text("a file where the folder should be")
    return await ended(record(0))(folder)


async def broken(folder: Path) -> Event:
    async def fails(*_given: object, **_named: object) -> None:
        raise HostEnvironmentError("a worker process of the job ended")

    with patch.object(job_steps, "process_all", fails):
        return await ended(record(0))(folder)


BAD = record(0, report_id="none")
JOBS: Scenes = {
    C.SUCCESS: Scene(ended(record(0)), tells=("1 of 1 count", "spent for 1 report")),
    C.SUCCESS_WITH_ERRORS: Scene(
        ended(BAD, *map(record, range(1, 10))), "INVALID_REPORT_ID", ("1 report left out", "report_id is 'none'")
    ),
    C.PRIVACY_BUDGET_EXHAUSTED: Scene(
        ended(record(0), before=["first"]), "privacy budget", ("spent by job 'first'", "1 of 1 unit spent before")
    ),
    C.PRIVACY_BUDGET_ERROR: Scene(
        ended(record(0), ledger=LostLedger), "privacy budget", ("the connection to the agent is lost",)
    ),
    C.INVALID_JOB: Scene(
        ended(record(0), debug_privacy_epsilon="65"), "job parameters", ("'65', but debug_privacy_epsilon",)
    ),
    C.INPUT_DATA_READ_FAILED: Scene(without_input, "input", ("reports.avro",)),
    C.RESULT_WRITE_ERROR: Scene(without_room_for_its_output, "summary written", ("out",)),
    C.REPORTS_WITH_ERRORS_EXCEEDED_THRESHOLD: Scene(
        ended(BAD, record(1), report_error_threshold_percentage="20"),
        "error threshold",
        ("1 of 2 left out, at most 0.4 (20 %) may be",),
    ),
    C.UNSUPPORTED_REPORT_VERSION: Scene(ended(record(0, version="2.0")), "reports", ("version 2.0", "knows 0 and 1")),
    C.INTERNAL_ERROR: Scene(broken, "input", ("a worker process of the job ended",)),
}


def left_out(error: ErrorCounter, keys: Mapping[str, bytes] | None = None) -> Making:
    """The event of a job over the first record of the specification's cases that ``error`` counts."""
    _name, one, changes, _errors = next(case for case in CASES if error in case[3])
    asked: dict[str, Any] = {
        "attribution_report_to": batches.ORIGIN,
        "report_error_threshold_percentage": 100,
        **changes,
    }
    parameters = {name: str(value).lower() for name, value in asked.items() if value is not None}
    given: dict[str, Any] = {
        "keys": keys or {batches.KEY_ID: batches.KEY.private_key},
        "clock": Clock.frozen(batches.NOW),
    }

    async def made(folder: Path) -> Event:
        batch(folder, [one])
        async with await AsyncDatabase.open(MEMORY, now=NOW) as database:
            return (await run(job(folder, parameters=parameters), DatabaseJobLedger(database), **given)).event

    return made


COMPARED = {
    E.ATTRIBUTION_REPORT_TO_MALFORMED: "reporting_origin 'https://127.0.0.1' has no site",
    E.ATTRIBUTION_REPORT_TO_MISMATCH: "reporting_origin is 'https://other.test', not 'https://adtech.test'",
    E.DECRYPTION_ERROR: "shared_info is no object with version, scheduled_report_time and reporting_origin: 'no JSON'",
    E.DEBUG_NOT_ENABLED: "it is a debug run, and debug_mode is absent",
    E.DECRYPTION_KEY_NOT_FOUND: "key_id 'k2'",
    E.ORIGINAL_REPORT_TIME_TOO_OLD: "90 days ago or more",
    E.REPORTING_SITE_MISMATCH: "is https://adtech.test, not https://other.test",
    E.UNSUPPORTED_OPERATION: "the payload's operation is 'sum'",
    E.UNSUPPORTED_REPORT_API_TYPE: "api is 'x'",
    E.REQUIRED_SHAREDINFO_FIELD_INVALID: "api 'x'",
    E.INVALID_REPORT_ID: "report_id is absent",
    E.REPORT_PARSING_ERROR: "of the clear text, 1 bytes",
    E.UNSUPPORTED_SHAREDINFO_VERSION: "version is '0.0'",
}
COUNTERS: Scenes = {
    **{error: Scene(left_out(error), error, (told, "1 report left out")) for error, told in COMPARED.items()},
    E.INTERNAL_ERROR: Scene(
        left_out(E.INVALID_REPORT_ID, {batches.KEY_ID: b"short"}), E.INTERNAL_ERROR, ("1 report left out",)
    ),
    E.NUM_REPORTS_WITH_ERRORS: Scene(
        ended(BAD, record(1), report_error_threshold_percentage="20"),
        "error threshold",
        ("1 of 2 left out",),
        "1 of 2 left out",
    ),
}


def came_to(*, settled: bool = False, finished: bool = False) -> Making:
    """What the ledger tells of a job by itself, as far as it came."""

    async def made(folder: Path) -> Event:
        async with await AsyncDatabase.open(MEMORY, now=NOW) as database:
            ledger = DatabaseJobLedger(database)
            if finished:
                batch(folder, [record(0)])
                await run(job(folder), ledger)
            else:
                await ledger.begin(StoredJob("job-1", {}, NOW))
            if settled:
                await ledger.settle("job-1", {BudgetUnit("ab" * 32, NOW, ORIGIN): 3}, {}, now=NOW)
            stored = await ledger.find("job-1")
            assert stored is not None
            return stored_job_event(stored, await ledger.spent("job-1"))

    return made


STATUSES: Scenes = {
    J.RECEIVED: Scene(came_to(), "privacy budget", ("nothing was spent and nothing written",)),
    J.IN_PROGRESS: Scene(came_to(settled=True), "summary written", ("died after its budget was spent",)),
    J.FINISHED: Scene(came_to(finished=True), tells=("1 unit of budget spent",), verdict="SUCCESS"),
}


def refused(bodies: Sequence[bytes], *, before: Sequence[bytes] = (), **options: Any) -> Callable[[Path], Trace]:
    """The trace of a batch of conversion reports that is refused, behind the batch ``before``."""

    def made(_: Path) -> Trace:
        with Database.open(MEMORY, now=NOW) as database:
            asked: dict[str, Any] = {"epsilon": 1.0, "keys": reports.KEYS, "rng": SeededRng(1), "now": NOW} | options
            ledger = AggregationLedger(database.connection)
            if before:
                aggregate(before, ledger=ledger, **asked)
            error = aggregate(bodies, ledger=ledger, **asked)
            assert isinstance(error, AggregationError)
            return error.trace

    return made


def with_one(odd: bytes) -> list[bytes]:
    return [odd, *reports.sealed_batch(19)]


WHOLE = reports.sealed_batch()
OPENS = "every report opens"
STRANGE = seal_report(reports.report(20), generate_key(SeededRng(99)).public, SeededRng(1))
CHANGED = reports.sealed(20)[:-1] + bytes([reports.sealed(20)[-1] ^ 1])
BATCHES: Scenes = {
    A.INVALID_EPSILON: Scene(
        refused(WHOLE, epsilon=0.0), "epsilon is in (0, 4294]", ("epsilon 0.0 is not in (0, 4294]",)
    ),
    A.EMPTY_BATCH: Scene(refused([]), "the batch is not empty", ("the batch has no reports",)),
    A.BATCH_BELOW_MINIMUM: Scene(refused(WHOLE[:19]), "the batch has the minimum size", ("19", "20")),
    A.MALFORMED_REPORT: Scene(refused(with_one(b"no report")), OPENS, ("report 0",)),
    A.UNKNOWN_KEY: Scene(refused(with_one(STRANGE)), OPENS, ("report 0", generate_key(SeededRng(99)).id.hex())),
    A.UNDECRYPTABLE_REPORT: Scene(refused(with_one(CHANGED)), OPENS, ("report 0",)),
    A.MIXED_BATCH: Scene(refused(with_one(reports.sealed(20, max_value=11))), "the reports are alike", ("maxValue",)),
    A.UNDERPAID_EPSILON: Scene(refused(WHOLE, epsilon=2.0), "every report paid epsilon", ("1000000", "2000000")),
    A.VALUE_ABOVE_CAP: Scene(
        refused(with_one(reports.sealed(20, histogram=(11, 0, 0, 0)))),
        "no conversion value is above the cap",
        ("report 0", "10"),
    ),
    A.REPLAYED_REPORT: Scene(refused(WHOLE, before=WHOLE), "no report was aggregated before", ("reports 0, 1",)),
}
REFUSALS: Scenes = {code: BATCHES[A(code.value)] for code in ReportRefusalCode}

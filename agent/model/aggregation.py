"""The words of the local aggregation service: what a job asks for, what becomes of its reports, what is spent.

Names are those of the Aggregation Service (its parameters, return codes and error counters are spelled as it spells
them). Instants are milliseconds since 1970; buckets are integers of 128 bits; values are units of contribution.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, NamedTuple, Protocol

from agent.model.events import Event

AGGREGATION_JOB = "aggregation-job"
"""The kind of the event of a finished job; its verdict is a :class:`ReturnCode`."""
L1_SENSITIVITY = 65_536
"""Most that the contributions of one report may add up to: what the noise hides."""
DEFAULT_EPSILON = 10.0
MAX_EPSILON = 64.0
DEFAULT_THRESHOLD_PERCENTAGE = 10.0
SUPPORTED_MAJOR_VERSIONS = (0, 1)


class ReturnCode(StrEnum):
    """What a whole job ended in."""

    SUCCESS = "SUCCESS"
    SUCCESS_WITH_ERRORS = "SUCCESS_WITH_ERRORS"
    PRIVACY_BUDGET_EXHAUSTED = "PRIVACY_BUDGET_EXHAUSTED"
    PRIVACY_BUDGET_ERROR = "PRIVACY_BUDGET_ERROR"
    INVALID_JOB = "INVALID_JOB"
    INPUT_DATA_READ_FAILED = "INPUT_DATA_READ_FAILED"
    RESULT_WRITE_ERROR = "RESULT_WRITE_ERROR"
    REPORTS_WITH_ERRORS_EXCEEDED_THRESHOLD = "REPORTS_WITH_ERRORS_EXCEEDED_THRESHOLD"
    UNSUPPORTED_REPORT_VERSION = "UNSUPPORTED_REPORT_VERSION"
    PERMISSION_ERROR = "PERMISSION_ERROR"
    INTERNAL_ERROR = "INTERNAL_ERROR"


class ErrorCounter(StrEnum):
    """Why a report is left out of the sums. One report may count in several, and once in the total."""

    ATTRIBUTION_REPORT_TO_MALFORMED = "ATTRIBUTION_REPORT_TO_MALFORMED"
    ATTRIBUTION_REPORT_TO_MISMATCH = "ATTRIBUTION_REPORT_TO_MISMATCH"
    DECRYPTION_ERROR = "DECRYPTION_ERROR"
    DEBUG_NOT_ENABLED = "DEBUG_NOT_ENABLED"
    DECRYPTION_KEY_NOT_FOUND = "DECRYPTION_KEY_NOT_FOUND"
    DECRYPTION_KEY_FETCH_ERROR = "DECRYPTION_KEY_FETCH_ERROR"
    ORIGINAL_REPORT_TIME_TOO_OLD = "ORIGINAL_REPORT_TIME_TOO_OLD"
    INTERNAL_ERROR = "INTERNAL_ERROR"
    REPORTING_SITE_MISMATCH = "REPORTING_SITE_MISMATCH"
    UNSUPPORTED_OPERATION = "UNSUPPORTED_OPERATION"
    UNSUPPORTED_REPORT_API_TYPE = "UNSUPPORTED_REPORT_API_TYPE"
    REQUIRED_SHAREDINFO_FIELD_INVALID = "REQUIRED_SHAREDINFO_FIELD_INVALID"
    INVALID_REPORT_ID = "INVALID_REPORT_ID"
    REPORT_PARSING_ERROR = "REPORT_PARSING_ERROR"
    UNSUPPORTED_SHAREDINFO_VERSION = "UNSUPPORTED_SHAREDINFO_VERSION"
    NUM_REPORTS_WITH_ERRORS = "NUM_REPORTS_WITH_ERRORS"
    """The total; always the last, and absent where no report is left out."""


@dataclass(frozen=True, slots=True)
class SharedInfo:
    """What ``shared_info`` says, as the service reads it; a member that is absent is None."""

    version: str
    reporting_origin: str
    scheduled_report_time: int
    api: str | None = None
    report_id: str | None = None
    debug_mode: str | None = None
    attribution_destination: str | None = None
    source_registration_time: int | None = None


class BudgetUnit(NamedTuple):
    """What may be spent once: every report of a shared ID and an hour, for one filtering id."""

    shared_id: str
    """SHA-256 in hex; the filtering id is in it."""
    hour: int
    """Beginning of the hour of ``scheduled_report_time``."""
    reporting_origin: str


@dataclass(frozen=True, slots=True)
class JobParameters:
    """``job_parameters`` as they were understood."""

    attribution_report_to: str | None = None
    reporting_site: str | None = None
    """Exactly one of the two is there."""
    debug_privacy_epsilon: float = DEFAULT_EPSILON
    report_error_threshold_percentage: float = DEFAULT_THRESHOLD_PERCENTAGE
    input_report_count: int | None = None
    filtering_ids: frozenset[int] = frozenset({0})
    debug_run: bool = False


@dataclass(frozen=True, slots=True)
class LeftOut:
    """A report that is left out of the sums, and why, for a person."""

    where: str
    """File and position of the report, such as ``reports.avro[12]``."""
    report_id: str | None
    errors: tuple[ErrorCounter, ...]
    detail: str
    """What was compared, in plain words."""
    mistake: str = ""
    """The common mistake that explains it, with what to do; empty where none is known."""
    reporting_origin: str | None = None


@dataclass(slots=True)
class Partial:
    """What the reports of one or more shards come to; :func:`agent.aggregation.shards.merge` adds two of them."""

    reports: int = 0
    """All that were read, left out or not, duplicates too."""
    errors: Counter[ErrorCounter] = field(default_factory=Counter)
    """``NUM_REPORTS_WITH_ERRORS`` among them."""
    left_out: list[LeftOut] = field(default_factory=list)
    """The first few for each counter."""
    duplicates: int = 0
    """Reports whose id came before in the same shard, or in ``ShardTask.taken``: dropped without a counter."""
    debug_mode: int = 0
    """Valid reports whose ``debug_mode`` is enabled."""
    sums: dict[int, int] = field(default_factory=dict)
    """Sum for each bucket that the reports have, buckets of value 0 included, null contributions not."""
    units: dict[BudgetUnit, int] = field(default_factory=dict)
    """What the valid reports spend, each with its number of reports."""
    made_of: dict[BudgetUnit, str] = field(default_factory=dict)
    """What the first few of those are made of, for a person: their shared IDs are hashes."""
    unqueried: int = 0
    """Contributions of valid reports whose filtering id is not queried, null ones not counted."""
    unqueried_id: int | None = None
    """The smallest filtering id among those."""
    unsupported_version: str = ""
    """The version of a report that is too new for this service, which fails the whole job; empty where none is."""


@dataclass(frozen=True, slots=True)
class AggregatedFact:
    """One bucket of a summary."""

    bucket: int
    metric: int
    """With noise; may be negative."""
    unnoised_metric: int
    in_domain: bool
    in_reports: bool


@dataclass(frozen=True, slots=True)
class Summary:
    """What a job answers, with what it hides and how."""

    facts: tuple[AggregatedFact, ...]
    """What is published, in order of the buckets; ``unnoised_metric`` is for the owner's eyes, or a debug run."""
    debug_facts: tuple[AggregatedFact, ...]
    """Domain and reports' buckets together: the debug summary. Empty but for a debug run."""
    epsilon: float
    scale: float
    """Scale b of the discrete Laplace noise, L1 / epsilon; 0 where noise was off."""
    standard_deviation: float
    """Of one bucket's noise; 0 where noise was off."""
    interval: int
    """``metric`` - w .. ``metric`` + w holds the true sum with at least 90 % confidence (p5 .. p95)."""


class JobStatus(StrEnum):
    """How far a job is."""

    RECEIVED = "RECEIVED"
    IN_PROGRESS = "IN_PROGRESS"
    FINISHED = "FINISHED"


@dataclass(frozen=True, slots=True)
class ResultInfo:
    """``result_info`` of a finished job."""

    return_code: ReturnCode
    return_message: str
    error_counts: Mapping[ErrorCounter, int]
    error_messages: tuple[str, ...]
    finished_at: int


@dataclass(frozen=True, slots=True)
class StoredJob:
    """A job as the ledger keeps it."""

    job_request_id: str
    request: Mapping[str, Any]
    """What was asked for: plain JSON values."""
    created: int
    status: JobStatus = JobStatus.RECEIVED
    outcome: Mapping[str, Any] | None = None
    """What is to be written, once the budget was spent for it: plain JSON values. None before."""
    settled: int | None = None
    """When the budget was spent."""
    result_info: ResultInfo | None = None
    """Once it is finished."""
    id: int = 0
    """Position in the ledger, from 1; 0 until stored."""
    event: int = 0
    """Number of the event that explains it, once it is finished."""


@dataclass(frozen=True, slots=True)
class SpentUnit:
    """A budget unit that is gone, by which job and since when."""

    unit: BudgetUnit
    job_request_id: str
    time: int


@dataclass(frozen=True, slots=True)
class Settlement:
    """What asking for a job's budget came to."""

    exhausted: tuple[SpentUnit, ...] = ()
    """Units that earlier jobs spent: nothing was spent now. Empty where the job has its budget."""
    outcome: Mapping[str, Any] | None = None
    """What the job has to write: its own, or that of an earlier run of it that ended in between."""


class JobLedger(Protocol):
    """Which jobs there were and what they spent. Each method is one transaction, durable when it returns."""

    async def begin(self, job: StoredJob) -> StoredJob:
        """Keep ``job`` and give it as stored; where its id is known, nothing changes and the known one is given."""
        ...

    async def settle(
        self, job_request_id: str, units: Mapping[BudgetUnit, int], outcome: Mapping[str, Any], *, now: int
    ) -> Settlement:
        """Spend all ``units`` and keep ``outcome``, or nothing of it where one was spent by another job.

        A job that has its budget spends nothing more, and is given the outcome that stands. Raises UsageError for a job
        that is not known, or finished without an outcome.
        """
        ...

    async def finish(self, job_request_id: str, result_info: ResultInfo, event: Event) -> int:
        """Record how the job ended, and ``event`` that explains it; gives the event's number.

        Of a finished job nothing changes, and the number of its event is given.
        """
        ...

    async def find(self, job_request_id: str) -> StoredJob | None:
        """The job of that id."""
        ...

    async def jobs(self, *, after: int, limit: int) -> list[StoredJob]:
        """At most ``limit`` jobs with a position above ``after``, oldest first."""
        ...

    async def unfinished(self) -> list[StoredJob]:
        """The jobs that began and did not finish, oldest first."""
        ...

    async def spent(self, job_request_id: str) -> list[SpentUnit]:
        """The units that a job spent."""
        ...

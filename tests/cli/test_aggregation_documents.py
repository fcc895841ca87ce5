from __future__ import annotations

import json
from typing import Any

from agent.cli.aggregation_documents import job_document, job_of, settlement_document, settlement_of
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

UNIT = BudgetUnit("ab" * 32, 3_600_000, "https://adtech.test")
RESULT = ResultInfo(
    ReturnCode.SUCCESS_WITH_ERRORS,
    "done",
    {ErrorCounter.INVALID_REPORT_ID: 1, ErrorCounter.NUM_REPORTS_WITH_ERRORS: 1},
    ("one",),
    7,
)
JOB = StoredJob(
    "job-1",
    {"inputs": ["a"]},
    1,
    status=JobStatus.FINISHED,
    outcome={"facts": [["5", 1]]},
    settled=5,
    result_info=RESULT,
    id=3,
    event=9,
)


def passed_on(document: Any) -> Any:
    """What arrives of a document."""
    return json.loads(json.dumps(document))


def test_a_job_arrives_as_it_was() -> None:
    assert job_of(passed_on(job_document(JOB))) == JOB


def test_a_job_that_has_not_ended_arrives_as_it_was() -> None:
    begun = StoredJob("job-1", {}, 1)
    assert job_of(passed_on(job_document(begun))) == begun


def test_both_ends_of_a_settlement_arrive_as_they_were() -> None:
    for settlement in (Settlement((SpentUnit(UNIT, "job-0", 4),)), Settlement(outcome={"dump": ""}), Settlement()):
        assert settlement_of(passed_on(settlement_document(settlement))) == settlement

from __future__ import annotations

from dataclasses import replace

from agent.engines.aggregation.stored_explanation import stored_job_event
from agent.model.aggregation import BudgetUnit, JobStatus, ResultInfo, ReturnCode, SpentUnit, StoredJob
from agent.model.clock import DEFAULT_FROZEN_START, HOUR

NOW = DEFAULT_FROZEN_START
JOB = StoredJob("monday", {}, NOW, JobStatus.IN_PROGRESS)
SPENT = [SpentUnit(BudgetUnit("ab" * 32, NOW - HOUR, "https://adtech.test"), "monday", NOW)]


def test_a_run_that_died_before_its_budget_has_spent_nothing() -> None:
    event = stored_job_event(JOB, [])
    assert (event.verdict, event.time, event.id) == ("IN_PROGRESS", NOW, 0)
    stopped = event.trace.stopped_at
    assert stopped is not None
    assert "nothing was spent" in stopped.detail
    assert "run the same job again with this id" in stopped.fix
    assert event.data["spent"] == []


def test_a_run_that_died_after_its_budget_goes_on_without_spending_more() -> None:
    event = stored_job_event(replace(JOB, settled=NOW + 1, outcome={}), SPENT)
    assert event.time == NOW + 1
    assert [check.rule for check in event.trace.checks] == ["received", "privacy budget", "summary written"]
    assert event.trace.checks[1].detail == "1 unit spent at 2026-01-05T09:00:00.001+00:00"
    stopped = event.trace.stopped_at
    assert stopped is not None
    assert stopped.rule == "summary written"
    assert "spends nothing more" in stopped.fix
    assert event.data["spent"] == [
        {"reporting_origin": "https://adtech.test", "hour": "2026-01-05T08:00:00Z", "shared_id": "ab" * 32}
    ]


def test_a_finished_job_whose_event_is_gone_tells_its_result() -> None:
    result = ResultInfo(ReturnCode.SUCCESS, "Aggregation job successfully processed", {}, (), NOW + 2)
    event = stored_job_event(replace(JOB, status=JobStatus.FINISHED, settled=NOW + 1, result_info=result), SPENT)
    assert (event.verdict, event.time) == ("SUCCESS", NOW + 2)
    assert event.summary == "job monday: Aggregation job successfully processed"
    assert event.trace.stopped_at is None

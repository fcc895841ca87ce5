from __future__ import annotations

import json
from typing import Any

from agent.model.aggregation import BudgetUnit, ErrorCounter, ResultInfo, ReturnCode, SpentUnit
from agent.model.aggregation_values import (
    event_of,
    event_values,
    result_info_of,
    result_info_values,
    spent_of,
    spent_values,
    units_of,
    units_values,
)
from agent.model.events import Check, Event, Trace

UNIT = BudgetUnit("ab" * 32, 3_600_000, "https://adtech.test")
COUNTS = {ErrorCounter.INVALID_REPORT_ID: 1, ErrorCounter.NUM_REPORTS_WITH_ERRORS: 1}


def passed_on(values: Any) -> Any:
    """What arrives of values that pass as JSON."""
    return json.loads(json.dumps(values))


def test_how_a_job_ended_arrives_as_it_was() -> None:
    info = ResultInfo(ReturnCode.SUCCESS_WITH_ERRORS, "done", COUNTS, ("one", "two"), 7)
    assert result_info_of(passed_on(result_info_values(info))) == info


def test_units_arrive_with_their_numbers_of_reports() -> None:
    units = {UNIT: 3, UNIT._replace(hour=0): 1}
    assert units_of(passed_on(units_values(units))) == units


def test_spent_units_arrive_with_job_and_time_in_their_order() -> None:
    spent = (SpentUnit(UNIT, "job-1", 4), SpentUnit(UNIT._replace(hour=0), "job-0", 3))
    assert spent_of(passed_on(spent_values(spent))) == spent


def test_an_event_arrives_with_its_checks() -> None:
    checks = (Check("input", passed=True), Check("budget", passed=False, detail="spent", fix="wait"))
    event = Event("aggregation-job", 5, "SUCCESS", "done", "", {"units": 1}, Trace(checks))
    assert event_of(passed_on(event_values(event))) == event

from __future__ import annotations

import json
from collections import Counter
from dataclasses import replace
from typing import Any

import pytest

from agent.engines.aggregation.explanation import JobFacts, Step, job_event, spends
from agent.engines.aggregation.parameters import InvalidParameter
from agent.model.aggregation import (
    AGGREGATION_JOB,
    AggregatedFact,
    BudgetUnit,
    ErrorCounter,
    JobParameters,
    Partial,
    ReturnCode,
    SpentUnit,
    Summary,
)
from agent.model.clock import DEFAULT_FROZEN_START, HOUR
from agent.model.errors import TallyhostError
from agent.model.events import Check, Event

NOW = DEFAULT_FROZEN_START
ORIGIN = "https://adtech.test"
PARAMETERS = JobParameters(attribution_report_to=ORIGIN)
UNIT = BudgetUnit("ab" * 32, NOW - HOUR, ORIGIN)
SUMMARY = Summary((AggregatedFact(0x559, 7, 5, True, True),), (), 10.0, 6553.6, 9268.2, 15090)
ALL_STEPS = [
    "job parameters",
    "output domain",
    "input",
    "reports",
    "error threshold",
    "domain matches",
    "noise",
    "privacy budget",
    "summary written",
]


def partial(**changed: Any) -> Partial:
    return Partial(**{"reports": 10, "units": {UNIT: 10}, "sums": {0x559: 5}, **changed})


def event(**changed: Any) -> Event:
    """The event of a job that went well but for what is changed."""
    facts = {
        "return_code": ReturnCode.SUCCESS,
        "parameters": PARAMETERS,
        "shards": 2,
        "domain": frozenset({0x559}),
        "partial": partial(),
        "summary": SUMMARY,
        "written": ("output.avro",),
        **changed,
    }
    return job_event(JobFacts(job_request_id="monday", time=NOW, **facts))


def checks(shown: Event) -> dict[str, Check]:
    """The last check of each rule."""
    return {check.rule: check for check in shown.trace.checks}


def test_a_job_that_went_well_passed_every_check_in_the_service_s_order() -> None:
    shown = event()
    assert (shown.kind, shown.verdict, shown.time) == (AGGREGATION_JOB, "SUCCESS", NOW)
    assert shown.summary == "job monday: 10 of 10 reports in 1 bucket"
    assert [check.rule for check in shown.trace.checks] == ALL_STEPS
    assert shown.trace.stopped_at is None


def test_each_check_tells_what_was_compared() -> None:
    told = {rule: check.detail for rule, check in checks(event()).items()}
    assert told == {
        "job parameters": "attribution_report_to https://adtech.test, epsilon 10, filtering ids 0",
        "output domain": "1 bucket",
        "input": "10 reports in 2 shards",
        "reports": "10 of 10 count",
        "error threshold": "0 of 10 left out, at most 1 (10 %) may be",
        "domain matches": "the domain has 1 of the reports' 1 bucket",
        "noise": "epsilon 10: scale 6,553.6, standard deviation 9,268, 90 % of values within 15,090 of the truth",
        "privacy budget": "hour from 2026-01-05T08:00:00Z, https://adtech.test, shared ID abababababab...: spent"
        " for 10 reports",
        "summary written": "1 bucket: output.avro",
    }


def test_an_invalid_parameter_ends_the_job_with_its_rule_and_the_way_out() -> None:
    invalid = InvalidParameter("debug_privacy_epsilon", "65", "is above 0 and at most 64", "name one")
    shown = event(return_code=ReturnCode.INVALID_JOB, parameters=None, invalid=(invalid,), partial=None, summary=None)
    (check,) = shown.trace.checks
    assert check == Check(
        "job parameters", False, "'65', but debug_privacy_epsilon is above 0 and at most 64", "name one"
    )


@pytest.mark.parametrize(
    ("step", "code", "before"),
    [
        (Step.DOMAIN, ReturnCode.INPUT_DATA_READ_FAILED, ALL_STEPS[:1]),
        (Step.INPUT, ReturnCode.INPUT_DATA_READ_FAILED, ALL_STEPS[:2]),
        (Step.BUDGET, ReturnCode.PRIVACY_BUDGET_ERROR, ALL_STEPS[:7]),
        (Step.OUTPUT, ReturnCode.RESULT_WRITE_ERROR, ALL_STEPS[:8]),
    ],
)
def test_a_step_that_fails_is_the_last_and_tells_its_error(step: Step, code: ReturnCode, before: list[str]) -> None:
    error = TallyhostError("cannot be read", where="batch.avro", rule="it is Avro", fix="export it again")
    shown = event(return_code=code, failed=step, error=error)
    assert [check.rule for check in shown.trace.checks] == [*before, step]
    assert shown.trace.stopped_at == Check(step, False, "batch.avro: cannot be read", "export it again")


def test_a_summary_that_could_not_be_written_has_cost_its_budget() -> None:
    error = TallyhostError("the disk is full")
    shown = event(return_code=ReturnCode.RESULT_WRITE_ERROR, summary=None, failed=Step.OUTPUT, error=error)
    assert shown.summary == "job monday: the disk is full"
    assert checks(shown)["privacy budget"].passed
    assert shown.data["spent_units"] == 1


def test_too_many_reports_left_out_tells_how_many_and_the_limit() -> None:
    errors = Counter({ErrorCounter.DECRYPTION_ERROR: 3, ErrorCounter.NUM_REPORTS_WITH_ERRORS: 3})
    shown = event(
        return_code=ReturnCode.REPORTS_WITH_ERRORS_EXCEEDED_THRESHOLD, partial=partial(errors=errors), summary=None
    )
    last = shown.trace.checks[-1]
    assert (last.rule, last.passed) == ("error threshold", False)
    assert last.detail == "3 of 10 left out, at most 1 (10 %) may be"
    assert "no budget was spent" in last.fix
    assert "spent" not in shown.data


def test_reading_that_stopped_early_tells_how_many_reports_were_announced() -> None:
    errors = Counter({ErrorCounter.DECRYPTION_ERROR: 10, ErrorCounter.NUM_REPORTS_WITH_ERRORS: 10})
    asked = JobParameters(attribution_report_to=ORIGIN, input_report_count=90)
    code = ReturnCode.REPORTS_WITH_ERRORS_EXCEEDED_THRESHOLD
    last = event(return_code=code, partial=partial(errors=errors), parameters=asked, summary=None).trace.checks[-1]
    assert last.detail == "10 of 10 left out, at most 1 (10 %) may be; input_report_count announces 90"


def test_a_report_of_a_newer_version_fails_the_job() -> None:
    shown = event(
        return_code=ReturnCode.UNSUPPORTED_REPORT_VERSION, partial=partial(unsupported_version="2.0"), summary=None
    )
    last = shown.trace.checks[-1]
    assert (last.rule, last.passed) == ("reports", False)
    assert "version 2.0" in last.detail


def test_an_exhausted_budget_is_the_end_and_nothing_was_spent() -> None:
    shown = event(return_code=ReturnCode.PRIVACY_BUDGET_EXHAUSTED, exhausted=(SpentUnit(UNIT, "sunday", NOW - HOUR),))
    failed = [check for check in shown.trace.checks if not check.passed]
    assert {check.rule for check in failed} == {"privacy budget"}
    assert "spent by job 'sunday' at 2026-01-05T08:00:00+00:00" in failed[0].detail
    assert shown.trace.checks[-1] is failed[-1]
    assert "spent_units" not in shown.data
    assert shown.data["exhausted"] == [
        {
            "reporting_origin": ORIGIN,
            "hour": "2026-01-05T08:00:00Z",
            "shared_id": "ab" * 32,
            "job_request_id": "sunday",
            "time": "2026-01-05T08:00:00+00:00",
        }
    ]


@pytest.mark.parametrize(
    ("changed", "why"),
    [
        ({"parameters": JobParameters(attribution_report_to=ORIGIN, debug_run=True)}, "a debug run"),
        ({"clear_text": True}, "a job over clear text"),
    ],
)
def test_what_spends_no_budget_says_why(changed: dict[str, Any], why: str) -> None:
    shown = event(**changed)
    assert checks(shown)["privacy budget"].detail == f"not asked: {why} spends none"
    assert "spent" not in shown.data


@pytest.mark.parametrize("code", ReturnCode)
def test_budget_is_spent_by_success_and_by_what_could_not_be_written_alone(code: ReturnCode) -> None:
    facts = JobFacts(job_request_id="monday", time=NOW, return_code=code, parameters=PARAMETERS)
    assert spends(facts) == (
        code in {ReturnCode.SUCCESS, ReturnCode.SUCCESS_WITH_ERRORS, ReturnCode.RESULT_WRITE_ERROR}
    )


def test_buckets_that_the_domain_lacks_are_named_as_dropped() -> None:
    check = checks(event(partial=partial(sums={0x559: 5, 0x7: 1})))["domain matches"]
    assert check.passed
    assert check.detail == "the domain has 1 of the reports' 2 buckets; dropped: 0x7"


def test_of_many_dropped_buckets_the_first_are_named_and_those_above_the_threshold_are_not_dropped() -> None:
    sums = dict.fromkeys([0x559, *range(16, 32)], 1)
    check = checks(event(domain=frozenset({0x559, *range(16, 24)}), partial=partial(sums=sums)))["domain matches"]
    assert check.detail.endswith("; dropped: 0x18, 0x19, 0x1a, 0x1b, 0x1c, ...")
    published = replace(SUMMARY, facts=(*SUMMARY.facts, AggregatedFact(7, 200_000, 190_000, False, True)))
    check = checks(event(partial=partial(sums={0x559: 5, 7: 190_000}), summary=published))["domain matches"]
    assert check.detail == "the domain has 1 of the reports' 2 buckets"


def test_a_domain_that_matches_nothing_fails_and_the_job_goes_on() -> None:
    shown = event(domain=frozenset({1}))
    assert "what the job spent is gone" in checks(shown)["domain matches"].fix
    assert "gone" not in checks(event(domain=frozenset({1}), clear_text=True))["domain matches"].fix
    assert not checks(shown)["domain matches"].passed
    assert checks(shown)["summary written"].passed


def test_without_a_domain_nothing_is_compared_with_it() -> None:
    shown = checks(event(domain=None, domain_optional=True))
    assert shown["output domain"].detail == "none given: the summary has the buckets of the reports"
    assert "domain matches" not in shown


def test_duplicates_are_told_although_they_are_no_error() -> None:
    check = checks(event(partial=partial(duplicates=2)))["each report once"]
    assert check == Check("each report once", True, "2 reports whose report_id came before: the first one counts")


def test_a_certain_mistake_fails_its_check_and_a_possible_one_does_not() -> None:
    certain = checks(event(partial=partial(debug_mode=2, duplicates=2)))["debug or production"]
    assert not certain.passed
    assert certain.fix
    possible = checks(event(partial=partial(debug_mode=2)))["debug or production"]
    assert possible.passed
    assert "aggregate what the debug endpoints collected apart" in possible.detail


def test_without_noise_the_sums_are_called_exact() -> None:
    assert checks(event(noise=False))["noise"].detail == "none: the sums are exact"


def test_the_data_is_plain_json_and_bounded() -> None:
    units = {BudgetUnit(f"{number:064}", NOW, ORIGIN): 1 for number in range(10_000)}
    ids = JobParameters(reporting_site=ORIGIN, filtering_ids=frozenset(range(2**64 - 5000, 2**64)))
    for exhausted in ((), tuple(SpentUnit(unit, "sunday", NOW) for unit in units)):
        shown = event(partial=partial(units=units), parameters=ids, exhausted=exhausted)
        assert len(json.dumps(dict(shown.data))) < 50_000
        assert len(shown.trace.checks) < 40
        assert sum(len(check.detail) for check in shown.trace.checks) < 10_000
    assert event(partial=partial(units=units)).data["spent_units"] == 10_000


def test_every_return_code_makes_an_event_however_little_is_known() -> None:
    for code in ReturnCode:
        shown = job_event(JobFacts(job_request_id="monday", time=NOW, return_code=code))
        assert shown.summary == "job monday has no summary"

"""Jobs of the aggregation service have ids that may look like anything: numbers, words, beginnings of report ids."""

from __future__ import annotations

import asyncio

import pytest

from agent.model.aggregation import AGGREGATION_JOB, BudgetUnit, JobStatus, ResultInfo, ReturnCode, StoredJob
from agent.model.clock import DEFAULT_FROZEN_START, HOUR
from agent.model.events import Event
from agent.runtime import Agent
from tests.cli.conftest import Tallyhost

NOW = DEFAULT_FROZEN_START
UNITS = {BudgetUnit("ab" * 32, NOW - HOUR, "https://adtech.test"): 3}


def keep(profile: str, job_request_id: str, *, settled: bool = True, finished: bool = True) -> None:
    """Have the profile's ledger know a job, as far as it came."""

    async def run() -> None:
        async with Agent.open_profile(profile) as agent:
            ledger = agent.aggregation.ledger
            await ledger.begin(StoredJob(job_request_id, {}, NOW, JobStatus.IN_PROGRESS))
            if settled:
                await ledger.settle(job_request_id, {} if finished else UNITS, {}, now=NOW)
            if finished:
                result = ResultInfo(ReturnCode.SUCCESS, "", {}, (), NOW)
                event = Event(AGGREGATION_JOB, NOW, "SUCCESS", f"job {job_request_id}")
                await ledger.finish(job_request_id, result, event)

    asyncio.run(run())


IDS = ["monday", "2026-01-05", "job:monday", "event:1", "report:1", "#7", "a/b?c=[d]&e", "-1.5", "LAST", "~"]


@pytest.mark.parametrize("job_request_id", IDS)
def test_a_job_is_explained_by_its_id_as_given(tallyhost: Tallyhost, profile: str, job_request_id: str) -> None:
    keep(profile, job_request_id)
    named = f"job:{job_request_id}"
    event = tallyhost("explain", named, "--profile", profile, "--json").document["explanation"]
    assert (event["kind"], event["summary"]) == ("aggregation-job", f"job {job_request_id}")


def test_without_the_word_job_an_id_is_enough(tallyhost: Tallyhost, profile: str) -> None:
    keep(profile, "monday")
    assert (
        tallyhost("explain", "monday", "--profile", profile, "--json").document["explanation"]["summary"]
        == "job monday"
    )


def test_a_finished_job_is_the_last_decision(tallyhost: Tallyhost, profile: str) -> None:
    keep(profile, "monday")
    event = tallyhost("explain", "last", "--profile", profile, "--json").document["explanation"]
    assert (event["kind"], event["summary"]) == ("aggregation-job", "job monday")
    same = tallyhost("explain", str(event["event_id"]), "--profile", profile, "--json").document["explanation"]
    assert same == event


def test_a_number_that_is_an_event_and_a_job_is_refused_until_it_is_said_which(
    tallyhost: Tallyhost, profile: str
) -> None:
    keep(profile, "1")
    run = tallyhost("explain", "1", "--profile", profile)
    assert run.code == 2
    assert "'1' is the number of an event and the id of a job" in run.err
    assert "write event:1 or job:1" in run.err
    assert (
        tallyhost("explain", "event:1", "--profile", profile, "--json").document["explanation"]["kind"] == "impression"
    )
    assert tallyhost("explain", "job:1", "--profile", profile, "--json").document["explanation"]["summary"] == "job 1"


def test_a_number_that_is_the_job_s_own_event_means_both(tallyhost: Tallyhost, profile: str) -> None:
    last = tallyhost("explain", "last", "--profile", profile, "--json").document["explanation"]["event_id"]
    number = str(last + 1)
    keep(profile, number)
    event = tallyhost("explain", number, "--profile", profile, "--json").document["explanation"]
    assert (str(event["event_id"]), event["summary"]) == (number, f"job {number}")


def test_a_number_that_no_event_has_may_be_a_job(tallyhost: Tallyhost, profile: str) -> None:
    for number in ("20260105", "9" * 40):
        keep(profile, number)
        event = tallyhost("explain", number, "--profile", profile, "--json").document["explanation"]
        assert event["summary"] == f"job {number}"


def test_last_is_the_last_decision_even_where_a_job_has_that_name(tallyhost: Tallyhost, profile: str) -> None:
    keep(profile, "last", finished=False)
    last = tallyhost("explain", "last", "--profile", profile, "--json").document["explanation"]
    assert last["kind"] == "conversion"
    job = tallyhost("explain", "job:last", "--profile", profile, "--json").document["explanation"]
    assert (job["kind"], job["verdict"]) == ("aggregation-job", "IN_PROGRESS")


def test_a_job_s_whole_id_comes_before_the_beginning_of_a_report_s(tallyhost: Tallyhost, profile: str) -> None:
    (report,) = tallyhost("reports", "list", "--profile", profile, "--json").document["reports"]
    beginning = report["id"][:8] if not report["id"][:8].isdecimal() else report["id"][:9]
    keep(profile, beginning)
    assert (
        tallyhost("explain", beginning, "--profile", profile, "--json").document["explanation"]["kind"]
        == AGGREGATION_JOB
    )
    of_report = tallyhost("explain", f"report:{beginning}", "--profile", profile, "--json").document["explanation"]
    assert of_report["children"][0]["event_id"] == report["event_id"]


def test_a_job_that_died_before_its_budget_tells_that_nothing_is_spent(tallyhost: Tallyhost, profile: str) -> None:
    keep(profile, "dead", settled=False, finished=False)
    run = tallyhost("explain", "dead", "--profile", profile)
    assert run.code == 0
    assert run.out.startswith("aggregation job dead  2026-01-05T09:00:00+00:00  IN_PROGRESS")
    assert "nothing was spent" in run.out
    assert "run the same job again with this id" in run.out


def test_a_job_that_died_after_its_budget_tells_that_going_on_costs_nothing(tallyhost: Tallyhost, profile: str) -> None:
    keep(profile, "dead", finished=False)
    run = tallyhost("explain", "dead", "--profile", profile)
    assert "1 unit spent at 2026-01-05T09:00:00+00:00" in run.out
    assert "spends nothing more" in run.out.replace("\n", " ")


@pytest.mark.parametrize("unknown", ["event:99", "event:x", "event:", "job:none", "report:none", "job:", ":", "none"])
def test_what_nothing_is_known_of_is_refused(tallyhost: Tallyhost, profile: str, unknown: str) -> None:
    run = tallyhost("explain", unknown, "--profile", profile)
    assert run.code == 2
    assert f"no event, job or report {unknown!r}" in run.err

"""The request that carries a report of Private Aggregation (private-aggregation section 4)."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

import pytest

from agent.delivery import sender
from agent.delivery.sender import Attempt, Outcome, Sender
from agent.model.interfaces import Answer, NetworkError, NoAnswer
from agent.model.reports import Report
from tests.delivery.private_aggregation_reports import DEBUG_COPY, WELL_KNOWN, private_aggregation_report
from tests.delivery.test_sender import Network, Request

URL = f"{WELL_KNOWN}/report-shared-storage"
NOT_FOUND = NoAnswer(mapped=True, detail="no such host", error=NetworkError.NAME_NOT_RESOLVED)
REPORTS = [private_aggregation_report(), private_aggregation_report(DEBUG_COPY)]


async def follow(*answers: Answer | NoAnswer, report: Report = REPORTS[0]) -> tuple[Attempt, list[Request]]:
    following = iter(answers)
    network = Network(lambda _: next(following))
    return await Sender(network, "Test/1").send(report, b"{}"), network.requests


@pytest.mark.parametrize(("report", "path"), [(REPORTS[0], ""), (REPORTS[1], "debug/")])
async def test_a_report_is_posted_as_json_without_an_origin_or_credentials(report: Report, path: str) -> None:
    attempt, (request,) = await follow(Answer(200), report=report)
    assert attempt == Attempt(Outcome.DELIVERED, "200", rule="status 200")
    assert (request.method, request.body) == ("POST", b"{}")
    assert request.url == f"{WELL_KNOWN}/{path}report-shared-storage"
    assert request.fields["Content-Type"] == "application/json"
    assert (request.fields["Sec-Fetch-Site"], request.fields["Sec-Fetch-Mode"]) == ("none", "no-cors")
    assert not {"Origin", "Cookie", "Accept", "Referer", "Authorization"} & set(request.fields)


@pytest.mark.parametrize("status", [201, 202, 204, 206, 299, 304, 400, 404, 500, 503])
async def test_scenario_38_any_status_but_200_is_a_failure(status: int) -> None:
    attempt, _ = await follow(Answer(status))
    assert (attempt.outcome, attempt.detail, attempt.rule) == (Outcome.FAILED, str(status), "status 200")


@pytest.mark.parametrize(
    "target",
    ["https://reporter.test/moved", "https://else.test/", "http://reporter.test/", "https://reporter.test:8443/"],
)
@pytest.mark.parametrize("status", [307, 308])
async def test_a_redirect_is_followed_to_any_origin_with_the_report(status: int, target: str) -> None:
    attempt, (_, second) = await follow(Answer(status, target), Answer(200))
    assert attempt.outcome is Outcome.DELIVERED
    assert (second.method, second.url, second.body) == ("POST", target, b"{}")
    assert "Origin" not in second.fields


@pytest.mark.parametrize("status", [301, 302, 303])
async def test_these_redirects_go_on_as_a_get_without_the_report(status: int) -> None:
    attempt, (_, second) = await follow(Answer(status, "https://else.test/thanks"), Answer(200))
    assert attempt.outcome is Outcome.DELIVERED
    assert (second.method, second.body) == ("GET", b"")
    assert not {"Content-Type", "Content-Length", "Origin"} & set(second.fields)


async def test_a_redirect_to_what_is_no_http_url_is_a_failure() -> None:
    attempt, requests = await follow(Answer(307, "data:,x"))
    assert attempt.outcome is Outcome.FAILED
    assert len(requests) == 1


@pytest.mark.parametrize("report", REPORTS)
async def test_a_name_that_is_not_found_is_asked_for_once_more_at_once(report: Report) -> None:
    attempt, requests = await follow(NOT_FOUND, Answer(200), report=report)
    assert attempt.outcome is Outcome.DELIVERED
    assert [request.url for request in requests] == [report.delivered_to] * 2
    attempt, requests = await follow(NOT_FOUND, NOT_FOUND, report=report)
    assert (attempt.outcome, len(requests)) == (Outcome.FAILED, 2)


async def test_a_name_not_found_behind_a_redirect_repeats_the_whole_request() -> None:
    moved = Answer(307, "https://gone.test/")
    attempt, requests = await follow(moved, NOT_FOUND, moved, Answer(200))
    assert attempt.outcome is Outcome.DELIVERED
    assert [request.url for request in requests] == [URL, "https://gone.test/"] * 2


@pytest.mark.parametrize("error", [one for one in NetworkError if one is not NetworkError.NAME_NOT_RESOLVED])
async def test_no_other_network_error_is_met_with_a_request_at_once(error: NetworkError) -> None:
    attempt, requests = await follow(NoAnswer(mapped=True, detail="no answer", error=error))
    assert (attempt.outcome, attempt.detail, len(requests)) == (Outcome.FAILED, "no answer", 1)


async def test_a_host_that_is_not_mapped_is_told_apart() -> None:
    attempt, _ = await follow(NoAnswer(mapped=False, detail="no such host"))
    assert attempt == Attempt(Outcome.NOT_MAPPED, "not sent: host not mapped")


async def test_a_server_that_does_not_answer_in_30_seconds_has_failed(monkeypatch: pytest.MonkeyPatch) -> None:
    async def silent(method: str, url: str, headers: Sequence[tuple[str, str]], body: bytes) -> Answer:
        del method, url, headers, body
        await asyncio.Event().wait()
        raise AssertionError

    assert sender.TIMEOUT_SECONDS == 30
    monkeypatch.setattr(sender, "TIMEOUT_SECONDS", 0.01)
    attempt = await Sender(silent, "").send(REPORTS[0], b"{}")
    assert (attempt.outcome, attempt.detail) == (Outcome.FAILED, "no response within 0.01 s")

"""The request that carries a report of Attribution Reporting (engine, section 5)."""

from __future__ import annotations

import pytest

from agent.delivery.sender import Attempt, Outcome, Sender
from agent.model.interfaces import Answer, NetworkError, NoAnswer
from tests.delivery.attribution_reports import WELL_KNOWN, attribution_report
from tests.delivery.test_sender import Network, Request

URL = f"{WELL_KNOWN}/report-event-attribution"


async def follow(*answers: Answer | NoAnswer) -> tuple[Attempt, list[Request]]:
    following = iter(answers)
    network = Network(lambda _: next(following))
    return await Sender(network, "Test/1").send(attribution_report(), b"{}"), network.requests


async def test_a_report_is_posted_as_json_from_its_own_origin() -> None:
    attempt, (request,) = await follow(Answer(200))
    assert attempt == Attempt(Outcome.DELIVERED, "200")
    assert (request.method, request.url, request.body) == ("POST", URL, b"{}")
    assert request.fields["Content-Type"] == "application/json"
    assert request.fields["Origin"] == "https://reporter.test"
    assert not {"Cookie", "Accept", "Referer", "Authorization"} & set(request.fields)


@pytest.mark.parametrize("status", [300, 304, 400, 404, 429, 500, 503])
async def test_any_response_other_than_200_to_299_is_a_failure_for_good(status: int) -> None:
    attempt, _ = await follow(Answer(status))
    assert attempt == Attempt(Outcome.FAILED, str(status), transient=False)


@pytest.mark.parametrize("error", NetworkError)
async def test_a_network_error_is_transient_where_chromium_tries_again(error: NetworkError) -> None:
    attempt, _ = await follow(NoAnswer(mapped=True, detail="no answer", error=error))
    tried_again = {
        NetworkError.INTERNET_DISCONNECTED,
        NetworkError.NAME_NOT_RESOLVED,
        NetworkError.TIMED_OUT,
        NetworkError.CONNECTION_TIMED_OUT,
        NetworkError.CONNECTION_ABORTED,
        NetworkError.CONNECTION_RESET,
    }
    assert (attempt.outcome, attempt.detail, attempt.transient) == (Outcome.FAILED, "no answer", error in tried_again)


async def test_a_name_that_is_not_found_is_not_asked_for_again_at_once() -> None:
    attempt, requests = await follow(NoAnswer(mapped=True, detail="", error=NetworkError.NAME_NOT_RESOLVED))
    assert attempt.transient
    assert len(requests) == 1


async def test_a_redirect_within_the_origin_is_followed() -> None:
    attempt, (_, second, third) = await follow(Answer(307, "/moved"), Answer(302, "thanks"), Answer(204))
    assert attempt.outcome is Outcome.DELIVERED
    assert (second.method, second.url, second.body) == ("POST", "https://reporter.test/moved", b"{}")
    assert second.fields["Origin"] == "https://reporter.test"
    assert (third.method, third.url, third.body) == ("GET", "https://reporter.test/thanks", b"")


@pytest.mark.parametrize(
    "location", ["https://else.test/", "http://reporter.test/", "https://reporter.test:8443/", "data:,x"]
)
async def test_a_redirect_to_another_origin_is_a_network_error_in_mode_same_origin(location: str) -> None:
    attempt, requests = await follow(Answer(307, location))
    assert (attempt.outcome, attempt.transient) == (Outcome.FAILED, False)
    assert location in attempt.detail
    assert len(requests) == 1


async def test_a_host_that_is_not_mapped_is_told_apart() -> None:
    attempt, _ = await follow(NoAnswer(mapped=False, detail="no such host"))
    assert attempt == Attempt(Outcome.NOT_MAPPED, "not sent: host not mapped")

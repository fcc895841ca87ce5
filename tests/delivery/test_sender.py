"""The request that carries a report, as W3C Attribution section 11 and Fetch describe it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import pytest

from agent.delivery import sender
from agent.delivery.sender import MAX_REDIRECTS, Attempt, Outcome, Sender
from agent.model.attribution import Dialect
from agent.model.interfaces import Answer, NoAnswer
from agent.model.reports import ConversionContent, Report, ReportKind, ReportState

URL = "https://collector.test/reports?campaign=1"
BODY = b"\x00sealed\xff"


def report(url: str | None = URL) -> Report:
    return Report(
        id="ab" * 16,
        kind=ReportKind.ATTRIBUTION_CONVERSION,
        created=0,
        content=ConversionContent(
            dialect=Dialect.CURRENT,
            service="https://aggregator.test/",
            conversion_site="shop.test",
            collector="collector.test",
            histogram_size=2,
            micro_epsilon=1,
            histogram=(0, 1),
        ),
        body=BODY,
        delivered_to=url,
        state=ReportState.SENDING,
    )


@dataclass
class Request:
    method: str
    url: str
    fields: dict[str, str]
    body: bytes


@dataclass
class Network:
    """Answers each request by ``answer`` and keeps it."""

    answer: Callable[[str], Answer | NoAnswer]
    requests: list[Request] = field(default_factory=list)

    async def __call__(
        self, method: str, url: str, headers: Sequence[tuple[str, str]], body: bytes
    ) -> Answer | NoAnswer:
        assert len({name for name, _ in headers}) == len(headers)
        self.requests.append(Request(method, url, dict(headers), body))
        return self.answer(url)


async def send(answer: Callable[[str], Answer | NoAnswer], url: str = URL) -> tuple[Attempt, list[Request]]:
    network = Network(answer)
    return await Sender(network, "Test/1").send(report(url), BODY), network.requests


async def follow(*answers: Answer, url: str = URL) -> tuple[Attempt, list[Request]]:
    following = iter(answers)
    return await send(lambda _: next(following), url)


async def test_a_report_is_posted_with_the_fields_of_its_request() -> None:
    attempt, (request,) = await follow(Answer(200))
    assert attempt == Attempt(Outcome.DELIVERED, "200")
    assert (request.method, request.url, request.body) == ("POST", URL, BODY)
    assert request.fields == {
        "Content-Type": "application/dap-report",
        "Origin": "null",
        "Accept": "*/*",
        "User-Agent": "Test/1",
        "Referer": URL,
        "Pragma": "no-cache",
        "Cache-Control": "no-cache",
        "Sec-Fetch-Dest": "empty",
        "Sec-Fetch-Mode": "cors",
        "Sec-Fetch-Site": "cross-site",
    }


async def test_credentials_of_a_redirect_that_is_not_followed_are_not_told() -> None:
    location = "https://user:secret@collector.test/b"
    attempt, _ = await follow(Answer(302, location, (("Location", location),)))
    assert attempt.detail == "302 to 'https://***@collector.test/b', which Fetch does not follow"
    assert "secret" not in str(attempt.hops)


async def test_neither_credentials_nor_fragment_of_the_report_url_leave() -> None:
    _, (request,) = await follow(Answer(200), url="https://user:pass@collector.test/a#fragment")
    assert request.url == request.fields["Referer"] == "https://collector.test/a"


@pytest.mark.parametrize("status", [200, 202, 204, 299])
async def test_a_status_of_200_to_299_is_delivered(status: int) -> None:
    attempt, _ = await follow(Answer(status))
    assert attempt == Attempt(Outcome.DELIVERED, str(status))


@pytest.mark.parametrize("status", [300, 304, 400, 404, 500, 503])
async def test_any_other_status_is_a_failed_attempt(status: int) -> None:
    attempt, _ = await follow(Answer(status))
    assert attempt == Attempt(Outcome.FAILED, str(status))


async def test_no_response_is_a_failed_attempt_with_its_reason() -> None:
    attempt, _ = await send(lambda _: NoAnswer(mapped=True, detail="connection refused"))
    assert attempt == Attempt(Outcome.FAILED, "connection refused")


async def test_a_server_that_does_not_answer_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    async def silent(method: str, url: str, headers: Sequence[tuple[str, str]], body: bytes) -> Answer:
        del method, url, headers, body
        await asyncio.Event().wait()
        raise AssertionError

    monkeypatch.setattr(sender, "TIMEOUT_SECONDS", 0.01)
    attempt = await Sender(silent, "").send(report(), BODY)
    assert attempt == Attempt(Outcome.FAILED, "no response within 0.01 s", transient=True)


async def test_a_host_that_is_not_mapped_is_told_apart_from_a_failure() -> None:
    attempt, _ = await send(lambda _: NoAnswer(mapped=False, detail="no such host"))
    assert attempt == Attempt(Outcome.NOT_MAPPED, "not sent: host not mapped")


async def test_a_redirect_to_a_host_that_is_not_mapped_is_a_failed_attempt() -> None:
    def answer(url: str) -> Answer | NoAnswer:
        return Answer(307, "https://else.test/") if url == URL else NoAnswer(mapped=False, detail="not mapped")

    attempt, requests = await send(answer)
    assert attempt == Attempt(Outcome.FAILED, "https://else.test/: not mapped")
    assert len(requests) == 2


@pytest.mark.parametrize("status", [307, 308])
async def test_307_and_308_repeat_the_post_with_its_body(status: int) -> None:
    attempt, (_, second) = await follow(Answer(status, "/moved#here"), Answer(200))
    assert attempt.outcome is Outcome.DELIVERED
    assert (second.method, second.url, second.body) == ("POST", "https://collector.test/moved", BODY)
    assert second.fields["Content-Type"] == "application/dap-report"


@pytest.mark.parametrize("status", [301, 302, 303])
async def test_301_302_and_303_turn_the_post_into_a_get_without_body_and_its_type(status: int) -> None:
    _, (_, second, third) = await follow(Answer(status, "thanks"), Answer(307, "thanks2"), Answer(200))
    assert (second.method, second.url, second.body) == ("GET", "https://collector.test/thanks", b"")
    assert (third.method, third.body) == ("GET", b"")
    assert "Content-Type" not in second.fields
    assert second.fields["Origin"] == "null"


async def test_a_redirect_status_without_location_is_the_response() -> None:
    attempt, requests = await follow(Answer(302))
    assert attempt == Attempt(Outcome.FAILED, "302")
    assert len(requests) == 1


@pytest.mark.parametrize(
    ("location", "told"),
    [
        ("ftp://collector.test/", "ftp://collector.test/"),
        ("data:,x", "data:,x"),
        ("https://user@else.test/", "https://***@else.test/"),
        ("https://:x@a.test/", "https://***@a.test/"),
        ("http://[", "http://["),
    ],
)
async def test_a_location_that_fetch_refuses_ends_the_attempt(location: str, told: str) -> None:
    attempt, requests = await follow(Answer(307, location))
    assert attempt.outcome is Outcome.FAILED
    assert told in attempt.detail
    assert len(requests) == 1


async def test_twenty_redirects_are_followed_and_no_more() -> None:
    attempt, _ = await follow(*[Answer(307, URL)] * 20, Answer(200))
    assert attempt.outcome is Outcome.DELIVERED
    attempt, requests = await follow(*[Answer(307, URL)] * 21)
    assert attempt == Attempt(Outcome.FAILED, "more than 20 redirects")
    assert len(requests) == 21
    assert MAX_REDIRECTS == 20


async def test_the_referrer_is_an_origin_across_origins_and_stays_narrowed() -> None:
    _, requests = await follow(Answer(307, "https://else.test/a"), Answer(307, URL), Answer(200))
    assert [request.fields["Referer"] for request in requests] == [
        URL,
        "https://collector.test/",
        "https://collector.test/",
    ]


async def test_a_hop_without_tls_gets_neither_referrer_nor_fetch_metadata() -> None:
    _, requests = await follow(Answer(307, "http://else.test/a"), Answer(307, URL), Answer(200))
    assert "Referer" not in requests[1].fields
    assert "Sec-Fetch-Mode" not in requests[1].fields
    assert "Referer" not in requests[2].fields
    assert requests[2].fields["Sec-Fetch-Mode"] == "cors"


async def test_a_referrer_longer_than_4096_characters_is_cut_to_its_origin() -> None:
    longest = "https://collector.test/".ljust(4_096, "a")
    _, (request,) = await follow(Answer(200), url=longest)
    assert request.fields["Referer"] == longest
    _, (request,) = await follow(Answer(200), url=longest + "a")
    assert request.fields["Referer"] == "https://collector.test/"


async def test_a_report_that_was_returned_to_its_page_is_never_sent() -> None:
    network = Network(lambda _: Answer(200))
    with pytest.raises(ValueError, match="returned to its page"):
        await Sender(network, "").send(report(None), BODY)
    assert network.requests == []

"""The log of the network, out of events and reports."""

from __future__ import annotations

import base64
import json
from typing import Any

import pytest
from aiohttp import web

from agent.model.attribution import CallContext, Dialect
from agent.model.clock import Clock, format_instant
from agent.model.events import Event
from agent.model.http_record import http_record
from agent.model.reports import Report, ReportKind
from agent.reporting.har import har_document
from agent.runtime import Agent
from tests.reporting.har_format import assert_is_har
from tests.reporting.recorded_run import CONVERSION, attribute, trigger_response

BEGAN = 1_780_000_000_000
RECORD = http_record(
    "GET",
    "https://adtech.test/trigger?a=1&b=%20",
    [("Accept", "*/*"), ("Cookie", "id=1")],
    status=200,
    reason="OK",
    response=[
        ("Content-Type", "image/png"),
        ("Set-Cookie", "id=2"),
        ("attribution-reporting-register-trigger", "{}"),
    ],
    began=BEGAN,
    took=12.5,
    told={"attribution-reporting-register-trigger"},
)


def entries(events: list[Event], reports: list[Report] | None = None) -> list[dict[str, Any]]:
    document = har_document(events, reports or [], version="1")
    assert_is_har(document)
    found: list[dict[str, Any]] = document["log"]["entries"]
    return found


async def test_a_request_for_a_coordinators_keys_is_in_the_log() -> None:
    found = await run(answering(200))
    (keys,) = [entry for entry in found if entry["request"]["url"].endswith("/public-keys")]
    assert (keys["request"]["method"], keys["response"]["status"]) == ("GET", 200)
    assert "keys of https://" in keys["comment"]


async def run(app: web.Application | None = None) -> list[dict[str, Any]]:
    """The log of a source, a trigger and a day, with ``app`` behind the reporting origin."""
    async with Agent.open_profile(":memory:", seed=7, clock=Clock.frozen()) as agent:
        if app is not None:
            agent.map("adtech.test", app)
        await attribute(agent)
        await agent.clock.advance("3d")
        return entries(await agent.events.all(), await agent.reports.all())


async def conversion_sent(app: web.Application) -> tuple[Report, list[dict[str, Any]]]:
    """A conversion report, and the entries of its delivery to ``app``."""
    async with Agent.open_profile(":memory:", seed=7, clock=Clock.frozen()) as agent:
        agent.map("collector.test", app)
        context, url = CallContext("shop.test"), "https://collector.test/reports"
        await agent.measure_conversion(Dialect.CURRENT, context, CONVERSION, report_url=url)
        await agent.clock.advance(1)
        (report,) = await agent.reports.all(kind=ReportKind.ATTRIBUTION_CONVERSION)
        return report, entries(await agent.events.all(), [report])


def answering(*statuses: int, **headers: str) -> web.Application:
    """A server that answers with each status in turn, and then with the last."""
    left = list(statuses)

    async def answer(_: web.Request) -> web.Response:
        return web.Response(status=left.pop(0) if len(left) > 1 else left[0], headers=headers)

    app = web.Application()
    app.router.add_route("*", "/{path:.*}", answer)
    return app


def test_a_response_that_registered_has_its_request_and_its_fields() -> None:
    asked = {"url": RECORD["url"], "fields": {"Attribution-Reporting-Register-Trigger": '{"a": 1}'}}
    event = Event(
        "trigger-registration", BEGAN + 50, "stored", "a trigger", data={"asked": asked, "http": RECORD}, id=3
    )
    (entry,) = entries([event])
    assert entry["startedDateTime"] == format_instant(BEGAN)
    assert (entry["time"], entry["timings"]["wait"]) == (12.5, 12.5)
    request, response = entry["request"], entry["response"]
    assert (request["method"], request["url"]) == ("GET", RECORD["url"])
    assert request["queryString"] == [{"name": "a", "value": "1"}, {"name": "b", "value": " "}]
    assert (response["status"], response["statusText"]) == (200, "OK")
    assert response["content"]["mimeType"] == "image/png"
    assert response["headers"] == [
        {"name": "Content-Type", "value": "image/png"},
        {"name": "attribution-reporting-register-trigger", "value": '{"a": 1}'},
    ]
    assert entry["comment"] == "event 3: a trigger"


def test_cookies_and_credentials_are_in_no_entry() -> None:
    secret = [(name, "secret") for name in ("cookie", "Set-Cookie", "AUTHORIZATION", "Proxy-Authorization")]
    record = http_record("GET", "https://a.test/", secret, status=200, response=secret, began=1, took=1)
    event = Event("registration", 1, "ignored", "ignored", data={"http": record})
    assert "secret" not in json.dumps(entries([event]))


def test_what_is_not_known_is_said_and_not_made_up() -> None:
    asked = {"url": "https://adtech.test/x", "fields": {"Attribution-Reporting-Register-Source": "{}"}}
    (entry,) = entries([Event("source-registration", 5, "stored", "a source", data={"asked": asked}, id=1)])
    assert (entry["request"]["method"], entry["request"]["headers"], entry["response"]["status"]) == ("", [], 0)
    assert "registered without a network" in entry["comment"]
    assert "how long it took is not recorded" in entry["comment"]


def test_a_long_field_is_cut_and_the_comment_names_it() -> None:
    record = http_record("GET", "https://a.test/", [("X-Long", "x" * 5000)], began=1, took=1)
    (entry,) = entries([Event("registration", 1, "ignored", "ignored", data={"http": record})])
    assert [len(field["value"]) for field in entry["request"]["headers"]] == [2048]
    assert entry["comment"].endswith("not kept whole: X-Long")


def test_of_many_fields_the_first_hundred_are_kept() -> None:
    record = http_record("GET", "https://a.test/", [(f"X-{number}", "") for number in range(150)], began=1, took=1)
    (entry,) = entries([Event("registration", 1, "ignored", "ignored", data={"http": record})])
    assert len(entry["request"]["headers"]) == 100
    assert "fields after the first 100" in entry["comment"]


async def test_each_delivery_is_a_post_with_the_body_that_was_sent() -> None:
    log = await run(answering(200, Server="adtech"))
    posts = [entry for entry in log if entry["request"]["method"] == "POST"]
    paths = sorted(entry["request"]["url"].removeprefix("https://adtech.test/.well-known/") for entry in posts)
    assert paths == [
        "attribution-reporting/debug/report-aggregate-attribution",
        "attribution-reporting/debug/report-event-attribution",
        "attribution-reporting/debug/verbose",
        "attribution-reporting/report-aggregate-attribution",
        "attribution-reporting/report-event-attribution",
    ]
    for entry in posts:
        assert json.loads(entry["request"]["postData"]["text"])
        assert entry["request"]["postData"]["mimeType"] == "application/json"
        assert entry["request"]["bodySize"] == len(entry["request"]["postData"]["text"].encode())
        assert {"name": "Server", "value": "adtech"} in entry["response"]["headers"]
        assert entry["response"]["status"] == 200
        assert entry["time"] > 0


async def test_every_hop_of_a_redirect_is_an_entry() -> None:
    _, (first, second) = await conversion_sent(answering(307, 200, Location="/elsewhere"))
    assert (first["response"]["status"], first["response"]["redirectURL"]) == (307, "/elsewhere")
    assert second["request"]["url"] == "https://collector.test/elsewhere"
    assert first["request"]["postData"] == second["request"]["postData"]


async def test_an_attempt_without_an_answer_has_status_0_and_says_why() -> None:
    record = http_record("POST", "https://a.test/", [], error="connection refused", took=3)
    data = {"report": "r", "url": "https://a.test/", "attempt": 1, "http": [record]}
    (entry,) = entries([Event("report.retry", 1, "retry", "report r", data=data)])
    assert entry["response"]["status"] == 0
    assert "connection refused" in entry["comment"]
    assert "its body is not kept" in entry["comment"]


async def test_a_report_that_was_not_sent_is_no_entry() -> None:
    assert [entry for entry in await run() if entry["request"]["method"] == "POST"] == []


async def test_a_binary_body_is_base64() -> None:
    report, (entry,) = await conversion_sent(answering(200))
    assert base64.b64decode(entry["request"]["postData"]["text"]) == report.body
    assert entry["request"]["postData"]["encoding"] == "base64"
    assert entry["request"]["bodySize"] == len(report.body)


@pytest.mark.parametrize("kind", ["navigation", "impression", "clearing"])
def test_what_is_neither_a_registration_nor_a_delivery_is_left_out(kind: str) -> None:
    data = {"http": RECORD} if kind == "navigation" else {}
    assert entries([Event(kind, 1, "refused", "something", data=data)]) == []


async def test_a_refused_field_is_an_entry_too() -> None:
    async with Agent.open_profile(":memory:", seed=7, clock=Clock.frozen()) as agent:
        await agent.register(trigger_response({"event_trigger_data": 1}))
        (entry,) = entries(await agent.events.all())
    assert entry["response"]["headers"][0]["value"] == '{"event_trigger_data": 1}'

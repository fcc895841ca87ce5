from __future__ import annotations

import json
import math
from typing import Any

import pytest

from agent.cli.operations import OPERATIONS
from agent.dashboard.openapi import openapi_document
from agent.dashboard.routes import API, ROUTES, Route
from agent.model.clock import DEFAULT_FROZEN_START
from tests.dashboard.conftest import Dashboard, register

DAY = 86_400_000
PROMISED = {
    ("POST", "/reset"),
    ("GET", "/clock"),
    ("PUT", "/clock"),
    ("POST", "/clock/advance"),
    ("GET", "/events"),
    ("GET", "/reports"),
    ("POST", "/reports/{id}/send"),
    ("GET", "/explain/{id}"),
    ("GET", "/chaos"),
    ("PUT", "/chaos"),
    ("GET", "/readyz"),
    ("PUT", "/localtestingmode"),
    ("POST", "/sendpendingreports"),
}
BATCH = {"origin": "https://adtech.test", "kind": "aggregatable"}
DOCUMENTS = [route for route in ROUTES if not route.file]


def test_what_was_promised_is_there() -> None:
    assert {(route.method, route.path) for route in ROUTES} >= PROMISED


def test_every_route_asks_an_operation_that_there_is() -> None:
    assert {route.operation for route in ROUTES} <= OPERATIONS.keys()
    assert len({route.operation for route in ROUTES}) == len(ROUTES)


@pytest.mark.parametrize("route", ROUTES, ids=lambda route: f"{route.method} {route.path}")
def test_the_document_describes_every_route(route: Route) -> None:
    described = openapi_document()["paths"][f"{API}{route.path}"][route.method.lower()]
    assert described["operationId"] == route.operation
    named = {one["name"]: one for one in described["parameters"]}
    assert set(named) == {field.name for field in route.fields if field.place != "body"}
    assert {name for name, one in named.items() if one["in"] == "path"} == {
        part.strip("{}") for part in route.path.split("/") if part.startswith("{")
    }
    body = described.get("requestBody", {}).get("content", {}).get("application/json", {}).get("schema", {})
    assert set(body.get("properties", {})) == {field.name for field in route.fields if field.place == "body"}
    assert ("security" in described) == (route.method != "GET")


def test_the_document_describes_no_other_route() -> None:
    described = {(method.upper(), path) for path, methods in openapi_document()["paths"].items() for method in methods}
    assert described == {(route.method, f"{API}{route.path}") for route in ROUTES}


@pytest.mark.parametrize("route", ROUTES, ids=lambda route: f"{route.method} {route.path}")
def test_every_example_is_one_that_is_taken(route: Route) -> None:
    assert route.read({field.name: field.example for field in route.fields}).keys() == {
        field.name for field in route.fields
    }


@pytest.mark.parametrize("route", DOCUMENTS, ids=lambda route: f"{route.method} {route.path}")
async def test_every_route_answers_with_a_document(dashboard: Dashboard, route: Route) -> None:
    """With its own examples; an agent without a browser, or without such a report, says so in the one form."""
    path = route.path
    for field in route.fields:
        path = path.replace(f"{{{field.name}}}", str(field.example))
    query = "&".join(f"{field.name}={field.example}" for field in route.fields if field.place == "query")
    body = {field.name: field.example for field in route.fields if field.place == "body"}
    answer = await dashboard.api(route.method, f"{path}?{query}", body or None)
    assert answer.status in {200, 400}
    assert answer.json["schema"] == 1
    if answer.status == 400:
        assert set(answer.json["error"]) == {"what", "where", "rule", "fix", "exit_code"}


async def test_the_document_is_served_and_shown(dashboard: Dashboard) -> None:
    for path in ("/openapi.json", "/api/v1/openapi.json"):
        assert (await dashboard.get(path)).json == openapi_document()
    page = (await dashboard.get("/api")).text
    for route in ROUTES:
        assert f"{route.method} {API}{route.path}" in page


async def test_the_clock_is_told_and_moved(dashboard: Dashboard) -> None:
    assert (await dashboard.get("/api/v1/clock")).json["milliseconds"] == DEFAULT_FROZEN_START
    assert (await dashboard.api("POST", "/clock/advance", {"by": "1d"})).json["milliseconds"] == (
        DEFAULT_FROZEN_START + DAY
    )
    to = await dashboard.api("PUT", "/clock", {"instant": "2026-01-07T09:00:00Z"})
    assert to.json["milliseconds"] == DEFAULT_FROZEN_START + 2 * DAY
    back = await dashboard.api("PUT", "/clock", {"instant": "2026-01-06T09:00:00Z"})
    assert back.status == 400
    assert dashboard.agent.clock.now() == DEFAULT_FROZEN_START + 2 * DAY


async def test_events_are_read_forward_and_backward(dashboard: Dashboard) -> None:
    await register(dashboard.agent)
    forward = (await dashboard.get("/api/v1/events?after=1")).json["events"]
    assert [event["id"] for event in forward] == [2]
    newest = (await dashboard.get("/api/v1/events?limit=1")).json["events"]
    assert [event["id"] for event in newest] == [2]
    assert (await dashboard.get("/api/v1/events/1")).json["event"]["kind"] == "source-registration"
    found = (await dashboard.get("/api/v1/events?filter=site:news")).json["events"]
    assert [event["kind"] for event in found] == ["source-registration"]


async def test_a_report_is_sent_at_once_or_dropped(dashboard: Dashboard) -> None:
    await register(dashboard.agent)
    listed = (await dashboard.get("/api/v1/reports")).json["reports"]
    assert [report["state"] for report in listed] == ["pending", "pending"]
    first, second = (report["id"] for report in listed)
    sent = await dashboard.api("POST", f"/reports/{first}/send")
    assert sent.json["report"]["state"] == "not-sent", "adtech.test is not mapped"
    assert dashboard.agent.clock.now() == DEFAULT_FROZEN_START
    assert (await dashboard.api("POST", f"/reports/{second}/drop")).json["dropped"]["id"] == second
    assert [report["id"] for report in (await dashboard.get("/api/v1/reports")).json["reports"]] == [first]


async def test_pending_reports_are_sent_by_the_webdriver_verb(dashboard: Dashboard) -> None:
    await register(dashboard.agent)
    assert (await dashboard.api("POST", "/sendpendingreports")).json["sent"] == 2
    assert {report.state.value for report in await dashboard.agent.reports.all()} == {"not-sent"}


async def test_local_testing_mode_takes_noise_and_delay_away(dashboard: Dashboard) -> None:
    assert (await dashboard.api("PUT", "/localtestingmode", {"enabled": True})).status == 200
    await register(dashboard.agent)
    due = {report.next_attempt for report in await dashboard.agent.reports.all()}
    assert due == {DEFAULT_FROZEN_START}
    rows = (await dashboard.get("/settings.json")).json["tables"]["attribution_reporting_limits"]
    assert next(row for row in rows if row["name"] == "debug_mode")["value"] is True


async def test_reset_forgets_everything(dashboard: Dashboard) -> None:
    await register(dashboard.agent)
    assert (await dashboard.api("POST", "/reset")).status == 200
    assert await dashboard.agent.events.all() == []


async def test_why_is_the_same_tree_as_the_command_line_s(dashboard: Dashboard) -> None:
    await register(dashboard.agent)
    answer = (await dashboard.get("/api/v1/explain/event:2")).json
    assert answer["explanation"] == (await dashboard.get("/explain/event:2.json")).json["explanation"]


@pytest.mark.parametrize(
    ("method", "path", "body", "what"),
    [
        ("POST", "/clock/advance", {}, "by is missing"),
        ("POST", "/clock/advance", {"by": 5}, "5 is no string"),
        ("POST", "/clock/advance", {"by": "soon"}, "'soon' is no duration; write for example 2d, 12h or 1h30m"),
        ("POST", "/clock/advance", {"by": "1d", "to": "2d"}, "there is no field 'to'"),
        ("POST", "/clock/advance", [], "the body is no JSON object"),
        ("PUT", "/localtestingmode", {"enabled": "yes"}, "'yes' is no boolean"),
        ("GET", "/events?limit=501", None, "'501' is no integer up to 500"),
        ("GET", "/events?after=-1", None, "'-1' is no integer"),
        ("GET", "/events/last", None, "'last' is no integer"),
        ("POST", "/reports/ffff/send", None, "no report has an id that begins with 'ffff'"),
        ("PUT", "/shared-storage", {"origin": "shop", "key": "a", "value": "b"}, "'shop' is no origin"),
        ("PUT", "/shared-storage", {"origin": "https://shop.test", "key": "\ud800", "value": "b"}, "is no string"),
        ("POST", "/clock/advance", {"by": "\udfff"}, "is no string"),
        ("POST", "/aggregation", {**BATCH, "epsilon": math.nan}, "nan is no number"),
        ("POST", "/aggregation", {**BATCH, "epsilon": math.inf}, "inf is no number"),
        ("POST", "/pages", {"url": "file:///etc/passwd"}, "'file:///etc/passwd' is no http(s) address"),
    ],
)
async def test_what_is_asked_wrongly_says_how(
    dashboard: Dashboard, method: str, path: str, body: object, what: str
) -> None:
    answer = await dashboard.api(method, path, body)
    assert answer.status == 400
    assert what in answer.json["error"]["what"]


async def test_a_body_that_is_no_json_is_refused(dashboard: Dashboard) -> None:
    headers: dict[str, Any] = {"Authorization": "Bearer the token of the run"}
    for content in (b"{", b'"text"', b"\xff", b"[" * 100_000):
        answer = await dashboard.ask("POST", "/api/v1/clock/advance", data=content, headers=headers)
        assert answer.status == 400
        assert json.loads(answer.text)["error"]["what"] == "the body is no JSON object"


async def test_it_is_ready_when_it_answers(dashboard: Dashboard) -> None:
    for path in ("/readyz", "/api/v1/readyz"):
        answer = await dashboard.get(path)
        assert (answer.status, answer.json["ready"]) == (200, True)


async def test_a_body_that_is_not_as_it_says_it_is_coded_is_refused(dashboard: Dashboard) -> None:
    # A connection is of no use after it: nobody knows where such a body ends.
    said = {"Authorization": "Bearer the token of the run", "Content-Encoding": "gzip", "Connection": "close"}
    form = {**said, "Content-Type": "application/x-www-form-urlencoded"}
    asked = await dashboard.ask("POST", "/api/v1/clock/advance", data=b"abc", headers=said)
    sent = await dashboard.ask("POST", "/do/time.advance", data=b"abc", headers=form)
    assert (asked.status, sent.status) == (400, 400)
    assert asked.json["error"]["what"] == "the body cannot be read"
    assert dashboard.agent.clock.now() == DEFAULT_FROZEN_START


@pytest.mark.parametrize(
    ("method", "path", "status", "allowed"),
    [
        ("GET", "/nothing", 404, None),
        ("GET", "/reports/a/b/c", 404, None),
        ("PATCH", "/clock", 405, "GET,PUT"),
        ("GET", "/clock/advance", 405, "POST"),
    ],
)
async def test_a_route_that_there_is_not_is_told_as_every_mistake(
    dashboard: Dashboard, method: str, path: str, status: int, allowed: str | None
) -> None:
    answer = await dashboard.api(method, path)
    assert (answer.status, answer.headers.get("Allow")) == (status, allowed)
    error = answer.json["error"]
    assert (error["what"], error["where"]) == ("the API has no such route", f"{method} /api/v1{path}")
    assert error["fix"] == "/openapi.json lists what there is"


async def test_an_id_may_hold_any_character(dashboard: Dashboard) -> None:
    for method, path in (("GET", "/reports/%7B%7D"), ("POST", "/reports/%7Ba/drop"), ("GET", "/explain/%7B%7D")):
        answer = await dashboard.api(method, path)
        assert answer.status == 400
        assert "{" in answer.json["error"]["what"]

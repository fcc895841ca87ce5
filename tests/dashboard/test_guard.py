from __future__ import annotations

import re
from unittest.mock import Mock

import pytest
from aiohttp import web
from aiohttp.test_utils import make_mocked_request

from agent.dashboard.guard import refusal_of
from agent.model.clock import DEFAULT_FROZEN_START
from tests.dashboard.conftest import TOKEN, Dashboard

BEARER = {"Authorization": f"Bearer {TOKEN}"}
OTHERS = ("https://news.test", "http://127.0.0.1:1", "http://localhost", "null", "")


def request_on(port: int, **headers: str) -> web.Request:
    """A request as it comes to a dashboard on that port."""
    transport = Mock()
    transport.get_extra_info.return_value = ("127.0.0.1", port)
    return make_mocked_request("GET", "/", headers=headers, transport=transport)


def moved(dashboard: Dashboard) -> bool:
    return dashboard.agent.clock.now() != DEFAULT_FROZEN_START


@pytest.mark.parametrize("path", ["/", "/timeline.json", "/api/v1/clock", "/static/dashboard.css", "/live", "/nothing"])
@pytest.mark.parametrize("host", ["rebound.test", "127.0.0.1", "127.0.0.1:1", "[::1]", ""])
async def test_a_foreign_host_is_refused_whatever_it_asks_for(dashboard: Dashboard, path: str, host: str) -> None:
    answer = await dashboard.get(path, Host=host)
    assert answer.status == 421
    assert "its own address" in answer.text


async def test_it_answers_to_both_names_of_loopback(dashboard: Dashboard) -> None:
    for name in ("127.0.0.1", "localhost"):
        answer = await dashboard.get("/", Host=f"{name}:{dashboard.host.partition(':')[2]}")
        assert answer.status == 200


@pytest.mark.parametrize("origin", OTHERS)
async def test_a_foreign_origin_is_refused_even_with_the_token(dashboard: Dashboard, origin: str) -> None:
    read = await dashboard.get("/reports.json", Origin=origin)
    asked = await dashboard.ask(
        "POST", "/api/v1/clock/advance", headers={**BEARER, "Origin": origin}, json={"by": "1d"}
    )
    assert (read.status, asked.status) == (403, 403)
    assert not moved(dashboard)


@pytest.mark.parametrize("place", ["cross-site", "same-site"])
async def test_what_a_browser_says_comes_from_elsewhere_is_refused(dashboard: Dashboard, place: str) -> None:
    """Also a page of another port of loopback, which is the same site."""
    headers = {**BEARER, "Sec-Fetch-Site": place}
    assert (await dashboard.get("/", **{"Sec-Fetch-Site": place})).status == 403
    assert (await dashboard.ask("POST", "/api/v1/clock/advance", headers=headers, json={"by": "1d"})).status == 403
    assert not moved(dashboard)


@pytest.mark.parametrize(
    ("port", "host"), [(80, "127.0.0.1"), (80, "localhost"), (80, "127.0.0.1:80"), (81, "localhost:81")]
)
def test_on_the_port_of_http_it_answers_to_names_without_a_port(port: int, host: str) -> None:
    assert refusal_of(request_on(port, Host=host, Origin=f"http://{host}")) is None


@pytest.mark.parametrize(
    ("port", "host", "origin"),
    [
        (81, "localhost", "http://localhost"),
        (80, "localhost:81", "http://localhost:81"),
        (80, "LOCALHOST", "http://LOCALHOST"),
        (80, "localhost.", "http://localhost."),
        (80, "rebound.test", "http://rebound.test"),
        (80, "localhost", "http://127.0.0.1"),
    ],
)
def test_no_other_name_or_port_is_its_own(port: int, host: str, origin: str) -> None:
    assert refusal_of(request_on(port, Host=host, Origin=origin)) is not None


async def test_its_own_pages_and_the_address_bar_may_read(dashboard: Dashboard) -> None:
    for place in ("same-origin", "none"):
        assert (await dashboard.get("/", **{"Sec-Fetch-Site": place})).status == 200


@pytest.mark.parametrize(
    "fields",
    [{}, {"token": ""}, {"token": "guess"}, {"token": "gu\u00e9ss"}, {"token": TOKEN + "x"}],
    ids=str,
)
async def test_a_forged_form_is_refused_and_changes_nothing(dashboard: Dashboard, fields: dict[str, str]) -> None:
    """Sent as an old browser would, which says nothing of where it comes from."""
    answer = await dashboard.ask("POST", "/do/time.advance", data={"by": "1d", **fields})
    assert answer.status == 403
    assert "open the page again" in answer.text
    assert not moved(dashboard)


async def test_a_form_of_its_own_page_is_taken_and_leads_back(dashboard: Dashboard) -> None:
    answer = await dashboard.send("time.advance", by="1d", back="/reports?state=sent")
    assert (answer.status, answer.headers["Location"]) == (303, "/reports?state=sent")
    assert dashboard.agent.clock.now() == DEFAULT_FROZEN_START + 86_400_000


@pytest.mark.parametrize(
    "back", ["https://news.test/", "//news.test/", "/\\news.test", "javascript:alert(1)", "/a\r\nX: y", ""]
)
async def test_a_form_leads_to_no_other_site(dashboard: Dashboard, back: str) -> None:
    answer = await dashboard.send("time.advance", by="1s", back=back)
    assert (answer.status, answer.headers["Location"]) == (303, "/")


@pytest.mark.parametrize("written", ["5", "[]", "{", "", "[" * 5_000, '"\\ud800"'])
async def test_a_field_that_is_no_text_as_json_is_refused(dashboard: Dashboard, written: str) -> None:
    answer = await dashboard.send("time.advance", **{"json.by": written})
    assert answer.status == 400
    assert not moved(dashboard)


async def test_the_control_api_changes_nothing_without_the_token(dashboard: Dashboard) -> None:
    for headers in ({}, {"Authorization": "Bearer guess"}, {"X-Tallyhost-Token": "guess"}):
        answer = await dashboard.ask("POST", "/api/v1/clock/advance", headers=headers, json={"by": "1d"})
        assert answer.status == 401
        assert answer.json["error"]["fix"]
    assert not moved(dashboard)


async def test_reading_changes_nothing(dashboard: Dashboard) -> None:
    for path in ("/do/time.advance?by=1d", "/api/v1/clock/advance?by=1d", "/api/v1/reset"):
        assert (await dashboard.get(path, **BEARER)).status == 405
    assert not moved(dashboard)


@pytest.mark.parametrize("path", ["/", "/nothing", "/timeline.json", "/static/dashboard.js", "/api/v1/readyz"])
async def test_every_response_allows_its_own_files_alone_and_no_framing(dashboard: Dashboard, path: str) -> None:
    headers = (await dashboard.get(path)).headers
    policy = dict(part.strip().split(" ", 1) for part in headers["Content-Security-Policy"].split(";"))
    assert policy["default-src"] == "'none'"
    assert policy["script-src"] == policy["style-src"] == policy["connect-src"] == policy["form-action"] == "'self'"
    assert policy["frame-ancestors"] == policy["base-uri"] == "'none'"
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert headers["X-Frame-Options"] == "DENY"
    assert headers["Cross-Origin-Resource-Policy"] == "same-origin"


async def test_a_refusal_has_the_headers_too(dashboard: Dashboard) -> None:
    refused = await dashboard.get("/", Host="rebound.test")
    assert refused.headers["X-Content-Type-Options"] == "nosniff"
    assert not re.search(TOKEN, refused.text)


async def test_the_stream_of_news_is_no_endless_answer_to_a_question_for_its_headers(dashboard: Dashboard) -> None:
    assert (await dashboard.ask("HEAD", "/live")).status == 405


async def test_nothing_can_ask_for_permission_from_elsewhere(dashboard: Dashboard) -> None:
    headers = {"Origin": "https://news.test", "Access-Control-Request-Method": "POST"}
    answer = await dashboard.ask("OPTIONS", "/api/v1/clock/advance", headers=headers)
    assert answer.status == 403
    assert not any(name.startswith("Access-Control") for name in answer.headers)


async def test_a_body_past_the_bound_is_refused(dashboard: Dashboard) -> None:
    large = b"by=" + b"1" * (1 << 20)
    form = {"Content-Type": "application/x-www-form-urlencoded"}
    assert (await dashboard.ask("POST", "/do/time.advance", data=large, headers=form)).status == 400
    assert (await dashboard.ask("POST", "/api/v1/clock/advance", data=large, headers=BEARER)).status == 413

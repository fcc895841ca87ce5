"""The fields that reports travel with, against the recorded requests of Chromium 143."""

from __future__ import annotations

import json
from typing import Any

import pytest

from agent.delivery.request_fields import Hop, attribution_fields, key_request_fields
from tests.conformance_data import conformance_file

URL = "https://reporter.test/.well-known/attribution-reporting/report-event-attribution"


def hop(method: str = "POST", url: str = URL, body: bytes = b"{}") -> Hop:
    return Hop(method, url, body, referrer=url, user_agent="Test/1")


def recorded(name: str, ending: str) -> list[dict[str, Any]]:
    capture = json.loads(conformance_file(f"real-chromium/goldens/chromium143/{name}.json").read_text())
    return [request for request in capture["requests"] if request["url"].endswith(ending)]


def test_an_attribution_report_has_the_fields_of_chromium_and_no_others() -> None:
    assert attribution_fields(hop()) == [
        ("Connection", "keep-alive"),
        ("Content-Length", "2"),
        ("Pragma", "no-cache"),
        ("Cache-Control", "no-cache"),
        ("Content-Type", "application/json"),
        ("Origin", "https://reporter.test"),
        ("Sec-Fetch-Site", "same-origin"),
        ("Sec-Fetch-Mode", "same-origin"),
        ("Sec-Fetch-Dest", "empty"),
        ("User-Agent", "Test/1"),
        ("Accept-Encoding", "gzip, deflate, br, zstd"),
    ]


@pytest.mark.parametrize(
    ("name", "ending"),
    [
        ("ara__event_basic", "/report-event-attribution"),
        ("ara__event_basic", "/debug/verbose"),
        ("ara__aggregate_basic", "/report-aggregate-attribution"),
    ],
)
def test_the_fields_of_a_report_have_the_recorded_order_and_values(name: str, ending: str) -> None:
    for request in recorded(name, ending):
        fields = attribution_fields(hop(url=request["url"], body=request["raw_body"].encode()))
        # The recorded server names the host itself, and so does our client, first.
        assert ["Host", *(name for name, _ in fields)] == request["header_names_in_order"]
        lower = {name.lower(): value for name, value in fields}
        assert request["headers"] == {name: lower[name] for name in request["headers"]}


def test_the_request_for_keys_has_the_recorded_values() -> None:
    requests = recorded("ara__aggregate_basic", "/public-keys")
    assert requests
    lower = {name.lower(): value for name, value in key_request_fields("Test/1")}
    for request in requests:
        assert request["headers"] == {name: lower[name] for name in request["headers"]}
    assert not {"accept", "origin", "cookie", "referer"} & set(lower)


def test_a_redirected_get_has_neither_body_fields_nor_an_origin() -> None:
    names = [name for name, _ in attribution_fields(hop("GET", body=b""))]
    assert not {"Content-Length", "Content-Type", "Origin"} & set(names)


def test_an_origin_that_is_not_trustworthy_is_told_no_fetch_metadata() -> None:
    fields = dict(attribution_fields(hop(url="http://reporter.test/x")))
    assert not any(name.startswith("Sec-Fetch") for name in fields)
    assert fields["Accept-Encoding"] == "gzip, deflate"

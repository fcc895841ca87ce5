"""The fields that reports travel with, against the recorded requests of Chromium 143."""

from __future__ import annotations

import json
from typing import Any

import pytest

from agent.delivery.request_fields import Form, Hop, attribution_fields, key_request_fields, private_aggregation_fields
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


def test_a_report_of_private_aggregation_has_the_fields_of_chromium_and_no_others() -> None:
    assert private_aggregation_fields(hop()) == [
        ("Connection", "keep-alive"),
        ("Content-Length", "2"),
        ("Pragma", "no-cache"),
        ("Cache-Control", "no-cache"),
        ("Content-Type", "application/json"),
        ("Sec-Fetch-Site", "none"),
        ("Sec-Fetch-Mode", "no-cors"),
        ("Sec-Fetch-Dest", "empty"),
        ("User-Agent", "Test/1"),
        ("Accept-Encoding", "gzip, deflate, br, zstd"),
    ]


@pytest.mark.parametrize(
    ("name", "ending", "form"),
    [
        ("ara__event_basic", "/report-event-attribution", attribution_fields),
        ("ara__event_basic", "/debug/verbose", attribution_fields),
        ("ara__aggregate_basic", "/report-aggregate-attribution", attribution_fields),
        ("pa__basic", "/report-shared-storage", private_aggregation_fields),
        ("pa__budget", "/debug/report-shared-storage", private_aggregation_fields),
    ],
)
def test_the_fields_of_a_report_have_the_recorded_order_and_values(name: str, ending: str, form: Form) -> None:
    requests = recorded(name, ending)
    assert requests
    for request in requests:
        fields = form(hop(url=request["url"], body=request["raw_body"].encode()))
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


@pytest.mark.parametrize("form", [attribution_fields, private_aggregation_fields])
def test_a_redirected_get_has_neither_body_fields_nor_an_origin(form: Form) -> None:
    names = [name for name, _ in form(hop("GET", body=b""))]
    assert not {"Content-Length", "Content-Type", "Origin"} & set(names)


@pytest.mark.parametrize("form", [attribution_fields, private_aggregation_fields])
def test_an_origin_that_is_not_trustworthy_is_told_no_fetch_metadata(form: Form) -> None:
    fields = dict(form(hop(url="http://reporter.test/x")))
    assert not any(name.startswith("Sec-Fetch") for name in fields)
    assert fields["Accept-Encoding"] == "gzip, deflate"

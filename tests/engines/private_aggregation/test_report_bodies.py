"""Paths, shared_info and bodies, byte for byte (private-aggregation section 5)."""

from __future__ import annotations

import json
from base64 import b64decode
from dataclasses import replace

import pytest

from agent.engines.private_aggregation.report_bodies import report_json, report_path, shared_info
from agent.model.private_aggregation import DebugDetails, PrivateAggregationApi, PrivateAggregationContent
from tests.engines.private_aggregation.contributing import COORDINATOR, PROTECTED_AUDIENCE, SHARED_STORAGE

CONTENT = PrivateAggregationContent(
    api=SHARED_STORAGE,
    reporting_origin="https://a.test",
    report_id="11111111-2222-4333-8444-555555555555",
    scheduled_report_time=1_795_324_577_999,
    coordinator=COORDINATOR,
    max_contributions=20,
)


@pytest.mark.parametrize(
    ("api", "debug_copy", "path"),
    [
        (SHARED_STORAGE, False, "report-shared-storage"),
        (PROTECTED_AUDIENCE, False, "report-protected-audience"),
        (SHARED_STORAGE, True, "debug/report-shared-storage"),
        (PROTECTED_AUDIENCE, True, "debug/report-protected-audience"),
    ],
)
def test_each_report_has_its_well_known_path(api: PrivateAggregationApi, debug_copy: bool, path: str) -> None:
    assert report_path(api, debug_copy=debug_copy) == f"/.well-known/private-aggregation/{path}"


def test_a_path_is_that_of_a_report_unless_it_is_asked_for_a_copys() -> None:
    assert report_path(SHARED_STORAGE) == "/.well-known/private-aggregation/report-shared-storage"


def test_shared_info_byte_for_byte_with_its_time_in_whole_seconds_floored() -> None:
    assert shared_info(CONTENT) == (
        '{"api":"shared-storage","report_id":"11111111-2222-4333-8444-555555555555",'
        '"reporting_origin":"https://a.test","scheduled_report_time":"1795324577","version":"1.0"}'
    )


def test_shared_info_in_debug_mode_says_so_between_api_and_report_id() -> None:
    content = replace(CONTENT, api=PROTECTED_AUDIENCE, debug=DebugDetails(enabled=True))
    assert list(json.loads(shared_info(content)).items())[:3] == [
        ("api", "protected-audience"),
        ("debug_mode", "enabled"),
        ("report_id", CONTENT.report_id),
    ]


def test_a_debug_copy_shares_the_info_of_its_report() -> None:
    content = replace(CONTENT, debug=DebugDetails(enabled=True))
    assert shared_info(replace(content, debug_copy=True)) == shared_info(content)


def test_a_report_byte_for_byte() -> None:
    assert report_json(CONTENT, '{"a":1}', payload=b"\xff\xfe\xfd", key_id="k", cleartext=b"clear") == (
        b'{"aggregation_coordinator_origin":"https://coordinator.test",'
        b'"aggregation_service_payloads":[{"key_id":"k","payload":"//79"}],"shared_info":"{\\"a\\":1}"}'
    )


def test_a_report_with_every_member_byte_for_byte() -> None:
    content = replace(CONTENT, context_id='"é<', debug=DebugDetails(enabled=True, key=2**64 - 1))
    assert report_json(content, "{}", payload=b"p", key_id="k", cleartext=b"clear").decode() == (
        '{"aggregation_coordinator_origin":"https://coordinator.test",'
        '"aggregation_service_payloads":[{"debug_cleartext_payload":"Y2xlYXI=","key_id":"k","payload":"cA=="}],'
        '"context_id":"\\"é\\u003C","debug_key":"18446744073709551615","shared_info":"{}"}'
    )
    assert b64decode("Y2xlYXI=") == b"clear"


def test_an_empty_context_id_is_one_and_a_debug_key_of_0_too() -> None:
    content = replace(CONTENT, context_id="", debug=DebugDetails(enabled=True, key=0))
    body = json.loads(report_json(content, "{}", payload=b"p", key_id="k", cleartext=b""))
    assert (body["context_id"], body["debug_key"]) == ("", "0")


def test_debug_mode_without_a_key_shows_the_clear_text_and_no_key() -> None:
    content = replace(CONTENT, debug=DebugDetails(enabled=True))
    body = json.loads(report_json(content, "{}", payload=b"p", key_id="k", cleartext=b"c"))
    assert "debug_cleartext_payload" in body["aggregation_service_payloads"][0]
    assert "debug_key" not in body

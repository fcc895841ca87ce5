import json
from base64 import b64decode
from dataclasses import replace
from typing import Any

import pytest

from agent.engines.attribution_reporting.report_bodies import (
    aggregatable_json,
    event_level_json,
    in_debug_mode,
    report_path,
    shared_info,
    verbose_json,
)
from agent.model.attribution_reporting.registrations import SourceType
from agent.model.attribution_reporting.reports import (
    AggregatableContent,
    AttributionReportContent,
    DebugItem,
    EventLevelContent,
    VerboseContent,
)

EVENT = EventLevelContent(
    reporting_origin="https://adtech.test",
    report_id="11111111-2222-4333-8444-555555555555",
    destinations=("https://shop.test",),
    randomized_trigger_rate=0.0000025,
    source_event_id=2**64 - 1,
    source_type=SourceType.EVENT,
    trigger_data=1,
    trigger_time=1_000_000,
    report_time=2_592_000_999,
)
HISTOGRAM = AggregatableContent(
    reporting_origin="https://adtech.test",
    report_id="11111111-2222-4333-8444-555555555555",
    attribution_destination="https://shop.test",
    report_time=3_600_999,
    coordinator="https://coordinator.test",
)
VERBOSE = VerboseContent("https://adtech.test", (DebugItem("source-success", {"source_site": "https://news.test"}),))
BOTH_KEYS: dict[str, Any] = {"source_debug_key": 1, "trigger_debug_key": 0}


@pytest.mark.parametrize(
    ("content", "path"),
    [
        (EVENT, "report-event-attribution"),
        (replace(EVENT, debug_copy=True), "debug/report-event-attribution"),
        (HISTOGRAM, "report-aggregate-attribution"),
        (replace(HISTOGRAM, debug_copy=True), "debug/report-aggregate-attribution"),
        (replace(HISTOGRAM, aggregatable_debug=True), "debug/report-aggregate-debug"),
        (VERBOSE, "debug/verbose"),
    ],
)
def test_each_report_has_its_well_known_path(content: AttributionReportContent, path: str) -> None:
    assert report_path(content) == f"/.well-known/attribution-reporting/{path}"


def test_an_event_level_report_byte_for_byte() -> None:
    assert event_level_json(EVENT) == (
        b'{"attribution_destination":"https://shop.test","randomized_trigger_rate":0.0000025,'
        b'"report_id":"11111111-2222-4333-8444-555555555555","scheduled_report_time":"2592000",'
        b'"source_event_id":"18446744073709551615","source_type":"event","trigger_data":"1"}'
    )


def test_an_event_level_report_with_debug_keys_byte_for_byte() -> None:
    content = replace(EVENT, destinations=("https://a.test", "https://shop.test"), **BOTH_KEYS)
    assert event_level_json(content) == (
        b'{"attribution_destination":["https://a.test","https://shop.test"],"randomized_trigger_rate":0.0000025,'
        b'"report_id":"11111111-2222-4333-8444-555555555555","scheduled_report_time":"2592000",'
        b'"source_debug_key":"1","source_event_id":"18446744073709551615","source_type":"event","trigger_data":"1",'
        b'"trigger_debug_key":"0"}'
    )


def test_a_verbose_report_byte_for_byte() -> None:
    two = replace(VERBOSE, items=(*VERBOSE.items, DebugItem("x", {"limit": 6.5})))
    assert verbose_json(two) == (
        b'[{"body":{"source_site":"https://news.test"},"type":"source-success"},{"body":{"limit":6.5},"type":"x"}]'
    )


def test_shared_info_byte_for_byte() -> None:
    assert shared_info(HISTOGRAM) == (
        '{"api":"attribution-reporting","attribution_destination":"https://shop.test",'
        '"report_id":"11111111-2222-4333-8444-555555555555","reporting_origin":"https://adtech.test",'
        '"scheduled_report_time":"3600","version":"1.0"}'
    )


def test_shared_info_with_every_member_is_in_order() -> None:
    full = replace(HISTOGRAM, source_registration_time=86_400_000, **BOTH_KEYS)
    assert list(json.loads(shared_info(full)).items()) == [
        ("api", "attribution-reporting"),
        ("attribution_destination", "https://shop.test"),
        ("debug_mode", "enabled"),
        ("report_id", "11111111-2222-4333-8444-555555555555"),
        ("reporting_origin", "https://adtech.test"),
        ("scheduled_report_time", "3600"),
        ("source_registration_time", "86400"),
        ("version", "1.0"),
    ]


def test_debug_copy_and_main_report_share_their_info() -> None:
    content = replace(HISTOGRAM, **BOTH_KEYS)
    assert shared_info(replace(content, debug_copy=True)) == shared_info(content)


def test_aggregatable_debug_reports_name_their_own_api() -> None:
    assert json.loads(shared_info(replace(HISTOGRAM, aggregatable_debug=True)))["api"] == "attribution-reporting-debug"


@pytest.mark.parametrize("keys", [{}, {"source_debug_key": 1}, {"trigger_debug_key": 1}])
def test_debug_mode_needs_both_keys(keys: dict[str, Any]) -> None:
    assert not in_debug_mode(replace(HISTOGRAM, **keys))
    assert in_debug_mode(replace(HISTOGRAM, **BOTH_KEYS))


def test_an_aggregatable_report_byte_for_byte() -> None:
    body = aggregatable_json(HISTOGRAM, '{"api":"x<y"}', payload=b"\xff\xfe\xfd", key_id="k", cleartext=b"clear")
    assert body == (
        b'{"aggregation_coordinator_origin":"https://coordinator.test",'
        b'"aggregation_service_payloads":[{"key_id":"k","payload":"//79"}],'
        b'"shared_info":"{\\"api\\":\\"x\\u003Cy\\"}"}'
    )


def test_an_aggregatable_report_with_every_member_is_in_order() -> None:
    content = replace(HISTOGRAM, trigger_context_id="c", **BOTH_KEYS)
    info = shared_info(content)
    body = json.loads(aggregatable_json(content, info, payload=b"p", key_id="k", cleartext=b"clear"))
    assert list(body) == [
        "aggregation_coordinator_origin",
        "aggregation_service_payloads",
        "shared_info",
        "source_debug_key",
        "trigger_context_id",
        "trigger_debug_key",
    ]
    assert body["shared_info"] == info
    (sealed,) = body["aggregation_service_payloads"]
    assert list(sealed) == ["debug_cleartext_payload", "key_id", "payload"]
    assert b64decode(sealed["debug_cleartext_payload"]) == b"clear"
    assert (body["source_debug_key"], body["trigger_debug_key"]) == ("1", "0")

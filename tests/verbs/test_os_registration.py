from __future__ import annotations

from typing import Any

import pytest

from agent.journeys.interop_story import run_interop_story

SOURCE = "Attribution-Reporting-Register-Source"
OS_SOURCE = "Attribution-Reporting-Register-OS-Source"
OS_TRIGGER = "Attribution-Reporting-Register-OS-Trigger"
INFO = "Attribution-Reporting-Info"
WEB_SOURCE = {"destination": "https://shop.test", "debug_reporting": True}
HANDED_OVER = '"https://system.test/x";debug-reporting'


def told(eligible: str | None, fields: dict[str, Any], **request: Any) -> list[tuple[str, str]]:
    """The debug reports about a response on an agent with an operating system: where they go, and their type."""
    asked = {"context_origin": "https://news.test", **request}
    if eligible is not None:
        asked["Attribution-Reporting-Eligible"] = eligible
    response = {"url": "https://reporter.test/r", "debug_permission": True, "response": fields}
    event = {"timestamp": "0", "registration_request": asked, "responses": [response]}
    story = {"api_config": {"needs_cross_app_web": True}, "input": {"registrations": [event]}}
    return [
        (report["report_url"].partition("/.well-known")[0], item["type"])
        for report in run_interop_story(story).results
        for item in report["payload"]
    ]


def test_a_registration_is_handed_to_the_system_and_its_server_told() -> None:
    assert told("event-source", {OS_SOURCE: HANDED_OVER}) == [("https://system.test", "os-source-delegated")]
    assert told("trigger", {OS_TRIGGER: HANDED_OVER}) == [("https://system.test", "os-trigger-delegated")]
    assert told(None, {OS_TRIGGER: HANDED_OVER}) == [("https://system.test", "os-trigger-delegated")]


def test_only_registrations_that_ask_for_it_are_told() -> None:
    fields = {OS_SOURCE: '"https://a.test/", 5, "http://b.test/";debug-reporting, "https://c.test/";debug-reporting'}
    assert told("event-source", fields) == [("https://c.test", "os-source-delegated")]


@pytest.mark.parametrize(
    ("info", "reports"),
    [
        ("", []),
        ("preferred-platform=web", [("https://reporter.test", "source-success")]),
        ("preferred-platform=os", [("https://system.test", "os-source-delegated")]),
        ("preferred-platform=nonsense", []),
    ],
)
def test_the_preferred_platform_decides_where_both_could_register(info: str, reports: list[tuple[str, str]]) -> None:
    fields = {SOURCE: WEB_SOURCE, OS_SOURCE: HANDED_OVER, **({INFO: info} if info else {})}
    assert told("event-source", fields) == reports


def test_the_web_registers_what_the_system_is_not_asked_to() -> None:
    assert told("event-source", {SOURCE: WEB_SOURCE}) == [("https://reporter.test", "source-success")]


def test_what_the_request_is_not_eligible_for_is_not_handed_over() -> None:
    assert told("trigger", {OS_SOURCE: HANDED_OVER}) == []
    assert told("event-source", {OS_TRIGGER: HANDED_OVER}) == []
    assert told("", {OS_TRIGGER: HANDED_OVER}) == []
    assert told("event-source, trigger", {OS_TRIGGER: HANDED_OVER, OS_SOURCE: HANDED_OVER}) == []


def test_a_field_that_is_no_list_is_told_where_the_response_asked_for_that() -> None:
    assert told("trigger", {OS_TRIGGER: "!"}) == []
    fields = {OS_TRIGGER: "!", INFO: "report-header-errors"}
    assert told("trigger", fields) == [("https://reporter.test", "header-parsing-error")]


def test_a_fenced_frame_has_no_debug_reports() -> None:
    assert told("event-source", {OS_SOURCE: HANDED_OVER}, fenced=True) == []
    assert told("event-source", {OS_SOURCE: "!", INFO: "report-header-errors"}, fenced=True) == []

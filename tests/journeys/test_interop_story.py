from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from agent.journeys.interop_config import DEFAULT_CONFIG_NAME
from agent.journeys.interop_story import InteropResult, is_interop_story, run_interop_story
from agent.journeys.story import StoryError
from agent.journeys.story_files import run_file
from tests.conformance_data import FOLDER, conformance_file

INTEROP = "attribution-reporting/interop"
FILES = sorted(path.name for path in (FOLDER / INTEROP).glob("*.json") if path.name != DEFAULT_CONFIG_NAME)

DIFFERENCES: Mapping[str, str] = {}
"""Files of Chromium whose reports are deliberately not ours, and why. There are none."""

DAY = 86_400_000
WELL_KNOWN = "https://reporter.test/.well-known/attribution-reporting/"


@pytest.mark.parametrize("name", FILES or ["basic.json"])
def test_an_interop_file_of_chromium_gives_the_reports_it_expects(name: str) -> None:
    (result,) = run_file(str(conformance_file(f"{INTEROP}/{name}")))
    assert isinstance(result, InteropResult)
    assert bool(result.mismatches) is (name in DIFFERENCES), "\n".join(map(str, result.mismatches))


def registration(at: int, url: str, response: Mapping[str, Any], **more: Any) -> dict[str, Any]:
    request = {"context_origin": "https://destination.test"}
    if "Attribution-Reporting-Register-Source" in response:
        request = {"context_origin": "https://source.test", "Attribution-Reporting-Eligible": "navigation-source"}
    answer = {"url": url, "response": response, **more}
    return {"timestamp": str(at), "registration_request": request, "responses": [answer]}


def source(at: int = 0, **fields: Any) -> dict[str, Any]:
    header = {"destination": "https://destination.test", "source_event_id": "1", **fields}
    return registration(at, "https://reporter.test/s", {"Attribution-Reporting-Register-Source": header})


def trigger(at: int = 1000, **fields: Any) -> dict[str, Any]:
    header = {"event_trigger_data": [{"trigger_data": "5"}], **fields}
    return registration(at, "https://reporter.test/t", {"Attribution-Reporting-Register-Trigger": header})


def play(*events: Mapping[str, Any], config: Mapping[str, Any] | None = None, **story: Any) -> InteropResult:
    return run_interop_story({"input": {"registrations": list(events)}, **story}, config, name="story")


def times(result: InteropResult) -> list[int]:
    return [int(report["report_time"]) for report in result.results]


def test_an_event_level_report_is_sent_when_its_window_ends() -> None:
    (report,) = play(source(), trigger()).results
    assert report == {
        "report_time": str(2 * DAY),
        "report_url": WELL_KNOWN + "report-event-attribution",
        "payload": {
            "attribution_destination": "https://destination.test",
            "randomized_trigger_rate": 0.0024263,
            "scheduled_report_time": "172800",
            "source_event_id": "1",
            "source_type": "navigation",
            "trigger_data": "5",
        },
    }


def test_an_aggregatable_report_is_opened_and_leaves_after_the_longest_delay() -> None:
    (report,) = play(
        source(aggregation_keys={"a": "0x159"}),
        trigger(
            event_trigger_data=[],
            aggregatable_trigger_data=[{"key_piece": "0x400", "source_keys": ["a"]}],
            aggregatable_values={"a": 32_768},
        ),
    ).results
    assert report["report_time"] == str(1000 + 60 * 60_000)
    assert report["payload"]["histograms"] == [{"id": "0", "key": "0x559", "value": 32_768}]
    assert report["payload"]["aggregation_coordinator_origin"] == "https://coordinator.test"
    assert "report_id" not in report["payload"]["shared_info"]


def test_a_null_report_keeps_one_entry() -> None:
    event = trigger(event_trigger_data=[], aggregatable_values={"a": 1})
    event["responses"][0]["null_aggregatable_reports_days"] = [0]
    (report,) = play(event).results
    assert report["payload"]["histograms"] == [{"id": "0", "key": "0x0", "value": 0}]
    del event["responses"][0]["null_aggregatable_reports_days"]
    assert play(event).results == []


def test_a_given_randomized_response_replaces_the_truth() -> None:
    event = source()
    event["responses"][0]["randomized_response"] = [{"trigger_data": 3, "report_window_index": 1}]
    (report,) = play(event, trigger()).results
    assert (report["payload"]["trigger_data"], report["report_time"]) == ("3", str(7 * DAY))
    event["responses"][0]["randomized_response"] = []
    assert play(event, trigger()).results == []


@pytest.mark.parametrize(
    ("back_online", "sent"),
    [
        (2 * DAY + 1, [2 * DAY + 300_000]),
        (2 * DAY + 300_001, [2 * DAY + 1_200_000]),
        (2 * DAY + 1_200_001, []),
    ],
)
def test_without_a_connection_a_report_is_tried_again_after_5_and_15_minutes(back_online: int, sent: list[int]) -> None:
    offline, online = (
        {"timestamp": str(at), "connection": connected} for at, connected in ((2 * DAY - 1, False), (back_online, True))
    )
    assert times(play(source(), trigger(), offline, online)) == sent


def test_a_retry_that_waits_for_a_navigation_leaves_5_minutes_after_it() -> None:
    events = (
        source(),
        trigger(),
        {"timestamp": str(2 * DAY - 1), "connection": False},
        {"timestamp": str(2 * DAY + 1), "connection": True},
        {"timestamp": str(3 * DAY), "navigation": True},
    )
    assert times(play(*events)) == [2 * DAY + 300_000]
    waiting = play(*events, api_config={"retry_after_new_navigation": "first_retry"})
    assert times(waiting) == [3 * DAY + 300_000]


def test_what_is_missing_and_what_was_not_expected_is_told() -> None:
    expected = play(source(), trigger()).results[0]
    url = WELL_KNOWN + "report-event-attribution"

    def told(*reports: Mapping[str, Any]) -> list[str]:
        return list(map(str, play(source(), trigger(), output={"reports": list(reports)}).mismatches))

    assert told(expected) == []
    assert told({**expected, "report_time": "5"}) == [
        f'differs: {url} at 172800000\n        report_time: expected "5", is "172800000"'
    ]
    other = {**expected, "report_url": "https://other.test/"}
    assert [text.partition(":")[0] for text in told(other)] == ["missing", "not expected"]
    assert [text.partition(":")[0] for text in told(expected, expected)] == ["missing"]
    assert [text.partition(":")[0] for text in told()] == ["not expected"]


def test_without_output_no_report_is_expected() -> None:
    assert play(source()).mismatches == []
    assert len(play(source(), trigger()).mismatches) == 1


def test_report_ids_and_what_is_said_about_a_header_are_left_out_of_expectations() -> None:
    result = play(source(), trigger())
    payload = {**result.results[0]["payload"], "report_id": "x"}
    assert play(source(), trigger(), output={"reports": [{**result.results[0], "payload": payload}]}).mismatches == []


def test_a_story_is_emitted_as_one_line() -> None:
    result = play(source(), trigger())
    assert json.loads(result.emit()) == {"id": "story", "reports": result.results}
    assert "\n" not in result.emit()


def test_a_header_that_is_no_text_is_written_as_chromium_writes_json() -> None:
    event = registration(
        0,
        "https://reporter.test/t",
        {
            "Attribution-Reporting-Register-Trigger": {"b": 4_294_967_296, "a": "<", "filters": 1},
            "attribution-reporting-info": "report-header-errors",
        },
    )
    (report,) = play(event).results
    assert report["payload"][0]["body"]["value"] == '{"a":"\\u003C","b":4294967296.0,"filters":1}'


def test_the_formats_are_told_apart_by_their_input() -> None:
    assert is_interop_story({"input": {"registrations": []}})
    assert not is_interop_story({"events": []})
    assert not is_interop_story({"input": {}})
    assert not is_interop_story({"input": []})


@pytest.mark.parametrize(
    ("event", "message"),
    [
        (5, "an event must be an object"),
        ({"timestamp": "1"}, "an event has `registration_request`"),
        ({"timestamp": "1", "connection": "yes"}, "an event has `registration_request`"),
        ({"timestamp": 1, "connection": True}, "`timestamp` must be milliseconds"),
        ({"timestamp": "-1", "connection": True}, "`timestamp` must be milliseconds"),
        ({"timestamp": "9" * 16, "connection": True}, "`timestamp` must be milliseconds"),
        (trigger() | {"responses": [5]}, "a response must be an object"),
        (trigger() | {"registration_request": {}}, "`context_origin` must be an https URL"),
        (registration(1, "http://reporter.test", {}), "`url` must be an https URL"),
        (registration(1, "https://reporter.test", {"Set-Cookie": "x"}), "no header of Attribution Reporting"),
        (registration(1, "https://reporter.test", {}, debug_permission=1), "`debug_permission` must be true or false"),
        (registration(1, "https://reporter.test", {}, randomized_response=[5]), "`randomized_response` must be"),
        (
            registration(1, "https://reporter.test", {}, null_aggregatable_reports_days=["0"]),
            "`null_aggregatable_reports_days` must be",
        ),
    ],
)
def test_an_event_that_is_not_in_the_format_is_refused_with_its_place(event: Any, message: str) -> None:
    with pytest.raises(StoryError, match=r"registrations\[1\]: ") as caught:
        play(source(), event)
    assert message in caught.value.what
    assert caught.value.event == 1


def test_timestamps_ascend() -> None:
    with pytest.raises(StoryError, match="after the event before"):
        play(source(5), trigger(5))


@pytest.mark.parametrize(
    "story",
    [{"output": []}, {"output": {"reports": {}}}, {"output": {"reports": [{}]}}, {"api_config": []}],
    ids=str,
)
def test_a_story_that_is_not_in_the_format_is_refused(story: Mapping[str, Any]) -> None:
    with pytest.raises(StoryError):
        play(**story)


def test_a_redirect_chain_registers_hop_by_hop(tmp_path: Path) -> None:
    del tmp_path
    chain = source()
    chain["responses"].append({**chain["responses"][0], "url": "https://second.test", "timestamp": "7"})
    reports = play(chain, trigger()).results
    assert len(reports) == 1
    later = trigger()
    later["responses"][0]["url"] = "https://second.test"
    (report,) = play(chain, later).results
    assert report["report_time"] == str(7 + 2 * DAY)


def test_a_later_response_needs_its_own_time() -> None:
    chain = source()
    chain["responses"].append(dict(chain["responses"][0]))
    with pytest.raises(StoryError, match="`timestamp`"):
        play(chain)

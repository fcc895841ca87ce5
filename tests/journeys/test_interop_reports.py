from __future__ import annotations

from typing import Any

from agent.crypto.aggregatable_payload import encode_payload, seal_payload
from agent.engines.attribution_reporting.report_bodies import aggregatable_json, shared_info
from agent.journeys.interop_reports import compare
from agent.model.attribution_reporting.reports import AggregatableContent, Contribution
from agent.model.reports import Report, ReportKind
from agent.model.rng import SeededRng
from agent.reporting.interop_form import COORDINATOR_KEY, in_order, normalized_report, sent_report

URL = "https://reporter.test/.well-known/attribution-reporting/report-aggregate-attribution"


def report(payload: Any, at: str = "1", url: str = URL) -> dict[str, Any]:
    return {"report_time": at, "report_url": url, "payload": payload}


def sent(*contributions: Contribution, length: int = 20) -> dict[str, Any]:
    content = AggregatableContent("https://reporter.test", "id", "https://shop.test", 5000, "https://c.test")
    info = shared_info(content)
    plaintext = encode_payload(contributions, id_bytes=1, length=length)
    payload = seal_payload(plaintext, info, COORDINATOR_KEY.public_key, SeededRng(1))
    body = aggregatable_json(content, info, payload=payload, key_id=COORDINATOR_KEY.id)
    return sent_report(Report("id", ReportKind.AGGREGATABLE, 0, content, delivered_to=URL), body, 7000)


def test_a_sealed_report_is_opened_and_its_padding_left_out() -> None:
    assert sent(Contribution(0xAB, 5, 3), Contribution(0x1, 2)) == {
        "report_time": "7000",
        "report_url": URL,
        "payload": {
            "aggregation_coordinator_origin": "https://c.test",
            "histograms": [{"id": "0", "key": "0x1", "value": 2}, {"id": "3", "key": "0xab", "value": 5}],
            "shared_info": {
                "api": "attribution-reporting",
                "attribution_destination": "https://shop.test",
                "reporting_origin": "https://reporter.test",
                "scheduled_report_time": "5",
                "version": "1.0",
            },
        },
    }


def test_a_null_report_keeps_one_entry_of_its_padding() -> None:
    assert sent()["payload"]["histograms"] == [{"id": "0", "key": "0x0", "value": 0}]


def test_ids_are_left_out_wherever_a_report_has_one() -> None:
    assert normalized_report(report({"report_id": "1", "shared_info": {"report_id": "2", "api": "x"}})) == report(
        {"shared_info": {"api": "x"}}
    )
    low = {"type": "trigger-event-low-priority", "body": {"report_id": "1", "trigger_data": "2"}}
    assert normalized_report(report([low])) == report(
        [{"type": "trigger-event-low-priority", "body": {"trigger_data": "2"}}]
    )


def test_what_is_said_about_a_refused_header_is_left_out() -> None:
    refused = {"type": "header-parsing-error", "body": {"header": "x", "error": {"msg": "y"}}}
    assert normalized_report(report([refused])) == report([{"type": "header-parsing-error", "body": {"header": "x"}}])


def test_histograms_are_compared_without_their_order() -> None:
    one, other = {"id": "0", "key": "0x1", "value": 1}, {"id": "0", "key": "0x2", "value": 2}
    assert normalized_report(report({"histograms": [one, other]})) == normalized_report(
        report({"histograms": [other, one]})
    )


def test_reports_are_compared_as_sets_in_which_each_counts_once() -> None:
    one, other = report({"a": 1}), report({"a": 0.0}, at="2")
    assert compare([one, other], [report({"a": 0}, at="2"), one]) == []
    assert [str(each).partition(":")[0] for each in compare([one, one], [one])] == ["missing"]
    assert [str(each).partition(":")[0] for each in compare([one], [one, one])] == ["not expected"]


def test_like_reports_are_shown_side_by_side_with_each_difference() -> None:
    near = report({"a": 1, "b": [1, {"c": 2}], "new": 1}, at="5")
    far = report({"z": 9}, at="6")
    (shown, unexpected) = compare([report({"a": 1, "b": [1, {"c": 3}], "old": 1}, at="5")], [far, near])
    assert str(shown).splitlines() == [
        f"differs: {URL} at 5",
        "        payload.b[1].c: expected 3, is 2",
        "        payload.new: not expected, is 1",
        "        payload.old: expected 1, is missing",
    ]
    assert unexpected.result == far


def test_reports_are_ordered_by_time_and_then_by_what_they_say() -> None:
    late, early, same = report({"a": 1}, at="10"), report({"b": 1}, at="9"), report({"a": 1}, at="9")
    assert in_order([late, early, same]) == [same, early, late]

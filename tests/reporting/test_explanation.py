"""The tree as text and as a document: what stops where, what is counted, and what a page's text may not do."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

from agent.model.aggregation import AGGREGATION_JOB
from agent.model.attribution_reporting.verdicts import TRIGGER_REGISTRATION
from agent.model.clock import DEFAULT_FROZEN_START
from agent.model.events import Check, Event, Trace
from agent.model.explanation import Explanation, explained
from agent.model.shared_storage import StorageEvent
from agent.reporting.explanation import explanation_document, explanation_lines, explanation_of, explanation_text

NOW = DEFAULT_FROZEN_START
AT = "2026-01-05T09:00:00+00:00"
GOOD, BAD = Check("options", passed=True), Check("matching impressions", False, "0 of 2", "save one for shop.test")


def event(
    *checks: Check, kind: str = "conversion", verdict: str = "no-match", number: int = 4, **data: object
) -> Event:
    return Event(kind, NOW, verdict, "nothing matched", "shop.test", data, Trace(checks), number)


def test_a_failed_check_shows_where_it_stopped_and_the_way_out() -> None:
    assert explanation_text(explained(event(GOOD, BAD))).splitlines() == [
        f"conversion (event 4)  shop.test  {AT}  no-match",
        "  nothing matched",
        "  ok    options",
        "  FAIL  matching impressions  0 of 2",
        "        -------- stops here",
        "  fix   save one for shop.test",
    ]


def test_text_of_a_page_stays_on_its_line() -> None:
    check = Check('set "a\n  ok    quota"', passed=False, detail="x\r\u2028y\x1b[2K", fix="z\n")
    lines = explanation_text(explained(replace(event(check), summary="one\n  ok    two"))).splitlines()
    assert lines[1:3] == [r"  one\n  ok    two", r'  FAIL  set "a\n  ok    quota"  x\r\u2028y\x1b[2K']
    assert lines[-1] == r"  fix   z\n"


def test_good_and_bad_have_styles_of_their_own() -> None:
    styles = [style for _, style in explanation_lines(explained(event(GOOD, BAD)))]
    assert styles == ["bold", "", "green", "bold red", "bold red", "yellow"]


def test_checks_that_fail_together_stop_after_the_last_of_them() -> None:
    one = Check("Attribution-Reporting-Register-Trigger filters", passed=False, detail="is the number 3")
    other = Check("Attribution-Reporting-Register-Trigger debug_key", passed=False, detail="is the number 5", fix='"5"')
    refused = explained(event(one, other, kind=TRIGGER_REGISTRATION, verdict="header-parsing-error"))
    assert [line.split()[0] for line, _ in explanation_lines(refused)][2:] == ["FAIL", "FAIL", "--------", "fix"]


def test_a_trigger_of_which_one_branch_stored_its_report_stops_nowhere() -> None:
    reports = ["event-level 7"]
    node = explained(
        event(BAD, GOOD, kind=TRIGGER_REGISTRATION, event_level="stored", aggregatable="x", reports=reports)
    )
    assert (node.stopped_at, node.outcome) == (None, "1 report")


def test_a_trigger_that_stored_none_stops_at_its_last_failed_check_whatever_is_told_behind_it() -> None:
    node = explained(event(BAD, BAD, GOOD, kind=TRIGGER_REGISTRATION, event_level="x", reports=["verbose-debug"]))
    assert (node.stopped_at, node.outcome) == (1, "NO REPORT")


def test_a_null_report_is_none_that_was_asked_for() -> None:
    node = explained(event(BAD, kind=TRIGGER_REGISTRATION, aggregatable="x", reports=["aggregatable 7"]))
    assert node.outcome == "null report"
    assert explanation_text(node).splitlines()[0].endswith("no-match  null report")


def test_null_reports_beside_one_that_was_asked_for_are_counted_by_themselves() -> None:
    stored: dict[str, Any] = {"event_level": "stored", "aggregatable": "stored"}
    names = ["event-level 7", "aggregatable 8", "aggregatable 9", "aggregatable 10", "verbose-debug"]
    for reports, told in ((names, "2 reports, 2 null reports"), (names[:3], "2 reports, 1 null report")):
        assert explained(event(GOOD, kind=TRIGGER_REGISTRATION, reports=reports, **stored)).outcome == told


def test_a_check_that_fails_does_not_end_a_job_that_goes_on() -> None:
    left_out, written = Check("DECRYPTION_ERROR", False, "1 left out", "decode it"), Check("summary written", True, "1")
    going_on = event(left_out, written, kind=AGGREGATION_JOB, verdict="SUCCESS_WITH_ERRORS", job_request_id="monday")
    lines = explanation_text(explained(going_on)).splitlines()
    assert lines[0] == f"aggregation job monday (event 4)  shop.test  {AT}  SUCCESS_WITH_ERRORS"
    assert lines[2:] == ["  FAIL  DECRYPTION_ERROR  1 left out", "  fix   decode it", "  ok    summary written   1"]
    ended = replace(going_on, trace=Trace((written, left_out)))
    assert explained(ended).stopped_at == 1


def test_a_conversion_that_is_attributed_stops_nowhere() -> None:
    refusing = Check("budget of the first week", passed=False, detail="0.4 short")
    assert explained(event(GOOD, refusing, GOOD, verdict="attributed")).stopped_at is None
    dropped = Check("credit of impression 2", passed=False, detail="1 to bucket 9, dropped")
    assert explained(event(GOOD, GOOD, dropped, verdict="attributed")).stopped_at is None


def test_a_conversion_whose_value_is_dropped_stops_at_a_credit_and_not_at_a_week_that_cannot_pay() -> None:
    refusing, dropped = Check("budget", passed=False), Check("credit of impression 3", passed=False)
    assert explained(event(refusing, GOOD, dropped, GOOD, verdict="index-too-large")).stopped_at == 2


def test_an_operation_that_finished_stops_nowhere() -> None:
    late = Check("time limit", passed=False, detail="1 contribution came after its time limit")
    ended = event(GOOD, late, kind=StorageEvent.RUN, verdict="finished")
    assert explained(ended).stopped_at is None
    assert explained(replace(ended, verdict="failed")).stopped_at == 1


def test_a_source_stops_where_its_verdict_came_from_and_not_at_a_limit_that_it_went_on_from() -> None:
    of_all, taken = (
        Check("destinations of any reporting site", False),
        Check("destinations of unexpired sources", False),
    )
    refused = event(of_all, GOOD, taken, GOOD, kind="source-registration", verdict="source-destination-limit")
    assert explained(refused).stopped_at == 2


def test_what_it_came_from_stands_below_and_its_good_checks_are_counted() -> None:
    source = explained(event(*[GOOD] * 4, kind="source-registration", verdict="source-success", number=2, source=9))
    lines = explanation_text(explained(event(GOOD), [source])).splitlines()
    assert lines[3:] == [
        f"  source 9 (event 2)  shop.test  {AT}  source-success",
        "    nothing matched",
        "    ok    4 checks  passed: tallyhost explain 2 shows them",
    ]


def test_below_another_a_few_good_checks_and_those_of_what_failed_are_shown() -> None:
    few = explained(event(*[GOOD] * 3))
    failed = explained(event(*[GOOD] * 4, BAD))
    lines = explanation_text(explained(event(), [few, failed])).splitlines()
    assert [line.split()[:2] for line in lines if line.startswith("    ok")] == [["ok", "options"]] * 7


def test_a_report_is_named_by_its_whole_id() -> None:
    node = Explanation("event-level report", "report", "sent", NOW, "to the page", report_id="7f37", event_id=0)
    assert explanation_text(node).splitlines()[0] == f"event-level report 7f37  {AT}  sent"


def test_the_document_is_json_and_gives_the_tree_back() -> None:
    child = Explanation("null aggregatable report", "report", "pending", NOW + 1, "to x", report_id="7f37")
    node = explained(event(GOOD, BAD, kind=TRIGGER_REGISTRATION, source=1, reports=[]), [child])
    document = json.loads(json.dumps(explanation_document(node)))
    assert document["time"] == AT
    assert document["checks"][1] == {
        "rule": "matching impressions",
        "passed": False,
        "detail": "0 of 2",
        "fix": "save one for shop.test",
    }
    assert explanation_of(document) == node

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from tests.cli.conftest import Tallyhost

CONFIG = {"aggregationServices": {"https://agg.example": "dap-18-histogram"}}


def case(case_id: str, expected: list[int]) -> dict[str, Any]:
    """A conversion of value 5 credited to bucket 1 of 3."""
    conversion = {"aggregationService": "https://agg.example", "histogramSize": 3, "value": 5, "maxValue": 10}
    return {
        "id": case_id,
        "config": CONFIG,
        "events": [
            {"seconds": 1, "site": "news.example", "event": "saveImpression", "options": {"histogramIndex": 1}},
            {
                "seconds": 2,
                "site": "shop.example",
                "event": "measureConversion",
                "options": conversion,
                "expected": expected,
            },
        ],
    }


def write(name: str, *cases: dict[str, Any]) -> str:
    Path(name).write_text("\n".join(map(json.dumps, cases)), encoding="utf-8")
    return name


def test_stories_that_come_out_as_expected_exit_0(tallyhost: Tallyhost) -> None:
    run = tallyhost("story", write("a.json", case("a", [0, 5, 0])), write("b.jsonl", case("b", [0, 5, 0])))
    assert run.code == 0
    assert run.out.splitlines()[-1] == "2 passed, 0 failed"


def test_a_story_that_comes_out_differently_exits_1_and_says_where(tallyhost: Tallyhost) -> None:
    run = tallyhost("story", write("b.jsonl", case("good", [0, 5, 0]), case("bad", [5, 0, 0])))
    assert run.code == 1
    assert run.out.splitlines() == [
        "FAIL  bad",
        "      events[1]: expected [5, 0, 0], the result was [0, 5, 0]",
        "1 passed, 1 failed",
    ]


def test_as_json_the_verdicts_are_one_document(tallyhost: Tallyhost) -> None:
    run = tallyhost("story", "--json", write("b.jsonl", case("good", [0, 5, 0]), case("bad", [5, 0, 0])))
    assert run.code == 1
    assert run.document == {
        "passed": 1,
        "failed": 1,
        "stories": [
            {"id": "good", "mismatches": []},
            {"id": "bad", "mismatches": [{"event": 1, "expected": [5, 0, 0], "result": [0, 5, 0]}]},
        ],
    }


def test_emit_judges_nothing_and_prints_one_line_for_each_case(tallyhost: Tallyhost) -> None:
    run = tallyhost("story", "--emit", write("b.jsonl", case("good", [0, 5, 0]), case("bad", [5, 0, 0])))
    assert run.code == 0
    assert [json.loads(line) for line in run.out.splitlines()] == [
        {"id": "good", "results": [None, [0, 5, 0]]},
        {"id": "bad", "results": [None, [0, 5, 0]]},
    ]


def test_a_bad_story_gets_file_line_and_what_was_expected_and_the_others_run(tallyhost: Tallyhost) -> None:
    Path("bad.json").write_text('{\n "id": "x",\n "events": [}\n', encoding="utf-8")
    run = tallyhost("story", "bad.json", write("good.json", case("good", [0, 5, 0])))
    assert run.code == 2
    assert "bad.json:3" in run.err
    assert run.out.splitlines()[-1] == "1 passed, 0 failed"


def test_a_configuration_among_the_files_is_passed_over(tallyhost: Tallyhost) -> None:
    Path("CONFIG.json").write_text(json.dumps(CONFIG), encoding="utf-8")
    without = case("good", [0, 5, 0])
    del without["config"]
    run = tallyhost("story", "CONFIG.json", write("good.json", without))
    assert run.code == 0
    assert run.out.splitlines()[-1] == "1 passed, 0 failed"


def test_a_file_that_is_not_there_is_named(tallyhost: Tallyhost) -> None:
    run = tallyhost("story", "none.json")
    assert run.code == 2
    assert "none.json" in run.err


def test_a_case_out_of_format_is_told_with_its_line_and_the_next_lines_run(tallyhost: Tallyhost) -> None:
    good = json.dumps(case("good", [0, 5, 0]))
    no_events = json.dumps({"id": "x", "config": CONFIG})
    Path("b.jsonl").write_text(f"{good}\n{no_events}\n{{\n{good}\n", encoding="utf-8")
    run = tallyhost("story", "--emit", "b.jsonl")
    assert run.code == 2
    assert [json.loads(line) for line in run.out.splitlines()] == [{"id": "good", "results": [None, [0, 5, 0]]}] * 2
    told = [line for line in run.err.splitlines() if line.startswith("error: ")]
    assert [line.split()[1] for line in told] == ["b.jsonl:2:", "b.jsonl:3:"]
    assert "`events`" in told[0]
    assert "JSON" in told[1]


def test_a_folder_stands_for_its_stories_in_their_order(tallyhost: Tallyhost) -> None:
    for name in ("b.jsonl", "a.json", "c.json"):
        write_in_folder(name, case(name, [0, 5, 0]))
    Path("stories/CONFIG.json").write_text(json.dumps(CONFIG), encoding="utf-8")
    Path("stories/README.md").write_text("no story", encoding="utf-8")
    run = tallyhost("story", "--emit", "stories")
    assert run.code == 0
    assert [json.loads(line)["id"] for line in run.out.splitlines()] == ["a.json", "b.jsonl", "c.json"]


def write_in_folder(name: str, *cases: dict[str, Any]) -> None:
    Path("stories").mkdir(exist_ok=True)
    write(f"stories/{name}", *cases)


def test_a_folder_without_a_story_is_refused(tallyhost: Tallyhost) -> None:
    Path("stories").mkdir()
    run = tallyhost("story", "stories")
    assert run.code == 2
    assert "stories: the folder holds no story" in run.err


def test_help_describes_the_format_that_messages_point_to(tallyhost: Tallyhost) -> None:
    text = tallyhost("story", "--help").out
    verbs = [
        "saveImpression",
        "measureConversion",
        "clearImpressionsForSite",
        "clearBrowsingHistoryForAttribution",
        "clearExpiredImpressions",
        "enableAPI",
        "disableAPI",
    ]
    assert [word for word in (*verbs, "seconds", "expected", "expectedError", "CONFIG.json") if word not in text] == []
    assert "tallyhost story --help" in tallyhost("story", "none.json").err


def interop_story(expected_time: str) -> str:
    """A trigger that no source matches, and the verbose debug report about it."""
    header = {"debug_reporting": True, "event_trigger_data": [{}]}
    response = {
        "url": "https://reporter.test/t",
        "debug_permission": True,
        "response": {"Attribution-Reporting-Register-Trigger": header},
    }
    event = {
        "timestamp": "5",
        "registration_request": {"context_origin": "https://shop.test"},
        "responses": [response],
    }
    report = {
        "report_time": expected_time,
        "report_url": "https://reporter.test/.well-known/attribution-reporting/debug/verbose",
        "payload": [
            {"type": "trigger-no-matching-source", "body": {"attribution_destination": "https://shop.test"}},
        ],
    }
    story = {"input": {"registrations": [event]}, "output": {"reports": [report]}}
    Path("interop.json").write_text("// why\n" + json.dumps(story), encoding="utf-8")
    return "interop.json"


def test_stories_of_attribution_reporting_are_judged_by_their_reports(tallyhost: Tallyhost) -> None:
    good = tallyhost("story", interop_story("5"))
    assert (good.code, good.out) == (0, "1 passed, 0 failed\n")
    bad = tallyhost("story", interop_story("6"))
    assert bad.code == 1
    assert bad.out.splitlines() == [
        "FAIL  interop.json",
        "      differs: https://reporter.test/.well-known/attribution-reporting/debug/verbose at 5",
        '        report_time: expected "6", is "5"',
        "0 passed, 1 failed",
    ]


def test_emit_prints_the_reports_of_such_a_story(tallyhost: Tallyhost) -> None:
    run = tallyhost("story", "--emit", interop_story("6"))
    assert run.code == 0
    (line,) = run.out.splitlines()
    told = json.loads(line)
    assert told["id"] == "interop.json"
    assert [report["report_time"] for report in told["reports"]] == ["5"]

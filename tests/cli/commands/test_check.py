from __future__ import annotations

import io
import json
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from tests.cli.conftest import Tallyhost

SOURCE = '{"destination":"https://shop.test"}'


def check(tallyhost: Tallyhost, *arguments: str) -> Any:
    return tallyhost("check", "header", *arguments)


def feed(monkeypatch: pytest.MonkeyPatch, content: bytes) -> None:
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(content)))


def test_an_accepted_header_exits_0_with_its_normal_form(tallyhost: Tallyhost) -> None:
    run = check(tallyhost, "--kind", "source", "--source-type", "event", SOURCE)
    assert run.code == 0
    told, form = run.out.split("accepted\n")
    assert [line.split()[0] for line in told.splitlines()] == ["ok", "ok"]
    assert json.loads(form)["trigger_data"] == [0, 1]


def test_a_source_is_one_of_a_navigation_unless_told(tallyhost: Tallyhost) -> None:
    run = check(tallyhost, "--kind", "source", "--json", SOURCE)
    assert run.document["normalized"]["trigger_data"] == list(range(8))


def test_a_refused_header_exits_1_and_each_problem_says_where_what_rule_and_fix(tallyhost: Tallyhost) -> None:
    run = check(tallyhost, "--kind", "trigger", '{"event_trigger_data":[{"priority":5}],"filters":{"a b":1},"x":1}')
    assert run.code == 1
    assert run.out.splitlines() == [
        'error    filters["a b"]  is the number 1',
        "         rule  a list",
        "error    event_trigger_data[0].priority  is the number 5",
        "         rule  a string with an integer from -9223372036854775808 to 9223372036854775807",
        '         fix   write "5"',
        "warning  x  is an unknown field and is ignored",
        "refused",
    ]


def test_a_source_that_parses_and_would_not_be_stored_is_told_and_exits_0(tallyhost: Tallyhost) -> None:
    # 20 reports in 8 places of 3 windows: C(44, 20) states, which 32 bits do not hold.
    source = '{"destination":"https://shop.test","max_event_level_reports":20}'
    run = check(tallyhost, "--kind", "source", source)
    assert run.code == 0
    assert "         rule  such a source is not stored: source-trigger-state-cardinality-limit" in run.out.splitlines()
    (cardinality, capacity) = check(tallyhost, "--kind", "source", "--json", source).document["when_stored"]
    assert (cardinality["passed"], cardinality["verdict"]) == (False, "source-trigger-state-cardinality-limit")
    assert capacity["verdict"] == "source-channel-capacity-limit"


@pytest.mark.parametrize(
    ("kind", "value", "normalized"),
    [
        ("eligible", "trigger=1", "trigger"),
        ("info", "report-header-errors", "report-header-errors"),
        ("os", '"https://a.test"', '"https://a.test/";debug-reporting=?0'),
    ],
)
def test_headers_that_are_structured_fields_are_checked_too(
    tallyhost: Tallyhost, kind: str, value: str, normalized: str
) -> None:
    run = check(tallyhost, "--kind", kind, value)
    assert run.code == 0
    assert run.out.splitlines()[-2:] == ["accepted", normalized]


def test_a_header_is_judged_by_the_numbers_that_an_agent_of_the_same_settings_has(
    tallyhost: Tallyhost, monkeypatch: pytest.MonkeyPatch
) -> None:
    Path("tallyhost.toml").write_text(
        "[attribution_reporting_limits]\n"
        'aggregation_coordinator_origins = ["https://coordinator.test"]\n'
        "max_settable_event_level_epsilon = 3\n"
        "max_event_level_channel_capacity_navigation = 0.01\n",
        encoding="utf-8",
    )
    too_large = '{"destination":"https://shop.test","event_level_epsilon":4}'
    trigger = '{"aggregation_coordinator_origin":"https://coordinator.test"}'
    capacity = check(tallyhost, "--kind", "source", "--json", SOURCE).document["when_stored"][-1]
    assert (capacity["verdict"], capacity["passed"]) == ("source-channel-capacity-limit", False)
    assert check(tallyhost, "--kind", "source", too_large).code == 1
    assert check(tallyhost, "--kind", "trigger", trigger).code == 0
    asked = ({"header": "source", "value": too_large}, {"header": "trigger", "value": trigger})
    feed(monkeypatch, "\n".join(map(json.dumps, asked)).encode())
    answers = check(tallyhost, "--batch").out.splitlines()
    assert [json.loads(answer)["accept"] for answer in answers] == [False, True]


def test_the_value_comes_from_a_file_or_from_standard_input(
    tallyhost: Tallyhost, monkeypatch: pytest.MonkeyPatch
) -> None:
    Path("source.json").write_text(SOURCE + "\n", encoding="utf-8")
    from_file = check(tallyhost, "--kind", "source", "--json", "@source.json")
    feed(monkeypatch, SOURCE.encode())
    from_stdin = check(tallyhost, "--kind", "source", "--json", "-")
    assert from_file.code == from_stdin.code == 0
    assert from_file.document == from_stdin.document


def test_a_file_that_is_not_there_is_an_error_that_names_it(tallyhost: Tallyhost) -> None:
    run = check(tallyhost, "--kind", "source", "@nothing.json")
    assert run.code == 2
    assert "nothing.json" in run.err


@pytest.mark.parametrize("arguments", [(), (SOURCE,), ("--kind", "source"), ("--batch", SOURCE)], ids=str)
def test_a_value_and_its_kind_are_needed_unless_there_is_a_batch(
    tallyhost: Tallyhost, arguments: tuple[str, ...]
) -> None:
    assert check(tallyhost, *arguments).code == 2


def test_a_batch_answers_each_line_in_order(tallyhost: Tallyhost, monkeypatch: pytest.MonkeyPatch) -> None:
    lines = [
        {"header": "source", "value": SOURCE, "source_type": "event"},
        {"header": "source", "value": "{}", "source_type": "navigation"},
        {"header": "trigger", "value": "{"},
        {"header": "trigger", "value": '{"debug_key":1}', "source_type": None},
        {"header": "eligible", "value": ""},
        {"header": "source", "value": '{"destination":"\ud800"}'},
    ]
    feed(monkeypatch, "\n\n".join(map(json.dumps, lines)).encode())
    run = check(tallyhost, "--batch")
    assert run.code == 0
    answers = [json.loads(line) for line in run.out.splitlines()]
    assert [list(answer) for answer in answers] == [["accept", "errors", "warnings", "normalized"]] * 6
    assert [answer["accept"] for answer in answers] == [True, False, False, True, True, False]
    assert answers[0]["normalized"]["max_event_level_reports"] == 1
    assert [error["path"] for answer in answers for error in answer["errors"]] == [["destination"], None, None]
    assert [warning["path"] for warning in answers[3]["warnings"]] == [["debug_key"]]
    assert answers[4]["normalized"] is None


@pytest.mark.parametrize(
    "line",
    [
        b"{",
        b"\xff",
        b"[" * 100_000,
        b"[]",
        b'{"header":"source"}',
        b'{"header":"nonsense","value":""}',
        b'{"header":"source","value":{}}',
        b'{"header":"source","value":"","source_type":"x"}',
        b'{"header":"source","value":"","source_type":["event"]}',
    ],
)
def test_a_line_that_asks_for_nothing_is_answered_with_an_error_and_exit_2(
    tallyhost: Tallyhost, monkeypatch: pytest.MonkeyPatch, line: bytes
) -> None:
    feed(monkeypatch, line + b"\n" + json.dumps({"header": "source", "value": SOURCE}).encode())
    run = check(tallyhost, "--batch")
    assert run.code == 2
    assert run.err.startswith("error: line 1: ")
    wrong, right = (json.loads(answer) for answer in run.out.splitlines())
    assert not wrong["accept"]
    assert wrong["errors"][0]["message"].startswith("line 1: ")
    assert right["accept"]


def test_ten_thousand_headers_take_seconds(tallyhost: Tallyhost, monkeypatch: pytest.MonkeyPatch) -> None:
    line = json.dumps({"header": "source", "value": SOURCE}).encode() + b"\n"
    feed(monkeypatch, line * 10_000)
    began = time.process_time()
    run = check(tallyhost, "--batch")
    assert time.process_time() - began < 10
    assert len(run.out.splitlines()) == 10_000

from __future__ import annotations

import io
import json
import sys

import pytest

from tests.cli.conftest import Tallyhost


def asked(monkeypatch: pytest.MonkeyPatch, text: str, *, person: bool = False) -> None:
    """What stands on stdin."""
    stdin = io.StringIO(text)
    monkeypatch.setattr(stdin, "isatty", lambda: person)
    monkeypatch.setattr(sys, "stdin", stdin)


def test_an_answer_is_a_table(tallyhost: Tallyhost, profile: str) -> None:
    run = tallyhost("state", "sql", "SELECT kind, count(*) AS events FROM events GROUP BY kind", "--profile", profile)
    assert run.code == 0
    assert [line.split() for line in run.out.splitlines()] == [
        ["kind", "events"],
        ["conversion", "1"],
        ["impression", "1"],
    ]


def test_as_json_an_answer_has_columns_and_rows(tallyhost: Tallyhost, profile: str) -> None:
    question = "SELECT 1 AS a, 'b', x'00ff', NULL, 9e999"
    run = tallyhost("state", "sql", question, "--profile", profile, "--json")
    assert run.document == {
        "columns": ["a", "'b'", "x'00ff'", "NULL", "9e999"],
        "rows": [[1, "b", "x'00ff'", None, "inf"]],
        "more": False,
    }


def test_more_rows_than_the_limit_are_told(tallyhost: Tallyhost, profile: str) -> None:
    run = tallyhost("state", "sql", "SELECT kind FROM events", "--limit", "1", "--profile", profile)
    assert "there are more rows: --limit N shows N" in run.out


def test_what_would_write_exits_2_and_changes_nothing(tallyhost: Tallyhost, profile: str) -> None:
    run = tallyhost("state", "sql", "DELETE FROM events", "--profile", profile)
    assert run.code == 2
    assert run.err.startswith("error: tallyhost state sql: line 1, column 1: DELETE is refused")
    counted = tallyhost("state", "sql", "SELECT count(*) FROM events", "--profile", profile, "--json").document
    assert counted["rows"] == [[2]]


def test_what_takes_too_long_is_ended(tallyhost: Tallyhost, profile: str) -> None:
    endless = "WITH RECURSIVE up (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM up) SELECT count(*) FROM up"
    run = tallyhost("state", "sql", endless, "--seconds", "0.1", "--profile", profile)
    assert run.code == 2
    assert "took more than 0.1 s" in run.err


def test_the_tables_are_listed_with_their_columns(tallyhost: Tallyhost, profile: str) -> None:
    listed = tallyhost("state", "sql", "--tables", "--profile", profile, "--json").document["tables"]
    events = next(table for table in listed if table["name"] == "events")
    assert events["rows"] == 2
    assert {"name": "verdict", "type": "TEXT"} in events["columns"]
    assert "verdict" in tallyhost("state", "sql", "--tables", "--profile", profile).out


def test_questions_on_stdin_are_answered_in_turn(
    tallyhost: Tallyhost, profile: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked(monkeypatch, "SELECT 1 AS one;\nSELECT 2\n  AS two;\nSELECT ';' AS last")
    run = tallyhost("state", "sql", "--profile", profile)
    assert (run.code, [line.strip() for line in run.out.splitlines()]) == (0, ["one", "1", "two", "2", "last", ";"])


def test_of_a_script_the_first_error_is_the_end(
    tallyhost: Tallyhost, profile: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked(monkeypatch, "SELECT 1;\nSELEKT 2;\nSELECT 3;\n")
    run = tallyhost("state", "sql", "--profile", profile, "--json")
    assert run.code == 2
    answers = [json.loads(line) for line in run.out.splitlines()]
    assert [answer.get("rows") for answer in answers] == [[[1]], None]
    assert 'near "SELEKT": syntax error' in run.err


def test_a_person_may_go_on_after_an_error(tallyhost: Tallyhost, profile: str, monkeypatch: pytest.MonkeyPatch) -> None:
    asked(monkeypatch, "SELEKT 2;\nSELECT 3 AS three;\n", person=True)
    run = tallyhost("state", "sql", "--profile", profile)
    assert run.code == 0
    assert 'near "SELEKT": syntax error' in run.err
    assert "three" in run.out


def test_what_a_page_wrote_reaches_no_terminal(tallyhost: Tallyhost, profile: str) -> None:
    run = tallyhost("state", "sql", "SELECT char(27) || '[2J' AS a", "--profile", profile)
    assert "\x1b" not in run.out
    assert "\\x1b[2J" in run.out

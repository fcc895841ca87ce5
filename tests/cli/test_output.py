from __future__ import annotations

import pytest

from agent.cli.output import Output, print_error
from agent.model.errors import UsageError

HOSTILE = "filter \x1b[2J\x07\x9b31m\r wanted"
SHOWN = r"filter \x1b[2J\x07\x9b31m\r wanted"


def test_what_a_page_chose_cannot_steer_the_terminal(capsys: pytest.CaptureFixture[str]) -> None:
    output = Output()
    output.line(HOSTILE)
    output.table(["detail"], [[HOSTILE]], empty="none")
    output.table(["detail"], [], empty=HOSTILE)
    lines = [line.strip() for line in capsys.readouterr().out.splitlines()]
    assert lines == [SHOWN, "detail", SHOWN, SHOWN]


def test_lines_of_a_text_and_letters_of_any_script_stay(capsys: pytest.CaptureFixture[str]) -> None:
    Output().line("eins\n\tzwei é 三")
    assert [line.split() for line in capsys.readouterr().out.splitlines()] == [["eins"], ["zwei", "é", "三"]]


def test_what_a_report_says_cannot_steer_the_terminal_through_an_error(capsys: pytest.CaptureFixture[str]) -> None:
    print_error(UsageError("two origins", where=HOSTILE, rule=HOSTILE), as_json=False)
    told = capsys.readouterr().err
    assert told.count(SHOWN) == 2
    assert "\x1b" not in told

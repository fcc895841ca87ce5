"""``tallyhost run``: what it takes, and what it says of files before any is played."""

from __future__ import annotations

import json
from pathlib import Path

from tests.cli.conftest import Tallyhost


def write(name: str, steps: str) -> str:
    Path(name).write_text(f"name: x\nsteps:\n{steps}", encoding="utf-8")
    return name


def test_without_a_journey_it_says_what_to_name(tallyhost: Tallyhost) -> None:
    run = tallyhost("run")
    assert run.code == 2
    assert "no journey was named" in run.err
    assert "--example" in run.err


def test_all_files_are_read_and_all_that_is_wrong_is_told_before_any_is_played(tallyhost: Tallyhost) -> None:
    run = tallyhost("run", write("a.yaml", "  - clik: x\n  - opn: y\n"), write("b.yaml", "  - advance: x\n"))
    assert run.code == 2
    told = [line.split(": ")[1] for line in run.err.splitlines() if line.startswith("error: ")]
    assert told == ["a.yaml:3:5", "a.yaml:4:5", "b.yaml:3:14"]
    assert run.out == ""


def test_what_is_wrong_is_told_as_json_where_that_is_asked_for(tallyhost: Tallyhost) -> None:
    run = tallyhost("run", write("a.yaml", "  - clik: x\n"), "--json")
    (error,) = json.loads(run.out)["errors"]
    assert (error["where"], error["exit_code"]) == ("a.yaml:3:5", 2)


def test_a_variable_that_is_none_is_refused(tallyhost: Tallyhost) -> None:
    run = tallyhost("run", write("a.yaml", "  - next_report\n"), "--var", "shop")
    assert run.code == 2
    assert "'shop' is no NAME=VALUE" in run.err


def test_an_unknown_variable_is_told_before_any_journey_is_played(tallyhost: Tallyhost) -> None:
    run = tallyhost("run", write("a.yaml", "  - open: ${shp}\n"), "--var", "shop=https://shop.test/")
    assert run.code == 2
    assert "a.yaml:3:11: there is no variable 'shp'" in run.err

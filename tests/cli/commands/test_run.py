"""``tallyhost run``: what it takes, and what it says of files before any is played."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from agent.journeys.scripted.reading import Journey
from agent.journeys.scripted.vocabulary import AgentOptions
from agent.reporting.journey_results import JourneyResult
from tests.cli.conftest import Tallyhost
from tests.conformance_data import REPOSITORY


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


@pytest.mark.parametrize("flag", ["--params=tiny", "--noise=off", "--delays=off", "--seed=7"])
def test_a_flag_about_agents_is_refused_where_a_story_would_not_heed_it(tallyhost: Tallyhost, flag: str) -> None:
    Path("story.json").write_text(json.dumps(story([0, 5, 0])), encoding="utf-8")
    run = tallyhost("run", "story.json", flag)
    assert run.code == 2
    assert "story.json" in run.err
    assert "does not apply to a story" in run.err
    assert tallyhost("run", "story.json").code == 0


def test_flags_and_variables_win_over_what_a_journey_says_of_its_agent(
    tallyhost: Tallyhost, monkeypatch: pytest.MonkeyPatch
) -> None:
    played: list[AgentOptions] = []

    async def play(journeys: Sequence[Journey], *_: object) -> tuple[JourneyResult, ...]:
        played.extend(journey.agent for journey in journeys)
        return ()

    monkeypatch.setattr("agent.journeys.scripted.running.run_journeys", play)
    file = Path("a.yaml")
    file.write_text("name: x\nagent: {params: tiny, delays: off, seed: 1}\nsteps:\n  - next_report\n", encoding="utf-8")
    monkeypatch.setenv("TALLYHOST_SEED", "2")
    assert tallyhost("run", "a.yaml", "--params", "spec", "--noise", "off").code == 0
    (asked,) = played
    assert asked == AgentOptions(params="spec", noise=False, delays=False, seed=2)


def test_the_settings_file_leaves_a_journey_as_it_is(tallyhost: Tallyhost, monkeypatch: pytest.MonkeyPatch) -> None:
    Path("tallyhost.toml").write_text('params = "tiny"\nnoise = false\n', encoding="utf-8")
    played: list[AgentOptions] = []

    async def play(journeys: Sequence[Journey], *_: object) -> tuple[JourneyResult, ...]:
        played.extend(journey.agent for journey in journeys)
        return ()

    monkeypatch.setattr("agent.journeys.scripted.running.run_journeys", play)
    assert tallyhost("run", write("a.yaml", "  - next_report\n")).code == 0
    assert played == [AgentOptions()]


def test_a_variable_that_no_journey_names_is_refused_with_the_nearest(tallyhost: Tallyhost) -> None:
    journey = write("a.yaml", "  - note: ${shop}\n")
    run = tallyhost("run", journey, "--var", "shop=x", "--var", "shpo=https://other.test/")
    assert run.code == 2
    assert "no journey names ${shpo}" in run.err
    assert "write --var shop=https://other.test/" in run.err


def test_an_unknown_variable_is_told_before_any_journey_is_played(tallyhost: Tallyhost) -> None:
    run = tallyhost("run", write("a.yaml", "  - open: ${shp}\n"), "--var", "shop=https://shop.test/")
    assert run.code == 2
    assert "a.yaml:3:11: there is no variable 'shp'" in run.err


def story(expected: list[int]) -> dict[str, Any]:
    """An impression of bucket 1 and a conversion of value 5, credited to it."""
    conversion = {"aggregationService": "https://agg.example", "histogramSize": 3, "value": 5, "maxValue": 10}
    return {
        "id": f"expects {expected}",
        "config": {"aggregationServices": {"https://agg.example": "dap-18-histogram"}},
        "events": [
            {"seconds": 1, "site": "news.example", "event": "saveImpression", "options": {"histogramIndex": 1}},
            {"seconds": 2, "site": "shop.example", "event": "measureConversion", "options": conversion}
            | {"expected": expected},
        ],
    }


def write_stories(name: str, *stories: dict[str, Any]) -> str:
    Path(name).parent.mkdir(exist_ok=True)
    Path(name).write_text("\n".join(map(json.dumps, stories)), encoding="utf-8")
    return name


def test_a_story_is_run_by_the_same_command_without_a_browser(tallyhost: Tallyhost) -> None:
    files = write_stories("a.json", story([0, 5, 0])), write_stories("b.jsonl", story([0, 5, 0]), story([5, 0, 0]))
    run = tallyhost("run", *files, "--junit", "out.xml", "--chromium", "no-such-chromium")
    assert run.code == 1
    assert run.out.splitlines()[2:] == [
        "FAIL  expects [5, 0, 0]  0.0 s",
        "b.jsonl: events[1]: expected [5, 0, 0], the result was [0, 5, 0]",
        "written: out.xml",
        "2 passed, 1 failed",
    ]
    assert 'tests="3" failures="1"' in Path("out.xml").read_text(encoding="utf-8")


def test_a_folder_without_journeys_gives_its_stories(tallyhost: Tallyhost) -> None:
    write_stories("stories/a.json", story([0, 5, 0]))
    run = tallyhost("run", "stories")
    assert (run.code, run.out.splitlines()[-1]) == (0, "1 passed, 0 failed")


def test_a_story_that_is_none_stops_the_run_before_any_journey_is_played(tallyhost: Tallyhost) -> None:
    run = tallyhost("run", write_stories("a.json", {"events": 3}), write("b.yaml", "  - next_report\n"))
    assert run.code == 2
    assert "a.json:1" in run.err
    assert run.out == ""


def test_a_folder_without_any_of_them_is_refused(tallyhost: Tallyhost) -> None:
    Path("pages").mkdir()
    run = tallyhost("run", "pages")
    assert run.code == 2
    assert "pages: no journey in this folder" in run.err


@pytest.mark.browser
def test_what_had_ended_is_told_when_ctrl_c_ends_a_run(tmp_path: Path) -> None:
    quick = write(str(tmp_path / "quick.yaml"), "  - note: done\n")
    slow = write(str(tmp_path / "slow.yaml"), "  - click: {text: never, timeout: 60s}\n")
    command = [sys.executable, "-m", "agent", "run", quick, slow, "--junit", str(tmp_path / "out.xml")]
    environment = {**os.environ, "PYTHONUNBUFFERED": "1"}
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, text=True, start_new_session=True, env=environment, cwd=REPOSITORY
    ) as run:
        assert run.stdout is not None
        assert run.stdout.readline().startswith("ok    x")
        os.kill(run.pid, signal.SIGINT)
        out, _ = run.communicate(timeout=30)
    assert run.returncode == 130
    assert "1 passed, 1 failed" in out
    junit = (tmp_path / "out.xml").read_text(encoding="utf-8")
    assert 'tests="2" failures="0" errors="1"' in junit
    assert "slow.yaml: interrupted" in junit

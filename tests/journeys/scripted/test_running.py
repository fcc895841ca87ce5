"""A run of several journeys: its exit code, its folders, its files."""

from __future__ import annotations

from pathlib import Path
from typing import Self

import pytest

from agent.browser.launch import Browser
from agent.journeys.scripted import running
from agent.journeys.scripted.finding import journey_files
from agent.journeys.scripted.progress import Lines
from agent.journeys.scripted.reading import Journey
from agent.journeys.scripted.running import Keeping, RunOptions, bundle_folders, exit_code_of, run_journeys
from agent.journeys.scripted.vocabulary import AgentOptions
from agent.model.errors import UsageError
from agent.reporting.journey_results import Failure, JourneyResult, Outcome


def journey(file: str) -> Journey:
    return Journey("x", file, AgentOptions(), {}, {}, ())


def test_a_run_ends_in_the_highest_exit_code_of_its_journeys() -> None:
    passed = JourneyResult("a", "a.yaml", Outcome.PASSED)
    failed = JourneyResult("b", "b.yaml", Outcome.FAILED, failure=Failure("x", "x"))
    down = JourneyResult("c", "c.yaml", Outcome.ERROR, failure=Failure("x", "x", 3))
    assert [exit_code_of(results) for results in ([], [passed], [failed, passed], [down, failed])] == [0, 0, 1, 3]


def test_each_journey_has_a_folder_of_its_own() -> None:
    found = bundle_folders([journey("a/sale.yaml"), journey("b/sale.yaml"), journey("b/a b.py")], Path("out"))
    assert found == [Path("out/sale"), Path("out/sale-2"), Path("out/a-b")]
    taken = bundle_folders([journey("a/x.yaml"), journey("b/x.yaml"), journey("x-2.yaml")], Path("out"))
    assert taken == [Path("out/x"), Path("out/x-2"), Path("out/x-2-2")]
    assert bundle_folders([journey("a.yaml"), journey("a.yaml")], None) == [None, None]


class Fallen(Browser):
    """A Chromium that is none; what is played in it is a fault of ours."""

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        """Nothing was begun."""


async def test_a_fault_of_ours_in_one_journey_does_not_lose_the_others(monkeypatch: pytest.MonkeyPatch) -> None:
    async def play(one: Journey, *_: object) -> JourneyResult:
        if one.file == "a.yaml":
            raise KeyError("ours")
        return JourneyResult(one.name, one.file, Outcome.PASSED)

    monkeypatch.setattr(running, "Browser", Fallen)
    monkeypatch.setattr(running, "play", play)
    told: list[str] = []
    fallen, passed = await run_journeys(
        [journey("a.yaml"), journey("b.yaml")], RunOptions(2), Lines(lambda t, _: told.append(t))
    )
    assert (fallen.outcome, fallen.exit_code, passed.outcome) == (Outcome.ERROR, 3, Outcome.PASSED)
    assert "a.yaml: inside tallyhost: KeyError: 'ours'" in told
    assert any("in play" in line for line in told), "where it happened is told"


def test_folders_are_searched_for_yaml_and_files_are_taken_once(tmp_path: Path) -> None:
    for name in ("b.yaml", "a.yml", "c.py", "deep/d.yaml", "e.txt"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).touch()
    names = [str(tmp_path / name) for name in ("a.yml", "b.yaml", "deep/d.yaml", "c.py")]
    assert journey_files((str(tmp_path), names[0], names[3])) == names


def test_what_holds_no_journey_is_refused(tmp_path: Path) -> None:
    (tmp_path / "e.txt").touch()
    for given, what in (("none", "no such file"), ("", "no journey in this folder"), ("e.txt", "this is no journey")):
        with pytest.raises(UsageError, match=what):
            journey_files((str(tmp_path / given),))


def test_what_had_ended_when_a_run_was_interrupted_is_kept() -> None:
    told: list[str] = []
    keeping, journeys = Keeping(Lines(lambda line, _: told.append(line))), [journey("a.yaml"), journey("b.yaml")]
    for one in journeys:
        keeping.began(one)
    keeping.ended(journeys[1], JourneyResult("x", "b.yaml", Outcome.PASSED))
    results = keeping.interrupted(journeys)
    assert [(one.file, one.outcome) for one in results] == [("a.yaml", Outcome.ERROR), ("b.yaml", Outcome.PASSED)]
    assert exit_code_of(results) == 130
    assert told == ["ok    x  0.0 s"]

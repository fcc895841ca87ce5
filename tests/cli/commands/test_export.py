from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.cli.conftest import Tallyhost
from tests.reporting.har_format import assert_is_har

NAMES = {"events.jsonl", "explain.txt", "network.har", "reports.json", "state.sqlite3", "story.json"}


@pytest.mark.parametrize("name", ["run", "run.zip"])
def test_a_bundle_plays_again(tallyhost: Tallyhost, profile: str, name: str) -> None:
    written = tallyhost("export", "bundle", name, "--profile", profile, "--json").document
    assert written == {"file": str(Path(name).resolve()), "notes": []}
    run = tallyhost("story", "-v", name)
    assert (run.code, run.out.splitlines()) == (
        0,
        [f"ok    {name}: W3C Attribution, as recorded", "1 passed, 0 failed"],
    )


def test_a_bundle_has_its_files_and_its_state_can_be_loaded(tallyhost: Tallyhost, profile: str) -> None:
    assert tallyhost("export", "bundle", "run", "--profile", profile).code == 0
    assert {file.name for file in Path("run").iterdir()} == NAMES
    assert tallyhost("state", "reset", "--profile", profile).code == 0
    assert tallyhost("state", "load", "run/state.sqlite3", "--profile", profile).code == 0
    shown = tallyhost("state", "show", "--profile", profile, "--json").document
    assert len(shown["impressions"]) == 1


def test_a_story_that_differs_from_the_run_exits_1(tallyhost: Tallyhost, profile: str) -> None:
    tallyhost("export", "bundle", "run", "--profile", profile)
    story = Path("run/story.json")
    story.write_text(story.read_text().replace('"histogramIndex": 3', '"histogramIndex": 4'))
    run = tallyhost("story", "run")
    assert run.code == 1
    assert "the result was {'dialect': 'current'" in run.out


def test_what_is_not_played_is_printed_by_export_and_story(tallyhost: Tallyhost, profile: str) -> None:
    tallyhost("export", "bundle", "run", "--profile", profile)
    story = Path("run/story.json")
    document = json.loads(story.read_text())
    document["recorded"]["notes"] = ["1 event of \x1b[31mauctions not played"]
    story.write_text(json.dumps(document))
    run = tallyhost("story", "run")
    assert run.out.splitlines()[0] == "note  1 event of \\x1b[31mauctions not played"
    assert tallyhost("story", "run", "--json").document["stories"][0]["notes"] == document["recorded"]["notes"]


def test_a_folder_with_other_files_is_left_alone(tallyhost: Tallyhost, profile: str) -> None:
    Path("mine").mkdir()
    Path("mine/thesis.txt").write_text("dear")
    run = tallyhost("export", "bundle", "mine", "--profile", profile)
    assert run.code == 2
    assert "a bundle is written to a new or empty folder" in run.err
    assert [file.name for file in Path("mine").iterdir()] == ["thesis.txt"]


def test_a_bundle_is_written_over_an_older_one(tallyhost: Tallyhost, profile: str) -> None:
    assert tallyhost("export", "bundle", "run", "--profile", profile).code == 0
    assert tallyhost("export", "bundle", "run", "--profile", profile).code == 0


def test_a_bundle_that_cannot_be_written_says_where(tallyhost: Tallyhost, profile: str) -> None:
    run = tallyhost("export", "bundle", "nowhere/run.zip", "--profile", profile)
    assert run.code == 3
    assert "nowhere" in run.err


def test_the_log_of_the_network_is_har(tallyhost: Tallyhost, profile: str) -> None:
    written = tallyhost("export", "har", "run.har", "--profile", profile, "--json").document
    assert written == {"file": str(Path("run.har").resolve()), "entries": 0}
    assert_is_har(json.loads(Path("run.har").read_text()))


@pytest.mark.parametrize("name", ["run", "run.zip", "run.har"])
def test_what_is_exported_only_its_owner_reads(tallyhost: Tallyhost, profile: str, name: str) -> None:
    tallyhost("export", "har" if name.endswith("har") else "bundle", name, "--profile", profile)
    assert Path(name).stat().st_mode & 0o077 == 0

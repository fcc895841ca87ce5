from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from agent.journeys.interop_config import DEFAULT_CONFIG_NAME
from agent.journeys.story import StoryError
from agent.journeys.story_files import default_config, run_file, story_files
from agent.model.errors import UsageError

CONFIG = {"aggregationServices": {"https://agg.test": "dap-18-histogram"}, "maxHistogramSize": 5}
SAVE = {"event": "saveImpression", "seconds": 1, "site": "news.test", "options": {"histogramIndex": 0}}
MEASURE: dict[str, Any] = {
    "event": "measureConversion",
    "seconds": 2,
    "site": "shop.test",
    "options": {"aggregationService": "https://agg.test", "histogramSize": 2},
    "expected": [1, 0],
}


def write(path: Path, content: object) -> str:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(content if isinstance(content, str) else json.dumps(content, indent=2), "utf-8")
    return str(path)


def message(path: str) -> str:
    with pytest.raises(UsageError) as caught:
        list(run_file(path))
    return str(caught.value)


def test_a_file_without_config_takes_the_one_beside_it(tmp_path: Path) -> None:
    write(tmp_path / "CONFIG.json", CONFIG)
    (story,) = run_file(write(tmp_path / "story.json", {"events": [SAVE, MEASURE]}))
    assert (story.id, story.results, story.mismatches) == (str(tmp_path / "story.json"), [None, [1, 0]], [])


def test_the_config_of_the_folder_above_applies_where_there_is_none_beside(tmp_path: Path) -> None:
    write(tmp_path / "CONFIG.json", CONFIG)
    (story,) = run_file(write(tmp_path / "stories" / "story.json", {"events": [SAVE, MEASURE]}))
    assert story.mismatches == []


def test_the_config_beside_goes_before_the_one_above(tmp_path: Path) -> None:
    write(tmp_path / "CONFIG.json", CONFIG)
    write(tmp_path / "stories" / "CONFIG.json", {})
    (story,) = run_file(write(tmp_path / "stories" / "story.json", {"events": [MEASURE]}))
    assert story.results == ["ReferenceError"]


def test_a_jsonl_file_holds_one_case_a_line(tmp_path: Path) -> None:
    cases = [{"id": "first", "config": CONFIG, "events": [SAVE, MEASURE]}, {"config": CONFIG, "events": [SAVE]}]
    path = write(tmp_path / "cases.jsonl", "\n\n".join(map(json.dumps, cases)))
    assert [(story.id, story.results) for story in run_file(path)] == [("first", [None, [1, 0]]), (f"{path}:3", [None])]


def test_stories_do_not_share_a_store(tmp_path: Path) -> None:
    cases = [{"config": CONFIG, "events": [SAVE]}, {"config": CONFIG, "events": [{**MEASURE, "expected": [0, 0]}]}]
    path = write(tmp_path / "cases.jsonl", "\n".join(map(json.dumps, cases)))
    assert [story.mismatches for story in run_file(path)] == [[], []]


def test_a_missing_file_is_told(tmp_path: Path) -> None:
    path = str(tmp_path / "none.json")
    assert message(path).startswith(f"{path}: cannot be read: No such file")


def test_bad_json_is_told_with_its_line(tmp_path: Path) -> None:
    path = write(tmp_path / "story.json", '{\n  "events": [\n    {"event": }\n  ]\n}')
    assert message(path).startswith(f"{path}:3: is not JSON: ")


def test_bad_json_in_a_jsonl_file_is_told_with_its_line(tmp_path: Path) -> None:
    path = write(tmp_path / "cases.jsonl", json.dumps({"config": CONFIG, "events": []}) + "\n{\n")
    assert message(path).startswith(f"{path}:2: is not JSON: ")


def test_a_bad_event_is_told_with_the_line_on_which_it_starts(tmp_path: Path) -> None:
    path = write(tmp_path / "story.json", {"config": CONFIG, "events": [SAVE, {**MEASURE, "seconds": -1}]})
    lines = Path(path).read_text("utf-8").splitlines()
    starts = [number for number, line in enumerate(lines, start=1) if line == "    {"]
    assert message(path).startswith(f"{path}:{starts[1]}: events[1]: `seconds` must be a whole number")


def test_a_story_without_config_is_told_where_one_is_looked_for(tmp_path: Path) -> None:
    path = write(tmp_path / "deep" / "er" / "story.json", {"events": [SAVE]})
    assert "CONFIG.json beside its file or in the folder above" in message(path)


def test_a_broken_config_is_told_with_its_file_and_line(tmp_path: Path) -> None:
    config = write(tmp_path / "CONFIG.json", "{\n,")
    path = write(tmp_path / "story.json", {"events": [SAVE]})
    assert message(path).startswith(f"{config}:2: is not JSON")


@pytest.mark.parametrize("content", ["[]", "3", '"x"'])
def test_a_file_that_is_no_case_is_told(tmp_path: Path, content: str) -> None:
    path = write(tmp_path / "story.json", content)
    assert message(path).startswith(f"{path}:1: a story must be an object")


def test_a_file_that_is_not_text_is_told(tmp_path: Path) -> None:
    path = tmp_path / "story.json"
    path.write_bytes(b"\xff\xfe{}")
    assert message(str(path)).startswith(f"{path}: is not UTF-8 text")


def test_refused_is_told_of_each_bad_case_and_the_others_give_results(tmp_path: Path) -> None:
    good = json.dumps({"config": CONFIG, "events": [SAVE]})
    lines = [b"\xff", b"[" * 100_000, b"[1" + b"0" * 5_000 + b"]", b"3", good.encode()]
    path = tmp_path / "cases.jsonl"
    path.write_bytes(b"\n".join(lines))
    refused: list[StoryError] = []
    assert [story.results for story in run_file(str(path), refused=refused.append)] == [[None]]
    assert [error.where for error in refused] == [f"{path}:{number}" for number in (1, 2, 3, 4)]


def test_a_file_without_an_id_is_named_as_it_was_given(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    write(Path("story.json"), {"config": CONFIG, "events": [SAVE]})
    assert [story.id for story in run_file("./story.json")] == ["./story.json"]


def test_a_config_that_is_no_text_is_told_as_such(tmp_path: Path) -> None:
    (tmp_path / "CONFIG.json").write_bytes(b"\xff")
    assert message(write(tmp_path / "story.json", {"events": []})).startswith(f"{tmp_path / 'CONFIG.json'}: cannot be")


def interop_story(*events: object) -> str:
    """A story of Attribution Reporting with a comment in its first line."""
    lines = ",\n".join(map(json.dumps, events))
    return f'{{"input": {{"registrations": [ // why\n{lines}\n]}}}}'


OFFLINE = {"timestamp": "1", "connection": False}


def test_a_story_of_attribution_reporting_is_known_by_its_input(tmp_path: Path) -> None:
    path = write(tmp_path / "story.json", interop_story(OFFLINE))
    (story,) = run_file(path)
    assert json.loads(story.emit()) == {"id": path, "reports": []}


def test_a_relative_story_takes_the_config_of_where_it_is_now(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("without", "with"):
        write(tmp_path / name / "in" / "story.json", {"events": [SAVE, MEASURE]})
    write(tmp_path / "with" / "in" / "CONFIG.json", CONFIG)
    monkeypatch.chdir(tmp_path / "without" / "in")
    assert "needs a `config`" in message("story.json")
    monkeypatch.chdir(tmp_path / "with" / "in")
    assert [story.mismatches for story in run_file("story.json")] == [[]]


def test_its_default_config_lies_beside_it_or_above_and_is_no_story(tmp_path: Path) -> None:
    write(tmp_path / "default_config.json", '{"nonsense": 1} // why')
    path = write(tmp_path / "story.json", interop_story(OFFLINE))
    assert "nonsense" in message(path)
    assert story_files(str(tmp_path)) == [path]


def test_an_event_of_it_that_is_not_in_the_format_is_told_with_its_line(tmp_path: Path) -> None:
    path = write(tmp_path / "story.json", interop_story(OFFLINE, {"timestamp": "2"}))
    assert message(path).startswith(f"{path}:3: registrations[1]: an event has")


def test_comments_do_not_shift_the_line_of_an_error(tmp_path: Path) -> None:
    path = write(tmp_path / "story.json", "// one\n// two\n{,}")
    assert message(path).startswith(f"{path}:3: is not JSON")


def test_the_default_file_lies_beside_the_story_or_in_the_folder_above(tmp_path: Path) -> None:
    below = tmp_path / "stories"
    below.mkdir()
    assert default_config(below, DEFAULT_CONFIG_NAME) is None
    default_config.cache_clear()
    (tmp_path / DEFAULT_CONFIG_NAME).write_text('{"max_sources_per_origin": "1"} // why', "utf-8")
    assert default_config(below, DEFAULT_CONFIG_NAME) == {"max_sources_per_origin": "1"}
    default_config.cache_clear()
    (below / DEFAULT_CONFIG_NAME).write_text(json.dumps({}), "utf-8")
    assert default_config(below, DEFAULT_CONFIG_NAME) == {}


@pytest.mark.parametrize("content", ["{", "[]"])
def test_a_default_file_that_is_no_object_is_refused_with_its_name(tmp_path: Path, content: str) -> None:
    (tmp_path / DEFAULT_CONFIG_NAME).write_text(content, "utf-8")
    with pytest.raises(StoryError) as caught:
        default_config(tmp_path, DEFAULT_CONFIG_NAME)
    assert DEFAULT_CONFIG_NAME in caught.value.where
